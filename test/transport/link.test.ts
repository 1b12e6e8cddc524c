import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import {
  ClientCall,
  type Connection,
  ErrorCode,
  FrameType,
  Router,
  Status,
} from '../../src/grpc/index.js'
import { connect, type Session } from '../../src/transport/client/session.js'
import type { SessionOptions } from '../../src/transport/client/session-options.js'
import { bareServer, ECHO, HeldRoute, headersOf, type Outcome, routerWith, unary } from './calls.js'
import { FakeRuntime, type FakeSocket } from './fake-runtime.js'

/** What one attempt of the session to connect has led to. */
interface Wire {
  readonly socket: FakeSocket
  readonly server: Connection
  /** Octets go back and forth until nobody has more to say. Returns what the client sent. */
  exchange(): Buffer
}

interface Rig {
  readonly runtime: FakeRuntime
  readonly client: Session
  readonly held: HeldRoute
  /** The newest attempt succeeds. */
  accept(): Wire
}

function rig(options: SessionOptions = {}): Rig {
  const runtime = new FakeRuntime()
  const held = new HeldRoute()
  const client = connect('greeter:1', { runtime, ...options })
  const accept = (): Wire => {
    const { socket, ready } = runtime.dialled.at(-1)!
    const server = bareServer(routerWith(held))
    ready()
    const exchange = (): Buffer => {
      const all: Buffer[] = []
      for (let i = 0; i < 6; i++) {
        runtime.settle()
        const sent = socket.take()
        all.push(sent)
        if (sent.length > 0) server.receive(sent, 0, sent.length, runtime.time)
        const answer = Buffer.concat([...server.takeOutput(1e9)])
        if (answer.length > 0 && !socket.destroyed) socket.receives(answer)
      }
      return Buffer.concat(all)
    }
    exchange()
    return { socket, server, exchange }
  }
  return { runtime, client, held, accept }
}

/** Types of the frames that follow each other in `octets`. */
function types(octets: Buffer): number[] {
  const found: number[] = []
  for (let at = 0; at + 9 <= octets.length; at += 9 + octets.readUIntBE(at, 3)) {
    found.push(octets[at + 3]!)
  }
  return found
}

function goaway(lastStreamId: number, code: number, debug = ''): Buffer {
  const frame = Buffer.alloc(17 + debug.length)
  frame.writeUIntBE(8 + debug.length, 0, 3)
  frame[3] = FrameType.Goaway
  frame.writeUInt32BE(lastStreamId, 9)
  frame.writeUInt32BE(code, 13)
  frame.write(debug, 17, 'latin1')
  return frame
}

/** The connection on which a session that is ready starts its calls. */
function connectionOf(client: Session): Connection {
  let found: Connection | undefined
  class Probe extends ClientCall {
    override start(_connector: unknown, connection: Connection): void {
      found = connection
    }
  }
  const { timers } = client
  const receiver = { onHeaders() {}, onReadable() {}, onDrain() {}, onStatus() {} }
  client.start(new Probe(ECHO, { timers }, receiver), headersOf(ECHO))
  if (found === undefined) throw new Error('the session is not ready')
  return found
}

/** What has become of a call by now. */
async function outcomeOf(call: Promise<Outcome>): Promise<Outcome | 'running'> {
  return await Promise.race([
    call,
    new Promise<'running'>(resolve => setImmediate(resolve, 'running')),
  ])
}

t.test(
  'gRPC A8 (K1): a PING after keepaliveIntervalMs of silence, and only while calls run',
  async t => {
    const { runtime, client, held, accept } = rig({ keepaliveIntervalMs: 10_000 })
    const call = unary(client, held.method)
    const { socket, server, exchange } = accept()
    runtime.advance(9_999)
    runtime.settle()
    t.same(types(socket.take()), [])
    // Any octet counts as life: the next PING is due later.
    const pings: number[] = []
    server.ping(() => pings.push(runtime.time))
    exchange()
    runtime.advance(9_999)
    runtime.settle()
    t.same(types(socket.take()), [])
    runtime.advance(1)
    t.same(types(exchange()), [FrameType.Ping])
    held.answerAll()
    exchange()
    t.equal((await call).error, undefined)
    runtime.advance(100_000)
    t.same(types(exchange()), [], 'nothing without calls')
  },
)

