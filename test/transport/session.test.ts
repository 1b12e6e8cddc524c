import {
  createServer,
  type Server as NetServer,
  connect as netConnect,
  type Socket,
} from 'node:net'
import t, { type Test } from 'tap'
import { TimerWheel } from '../../src/connection/index.js'
import { ClientCall, type GrpcError, requestHeaders, Status } from '../../src/grpc/index.js'
import { connect, type Session } from '../../src/transport/client/session.js'
import type { SessionOptions } from '../../src/transport/client/session-options.js'
import type { ServeOptions, Server } from '../../src/transport/server/serve-options.js'
import { serve } from '../../src/transport/server/server.js'
import { acceptorOf, bareServer, ECHO, HeldRoute, headersOf, routerWith, unary } from './calls.js'
import { FakeRuntime } from './fake-runtime.js'

/** Sockets and servers of this process. Those of the test runner are there before. */
function handleCount(): number {
  return process.getActiveResourcesInfo().filter(name => /TCP|Pipe|TLS/.test(name)).length
}

async function server(
  t: Test,
  options: Partial<ServeOptions> = {},
  held = new HeldRoute(),
): Promise<{ server: Server; held: HeldRoute }> {
  const made = await serve({
    address: '127.0.0.1:0',
    handler: acceptorOf(routerWith(held)),
    ...options,
  })
  t.teardown(() => made.stop({ graceMs: 0 }))
  return { server: made, held }
}

function session(t: Test, address: string, options: SessionOptions = {}): Session {
  const made = connect(address, options)
  t.teardown(() => made.close())
  return made
}

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  const blocker = await listening(createServer())
  const port = (blocker.address() as { port: number }).port
  await new Promise(resolve => blocker.close(resolve))
  return port
}

function listening(listener: NetServer, port = 0): Promise<NetServer> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(port, '127.0.0.1', () => resolve(listener))
  })
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !condition(); i++)
    await new Promise(resolve => setTimeout(resolve, 1))
  if (!condition()) throw new Error('the condition did not come true in time')
}

t.test('the first call connects, later ones share the connection', async t => {
  const { server: target } = await server(t)
  const client = session(t, target.address)
  t.equal(client.state, 'idle')
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => unary(client)))
  t.ok(
    outcomes.every(({ error, messages }) => error === undefined && String(messages[0]) === 'hello'),
  )
  t.equal(target.acceptedCount, 1)
  t.ok(client.connected)
  t.equal(client.connectionCount, 1)
})

t.test('more calls than the server allows at once wait their turn', async t => {
  const { server: target, held } = await server(t, { limits: { streamsMax: 3 } })
  const client = session(t, target.address)
  await client.connect()
  const calls = Array.from({ length: 10 }, () => unary(client, held.method))
  await until(() => held.calls.length === 3)
  t.equal(client.waitingCount, 7)
  const settled = Promise.all(calls)
  for (let i = 0; i < 10; i++) {
    await until(() => held.calls.length > 0)
    held.answerAll()
    if (
      (await Promise.race([settled, new Promise(resolve => setTimeout(resolve, 5))])) !== undefined
    )
      break
  }
  t.ok((await settled).every(({ error }) => error === undefined))
  t.equal(client.waitingCount, 0)
})

t.test('a call that cannot be sent hears why; those that wait behind it go on', async t => {
  const { server: target } = await server(t)
  const client = session(t, target.address)
  const bad = requestHeaders(ECHO, { authority: 'a', scheme: 'http', userAgent: 'a\nb' })
  const told: (GrpcError | undefined)[] = []
  const start = (): void => {
    const call = new ClientCall(
      ECHO,
      { timers: client.timers },
      { onHeaders() {}, onReadable() {}, onDrain() {}, onStatus: error => void told.push(error) },
    )
    call.request(Buffer.from('x'))
    client.start(call, bad)
  }
  start()
  const behind = unary(client)
  t.match(await behind, { error: undefined, messages: [Buffer.from('hello')] })
  // Connected: it does not wait, and is told in the same way.
  start()
  t.equal(told.length, 2, 'each heard it once')
  for (const error of told) {
    t.match(error, {
      status: Status.Internal,
      message: /user-agent/,
      unprocessed: true,
      address: target.address,
      cause: { name: 'TypeError' },
    })
  }
})

t.test('a receiver that throws when its call starts keeps no other call from starting', async t => {
  const { server: target } = await server(t)
  const errors: unknown[] = []
  const client = session(t, target.address, { onError: error => errors.push(error) })
  const thrown = new Error('receiver')
  const call = new ClientCall(
    ECHO,
    { timers: client.timers },
    {
      onHeaders() {},
      onReadable() {},
      onDrain() {},
      onStatus() {
        throw thrown
      },
    },
  )
  client.start(call, requestHeaders(ECHO, { authority: 'a', scheme: 'http', userAgent: 'a\nb' }))
  t.match(await unary(client), { error: undefined })
  t.same(errors, [thrown])
  t.ok(call.settled)
})

