import { status } from '@grpc/grpc-js'
import t from 'tap'
import { createClient, defineService, GrpcError, jsonCodec, Status } from '../../src/index.js'
import { Health, healthService, mountHealth, ServingStatus } from '../../src/services/index.js'
import { grpcTransport } from '../../src/transport/index.js'
import { call, messages, type PeerClient, peerClient, started } from './peer.js'

const HEALTH = 'grpc.health.v1.Health'
const things = defineService('a.v1.Things', {
  one: { kind: 'unary', request: jsonCodec(), response: jsonCodec() },
})

async function mounted(t: Parameters<typeof started>[0]) {
  let health = new Health()
  const server = await started(t, server => {
    health = mountHealth(server)
    server.handle(things, { one: () => ({}) })
  })
  const peer: PeerClient = peerClient(t, 'health.proto', HEALTH, server.address)
  return { health, server, peer }
}

const check = (peer: PeerClient, service: string) => call(done => peer.check({ service }, done))

t.test(
  'Check: the server and what it serves are SERVING, another service is NOT_FOUND',
  async t => {
    const { peer } = await mounted(t)
    t.same(await check(peer, ''), { status: 'SERVING' })
    t.same(await check(peer, 'a.v1.Things'), { status: 'SERVING' })
    t.same(await check(peer, HEALTH), { status: 'SERVING' })
    await t.rejects(check(peer, 'Things'), { code: status.NOT_FOUND, details: 'unknown service' })
  },
)

t.test('Check: a service without a status of its own has the one of the server', async t => {
  const { health, peer } = await mounted(t)
  health.setStatus('', ServingStatus.NotServing)
  t.same(await check(peer, 'a.v1.Things'), { status: 'NOT_SERVING' })
  health.setStatus('a.v1.Things', ServingStatus.Serving)
  t.same(await check(peer, 'a.v1.Things'), { status: 'SERVING' })
  t.same(await check(peer, ''), { status: 'NOT_SERVING' })
  health.clearStatus('a.v1.Things')
  t.same(await check(peer, 'a.v1.Things'), { status: 'NOT_SERVING' })
  health.setStatus('database', ServingStatus.Unknown)
  t.same(await check(peer, 'database'), { status: 'UNKNOWN' }, 'a name that is no service')
  health.clearStatus('database')
  await t.rejects(check(peer, 'database'), { code: status.NOT_FOUND })
})

t.test('setStatus: a status that cannot be set, by name and value', t => {
  const health = new Health()
  t.throws(() => health.setStatus('', ServingStatus.ServiceUnknown), {
    name: 'TypeError',
    message: 'status must be one of 0, 1, 2, got 3',
  })
  t.throws(() => health.setStatus(5 as never, 1), { message: 'service must be a text, got number' })
  health.clearStatus('')
  t.equal(health.status(''), ServingStatus.Serving, 'the server keeps its status')
  t.end()
})

t.test('List: every service with its status', async t => {
  const { health, peer } = await mounted(t)
  health.setStatus('queue', ServingStatus.NotServing)
  t.same(await call(done => peer.list({}, done)), {
    statuses: {
      '': { status: 'SERVING' },
      'a.v1.Things': { status: 'SERVING' },
      [HEALTH]: { status: 'SERVING' },
      queue: { status: 'NOT_SERVING' },
    },
  })
})

t.test('gRFC A90: List of more than 100 services is RESOURCE_EXHAUSTED', async t => {
  const { health, peer } = await mounted(t)
  for (let index = 0; index < 97; index++) health.setStatus(`s${index}`, 1)
  const { statuses } = await call(done => peer.list({}, done))
  t.equal(Object.keys(statuses as object).length, 100)
  health.setStatus('s97', 1)
  await t.rejects(
    call(done => peer.list({}, done)),
    { code: status.RESOURCE_EXHAUSTED, details: /^101 services/ },
  )
})

t.test('Watch: the status at once, then each change', async t => {
  const { health, peer } = await mounted(t)
  const stream = peer.watch({ service: 'a.v1.Things' })
  const next = messages(stream)
  t.same(await next(), { status: 'SERVING' })
  health.setStatus('a.v1.Things', ServingStatus.NotServing)
  t.same(await next(), { status: 'NOT_SERVING' })
  health.setStatus('a.v1.Things', ServingStatus.NotServing)
  health.setStatus('other', ServingStatus.Unknown)
  health.setStatus('', ServingStatus.NotServing)
  health.setStatus('a.v1.Things', ServingStatus.Serving)
  t.same(await next(), { status: 'SERVING' }, 'what does not change it is not told')
})

t.test('Watch: an unknown service is SERVICE_UNKNOWN, and the call goes on', async t => {
  const { health, peer } = await mounted(t)
  const stream = peer.watch({ service: 'later' })
  const next = messages(stream)
  t.same(await next(), { status: 'SERVICE_UNKNOWN' })
  health.setStatus('later', ServingStatus.Serving)
  t.same(await next(), { status: 'SERVING' })
  health.clearStatus('later')
  t.same(await next(), { status: 'SERVICE_UNKNOWN' })
})

