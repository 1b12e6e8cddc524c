import t from 'tap'
import { GrpcError, Status } from '../../src/grpc/index.js'
import {
  createClient,
  createServer,
  defineService,
  jsonCodec,
  memoryRegistry,
} from '../../src/micro/index.js'

const greeter = defineService('Greeter', {
  hello: { kind: 'unary', request: jsonCodec<object>(), response: jsonCodec<object>() },
})

/** A record of one node, as it stays when its process dies. Of Go's server: `mucp` alone. */
function record(id: string, address: string, native: object) {
  return {
    name: 'greeter',
    version: 'latest',
    metadata: {},
    endpoints: [],
    nodes: [{ id, address, metadata: { protocol: 'mucp', ...native } }],
  }
}

t.test(
  'a native call whose node died, where only mucp nodes remain, fails with UNAVAILABLE and not for ever',
  async t => {
    const registry = memoryRegistry()
    const go = createServer({ name: 'go' })
    go.handle(greeter, { hello: () => ({}) })
    await go.start()
    const server = createServer({ name: 'greeter' })
    let asked = () => {}
    const wasAsked = new Promise<void>(resolve => {
      asked = resolve
    })
    server.handle(greeter, {
      hello: () => {
        asked()
        throw new GrpcError(Status.Unavailable, 'leaving')
      },
    })
    await server.start()
    await registry.register(record('ours', server.address, { grpc: 'true' }))
    const client = createClient({
      registry,
      service: 'greeter',
      serviceConfig: {
        methodConfig: [
          {
            name: [{}],
            retryPolicy: {
              maxAttempts: 3,
              initialBackoff: '0.3s',
              maxBackoff: '0.3s',
              backoffMultiplier: 1,
              retryableStatusCodes: ['UNAVAILABLE'],
            },
          },
        ],
      },
    })
    const { hello } = client.bind(greeter)
    const first = hello({})
    first.catch(() => undefined)
    await wasAsked
    // Its answer is on the way, and the pause before its retry follows.
    await new Promise(resolve => setTimeout(resolve, 100))
    await registry.register(record('go', go.address, {}))
    await server.stop({ graceMs: 0 })
    await t.rejects(first, { code: 'UNAVAILABLE' })
    t.same(await hello({}), {}, 'the next call goes to the node that is left')
    await client.close()
    await go.stop({ graceMs: 0 })
  },
)