t.test('a call that waits obeys its deadline and its cancellation', async t => {
  const { server: target, held } = await server(t, { limits: { streamsMax: 1 } })
  const client = session(t, target.address)
  await client.connect()
  void unary(client, held.method)
  await until(() => held.calls.length === 1)
  const late = unary(client, ECHO, 'x', { deadlineMs: 20 })
  const cancelled = unary(client)
  cancelled.call.cancel()
  t.match(await cancelled, { error: { status: Status.Cancelled } })
  t.match(await late, {
    error: {
      status: Status.DeadlineExceeded,
      message:
        /^deadline exceeded after \d+ ms: waited \d+ ms for one of \d+ concurrent streams of 127/,
      unprocessed: true,
      address: target.address,
      timing: { connectingMs: 0, sentMs: 0 },
    },
  })
})

t.test('connection refused: one sentence with the address, the cause kept', async t => {
  const address = `127.0.0.1:${await freePort()}`
  const client = session(t, address)
  const { error } = await unary(client)
  t.equal(error?.status, Status.Unavailable)
  t.equal(
    error?.message,
    `${address}: connection refused; is a server listening there? (ECONNREFUSED)`,
  )
  t.match(error?.cause, { code: 'TRANSPORT_REFUSED', address, cause: { code: 'ECONNREFUSED' } })
  await t.rejects(client.connect(), { code: 'TRANSPORT_REFUSED' })
})

t.test('a host that does not exist is a DNS error with the address', async t => {
  const client = session(t, 'no-such-host.invalid:1')
  const { error } = await unary(client)
  t.match(error, { status: Status.Unavailable, message: /^no-such-host\.invalid:1: / })
  t.match(error?.cause, { code: 'TRANSPORT_DNS' })
})

t.test('gRPC back-off: while the server is away calls fail at once; patient ones wait', async t => {
  const port = await freePort()
  const client = session(t, `127.0.0.1:${port}`, { backOff: { initialMs: 50, jitter: 0 } })
  await unary(client)
  t.equal(client.state, 'waiting')
  t.match(await unary(client), { error: { status: Status.Unavailable, message: /refused/ } })
  const patient = unary(client, ECHO, 'patient', { waitForReady: true })
  const { server: target } = await server(t, { address: `127.0.0.1:${port}` })
  const { error, messages } = await patient
  t.equal(error, undefined)
  t.equal(String(messages[0]), 'patient')
  t.equal(target.connectionCount, 1)
})

t.test('a server that came back is found again by the next call', async t => {
  const first = await server(t)
  const { address } = first.server
  const client = session(t, address, { backOff: { initialMs: 1 } })
  await unary(client)
  await first.server.stop({ graceMs: 0 })
  await until(() => !client.connected)
  await server(t, { address })
  const { error } = await unary(client, ECHO, 'again', { waitForReady: true })
  t.equal(error, undefined)
})

t.test('eager: the connection is there before the first call, and again after a loss', async t => {
  const { server: target } = await server(t)
  const client = session(t, target.address, { eager: true, backOff: { initialMs: 1 } })
  await until(() => client.connected)
  t.equal(target.connectionCount, 1)
})

t.test('GOAWAY: a server that stops loses no call; new calls go to a new connection', async t => {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const old = await server(t, { address })
  const client = session(t, address, { backOff: { initialMs: 5, jitter: 0 } })
  await client.connect()
  const running = Array.from({ length: 50 }, () => unary(client, old.held.method))
  await until(() => old.held.calls.length === 50)
  const stopped = old.server.stop({ graceMs: 5_000 })
  await until(() => client.state !== 'ready')
  const next = await server(t, { address })
  const fresh = Promise.all(
    Array.from({ length: 50 }, () => unary(client, ECHO, 'new', { waitForReady: true })),
  )
  t.ok((await fresh).every(({ error }) => error === undefined))
  t.equal(client.connectionCount, 2, 'the old connection completes its calls')
  old.held.answerAll()
  t.ok((await Promise.all(running)).every(({ error }) => error === undefined))
  await stopped
  await until(() => client.connectionCount === 1)
  t.equal(next.server.connectionCount, 1)
})

