import t, { type Test } from 'tap'
import { CallConnector } from '../../src/grpc/index.js'
import { TimerHost } from '../../src/transport/runtime/timer-host.js'
import { connectionPeer } from '../../src/transport/socket/connection-peer.js'
import type { DriverOwner } from '../../src/transport/socket/driver-options.js'
import { HTTP1_ANSWER } from '../../src/transport/socket/first-octets.js'
import { SocketDriver } from '../../src/transport/socket/socket-driver.js'
import { frames } from '../support/frames.js'
import { acceptorOf, BareClient, bareServer, ECHO, HeldRoute, routerWith } from './calls.js'
import { FakeRuntime, FakeSocket } from './fake-runtime.js'

class Owner implements DriverOwner {
  readonly events: string[] = []
  readonly errors: unknown[] = []
  cause: Error | undefined

  onSettings(): void {
    this.events.push('settings')
  }
  onGoaway(errorCode: number): void {
    this.events.push(`goaway ${errorCode}`)
  }
  onCapacity(): void {
    this.events.push('capacity')
  }
  onHandlerError(error: unknown): void {
    this.errors.push(error)
  }
  onClosed(cause: Error | undefined): void {
    this.events.push('closed')
    this.cause = cause
  }
  onGone(): void {
    this.events.push('gone')
  }
}

interface Rig {
  runtime: FakeRuntime
  socket: FakeSocket
  owner: Owner
  driver: SocketDriver
  timers: TimerHost
  held: HeldRoute
}

function serverRig(options: { isTls?: boolean; limits?: object } = {}): Rig {
  const runtime = new FakeRuntime()
  const socket = new FakeSocket()
  const owner = new Owner()
  const held = new HeldRoute()
  const timers = new TimerHost(runtime)
  const driver = new SocketDriver({
    runtime,
    timers,
    socket,
    role: 'server',
    handler: acceptorOf(routerWith(held))(),
    owner,
    peer: connectionPeer({
      local: '127.0.0.1:4000',
      remote: '127.0.0.1:50000',
      isTls: options.isTls ?? false,
    }),
    limits: options.limits,
  })
  return { runtime, socket, owner, driver, timers, held }
}

/** A server rig with a client that has shaken hands with it. */
function connected(options: Parameters<typeof serverRig>[0] = {}): Rig & { client: BareClient } {
  const rig = serverRig(options)
  const client = new BareClient()
  rig.socket.receives(client.take())
  client.receives(rig.socket.take())
  rig.socket.receives(client.take())
  rig.runtime.settle()
  client.receives(rig.socket.take())
  return { ...rig, client }
}

/** Octet by octet, each in a turn of its own. */
function dribble({ socket, runtime }: Rig, bytes: Buffer): void {
  for (const octet of bytes) {
    socket.receives(Buffer.of(octet))
    runtime.settle()
  }
}

function clientRig(): Rig {
  const runtime = new FakeRuntime()
  const socket = new FakeSocket()
  const owner = new Owner()
  const timers = new TimerHost(runtime)
  const driver = new SocketDriver({
    runtime,
    timers,
    socket,
    role: 'client',
    handler: new CallConnector(),
    owner,
    peer: connectionPeer({ local: '', remote: 'greeter:50051', isTls: false }),
  })
  return { runtime, socket, owner, driver, timers, held: new HeldRoute() }
}

/** The last GOAWAY among the octets: last stream, error code, debug data. */
function goaway(bytes: Buffer): { last: number; code: number } | undefined {
  const at = bytes.lastIndexOf(Buffer.from([7, 0, 0, 0, 0, 0]))
  if (at < 0) return undefined
  return { last: bytes.readUInt32BE(at + 6), code: bytes.readUInt32BE(at + 10) }
}

t.test('flush: all replies that one chunk causes leave in one write, at once', t => {
  const { socket, client } = connected()
  for (let i = 0; i < 100; i++) client.call()
  socket.receives(client.take())
  t.equal(socket.written.length, 1)
  client.receives(socket.take())
  t.equal(client.outcomes.length, 100)
  t.ok(client.outcomes.every(outcome => outcome.body === 'hello'))
  t.end()
})

