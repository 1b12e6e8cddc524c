import t from 'tap'
import {
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  type Middleware,
  Status,
} from '../../src/index.js'

const json = { request: jsonCodec<object>(), response: jsonCodec<object>() }
const service = defineService('t.Timing', {
  one: { kind: 'unary', ...json },
  down: { kind: 'server', ...json },
})

/** Calls until one succeeds, or the time is up. */
const again: Middleware = async (call, next) => {
  for (;;) {
    try {
      const result = await next(call.request)
      if (call.kind === 'unary') return result
      const first = await (result as AsyncIterator<object>).next()
      return [first.value]
    } catch (error) {
      if ((error as GrpcError).status !== Status.Unavailable) throw error
      await new Promise(resolve => setTimeout(resolve, 60))
    }
  }
}

t.test('timing is that of the whole call when middleware calls next again', async t => {
  await using server = createServer({ name: 'timing' })
  const calls = { one: 0, down: 0 }
  const work = async (name: 'one' | 'down', signal: AbortSignal): Promise<object> => {
    if (++calls[name] === 1) throw new GrpcError(Status.Unavailable, 'not now')
    await new Promise(resolve => signal.addEventListener('abort', resolve))
    return {}
  }
  server.handle(service, {
    one: (_request, { signal }) => work('one', signal),
    async *down(_request, { signal }) {
      yield await work('down', signal)
    },
  })
  await server.start()
  await using client = createClient({ address: server.address, retries: 0 })
  client.use(again)
  const { one, down } = client.bind(service)
  const outcomes = {
    one: one({}, { timeoutMs: 200 }),
    down: down({}, { timeoutMs: 200 }).next(),
  }
  for (const [name, outcome] of Object.entries(outcomes)) {
    const error: unknown = await outcome.catch((thrown: unknown) => thrown)
    if (!(error instanceof GrpcError)) throw error
    t.equal(error.code, 'DEADLINE_EXCEEDED', name)
    const { earlierMs, totalMs } = error.timing!
    t.ok(earlierMs >= 59, `${name}: ${earlierMs} ms in earlier attempts`)
    t.ok(totalMs >= 190, `${name}: ${totalMs} ms`)
  }
})