t.test('a peer that vanishes in the middle of a call ends it with UNAVAILABLE', async t => {
  const sockets: Socket[] = []
  const listener = await listening(
    createServer(socket => {
      sockets.push(socket)
      const connection = bareServer(routerWith(new HeldRoute()))
      socket.on('error', () => {})
      socket.on('data', chunk => {
        connection.receive(chunk, 0, chunk.length, 1_000)
        for (const piece of connection.takeOutput(1e6)) socket.write(piece)
      })
    }),
  )
  t.teardown(() => new Promise(resolve => listener.close(resolve)))
  const port = (listener.address() as { port: number }).port
  const client = session(t, `127.0.0.1:${port}`)
  await client.connect()
  const call = unary(client, new HeldRoute().method)
  await new Promise(resolve => setTimeout(resolve, 10))
  sockets[0]?.resetAndDestroy()
  t.match(await call, {
    error: {
      status: Status.Unavailable,
      origin: 'network',
      message: /127\.0\.0\.1:\d+: the peer reset/,
    },
  })
})

t.test('a client that vanishes cancels its calls at the server', async t => {
  const { server: target, held } = await server(t)
  const client = session(t, target.address)
  void unary(client, held.method)
  await until(() => held.calls.length === 1)
  await client.close()
  await until(() => held.cancels.length === 1)
  await until(() => target.connectionCount === 0)
  t.pass()
})

t.test('connect timeout covers TCP and the first SETTINGS', async t => {
  const listener = await listening(createServer(socket => socket.on('error', () => {})))
  const port = (listener.address() as { port: number }).port
  const client = session(t, `127.0.0.1:${port}`, { connectTimeoutMs: 30 })
  t.match(await unary(client), {
    error: {
      status: Status.Unavailable,
      message: `127.0.0.1:${port}: connected, but no HTTP/2 SETTINGS within 30 ms`,
      cause: { code: 'TRANSPORT_TIMEOUT' },
    },
  })
  await client.close()
  listener.close()
})

t.test('close settles every call and leaves nothing: no socket, no timer', async t => {
  const before = handleCount()
  const { server: target, held } = await server(t)
  const client = connect(target.address)
  const running = unary(client, held.method, 'x', { deadlineMs: 60_000 })
  await until(() => held.calls.length === 1)
  await client.close()
  await client.close()
  t.match(await running, { error: { message: /the session was closed/ } })
  t.match(await unary(client), { error: { status: Status.Cancelled } })
  await t.rejects(client.connect(), { message: /the session was closed/ })
  t.equal(client.state, 'closed')
  t.equal(client.connectionCount, 0)
  t.equal(client.timers.count, 0)
  await target.stop({ graceMs: 100 })
  t.equal(target.connectionCount, 0)
  t.equal(target.timerCount, 0)
  await until(() => handleCount() <= before)
  t.ok(handleCount() <= before)
})

t.test('when stop has settled no handle is left, at that very moment', async t => {
  const before = handleCount()
  for (let i = 0; i < 20; i++) {
    const made = await serve({ address: '127.0.0.1:0', handler: acceptorOf(routerWith()) })
    const client = connect(made.address)
    await unary(client)
    if (i % 2 === 0) await client.close()
    await made.stop()
    const listeners = process.getActiveResourcesInfo().filter(name => name === 'TCPServerWrap')
    if (listeners.length > 0) t.fail(`a listening socket is left in round ${i}`)
    await client.close()
  }
  await until(() => handleCount() <= before)
  t.pass()
})

t.test('close during an attempt to connect settles the calls that wait for it', async t => {
  const listener = await listening(createServer(socket => socket.on('error', () => {})))
  const port = (listener.address() as { port: number }).port
  const client = connect(`127.0.0.1:${port}`)
  const waiting = unary(client)
  const connecting = client.connect()
  await new Promise(resolve => setTimeout(resolve, 5))
  const closing = client[Symbol.asyncDispose]()
  t.match(await waiting, { error: { status: Status.Cancelled } })
  await t.rejects(connecting, { code: 'TRANSPORT_CLOSED' })
  await closing
  t.equal(client.connectionCount, 0)
  listener.close()
})

t.test('the number of calls that wait is bounded', async t => {
  const client = session(t, '127.0.0.1:1', { waitingCallsMax: 1, runtime: new FakeRuntime() })
  void unary(client)
  t.match(await unary(client), {
    error: { status: Status.ResourceExhausted, message: /1 calls wait/ },
  })
  t.throws(() => connect('a:1', { waitingCallsMax: -1 }), RangeError)
  await Promise.resolve()
})