t.test('gRPC A8 (K2): a call after a long silence asks at once', async t => {
  const { runtime, client, held, accept } = rig({ keepaliveIntervalMs: 10_000 })
  void unary(client)
  const { socket, exchange } = accept()
  exchange()
  runtime.advance(60_000)
  void unary(client, held.method)
  runtime.advance(1)
  runtime.settle()
  t.ok(types(socket.take()).includes(FrameType.Ping))
  await client.close()
})

t.test(
  'gRPC A8 (K3): without an answer the connection is cut, and the next call has another',
  async t => {
    const { runtime, client, held, accept } = rig({
      keepaliveIntervalMs: 10_000,
      keepaliveTimeoutMs: 3_000,
    })
    const call = unary(client, held.method)
    const { socket } = accept()
    runtime.advance(12_999)
    t.notOk(socket.destroyed)
    runtime.advance(1)
    runtime.settle()
    const { error } = await call
    t.match(error, {
      status: Status.Unavailable,
      message: /has not answered a keepalive PING in 3000 ms/,
    })
    t.ok(socket.ended)
    const next = unary(client)
    t.equal(runtime.dialled.length, 2)
    accept().exchange()
    t.equal((await next).error, undefined)
  },
)

t.test('gRPC A8 (K1): less than 10 s of silence is refused, by name', t => {
  const cases: [SessionOptions, RegExp][] = [
    [{ keepaliveIntervalMs: 9_999 }, /^keepaliveIntervalMs is 9999; expected 10000 or more$/],
    [{ keepaliveTimeoutMs: 0 }, /^keepaliveTimeoutMs is 0; expected 1 or more$/],
    [{ connectTimeoutMs: 0 }, /^connectTimeoutMs is 0; expected 1 to 2147483647$/],
    [{ limits: { keepaliveTimeoutMs: -1 } }, /^limits\.keepaliveTimeoutMs is -1/],
  ]
  for (const [options, message] of cases) t.throws(() => connect('a:1', options), { message })
  t.doesNotThrow(() => connect('a:1', { keepaliveIntervalMs: Number.POSITIVE_INFINITY }))
  t.end()
})

t.test(
  'gRPC A8 (E8): too_many_pings: UNAVAILABLE with code and debug data, then half as many PINGs',
  async t => {
    const { runtime, client, held, accept } = rig({ keepaliveIntervalMs: 10_000 })
    const call = unary(client, held.method)
    const first = accept()
    first.socket.receives(goaway(1, ErrorCode.EnhanceYourCalm, 'too_many_pings'))
    first.socket.emit('end')
    t.match((await call).error, {
      status: Status.Unavailable,
      message:
        'greeter:1: the peer closed the connection after GOAWAY(ENHANCE_YOUR_CALM, "too_many_pings")',
    })
    t.match((await call).error, {
      origin: 'network',
      address: 'greeter:1',
      unprocessed: false,
      http2CodeName: 'ENHANCE_YOUR_CALM',
      cause: { code: 'TRANSPORT_LOST', http2Code: 11, http2CodeName: 'ENHANCE_YOUR_CALM' },
    })
    void unary(client, held.method)
    const second = accept()
    runtime.advance(19_999)
    runtime.settle()
    t.same(types(second.socket.take()), [])
    runtime.advance(1)
    runtime.settle()
    t.same(types(second.socket.take()), [FrameType.Ping])
    await client.close()
  },
)

t.test('DEADLINE_EXCEEDED: the time before the request was sent was spent connecting', async t => {
  const { runtime, client, held, accept } = rig()
  const call = unary(client, held.method, 'x', { deadlineMs: 1_000 })
  runtime.advance(300)
  accept()
  runtime.advance(700)
  t.match((await call).error, {
    message:
      'deadline exceeded after 1000 ms: 300 ms connecting, 700 ms since the request was sent; no answer from greeter:1',
    address: 'greeter:1',
    origin: 'local',
    unprocessed: false,
    timing: { totalMs: 1_000, queuedMs: 0, connectingMs: 300, sentMs: 700, receivingMs: 0 },
  })
  const racing = unary(client, held.method, 'x', { deadlineMs: 50 })
  runtime.time += 650
  runtime.advance(0)
  t.match((await racing).error, {
    message:
      'deadline exceeded after 650 ms: 650 ms since the request was sent; no answer from greeter:1; this process was busy and noticed it 600 ms late',
    timing: { lateMs: 600 },
  })
})