t.test(
  'flush: replies from the microtasks of a chunk leave in one write when those are done',
  t => {
    const { runtime, socket, client, held } = connected()
    for (let i = 0; i < 50; i++) client.call(held.method)
    socket.receives(client.take())
    t.equal(socket.written.length, 0)
    held.answerAll()
    t.equal(socket.written.length, 0, 'not one by one')
    t.equal(runtime.turns.length, 0, 'and not at the end of the turn either')
    runtime.runMicrotasks()
    t.equal(socket.written.length, 1)
    client.receives(socket.take())
    t.equal(client.outcomes.length, 50)
    t.end()
  },
)

t.test('flush: replies that arise in another turn leave in one write at its end', t => {
  const { runtime, socket, client, held } = connected()
  for (let i = 0; i < 90; i++) client.call(held.method)
  socket.receives(client.take())
  runtime.settle()
  socket.take()
  held.answerAll()
  t.equal(runtime.microtasks.length, 0)
  t.equal(runtime.turns.length, 1, 'one callback for all')
  t.equal(socket.written.length, 0)
  runtime.runTurn()
  t.equal(socket.written.length, 1)
  client.receives(socket.take())
  t.equal(client.outcomes.length, 90)
  t.end()
})

t.test('flush: a full socket gets nothing more until it has drained', t => {
  const { runtime, socket, client, held } = connected()
  socket.capacity = 0
  socket.writableLength = 262_144
  client.call()
  socket.receives(client.take())
  runtime.settle()
  t.equal(socket.written.length, 0)
  held.answerAll()
  runtime.settle()
  t.equal(socket.written.length, 0)
  socket.capacity = Number.POSITIVE_INFINITY
  socket.drain()
  t.equal(socket.written.length, 1)
  t.equal(socket.corked, 0)
  t.end()
})

t.test('flush: large output goes in bounded portions, several buffers in one corked batch', t => {
  const { runtime, socket, client, held } = connected()
  for (let i = 0; i < 3; i++) client.call(held.method, 'x'.repeat(60_000))
  socket.receives(client.take())
  runtime.settle()
  const before = socket.take().length
  t.ok(before < 1_000)
  held.answerAll()
  runtime.runTurn()
  t.ok(socket.written.length > 1)
  t.equal(socket.corked, 0)
  runtime.settle()
  const window = Buffer.concat(socket.written).length
  t.ok(window >= 3 * 20_000)
  for (let i = 0; i < 20 && client.outcomes.length < 3; i++) {
    client.receives(socket.take())
    socket.receives(client.take())
    runtime.settle()
  }
  t.same(
    client.outcomes.map(outcome => outcome.body?.length),
    [60_000, 60_000, 60_000],
  )
  t.end()
})

t.test(
  'budget: what a turn leaves of a chunk waits for the next turn, in order, with the socket paused',
  t => {
    const { runtime, socket, client } = connected({ limits: { turnFramesMax: 10 } })
    for (let i = 0; i < 12; i++) client.call(ECHO, `${i}`)
    const bytes = client.take()
    socket.receives(bytes)
    t.ok(socket.paused)
    t.throws(() => socket.receives(bytes), 'nobody may read meanwhile')
    runtime.runTurn()
    runtime.settle()
    t.notOk(socket.paused)
    client.receives(socket.take())
    t.same(
      client.outcomes.map(outcome => outcome.body),
      Array.from({ length: 12 }, (_, i) => `${i}`),
    )
    t.end()
  },
)

t.test('what a paused socket over TLS had decrypted before comes behind the rest of a turn', t => {
  const { runtime, socket, client } = connected({ limits: { turnFramesMax: 10 } })
  for (let i = 0; i < 40; i++) client.call(ECHO, `${i}`)
  const bytes = client.take()
  // Records end anywhere. The memory is used again for the next one.
  const lent = Buffer.alloc(1_024)
  for (let at = 0; at < bytes.length; at += 333) {
    const size = bytes.copy(lent, 0, at, Math.min(at + 333, bytes.length))
    socket.emit('data', lent.subarray(0, size))
  }
  t.ok(socket.paused)
  for (let turn = 0; turn < 10; turn++) {
    runtime.runTurn()
    runtime.settle()
  }
  t.notOk(socket.paused)
  client.receives(socket.take())
  t.same(
    client.outcomes.map(outcome => outcome.body),
    Array.from({ length: 40 }, (_, i) => `${i}`),
  )
  t.end()
})