t.test('back-off with a simulated clock: 1 s, 1.6 s, 2.56 s ... counted from the attempt', t => {
  const runtime = new FakeRuntime()
  const client = connect('greeter:1', { runtime, eager: true })
  const waits: number[] = []
  for (let i = 0; i < 14; i++) {
    const attempt = runtime.dialled[i]!
    const startedAt = runtime.time
    runtime.time += 10
    attempt.socket.emit('error', new Error('refused'))
    attempt.socket.emit('close')
    t.equal(client.state, 'waiting')
    while (runtime.dialled.length === i + 1) runtime.advance(1)
    waits.push(runtime.time - startedAt)
  }
  t.same(waits.slice(0, 5), [1_000, 1_600, 2_560, 4_096, 6_554])
  t.equal(waits.at(-1), 120_000)
  void client.close()
  t.end()
})

t.test('back-off: jitter of a fifth either way', t => {
  for (const [random, expected] of [
    [0, 800],
    [0.999_999, 1_200],
  ] as const) {
    const runtime = new FakeRuntime()
    runtime.randomValue = random
    const client = connect('greeter:1', { runtime, eager: true })
    runtime.dialled[0]!.socket.destroy()
    const wait = runtime.pending.at(-1)!.at - runtime.time
    t.equal(wait, expected)
    void client.close()
  }
  t.throws(() => connect('a:1', { backOff: { multiplier: 0.5 } }), RangeError)
  t.end()
})

t.test('an idle session does not connect again by itself', t => {
  const runtime = new FakeRuntime()
  const client = connect('greeter:1', { runtime })
  const call = unary(client)
  runtime.dialled[0]!.socket.destroy()
  runtime.advance(10_000)
  t.equal(client.state, 'idle')
  t.equal(runtime.dialled.length, 1)
  void call
  void client.close()
  t.end()
})

t.test('a patient call keeps the process alive while it waits for the next attempt', t => {
  const runtime = new FakeRuntime()
  const client = connect('greeter:1', { runtime })
  void unary(client)
  runtime.dialled[0]!.socket.destroy()
  t.notOk(runtime.pending.at(-1)!.kept)
  void unary(client, ECHO, 'x', { waitForReady: true })
  t.ok(runtime.pending.at(-1)!.kept)
  void client.close()
  t.equal(runtime.pending.length, 0)
  t.end()
})

t.test('TLS: a server that did not agree to h2 is named', t => {
  const runtime = new FakeRuntime()
  const client = connect('greeter:443', { runtime, tls: {} })
  t.equal(client.scheme, 'https')
  t.equal(client.authority, 'greeter:443')
  const call = unary(client)
  const attempt = runtime.dialled[0]!
  attempt.socket.alpnProtocol = false
  attempt.ready()
  t.ok(attempt.socket.destroyed)
  t.match(client.lastError, { code: 'TRANSPORT_TLS', message: /did not agree to "h2" by ALPN/ })
  void call
  void client.close()
  t.end()
})

t.test('gRPC A8: too_many_pings doubles the keepalive time of the next connection', t => {
  const runtime = new FakeRuntime()
  const client = connect('greeter:1', {
    runtime,
    eager: true,
    limits: { keepaliveIntervalMs: 10_000 },
  })
  client.onTooManyPings()
  runtime.dialled[0]!.socket.destroy()
  runtime.advance(2_000)
  t.equal(runtime.dialled.length, 2)
  runtime.dialled[1]!.ready()
  void client.close()
  t.end()
})

t.test('what a receiver throws goes to onError, else it is uncaught', t => {
  const seen: unknown[] = []
  const quiet = connect('a:1', { runtime: new FakeRuntime(), onError: error => seen.push(error) })
  quiet.onHandlerError('x')
  t.same(seen, ['x'])
  const runtime = new FakeRuntime()
  connect('a:1', { runtime }).onHandlerError(new Error('loud'))
  t.throws(() => runtime.runTurn(), { message: 'loud' })
  t.end()
})

t.test('authority: host and port, localhost for a unix socket, servername for TLS', t => {
  const of = (address: string, options: SessionOptions = {}): string =>
    connect(address, options).authority
  t.equal(of('greeter:80'), 'greeter:80')
  t.equal(of('[::1]:80'), '[::1]:80')
  t.equal(of(':80'), 'localhost:80')
  t.equal(of('unix:/tmp/x'), 'localhost')
  t.equal(of('1.2.3.4:80', { tls: { servername: 'greeter' } }), 'greeter')
  t.end()
})

t.test('a call that has settled before it could start is never sent', async t => {
  const { server: target } = await server(t)
  const client = session(t, target.address)
  const call = new ClientCall(
    ECHO,
    { timers: new TimerWheel(0) },
    { onHeaders() {}, onReadable() {}, onDrain() {}, onStatus() {} },
  )
  call.request(Buffer.from('x'))
  call.cancel()
  client.start(call, headersOf(ECHO))
  await client.connect()
  t.notOk(call.started)
  netConnect(Number(target.address.split(':')[1]), '127.0.0.1').destroy()
})