t.test('Watch: changes are coalesced for a reader that is behind', async t => {
  const health = new Health()
  const { signal } = new AbortController()
  const watch = health.handlers.watch({ service: '' }, { signal } as never)
  const iterator = (watch as AsyncIterable<object>)[Symbol.asyncIterator]()
  t.same((await iterator.next()).value, { status: ServingStatus.Serving })
  for (let turn = 0; turn < 10; turn++) {
    health.setStatus('', ServingStatus.NotServing)
    health.setStatus('', ServingStatus.Serving)
  }
  health.setStatus('', ServingStatus.Unknown)
  t.same((await iterator.next()).value, { status: ServingStatus.Unknown })
  health.setStatus('', ServingStatus.Serving)
  health.setStatus('', ServingStatus.Unknown)
  const pending = iterator.next()
  health.setStatus('', ServingStatus.NotServing)
  t.same((await pending).value, { status: ServingStatus.NotServing }, 'back again is no change')
})

t.test('Watch: a call that is cancelled ends, and is told nothing more', async t => {
  const health = new Health()
  const abort = new AbortController()
  const watch = health.handlers.watch({}, { signal: abort.signal } as never)
  const iterator = (watch as AsyncIterable<object>)[Symbol.asyncIterator]()
  await iterator.next()
  const pending = iterator.next()
  abort.abort()
  t.same(await pending, { done: true, value: undefined })
  health.setStatus('', ServingStatus.NotServing)
  t.same(await iterator.next(), { done: true, value: undefined })
  const late = health.handlers.watch({}, { signal: abort.signal } as never)
  const result = await (late as AsyncIterable<object>)[Symbol.asyncIterator]().next()
  t.equal(result.done, true, 'cancelled before it began')
})

t.test('Watch: a name of more than 1024 characters is INVALID_ARGUMENT', async t => {
  const { peer } = await mounted(t)
  await t.rejects(messages(peer.watch({ service: 'x'.repeat(1_025) }))(), {
    code: status.INVALID_ARGUMENT,
  })
})

t.test(
  'stop: watching clients hear NOT_SERVING and then UNAVAILABLE, and stop does not wait',
  async t => {
    const { health, server, peer } = await mounted(t)
    const next = messages(peer.watch({ service: 'a.v1.Things' }))
    const other = messages(peer.watch({ service: 'unknown' }))
    t.same(await next(), { status: 'SERVING' })
    t.same(await other(), { status: 'SERVICE_UNKNOWN' })
    const stopped = server.stop({ graceMs: 60_000 })
    t.same(await next(), { status: 'NOT_SERVING' })
    await t.rejects(next(), { code: status.UNAVAILABLE, details: 'the server stops' })
    await t.rejects(other(), { code: status.UNAVAILABLE })
    await stopped
    health.setStatus('', ServingStatus.Serving)
    t.equal(health.status(''), ServingStatus.NotServing, 'for good')
  },
)

t.test('stop: NOT_SERVING goes out before GOAWAY', async t => {
  const DATA = 0
  const GOAWAY = 7
  const received: number[] = []
  const server = await started(t, server => void mountHealth(server))
  const observer = {
    onFrame(sent: boolean, type: number): void {
      if (!sent && (type === DATA || type === GOAWAY)) received.push(type)
    },
  }
  const transport = grpcTransport({ session: { observer } })
  await using client = createClient({ address: server.address, transport })
  const watch = client.bind(healthService).watch({})
  t.same((await watch.next()).value, { status: ServingStatus.Serving })
  const stopped = server.stop()
  t.same((await watch.next()).value, { status: ServingStatus.NotServing })
  await t.rejects(watch.next(), { code: 'UNAVAILABLE' })
  await stopped
  t.same(received.slice(0, 3), [DATA, DATA, GOAWAY])
  await transport.close()
})

t.test('onStop: stop waits for its hooks, and calls are still accepted meanwhile', async t => {
  const answers: unknown[] = []
  const server = await started(t, server => {
    server.handle(things, { one: () => ({ n: 1 }) })
    server.onStop(async () => {
      for (let turn = 0; turn < 3; turn++) {
        await using client = createClient({ address: server.address })
        answers.push(await client.bind(things).one({}))
      }
    })
  })
  await server.stop()
  t.same(answers, [{ n: 1 }, { n: 1 }, { n: 1 }])
})

t.test('onStop: stop goes on after graceMs, and when a hook fails', async t => {
  const errors: unknown[] = []
  const server = await started(
    t,
    server => {
      server.onStop(() => new Promise(() => {}))
      server.onStop(() => {
        throw new Error('hook')
      })
    },
    { onError: error => errors.push(error) },
  )
  t.throws(() => server.onStop('x' as never), /a stop hook must be a function, got string/)
  await server.stop({ graceMs: 20 })
  t.match(errors, [{ message: 'hook' }])
})

t.test('our own client reads it', async t => {
  const { server } = await mounted(t)
  await using client = createClient({ address: server.address })
  const health = client.bind(healthService)
  t.same(await health.check({}), { status: ServingStatus.Serving })
  const { statuses } = await health.list({})
  t.same([...statuses.keys()].sort(), ['', 'a.v1.Things', HEALTH])
  await t.rejects(health.check({ service: 'x' }), { code: 'NOT_FOUND' })
})

t.test('mountHealth: native gRPC only, once, and behind the middleware that is there', async t => {
  const server = await started(t, server => {
    server.use(({ service }, next) => {
      if (service === HEALTH) throw new GrpcError(Status.Unauthenticated, 'who are you?')
      return next(undefined)
    })
    mountHealth(server)
    t.throws(() => mountHealth(server), { name: 'RangeError' })
  })
  await using client = createClient({ address: server.address })
  await t.rejects(client.bind(healthService).check({}), { code: 'UNAUTHENTICATED' })
  await using micro = createClient({ address: server.address, protocol: 'mucp' })
  await t.rejects(micro.bind(healthService).check({}), { message: /can't find service Health/ })
})