t.test(
  'turnCallsMax: handlers start over several turns, each answer comes, nothing is read meanwhile',
  t => {
    const { runtime, socket, client } = connected({ limits: { turnCallsMax: 5 } })
    for (let i = 0; i < 12; i++) client.call(ECHO, `${i}`)
    socket.receives(client.take())
    client.receives(socket.take())
    t.equal(client.outcomes.length, 5)
    client.call(ECHO, 'late')
    socket.receives(client.take())
    t.ok(socket.paused, 'what comes while the handlers are behind waits')
    runtime.runTurn()
    runtime.settle()
    t.notOk(socket.paused)
    client.receives(socket.take())
    t.same(
      client.outcomes.map(outcome => outcome.body),
      [...Array.from({ length: 12 }, (_, i) => `${i}`), 'late'],
    )
    t.end()
  },
)

t.test('turnCallsMax: no handler starts on a connection that has ended', t => {
  const { runtime, socket, client, held } = connected({ limits: { turnCallsMax: 2 } })
  for (let i = 0; i < 9; i++) client.call(held.method)
  socket.receives(Buffer.concat([client.take(), frames.windowUpdate(0, 0)]))
  runtime.settle()
  t.equal(held.calls.length, 0)
  t.end()
})

t.test(
  'turnCallsMax: handlers of a socket that has gone hear of it over several turns, all of them',
  t => {
    const { runtime, socket, client, held, driver, owner } = connected({
      limits: { turnCallsMax: 2 },
    })
    for (let i = 0; i < 9; i++) client.call(held.method)
    socket.receives(client.take())
    for (let i = 0; i < 5; i++) runtime.runTurn()
    runtime.settle()
    t.equal(held.calls.length, 9)
    socket.destroy()
    runtime.runTurn()
    t.ok(held.cancels.length < 9, `${held.cancels.length} in one turn`)
    t.notOk(owner.events.includes('gone'), 'something is left')
    for (let i = 0; i < 9; i++) runtime.runTurn()
    t.equal(held.cancels.length, 9)
    t.equal(new Set(held.cancels).size, 9, 'each has an error of its own')
    t.match(held.cancels[8]?.message, /connection lost/)
    t.equal(owner.events.at(-1), 'gone')
    t.equal(driver.connection.runningCount, 0)
    t.same(owner.errors, [])
    t.end()
  },
)

t.test(
  'CVE-2019-9512: a peer that does not read its PING answers is not read either, until it does',
  t => {
    const { runtime, socket, client } = connected({
      limits: { pingStrikesMax: Number.POSITIVE_INFINITY },
    })
    socket.capacity = 0
    socket.writableLength = 262_144
    const pings = Buffer.concat(Array.from({ length: 300 }, () => frames.ping()))
    socket.receives(pings)
    runtime.settle()
    t.ok(socket.paused)
    t.equal(socket.written.length, 0)
    socket.capacity = Number.POSITIVE_INFINITY
    for (let i = 0; i < 10; i++) {
      socket.drain()
      runtime.settle()
    }
    t.notOk(socket.paused)
    t.ok(socket.take().length > 0)
    client.call()
    t.end()
  },
)

t.test('RFC 9113 §3.4: a server says nothing before it has seen the client preface', t => {
  const { socket, runtime } = serverRig()
  runtime.settle()
  t.equal(socket.written.length, 0)
  const client = new BareClient()
  const hello = client.take()
  for (const octet of hello.subarray(0, 3)) socket.receives(Buffer.of(octet))
  t.equal(socket.written.length, 0, 'PRI could still be something else')
  socket.receives(hello.subarray(3))
  t.equal(socket.written[0]?.[3], 4, 'SETTINGS')
  t.end()
})

t.test('RFC 9113 §3.3: over TLS the server sends SETTINGS at once', t => {
  const { socket } = serverRig({ isTls: true })
  t.equal(socket.written[0]?.[3], 4)
  t.end()
})

t.test('an HTTP/1.1 request gets one constant 400, whole or octet by octet', t => {
  const requests = [
    'GET / HTTP/1.1\r\n\r\n',
    'POST /x HTTP/1.1\r\n',
    'PUT / HTTP/1.0\r\n',
    'OPTIONS * ',
  ]
  for (const request of requests) {
    const whole = serverRig()
    whole.socket.receives(Buffer.from(request))
    t.same(whole.socket.take(), HTTP1_ANSWER, request)
    t.ok(whole.socket.ended)
    t.match(whole.owner.cause, { code: 'TRANSPORT_NOT_HTTP2', message: /HTTP\/1/ })

    const split = serverRig()
    dribble(split, Buffer.from(request))
    t.same(split.socket.take(), HTTP1_ANSWER, `${request} split`)
    t.ok(split.socket.ended)
  }
  t.match(HTTP1_ANSWER.toString(), /^HTTP\/1\.1 400 Bad Request\r\n/)
  const [head, body] = HTTP1_ANSWER.toString().split('\r\n\r\n')
  t.match(head, `Content-Length: ${body?.length}`)
  t.end()
})

