import { GrpcError, MicroError } from '../src/index.js'
import {
  createClient,
  createServer,
  defineService,
  jsonCodec,
  memoryRegistry,
  type Registry,
  type RegistryService,
} from '../src/micro/index.js'
import { OctetSource } from '../src/testing/index.js'
import { memoryTransport } from '../src/transport/index.js'
import { invariant } from './invariant.js'

// T16: records that somebody else has written: nodes without addresses, metadata that is none, versions without end.

const TURNS_MAX = 2_000
const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const service = defineService('fuzz.Fuzz', { one: { kind: 'unary', ...json } })
const ODD: readonly unknown[] = [
  undefined,
  null,
  '',
  0,
  5n,
  {},
  [],
  'x',
  Symbol('x'),
  Number.NaN,
  { toString: null },
]
const ADDRESSES: readonly unknown[] = [
  'fuzz:1',
  'fuzz:1',
  'fuzz:1',
  '',
  ':',
  'a b',
  'nobody:1',
  '[::1',
  'fuzz:99999',
  'me:secret@fuzz:1',
  'unix:',
  '\u0000',
  7,
  null,
  undefined,
]
const METADATA: readonly unknown[] = [
  { protocol: 'mucp' },
  { protocol: 'mucp', transport: 'memory' },
  { protocol: 'x' },
  { grpc: 'true' },
  { protocol: 5 },
  null,
  undefined,
  'x',
  [],
]

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

function someRecords(source: OctetSource): readonly RegistryService[] {
  if (source.octet() < 8) return source.pick(ODD) as never
  const records: unknown[] = []
  for (let count = source.integer(0, 4); count > 0; count--) {
    if (source.octet() < 16) {
      records.push(source.pick(ODD))
      continue
    }
    const nodes: unknown[] = []
    for (let left = source.integer(0, 4); left > 0; left--) {
      nodes.push(
        source.octet() < 16
          ? source.pick(ODD)
          : {
              id: source.octet() < 200 ? `n${left}` : source.pick(ODD),
              address: source.pick(ADDRESSES),
              metadata: source.pick(METADATA),
            },
      )
    }
    records.push({
      name: source.octet() < 200 ? 'fuzz' : source.pick(ODD),
      version: source.octet() < 200 ? '1' : source.pick(ODD),
      metadata: source.pick(METADATA),
      endpoints: source.octet() < 200 ? [] : source.pick(ODD),
      nodes: source.octet() < 240 ? nodes : source.pick(ODD),
    })
  }
  return records as never
}

/** Two calls, each with an answer of its own of the registry, and a change between them. */
export async function fuzz(data: Buffer): Promise<void> {
  const source = new OctetSource(data)
  const transport = memoryTransport()
  const server = createServer({ name: 'fuzz', address: 'fuzz:1', transport })
  server.handle(service, { one: request => request })
  await server.start()
  const memory = memoryRegistry()
  const listeners = new Set<(name: string) => void>()
  const registry: Registry = {
    name: 'hostile',
    register: record => memory.register(record),
    deregister: record => memory.deregister(record),
    listServices: () => memory.listServices(),
    async getService() {
      if (source.octet() < 8) throw source.pick(ODD)
      return someRecords(source)
    },
    watch: onChange => {
      listeners.add(onChange)
      return () => listeners.delete(onChange)
    },
  }
  const client = createClient({
    registry,
    service: 'fuzz',
    transport,
    protocol: 'mucp',
    retries: source.octet() % 3,
  })
  const { one } = client.bind(service)
  for (let round = 0; round < 2; round++) {
    let outcome: unknown
    let isSettled = false
    one({ a: 1 }).then(
      () => {
        isSettled = true
      },
      reason => {
        isSettled = true
        outcome = reason
      },
    )
    for (let turns = 0; !isSettled; turns++) {
      invariant(turns < TURNS_MAX, 'T16 a call settles, whatever the registry says')
      await turn()
    }
    invariant(
      outcome === undefined || outcome instanceof MicroError || outcome instanceof GrpcError,
      'T16 a call fails with an error of ours',
      () => String(outcome),
    )
    invariant(!/secret/.test(String(outcome)), 'T16 an error shows no user information', () =>
      String(outcome),
    )
    for (const listener of listeners) listener(source.pick(['fuzz', 'other', '']))
  }
  await client.close()
  await server.stop({ graceMs: 0 })
}
