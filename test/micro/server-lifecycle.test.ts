import t, { type Test } from 'tap'
import { defineService, jsonCodec } from '../../src/index.js'
import {
  createClient,
  createServer,
  type HandlerAbandonedError,
  memoryRegistry,
  type Registry,
} from '../../src/micro/index.js'
import { memoryTransport } from '../../src/transport/index.js'

const listenersOfProcess = (): number =>
  process.getActiveResourcesInfo().filter(name => name === 'TCPServerWrap').length

t.test('stop while the server starts: nothing listens, and start says so', async t => {
  const before = listenersOfProcess()
  const server = createServer({ name: 'greeter', address: '127.0.0.1:0' })
  const started = t.rejects(server.start(), {
    name: 'TypeError',
    message: 'the server was stopped while it started',
  })
  await server.stop()
  await started
  t.equal(listenersOfProcess(), before)
  await t.rejects(server.start(), { message: 'the server is stopped already' })
})

t.test('stop while a start fails: the reason comes from start, stop settles', async t => {
  const taken = createServer({ name: 'first', address: '127.0.0.1:0' })
  await taken.start()
  const server = createServer({ name: 'second', address: taken.address })
  const failed = t.rejects(server.start(), { code: 'TRANSPORT_IN_USE' })
  await server.stop()
  await failed
  await t.rejects(server.start(), { message: 'the server is stopped already' })
  await taken.stop()
})

t.test('stop while the server registers: its record does not stay behind', async t => {
  const memory = memoryRegistry()
  let registering = (): void => {}
  const registers = new Promise<void>(resolve => {
    registering = resolve
  })
  let answer = (): void => {}
  const answers = new Promise<void>(resolve => {
    answer = resolve
  })
  const registry: Registry = {
    ...memory,
    register: async (service, options) => {
      registering()
      await answers
      await memory.register(service, options)
    },
    deregister: service => memory.deregister(service),
    getService: name => memory.getService(name),
    listServices: () => memory.listServices(),
  }
  const server = createServer({ name: 'greeter', transport: memoryTransport(), registry })
  const started = t.rejects(server.start(), { message: 'the server was stopped while it started' })
  await registers
  await server.stop()
  answer()
  await started
  t.same(await memory.listServices(), [])
})

t.test('a start that failed may be tried again', async t => {
  const first = createServer({ name: 'first', address: '127.0.0.1:0' })
  await first.start()
  const { address } = first
  const second = createServer({ name: 'second', address })
  await t.rejects(second.start(), { message: new RegExp(address) })
  await first.stop()
  await second.start()
  t.equal(second.address, address)
  await second.stop()
})

const number = { request: jsonCodec<number>(), response: jsonCodec<number>() }
const slow = defineService('a.v1.Slow', {
  hang: { kind: 'unary', ...number },
  wait: { kind: 'unary', ...number },
})

