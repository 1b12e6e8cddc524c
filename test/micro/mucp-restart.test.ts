import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/micro/index.js'
import { grpcTransport, memoryTransport, type Transport } from '../../src/transport/index.js'

const json = { request: jsonCodec<{ n?: number }>(), response: jsonCodec<{ n?: number }>() }
const things = defineService('t.Things', { one: { kind: 'unary', ...json } })

/** One less than the sockets that are kept: the last one is for an event. */
const CALLS = 99

async function started(transport: Transport | undefined, runs: unknown[]) {
  const address = transport?.name === 'memory' ? 'things:0' : '127.0.0.1:0'
  const given = transport === undefined ? {} : { transport }
  const server = createServer({ name: 'things', address, ...given })
  server.handle(things, {
    one: request => {
      runs.push(request)
      return request
    },
  })
  server.subscribe('news', news => void runs.push(news))
  await server.start()
  return server
}

for (const name of ['grpc', 'memory'] as const) {
  t.test(
    `${name}: what no handler saw is sent again: a server that leaves fails no call on a warm socket, and repeats none`,
    async t => {
      const native = name === 'grpc' ? grpcTransport() : undefined
      const transport = native ?? memoryTransport()
      const runs: unknown[] = []
      const old = await started(transport, runs)
      const next = await started(transport, runs)
      let chosenOld = 2 * CALLS + 2
      const nodes = [old, next].map(({ address }) => ({
        id: address,
        address,
        metadata: { protocol: 'mucp' },
      }))
      const record = { name: 'things', version: '1', metadata: {}, endpoints: [], nodes }
      const client = createClient({
        registry: {
          name: 'two',
          register: async () => undefined,
          deregister: async () => undefined,
          getService: async () => [record],
          listServices: async () => [record],
        },
        // Nobody has told the client that one of them has gone: it asks that one first, as long as it is offered.
        selector: {
          name: 'old',
          select: (_, each) => each[chosenOld-- > 0 ? 0 : each.length - 1]!,
        },
        service: 'things',
        protocol: 'mucp',
        transport,
      })
      const { one } = client.bind(things)
      const all = (count: number) =>
        Promise.all(Array.from({ length: count }, (_, n) => one({ n })))
      await all(CALLS + 1)
      t.equal(client.idleCount(old.address), CALLS + 1)
      runs.length = 0
      // In one tick: the calls are on their way when the server closes its idle sockets.
      const stopped = old.stop({ graceMs: 1_000 })
      const calls = all(CALLS)
      const event = client.publish('news', { n: -1 })
      await stopped
      t.equal((await calls).length, CALLS)
      await event
      t.equal(runs.length, CALLS + 1, 'each ran once')
      await client.close()
      await native?.close()
      await next.stop()
    },
  )
}