t.test(
  'a TLS ClientHello on a plaintext port is closed with a sentence that names the mistake',
  t => {
    const { socket, owner } = serverRig()
    socket.receives(Buffer.of(0x16))
    t.notOk(socket.destroyed)
    socket.receives(Buffer.of(0x03, 0x01, 0x02))
    t.ok(socket.destroyed)
    t.equal(socket.written.length, 0)
    t.match(owner.cause, {
      message: /^127\.0\.0\.1:50000: the client speaks TLS, but this port is plain text/,
    })
    t.end()
  },
)

t.test('RFC 9113 §3.4: octets that are no preface are answered with GOAWAY(PROTOCOL_ERROR)', t => {
  const { socket, owner, runtime } = serverRig()
  socket.receives(Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n'))
  runtime.settle()
  t.match(goaway(socket.take()), { code: 1 })
  t.ok(socket.ended)
  t.ok(owner.cause)
  t.end()
})

t.test('after our last word a peer that does not read is destroyed within a second', t => {
  const { socket, runtime, owner, timers } = serverRig()
  socket.receives(Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n'))
  t.ok(socket.ended)
  t.notOk(socket.destroyed)
  t.notOk(socket.paused)
  runtime.advance(999)
  t.notOk(socket.destroyed)
  runtime.advance(1)
  t.ok(socket.destroyed)
  t.same(owner.events, ['closed', 'gone'])
  t.equal(runtime.pending.length, 0)
  t.equal(timers.wheel.count, 0)
  t.end()
})

t.test('after our last word what still comes is dropped, a chunk each turn', t => {
  const { socket, runtime } = serverRig()
  socket.receives(Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n'))
  for (let turn = 0; turn < 3; turn++) {
    socket.receives(Buffer.alloc(65_536))
    t.ok(socket.paused, 'others have their turn')
    runtime.settle()
    t.notOk(socket.paused, 'and it is read on: a reset could overtake our last word')
  }
  t.end()
})

t.test('a peer that reads nothing while the socket is full is destroyed as well', t => {
  const { runtime, socket, client, owner, timers } = connected()
  socket.capacity = 0
  socket.writableLength = 262_144
  client.call()
  socket.receives(client.take())
  runtime.settle()
  t.equal(socket.written.length, 0, 'the reply has no room')
  socket.receives(Buffer.from('000000060000000000', 'hex')) // PING of no octets
  t.match(owner.cause, { errorCode: 6 })
  t.notOk(socket.destroyed)
  runtime.advance(1_000)
  t.ok(socket.destroyed)
  t.equal(owner.events.at(-1), 'gone')
  t.equal(runtime.pending.length, 0)
  t.equal(timers.wheel.count, 0)
  t.end()
})

t.test('a client that ends between calls is closed at once', t => {
  const { socket, owner, runtime } = connected()
  socket.emit('end')
  t.ok(socket.ended)
  socket.emit('close')
  t.same(owner.events, ['settings', 'closed', 'gone'])
  runtime.settle()
  t.equal(runtime.pending.length, 0)
  t.end()
})

t.test('a client that ends during a call gets the reply that comes within a second', t => {
  const { socket, client, runtime, held } = connected()
  client.call(held.method, 'late')
  socket.receives(client.take())
  runtime.settle()
  socket.emit('end')
  t.notOk(socket.ended)
  runtime.advance(500)
  held.answerAll()
  runtime.settle()
  client.receives(socket.take())
  t.equal(client.outcomes[0]?.body, 'late')
  t.ok(socket.ended)
  t.end()
})

t.test(
  'a client that ends during a call which takes longer is gone: the handler hears of it',
  t => {
    const { socket, client, runtime, held, owner } = connected()
    client.call(held.method)
    socket.receives(client.take())
    runtime.settle()
    socket.emit('end')
    runtime.advance(1_000)
    t.ok(socket.destroyed)
    t.equal(held.cancels.length, 1)
    t.match(owner.events, ['settings', 'closed', 'gone'])
    t.end()
  },
)

t.test('a socket error reaches the calls as the cause, and nothing throws', t => {
  const { socket, client, runtime, held, owner } = connected()
  client.call(held.method)
  socket.receives(client.take())
  runtime.settle()
  socket.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
  socket.emit('close')
  socket.emit('close')
  t.match(
    held.cancels[0]?.message,
    /127\.0\.0\.1:50000: the peer reset the connection \(ECONNRESET\)/,
  )
  t.match(owner.cause, { code: 'TRANSPORT_LOST' })
  t.equal(owner.events.filter(event => event === 'gone').length, 1)
  t.end()
})

t.test('what a handler throws is told, and costs one call', t => {
  const { socket, owner } = serverRig()
  const client = new BareClient()
  socket.receives(client.take())
  client.receives(socket.take())
  owner.onHandlerError(new Error('seen'))
  t.equal(owner.errors.length, 1)
  t.end()
})

t.test('shutdown: a silent peer is closed at once, others get GOAWAY', t => {
  const silent = serverRig()
  silent.driver.shutdown()
  t.ok(silent.socket.destroyed)
  const { driver, socket, runtime } = connected()
  driver.shutdown()
  runtime.settle()
  t.same(goaway(socket.take()), { last: 0x7fff_ffff, code: 0 })
  t.end()
})

t.test('client: the preface leaves at once, and a finished handshake is told', t => {
  const { socket, owner } = clientRig()
  t.equal(socket.written.length, 1)
  const server = bareServer(routerWith())
  const hello = socket.take()
  server.receive(hello, 0, hello.length, 1_000)
  socket.receives(Buffer.concat([...server.takeOutput(1e6)]))
  t.same(owner.events, ['settings'])
  t.end()
})

t.test('client: what answers in another protocol is named, with the address and what to try', t => {
  const answers: [string | Buffer, RegExp][] = [
    ['HTTP/1.1 400 Bad Request\r\n', /answered in HTTP\/1\.x, not HTTP\/2/],
    [Buffer.of(0x15, 3, 1, 0, 2, 2, 70), /answered with TLS; connect with `tls`/],
    ['<html><body>', /answered with HTML/],
    ['SSH-2.0-OpenSSH_9.2\r\n', /answered with text/],
    ['220 mail ESMTP', /answered with text/],
  ]
  for (const [answer, text] of answers) {
    const { socket, owner } = clientRig()
    socket.receives(Buffer.from(answer as string))
    t.match(owner.cause, { code: 'TRANSPORT_NOT_HTTP2', address: 'greeter:50051', message: text })
    t.match(owner.cause?.message, /^greeter:50051: /)
    t.ok(socket.ended)

    const split = clientRig()
    dribble(split, Buffer.from(answer as string))
    t.match(split.owner.cause, { message: text }, 'octet by octet')
  }
  t.end()
})

t.test('client: a server that ends has ended every call', t => {
  const { socket, owner, runtime } = clientRig()
  socket.emit('end')
  t.match(owner.cause, {
    code: 'TRANSPORT_LOST',
    message:
      'greeter:50051: the server closed the connection without a word; if it is a TLS port, connect with `tls`',
  })
  t.same(owner.events, ['closed', 'gone'])
  runtime.settle()
  t.equal(runtime.pending.length, 0)
  t.end()
})

t.test('client: GOAWAY without calls ends the connection', t => {
  const { socket, owner, runtime } = clientRig()
  const server = bareServer(routerWith())
  const hello = socket.take()
  server.receive(hello, 0, hello.length, 1_000)
  socket.receives(Buffer.concat([...server.takeOutput(1e6)]))
  server.shutdown()
  socket.receives(Buffer.concat([...server.takeOutput(1e6)]))
  runtime.settle()
  t.ok(owner.events.includes('goaway 0'))
  t.ok(socket.ended)
  t.end()
})

t.test(
  'TimerHost: one timeout for the whole wheel, armed again only for what is earlier',
  (t: Test) => {
    const { runtime, timers, client, socket, held } = connected()
    const before = runtime.timeouts.length
    for (let i = 0; i < 50; i++) client.call(held.method)
    socket.receives(client.take())
    t.equal(runtime.timeouts.length, before)
    t.equal(runtime.pending.length, 1)
    t.ok(timers.armed)
    timers.close()
    t.equal(runtime.pending.length, 0)
    t.notOk(timers.armed)
    timers.arm()
    t.equal(runtime.pending.length, 1)
    t.end()
  },
)
