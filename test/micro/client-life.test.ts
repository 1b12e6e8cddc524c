import { execFile } from 'node:child_process'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import {
  type ClientOptions,
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
  type Server,
} from '../../src/index.js'
import { memoryRegistry } from '../../src/micro/index.js'
import { nodeRuntime, type RawSocket, type Runtime } from '../../src/transport/index.js'

const json = { request: jsonCodec<number>(), response: jsonCodec<number>() }
const things = defineService('a.v1.Things', {
  one: { kind: 'unary', ...json },
  many: { kind: 'server', ...json },
})

/** A server whose `many` goes on until its call is cancelled. */
async function started(t: Test, address = '127.0.0.1:0'): Promise<Server> {
  const server = createServer({ name: 'things', address, onError: () => undefined })
  server.handle(things, {
    one: request => request,
    async *many(request, { signal }) {
      yield request
      if (request === 0) await new Promise(resolve => signal.addEventListener('abort', resolve))
    },
  })
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  return server
}

/** Sockets of a client, and which of them keep the process alive. */
class WatchedRuntime {
  readonly held = new Set<RawSocket>()
  count = 0
  #onChange: () => void = () => undefined
  readonly runtime: Runtime = {
    ...nodeRuntime,
    connect: (options, onReady) => {
      const socket = nodeRuntime.connect(options, onReady)
      const { ref, unref } = socket as Required<RawSocket>
      this.count++
      const set = (isHeld: boolean): void => {
        if (isHeld) this.held.add(socket)
        else this.held.delete(socket)
        this.#onChange()
      }
      set(true)
      socket.on('close', () => set(false))
      return Object.assign(socket, {
        ref: () => {
          set(true)
          return ref.call(socket)
        },
        unref: () => {
          set(false)
          return unref.call(socket)
        },
      })
    },
  }

  async until(heldCount: number): Promise<void> {
    while (this.held.size !== heldCount) {
      await new Promise<void>(resolve => {
        this.#onChange = resolve
      })
    }
  }

  /** The end of the turn after next: what it was to change has changed. */
  async settled(): Promise<number> {
    for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
    return this.held.size
  }
}

function watched(
  t: Test,
  address: string,
  options: Partial<ClientOptions> = {},
): { client: ReturnType<typeof createClient>; watch: WatchedRuntime } {
  const watch = new WatchedRuntime()
  const client = createClient({ address, runtime: watch.runtime, ...options })
  t.teardown(() => client.close())
  return { client, watch }
}

t.test('a program whose client is idle ends, though it was not closed', async t => {
  const server = await started(t)
  const program = join(import.meta.dirname, 'idle-client.js')
  const { stdout } = await promisify(execFile)(process.execPath, [program, server.address], {
    timeout: 60_000,
  })
  t.equal(stdout, 'grpc 1\ngrpc 2\nmucp 1\nmucp 2\n')
})

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(`${protocol}: a call keeps the process alive, an idle connection does not`, async t => {
    const server = await started(t)
    const { client, watch } = watched(t, server.address, { protocol })
    await client.connect()
    await watch.until(0)
    const { one, many } = client.bind(things)
    const answer = one(1)
    await watch.until(1)
    t.equal(await answer, 1)
    await watch.until(0)
    const stream = many(0)
    await stream.next()
    t.equal(await watch.settled(), 1, 'the stream is open')
    stream.cancel()
    await watch.until(0)
    const closing = client.close()
    t.equal(watch.held.size, 1, 'whoever waits for close can wait')
    await closing
    t.equal(watch.count, 1)
  })
}

t.test('keepProcessAlive: an idle connection does as well, as a plain socket', async t => {
  const server = await started(t)
  const { client, watch } = watched(t, server.address, { keepProcessAlive: true })
  await client.connect()
  t.equal(await client.bind(things).one(1), 1)
  t.equal(await watch.settled(), 1)
})