t.test('DEADLINE_EXCEEDED: a patient call tells why there was no connection', async t => {
  const { runtime, client } = rig()
  const call = unary(client, ECHO, 'x', { deadlineMs: 500, waitForReady: true })
  runtime.advance(100)
  const { socket } = runtime.dialled.at(-1)!
  socket.emit('error', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))
  socket.destroy()
  runtime.advance(400)
  t.match((await call).error, {
    message:
      'deadline exceeded after 500 ms: 400 ms waiting for a connection to greeter:1, 100 ms connecting to greeter:1 (last attempt: greeter:1: connection refused; is a server listening there? (ECONNREFUSED))',
    unprocessed: true,
    cause: { code: 'TRANSPORT_REFUSED' },
  })
  const late = unary(client)
  t.match((await late).error, { code: 'UNAVAILABLE', unprocessed: true, address: 'greeter:1' })
  await client.close()
  const closed = unary(client)
  t.match((await closed).error, { code: 'CANCELLED', unprocessed: true, address: 'greeter:1' })
})

t.test('DEADLINE_EXCEEDED: a response that began is told from one that did not', async t => {
  const { runtime, client, held, accept } = rig()
  const call = unary(client, held.method, 'x', { deadlineMs: 1_000 })
  const { exchange } = accept()
  exchange()
  runtime.advance(200)
  held.calls[0]!.sendHeaders()
  exchange()
  runtime.advance(800)
  t.match((await call).error, {
    message:
      'deadline exceeded after 1000 ms: 200 ms until the response began, 800 ms receiving it from greeter:1',
    timing: { sentMs: 200, receivingMs: 800 },
  })
})

t.test('a reset after GOAWAY is told with the reason that GOAWAY gave', async t => {
  const { client, held, accept } = rig()
  const call = unary(client, held.method)
  const { socket } = accept()
  socket.receives(goaway(1, ErrorCode.InternalError, 'panic'))
  socket.emit('error', Object.assign(new Error('read'), { code: 'ECONNRESET' }))
  socket.destroy()
  const { error } = await call
  t.match(
    error?.message,
    /greeter:1: the peer closed the connection after GOAWAY\(INTERNAL_ERROR, "panic"\)$/,
  )
  t.match(error?.cause, { cause: { code: 'ECONNRESET' } })
})

t.test(
  'gRPC E6: what GOAWAY leaves out is unprocessed, the rest completes on the old connection',
  async t => {
    const { runtime, client, held, accept } = rig()
    const served = unary(client, held.method)
    const left = unary(client, held.method)
    const { socket, exchange } = accept()
    socket.receives(goaway(1, ErrorCode.NoError))
    t.match(await left, {
      error: { status: Status.Unavailable, unprocessed: true, http2Code: ErrorCode.NoError },
    })
    t.equal(await outcomeOf(served), 'running')
    const next = unary(client)
    t.equal(runtime.dialled.length, 2, 'new calls go to a new connection')
    held.answerAll()
    exchange()
    t.equal((await served).error, undefined)
    t.ok(socket.ended, 'the old connection ends with its last call')
    accept().exchange()
    t.equal((await next).error, undefined)
  },
)

t.test(
  'gRPC E7: GOAWAY that comes before the HEADERS have left: unprocessed, never INTERNAL or CANCELLED',
  async t => {
    const { client, accept } = rig()
    void unary(client)
    const { socket, exchange } = accept()
    exchange()
    const racing = unary(client)
    t.equal(socket.take().length, 0, 'its HEADERS wait for the end of the turn')
    socket.receives(goaway(1, ErrorCode.NoError))
    t.match(await racing, { error: { status: Status.Unavailable, unprocessed: true } })
  },
)

