import { connect } from '@nats-io/transport-node'
import { envelopeCodec } from '../../src/broker/index.js'
import { natsBroker } from '../../src/broker/nats/index.js'
import { createClient, createServer } from '../../src/micro/index.js'

/** What the parent asks for. */
interface Load {
  /** `library`: what `natsBroker` stands on, with envelopes that are ready and nobody who reads them. */
  readonly way: 'broker' | 'service' | 'library'
  readonly count: number
  readonly size: number
}

/** Published in one go, and waited for. */
const BATCH = 1_000

const [servers = ''] = process.argv.slice(2)
const broker = natsBroker({ servers })
const topic = `load-${process.pid}`
const header = new Map([
  ['Content-Type', 'application/octet-stream'],
  ['Micro-Topic', topic],
])
let heard = 0

await broker.connect()
const server = createServer({ name: 'load', broker })
server.subscribe(`${topic}.service`, () => void heard++)
await server.start()
const client = createClient({ broker })
await broker.subscribe(topic, () => void heard++).ready
const library = await connect({ servers, noAsyncTraces: true })
library.subscribe(`${topic}.library`, { callback: () => void heard++ })
await library.flush()
process.on('message', load => void run(load as Load))
process.send!('ready')

/** Publishes and hears so many, and tells the processor time of this process that they took. */
async function run({ way, count, size }: Load): Promise<void> {
  const body = Buffer.alloc(size)
  const envelope = envelopeCodec.encode({ header, body })
  heard = 0
  const before = process.cpuUsage()
  const start = performance.now()
  for (let sent = 0; sent < count; sent += BATCH) {
    const all: Promise<void>[] = []
    for (let i = 0; i < BATCH; i++) {
      if (way === 'library') {
        library.publish(`${topic}.library`, envelope)
        continue
      }
      all.push(
        way === 'broker'
          ? broker.publish(topic, { header, body })
          : client.publish(`${topic}.service`, body),
      )
    }
    if (way === 'library') all.push(library.flush())
    await Promise.all(all)
  }
  while (heard < count) await new Promise(resolve => setTimeout(resolve, 1))
  const { user, system } = process.cpuUsage(before)
  process.send!({ cpuMs: (user + system) / 1_000, timeMs: performance.now() - start })
}