t.test('a call that waits for room keeps the process alive', async t => {
  const limits = { streamsMax: 1 }
  const server = createServer({ name: 'a', address: '127.0.0.1:0', limits })
  let answer = (): void => undefined
  const free = new Promise<void>(resolve => {
    answer = resolve
  })
  server.handle(things, { one: request => free.then(() => request), many: () => [] })
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  const { client, watch } = watched(t, server.address)
  await client.connect()
  const { one } = client.bind(things)
  const both = [one(1), one(2)]
  await watch.until(1)
  answer()
  t.same(await Promise.all(both), [1, 2])
  await watch.until(0)
})

t.test(
  'connect: the first call finds the connection, and connecting again does nothing',
  async t => {
    const server = await started(t)
    for (const protocol of ['grpc', 'mucp'] as const) {
      const { client, watch } = watched(t, server.address, { protocol })
      await client.connect()
      await client.connect()
      t.equal(watch.count, 1)
      if (protocol === 'mucp') t.equal(client.idleCount(server.address), 1)
      t.equal(await client.bind(things).one(5), 5)
      t.equal(watch.count, 1)
    }
  },
)

/** An address at which nobody listens. */
async function closedAddress(): Promise<string> {
  const server = createTcpServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return `127.0.0.1:${port}`
}

t.test('connect: fails as a call would', async t => {
  const address = await closedAddress()
  const native = createClient({ address })
  const error = await native.connect().catch(error => error)
  t.ok(error instanceof GrpcError)
  t.match(error, {
    code: 'UNAVAILABLE',
    unprocessed: true,
    address,
    cause: { code: 'TRANSPORT_REFUSED' },
  })
  await native.close()
  const mucp = createClient({ address, protocol: 'mucp' })
  const refused = await mucp.connect().catch(error => error)
  t.ok(refused instanceof MicroError)
  t.match(refused, { code: 500, unprocessed: true, cause: { code: 'TRANSPORT_REFUSED' } })
  await mucp.close()
  await t.rejects(mucp.connect(), { message: 'the client is closed' })
  const nobody = createClient({ registry: memoryRegistry(), service: 'nobody' })
  await t.rejects(nobody.connect(), { code: 'UNAVAILABLE', message: /has no node of it/ })
  await nobody.close()
})

t.test('connect: waitForReady tries again, and waits for a node', async t => {
  const address = await closedAddress()
  const backOff = { initialMs: 1, maxMs: 5 }
  const { client } = watched(t, address, { backOff })
  const failed = await client.connect().catch(error => error)
  t.equal(failed.code, 'UNAVAILABLE')
  const connecting = client.connect({ waitForReady: true })
  await started(t, address)
  await connecting
  t.equal(await client.bind(things).one(1), 1)

  const registry = memoryRegistry()
  await using found = createClient({ registry, service: 'late' })
  const waiting = found.connect({ waitForReady: true })
  await using server = createServer({ name: 'late', registry })
  server.handle(things, { one: request => request, many: () => [] })
  await server.start()
  await waiting
})

t.test('connect: time, an aborted signal and close end it', async t => {
  const address = await closedAddress()
  for (const options of [{ address }, { registry: memoryRegistry(), service: 'nobody' }]) {
    const client = createClient(options)
    const waitForReady = true
    const late = client.connect({ waitForReady, timeoutMs: 5 })
    await t.rejects(late, { code: 'DEADLINE_EXCEEDED', message: /no connection within 5 ms/ })
    await t.rejects(client.connect({ timeoutMs: 0 }), { code: 'DEADLINE_EXCEEDED' })
    const reason = new Error('never mind')
    const abort = new AbortController()
    const aborted = client.connect({ waitForReady, signal: abort.signal })
    abort.abort(reason)
    await t.rejects(aborted, { code: 'CANCELLED', cause: reason })
    const closed = t.rejects(client.connect({ waitForReady }), {
      code: 'CANCELLED',
      message: 'the client was closed',
    })
    await new Promise(resolve => setImmediate(resolve))
    await client.close()
    await closed
  }
})