for (const protocol of ['grpc', 'mucp'] as const) {
  /** A server with one call under way of a handler that settles when it is told to, and of one that ends with its signal. */
  const busy = async (t: Test) => {
    const errors: unknown[] = []
    let release = (): void => undefined
    let begun = 0
    let bothBegun = (): void => undefined
    const underWay = new Promise<void>(resolve => {
      bothBegun = resolve
    })
    const begin = (): void => {
      if (++begun === 2) bothBegun()
    }
    const server = createServer({ name: 'slow', onError: error => errors.push(error) })
    server.handle(slow, {
      hang: async () => {
        begin()
        await new Promise<void>(resolve => {
          release = resolve
        })
        return 1
      },
      wait: async (_request, context) => {
        begin()
        return await new Promise<number>((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(context.signal.reason))
        })
      },
    })
    await server.start()
    const client = createClient({ address: server.address, protocol, retries: 0 })
    t.teardown(() => client.close())
    const { hang, wait } = client.bind(slow)
    const calls = Promise.allSettled([hang(1), wait(1)])
    await underWay
    return { server, errors, calls, release: () => release() }
  }

  t.test(
    `${protocol}: stop names the handlers that it leaves behind, in its result and to onError`,
    async t => {
      const { server, errors, calls, release } = await busy(t)
      const { abandoned } = await server.stop({ graceMs: 20, settleMs: 20 })
      t.match(abandoned, [{ service: 'a.v1.Slow', method: 'hang', door: protocol }])
      t.equal(abandoned.length, 1)
      t.ok(abandoned[0]!.runningMs >= 20)
      const told = errors.filter(
        each => (each as HandlerAbandonedError).code === 'HANDLER_ABANDONED',
      )
      t.match(told, [
        {
          message:
            /^1 handler had not settled when the server stopped: a\.v1\.Slow\.hang after \d+ ms/,
        },
      ])
      release()
      await calls
    },
  )

  t.test(
    `${protocol}: stop settles when no handler runs, also one whose caller has gone`,
    async t => {
      const { server, calls, release } = await busy(t)
      let isStopped = false
      const stopped = server.stop({ graceMs: 0, settleMs: 60_000 }).then(result => {
        isStopped = true
        return result
      })
      await calls
      await new Promise(resolve => setTimeout(resolve, 20))
      t.equal(isStopped, false, 'its handler still runs')
      release()
      t.same(await stopped, { abandoned: [] })
    },
  )

  t.test(`${protocol}: a second stop with a shorter grace shortens the first`, async t => {
    const { server, calls, release } = await busy(t)
    const begun = Date.now()
    const first = server.stop({ graceMs: 60_000, settleMs: 60_000 })
    const second = server.stop({ graceMs: 10, settleMs: 10 })
    t.equal(first, second)
    const { abandoned } = await first
    t.ok(Date.now() - begun < 30_000)
    t.same(
      abandoned.map(each => each.method),
      ['hang'],
    )
    release()
    await calls
  })

  t.test(`${protocol}: a second stop with a longer grace changes nothing`, async t => {
    const { server, calls, release } = await busy(t)
    const first = server.stop({ graceMs: 10, settleMs: 10 })
    server.stop({ graceMs: 60_000 })
    t.equal((await first).abandoned.length, 1)
    release()
    await calls
  })
}

t.test('a second stop with a shorter grace shortens the wait for hooks and registry', async t => {
  const never = (): Promise<never> => new Promise(() => undefined)
  const registry: Registry = {
    ...memoryRegistry(),
    register: async () => undefined,
    deregister: never,
  }
  const server = createServer({ name: 'slow', registry })
  server.onStop(never)
  await server.start()
  const first = server.stop({ graceMs: 60_000 })
  server.stop({ graceMs: 0 })
  t.same(await first, { abandoned: [] })
})

t.test('a handler that goes on after its call no longer counts against its client', async t => {
  const errors: HandlerAbandonedError[] = []
  const releases: (() => void)[] = []
  const server = createServer({
    name: 'slow',
    handlerGraceMs: 20,
    limits: { streamsMax: 2 },
    onError: error => errors.push(error as HandlerAbandonedError),
  })
  server.handle(slow, {
    hang: () => new Promise<number>(resolve => releases.push(() => resolve(1))),
    wait: n => n,
  })
  await server.start()
  const client = createClient({ address: server.address, protocol: 'grpc' })
  t.teardown(() => client.close())
  const { hang, wait } = client.bind(slow)
  await Promise.allSettled([hang(1, { timeoutMs: 10 }), hang(1, { timeoutMs: 10 })])
  while (errors.length < 2) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(await wait(7), 7)
  t.match(errors[0]?.message, /had not settled 20 ms after the end of its call: a\.v1\.Slow\.hang/)
  const stopping = server.stop({ graceMs: 60_000 })
  for (const release of releases) release()
  t.same(await stopping, { abandoned: [] })
})
