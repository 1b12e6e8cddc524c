import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/micro/index.js'
import { grpcTransport, memoryTransport } from '../../src/transport/index.js'

const json = { request: jsonCodec<{ n?: number }>(), response: jsonCodec<{ n?: number }>() }
const talks = defineService('talks.v1.Talks', { chat: { kind: 'bidi', ...json } })

/** More than wait for a handler (128) before its socket is not read. */
const BEHIND = 200
const STREAMS = 100

/** Settles when the signal is aborted, never otherwise. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

for (const name of ['grpc', 'memory'] as const) {
  t.test(
    `${name}: handlers that read nothing hear that their callers have gone, all in one tick`,
    async t => {
      let running = 0
      let told = (): void => undefined
      const allTold = new Promise<void>(resolve => {
        told = resolve
      })
      const native = name === 'grpc' ? grpcTransport() : undefined
      const transport = native ?? memoryTransport()
      const address = name === 'grpc' ? '127.0.0.1:0' : 'talks:0'
      await using server = createServer({ name: 'talks', address, transport })
      server.handle(talks, {
        async *chat(_requests, { signal }) {
          running++
          yield { n: 0 }
          await aborted(signal)
          if (--running === 0) told()
        },
      })
      await server.start()
      const client = createClient({ address: server.address, protocol: 'mucp', transport })
      const giveUp = new AbortController()
      const streams = Array.from({ length: STREAMS }, () =>
        client.stream(talks, 'chat', { signal: giveUp.signal }),
      )
      for (const stream of streams) {
        await stream.send({ n: 0 })
        await stream.next()
      }
      t.equal(running, STREAMS)
      for (const stream of streams) {
        for (let n = 1; n < BEHIND; n++) stream.send({ n }).catch(() => undefined)
      }
      giveUp.abort()
      await allTold
      await client.close()
      await native?.close()
      await server.stop()
      t.equal(server.socketCount, 0)
    },
  )
}