t.test(
  'close: calls that wait for their credentials end with CANCELLED, and start no more',
  async t => {
    const server = await started(t)
    for (const [protocol, code] of [['grpc', 'CANCELLED'] as const, ['mucp', 499] as const]) {
      let give = (): void => undefined
      const credentials = (): Promise<Record<string, string>> =>
        new Promise(resolve => {
          give = () => resolve({})
        })
      const options = { protocol, credentials, allowPlaintextCredentials: true }
      const { client, watch } = watched(t, server.address, options)
      const { one, many } = client.bind(things)
      const ended = [one(1), many(1).next()].map(each => each.catch(error => error.code))
      await new Promise(resolve => setImmediate(resolve))
      await client.close()
      t.same(await Promise.all(ended), [code, code])
      give()
      await watch.settled()
      t.equal(watch.count, 0, 'no connection is made for them')
    }
  },
)

t.test('close: a mucp call that runs ends with 499', async t => {
  const server = createServer({ name: 'a', address: '127.0.0.1:0', onError: () => undefined })
  let begin = (): void => undefined
  const begun = new Promise<void>(resolve => {
    begin = resolve
  })
  server.handle(things, {
    one: (_, { signal }) => {
      begin()
      return new Promise(resolve => signal.addEventListener('abort', () => resolve(1)))
    },
    many: () => [],
  })
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  const client = createClient({ address: server.address, protocol: 'mucp' })
  const { one } = client.bind(things)
  const ended = one(1).catch(error => error)
  await begun
  await client.close()
  t.match(await ended, { code: 499, detail: 'the client was closed', unprocessed: false })
})

t.test('close: a call that waits for a node of a registry ends with CANCELLED', async t => {
  const client = createClient({ registry: memoryRegistry(), service: 'nobody' })
  const { one } = client.bind(things)
  const waiting = one(1, { waitForReady: true })
  await new Promise(resolve => setImmediate(resolve))
  const rejected = t.rejects(waiting, {
    code: 'CANCELLED',
    message: 'the client was closed',
    unprocessed: true,
  })
  await client.close()
  await rejected
})

t.test('close while connecting waits for no timer, wherever it stands', async t => {
  const silent = createTcpServer(socket => socket.on('error', () => undefined).resume())
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  const accepted = (): Promise<unknown> =>
    new Promise(resolve => silent.once('connection', resolve))
  const never = new Promise<never>(() => undefined)
  const unready: Runtime['connect'] = options => nodeRuntime.connect(options, () => undefined)
  const stages: readonly (readonly [string, Partial<Runtime>, Partial<ClientOptions>])[] = [
    ['lookup', { lookup: () => never }, {}],
    ['TCP', { connect: unready }, {}],
    ['TLS', {}, { tls: { rejectUnauthorized: false } }],
    ['SETTINGS', {}, {}],
  ]
  for (const [stage, runtime, options] of stages) {
    const neverLater = { ...nodeRuntime, schedule: () => ({ cancel() {}, ref() {} }), ...runtime }
    const address = stage === 'lookup' ? 'greeter.test:80' : `127.0.0.1:${port}`
    const client = createClient({ address, runtime: neverLater, ...options })
    const reached = stage === 'lookup' ? undefined : accepted()
    const ended = [client.bind(things).one(1), client.connect()].map(each =>
      each.catch((error: GrpcError) => error.code),
    )
    await reached
    await client.close()
    t.same(await Promise.all(ended), ['CANCELLED', 'CANCELLED'], stage)
  }
})

t.test('connectTimeoutMs: a server that says nothing is given up', async t => {
  const silent = createTcpServer(socket => socket.on('error', () => undefined).resume())
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  await using client = createClient({ address: `127.0.0.1:${port}`, connectTimeoutMs: 300 })
  const expected = { code: 'UNAVAILABLE', message: /no HTTP\/2 SETTINGS within 300 ms/ }
  await t.rejects(client.bind(things).one(1), expected)
  t.throws(() => createClient({ address: 'a:1', connectTimeoutMs: 0 }), {
    message: 'connectTimeoutMs is 0; expected 1 to 2147483647',
  })
})