t.test('gRPC E7, RT5: a connection lost before the HEADERS have left: unprocessed', async t => {
  const { client, held, accept } = rig()
  const sent = unary(client, held.method)
  const { socket, exchange } = accept()
  exchange()
  const racing = unary(client)
  socket.emit('error', Object.assign(new Error('read'), { code: 'ECONNRESET' }))
  socket.destroy()
  t.match(await racing, { error: { status: Status.Unavailable, unprocessed: true } })
  t.match(await sent, { error: { status: Status.Unavailable, unprocessed: false } })
})

t.test('gRPC E7: GOAWAY right behind the SETTINGS: calls that waited are unprocessed', async t => {
  const { runtime, client, accept } = rig()
  const call = unary(client)
  const { socket, ready } = runtime.dialled[0]!
  ready()
  const greeting = Buffer.concat([...bareServer(new Router()).takeOutput(1e9)])
  socket.receives(Buffer.concat([greeting, goaway(0, ErrorCode.NoError)]))
  t.match(await call, { error: { status: Status.Unavailable, unprocessed: true } })
  const next = unary(client)
  t.equal(runtime.dialled.length, 2)
  accept().exchange()
  t.equal((await next).error, undefined)
})

t.test(
  'RFC 9113 §5.1.1 (A4): when three quarters of the identifiers are used, the next call goes to a new connection',
  async t => {
    const { runtime, client, held, accept } = rig()
    const first = unary(client)
    const old = accept()
    old.exchange()
    t.equal((await first).error, undefined)
    inspect(connectionOf(client)).streams.startAt(0x5fff_ffff)
    const last = unary(client, held.method)
    old.exchange()
    t.equal(runtime.dialled.length, 1, 'the last identifier is used')
    const next = unary(client)
    t.equal(runtime.dialled.length, 2)
    t.same(types(old.exchange()), [FrameType.Goaway], 'the server hears of it')
    const fresh = accept()
    fresh.exchange()
    t.equal((await next).error, undefined)
    t.equal(await outcomeOf(last), 'running')
    held.answerAll()
    old.exchange()
    t.equal((await last).error, undefined, 'no call failed')
    t.ok(old.socket.ended, 'the old connection ends with its last call')
    t.equal(client.state, 'ready')
  },
)

t.test(
  'RFC 9113 §5.1.1 (A4): calls that waited for room go on on a new connection when identifiers run out',
  async t => {
    const { runtime, client, held, accept } = rig({ limits: { openStreamsMax: 1 } })
    void unary(client)
    const old = accept()
    old.exchange()
    inspect(connectionOf(client)).streams.startAt(0x5fff_fffd)
    const calls = [unary(client, held.method), unary(client), unary(client)]
    old.exchange()
    held.answerAll()
    t.same([client.waitingCount, runtime.dialled.length], [2, 1])
    old.exchange()
    t.same([client.waitingCount, runtime.dialled.length], [1, 2], 'one identifier was left')
    accept().exchange()
    for (const call of calls) t.equal((await call).error, undefined)
    t.ok(old.socket.ended)
  },
)

t.test('gRPC E9: timers of connections that are gone fire nothing and throw nothing', async t => {
  const { runtime, client, held, accept } = rig({ keepaliveIntervalMs: 10_000 })
  for (const end of ['destroy', 'goaway', 'garbage'] as const) {
    const call = unary(client, held.method, 'x', { deadlineMs: 30_000 })
    const { socket } = accept()
    runtime.advance(5_000)
    runtime.settle()
    if (end === 'goaway') socket.receives(goaway(0, ErrorCode.NoError))
    if (end === 'garbage') socket.receives(Buffer.alloc(64, 0xff))
    socket.destroy()
    t.ok((await call).error)
    t.doesNotThrow(() => runtime.advance(120_000), end)
    runtime.settle()
  }
  await client.close()
  t.equal(runtime.pending.length, 0)
  t.doesNotThrow(() => runtime.advance(1_000_000))
})

t.test('gRPC B1: the connect timeout bounds TCP, and again nothing is left of it', async t => {
  const { runtime, client } = rig({ connectTimeoutMs: 2_000 })
  const call = unary(client, ECHO)
  runtime.advance(2_000)
  t.match(await call, {
    error: { status: Status.Unavailable, message: 'greeter:1: no connection within 2000 ms' },
  })
  await client.close()
  t.equal(runtime.pending.length, 0)
})
