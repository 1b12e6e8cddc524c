import t from 'tap'
import { createServer, defineService, jsonCodec } from '../../src/micro/index.js'
import { memoryTransport } from '../../src/transport/index.js'

const json = { request: jsonCodec<object>(), response: jsonCodec<object>() }
const waits = defineService('waits.Waits', {
  talk: { kind: 'bidi', ...json },
  upload: { kind: 'client', ...json },
})

for (const endpoint of ['Talk', 'Upload']) {
  t.test(
    `mucp: a deadline ends the requests of ${endpoint}, though its client is not heard`,
    async t => {
      const transport = memoryTransport()
      const server = createServer({ name: 'waits', address: ':0', transport })
      let tell = (_: unknown): void => {}
      const failure = new Promise<unknown>(resolve => {
        tell = resolve
      })
      const read = async (requests: AsyncIterable<object>): Promise<void> => {
        try {
          for await (const _ of requests);
          tell('an orderly end')
        } catch (error) {
          tell(error)
          throw error
        }
      }
      server.handle(waits, {
        async *talk(requests, { signal }) {
          signal.throwIfAborted()
          await read(requests)
          yield {}
        },
        async upload(requests, { signal }) {
          signal.throwIfAborted()
          await read(requests)
          return {}
        },
      })
      await server.start()
      // Nothing else keeps the process alive.
      const alive = setInterval(() => {}, 1_000)
      const socket = await transport.dial(server.address)
      t.teardown(async () => {
        clearInterval(alive)
        await socket.close()
        await server.stop({ graceMs: 0 })
      })
      const header = new Map([
        ['Content-Type', 'application/json'],
        ['Micro-Service', 'waits'],
        ['Micro-Method', `Waits.${endpoint}`],
        ['Micro-Endpoint', `Waits.${endpoint}`],
        ['Micro-Id', '1'],
        ['Micro-Stream', '1'],
        ['Timeout', String(20 * 1_000_000)],
      ])
      await socket.send({ header, body: Buffer.alloc(0) })
      await socket.send({ header, body: Buffer.from('{}\n') })
      t.match(await failure, { code: 408 })
      const answer = await socket.receive()
      t.match(answer?.header.get('Micro-Error'), /"code":408/i)
    },
  )
}
