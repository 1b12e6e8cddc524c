import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as netConnect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import t, { type Test } from 'tap'
import { Status } from '../../src/grpc/index.js'
import { SimulatedNetwork } from '../../src/testing/index.js'
import { connect, type Session } from '../../src/transport/client/session.js'
import type { SessionOptions } from '../../src/transport/client/session-options.js'
import type { ServeOptions, Server } from '../../src/transport/server/serve-options.js'
import { serve } from '../../src/transport/server/server.js'
import { peerOf } from '../../src/transport/socket/connection-peer.js'
import { acceptorOf, BareClient, ECHO, HeldRoute, method, routerWith, unary } from './calls.js'
import { FakeRuntime, FakeSocket } from './fake-runtime.js'
import { certificate } from './tls-rig.js'

async function start(t: Test, options: Partial<ServeOptions> = {}): Promise<Server> {
  const server = await serve({
    address: '127.0.0.1:0',
    handler: acceptorOf(routerWith()),
    ...options,
  })
  t.teardown(() => server.stop({ graceMs: 0 }))
  return server
}

function session(t: Test, address: string, options: SessionOptions = {}): Session {
  const made = connect(address, options)
  t.teardown(() => made.close())
  return made
}

function portOf(server: Server): number {
  return Number(server.address.split(':').at(-1))
}

/** All that a raw socket gets until the server closes it. */
function conversation(port: number, ...chunks: (string | Buffer)[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = []
    const socket: Socket = netConnect(port, '127.0.0.1', () => {
      for (const chunk of chunks) socket.write(chunk)
    })
    socket.on('data', chunk => received.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(received)))
  })
}

/** Connects, says `first` if anything, and ends. */
function leave(port: number, first?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = netConnect(port, '127.0.0.1', () => {
      if (first !== undefined) socket.write(first)
      socket.end()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.resume()
  })
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !condition(); i++)
    await new Promise(resolve => setTimeout(resolve, 1))
  if (!condition()) throw new Error('the condition did not come true in time')
}

t.test('a port in use is one sentence with the address', async t => {
  const server = await start(t)
  await t.rejects(serve({ address: server.address, handler: acceptorOf(routerWith()) }), {
    name: 'TransportError',
    code: 'TRANSPORT_IN_USE',
    address: server.address,
    message: `cannot listen on ${server.address}: address already in use (EADDRINUSE)`,
    cause: { code: 'EADDRINUSE' },
  })
})

t.test('an address that is not ours is one sentence with the address', async t => {
  await t.rejects(serve({ address: '192.0.2.1:0', handler: acceptorOf(routerWith()) }), {
    code: 'TRANSPORT_NOT_AVAILABLE',
    message: /^cannot listen on 192\.0\.2\.1:0: not an address of this machine/,
  })
})

t.test('a range gives the first free port, and an error when all are taken', async t => {
  const runtime = new FakeRuntime()
  const options = { address: 'a:7000-7001', handler: acceptorOf(routerWith()), runtime }
  t.equal((await serve(options)).address, '192.0.2.1:7000')
  t.equal((await serve(options)).address, '192.0.2.1:7001')
  await t.rejects(serve(options), { code: 'TRANSPORT_IN_USE', address: 'a:7000-7001' })
})

t.test('options that make no sense throw at once', async t => {
  const handler = acceptorOf(routerWith())
  t.throws(() => serve({ address: 'nonsense', handler }), TypeError)
  t.throws(() => serve({ connectionsMax: 0, handler }), RangeError)
  const server = await start(t)
  t.throws(() => server.stop({ graceMs: -1 }), RangeError)
})

t.test(
  'HTTP/1.1 gets 400 and a close; TLS and garbage a close; each is told to onError',
  async t => {
    const errors: Error[] = []
    const server = await start(t, { onError: error => errors.push(error) })
    const port = portOf(server)
    const answer = (await conversation(port, 'GET / HTTP/1.1\r\nHost: evil\r\n\r\n')).toString()
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
    t.notMatch(answer, /evil/)
    t.equal((await conversation(port, Buffer.from('160301020001', 'hex'))).length, 0)
    const goaway = await conversation(port, 'nonsense from the wire')
    t.equal(goaway[3], 4, 'SETTINGS')
    t.ok(goaway.includes(Buffer.from('preface')), 'GOAWAY says why')
    t.equal(errors.length, 3)
    t.match(errors[0]?.message, /HTTP\/1\.x/)
    t.match(errors[1]?.message, /speaks TLS/)
    const client = session(t, server.address)
    t.equal((await unary(client)).error, undefined, 'the server lives on')
  },
)

t.test('a probe that connects and leaves is no error; one that said something is', async t => {
  const errors: string[] = []
  const server = await start(t, { onError: error => errors.push(error.message) })
  const port = portOf(server)
  await leave(port)
  await until(() => server.acceptedCount === 1 && server.connectionCount === 0)
  t.same(errors, [])
  await leave(port, 'P')
  await until(() => server.acceptedCount === 2 && server.connectionCount === 0)
  t.match(errors, [/the peer closed the connection$/])
  t.equal(errors.length, 1)
})

t.test('a probe that ends with RST is no error either; one that said something is', async t => {
  const errors: string[] = []
  const server = await start(t, { onError: error => errors.push(error.message) })
  const reset = (text: string): void => {
    const socket = netConnect(portOf(server), '127.0.0.1', () => {
      if (text === '') socket.resetAndDestroy()
      else socket.write(text, () => setTimeout(() => socket.resetAndDestroy(), 5))
    })
    socket.on('error', () => {})
  }
  reset('')
  await until(() => server.acceptedCount === 1 && server.connectionCount === 0)
  t.same(errors, [])
  reset('P')
  await until(() => server.acceptedCount === 2 && server.connectionCount === 0)
  t.match(errors, [/the peer reset the connection/])
})

t.test('an onError that throws harms nobody', async t => {
  let told = 0
  const server = await start(t, {
    onError() {
      told++
      throw new Error('onError')
    },
  })
  await conversation(portOf(server), 'GET / HTTP/1.1\r\n\r\n')
  t.equal(told, 1)
  t.equal((await unary(session(t, server.address))).error, undefined)
  const onError = 'log' as unknown as () => void
  const wrong = { name: 'TypeError', message: 'onError is a string; expected a function' }
  t.throws(() => serve({ handler: acceptorOf(routerWith()), onError }), wrong)
  t.throws(() => connect('a:1', { onError }), wrong)
})

t.test('a client that says nothing is closed after the handshake timeout', async t => {
  const server = await start(t, { handshakeTimeoutMs: 30 })
  const received = await conversation(portOf(server))
  t.ok(received.includes(Buffer.from('preface')) || received.length === 0)
  await until(() => server.connectionCount === 0)
})

t.test('stop lets a running call finish and refuses new connections', async t => {
  const held = new HeldRoute()
  const server = await start(t, { handler: acceptorOf(routerWith(held)) })
  const client = session(t, server.address)
  const call = unary(client, held.method)
  await until(() => held.calls.length === 1)
  const stopped = server.stop({ graceMs: 5_000 })
  const refused = session(t, server.address)
  t.match(await unary(refused), { error: { status: Status.Unavailable } })
  held.answerAll()
  t.equal((await call).error, undefined)
  await stopped
  t.equal(server.connectionCount, 0)
  t.equal(server.timerCount, 0)
})

t.test('stop cuts what is left after its grace', async t => {
  const held = new HeldRoute()
  const server = await start(t, { handler: acceptorOf(routerWith(held)) })
  const client = session(t, server.address)
  const call = unary(client, held.method)
  await until(() => held.calls.length === 1)
  await server.stop({ graceMs: 20 })
  t.match(await call, { error: { status: Status.Unavailable } })
  t.equal(held.cancels.length, 1)
  await server[Symbol.asyncDispose]()
})

t.test('a longer stop may be cut short by a second one', async t => {
  const held = new HeldRoute()
  const server = await start(t, { handler: acceptorOf(routerWith(held)) })
  void unary(session(t, server.address), held.method)
  await until(() => held.calls.length === 1)
  const slow = server.stop({ graceMs: Number.POSITIVE_INFINITY })
  await server.stop({ graceMs: 0 })
  await slow
  t.equal(server.connectionCount, 0)
})

t.test('a unix socket that cannot be listened on: what it means, and what to do', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'microwire-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(`${folder}/stale`, '')
  await t.rejects(start(t, { address: `unix:${folder}/stale` }), {
    code: 'TRANSPORT_IN_USE',
    message:
      /: a socket file is there already: .*; if nobody answers there, remove the file \(EADDRINUSE\)$/,
  })
  await t.rejects(start(t, { address: `unix:${folder}/none/s` }), {
    code: 'TRANSPORT_ACCESS',
    message: /: the folder does not exist, or may not be written to; .* \((EACCES|ENOENT)\)$/,
  })
})

t.test('unix sockets carry calls', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'microwire-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const server = await start(t, { address: `unix:${folder}/s` })
  t.equal(server.address, `unix:${folder}/s`)
  t.equal((await unary(session(t, server.address))).error, undefined)
  const missing = session(t, `unix:${folder}/none`)
  t.match(await unary(missing), {
    error: { status: Status.Unavailable, message: /no such socket file/ },
  })
})

t.test('IPv6 addresses are bracketed and can be dialled', async t => {
  const server = await start(t, { address: '[::1]:0' })
  t.match(server.address, /^\[::1\]:\d+$/)
  t.equal((await unary(session(t, server.address))).error, undefined)
})

t.test('a handler knows both ends of its connection', async t => {
  let seen: unknown
  const router = routerWith({
    method: method('/test.Peer/Who'),
    start(call) {
      seen = peerOf(call.stream.connection)
      call.respond(Buffer.from('x'))
      call.settle()
      return undefined
    },
  })
  const server = await start(t, { handler: acceptorOf(router) })
  await unary(session(t, server.address), method('/test.Peer/Who'))
  t.match(seen, { local: server.address, address: /^127\.0\.0\.1:\d+$/, encrypted: false })
})

t.test('connections beyond the limit are closed', async t => {
  const errors: Error[] = []
  const server = await start(t, { connectionsMax: 1, onError: error => errors.push(error) })
  await session(t, server.address).connect()
  t.equal((await conversation(portOf(server), 'PRI')).length, 0)
  t.match(
    errors[0]?.message,
    /refused: 1 connections are open or shaking hands, as many as connectionsMax allows; raise it/,
  )
})

t.test('a socket that comes while stopping, or is gone already, is refused', async t => {
  const runtime = new FakeRuntime()
  const server = await serve({ address: 'a:1', handler: acceptorOf(routerWith()), runtime })
  const gone = new FakeSocket()
  gone.remoteAddress = undefined
  gone.destroyed = true
  runtime.events?.onSocket(gone)
  t.equal(server.acceptedCount, 0)
  const stopped = server.stop()
  const late = new FakeSocket()
  runtime.events?.onSocket(late)
  late.emit('error', new Error('nobody minds'))
  t.ok(late.destroyed)
  await stopped
})

t.test('TLS: calls, ALPN, untrusted certificates, clients without h2', async t => {
  const pems = await certificate('localhost')
  const errors: Error[] = []
  const server = await start(t, {
    tls: pems,
    handshakeTimeoutMs: 500,
    onError: error => errors.push(error),
  })
  const port = portOf(server)
  const address = `localhost:${port}`
  const trusting = session(t, address, { tls: { ca: pems.cert } })
  const { error, messages } = await unary(trusting, ECHO, 'secret')
  t.equal(error, undefined)
  t.equal(String(messages[0]), 'secret')

  const wary = session(t, address, { tls: {} })
  const refusal = await unary(wary)
  t.match(refusal, { error: { status: Status.Unavailable, cause: { code: 'TRANSPORT_TLS' } } })
  t.match(refusal.error?.message, address)

  const plain = session(t, address)
  t.match(await unary(plain), { error: { status: Status.Unavailable } })

  await new Promise<void>(resolve => {
    const socket = tlsConnect({ port, host: 'localhost', ca: pems.cert })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
  await until(() => errors.some(seen => /did not ask for "h2" by ALPN/.test(seen.message)))
  t.ok(errors.some(seen => /speaks plain text, but this port takes TLS/.test(seen.message)))
})

t.test('flush: 90 handlers that answer each from a timer of its own make few writes', async t => {
  const router = routerWith({
    method: method('/test.Later/Unary'),
    start(call) {
      setTimeout(() => {
        call.respond(call.request)
        call.settle()
      }, 20)
      return undefined
    },
  })
  const server = await start(t, { handler: acceptorOf(router) })
  const client = new BareClient()
  const socket = netConnect(portOf(server), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(client.take())
  await new Promise<void>(resolve => {
    socket.once('data', chunk => {
      client.receives(chunk)
      resolve()
    })
  })
  for (let i = 0; i < 90; i++) client.call(method('/test.Later/Unary'))
  socket.write(client.take())
  let chunks = 0
  socket.on('data', chunk => {
    chunks++
    client.receives(chunk)
  })
  await until(() => client.outcomes.length === 90)
  t.comment(`${chunks} chunks`)
  t.ok(chunks <= 10, `${chunks} chunks`)
})

t.test('RFC 9112 §9.6: a stalled reply outlives what its client has under way', async t => {
  const network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
  const held = new HeldRoute()
  const handler = acceptorOf(routerWith(held))
  const scenario = async () => {
    const server = await serve({ address: '127.0.0.1:5000', handler, runtime: network })
    const client = connect(server.address, { runtime: network })
    const patient = unary(client, held.method, 'late')
    const cancelled = unary(client, held.method)
    await network.clock.sleep(10)
    const stopping = server.stop({ graceMs: Number.POSITIVE_INFINITY })
    await network.clock.sleep(10)
    const startedAt = network.now()
    network.stall(network.links[0]!, 5_000)
    // RST_STREAM arrives when the server has said all, and the network has taken all of it.
    cancelled.call.cancel()
    held.answerAll()
    const { error, messages } = await patient
    t.equal(error, undefined)
    t.equal(String(messages[0]), 'late')
    t.equal(network.now() - startedAt, 5_000)
    await stopping
    t.ok(network.now() - startedAt < 5_100, 'the client has ended its side: the socket closes')
    await client.close()
  }
  await network.clock.run(scenario())
  t.equal(network.socketCount, 0)
})

t.test('a client that never ends its side holds a server for its grace, or a minute', async t => {
  const stopMs = async (graceMs: number) => {
    const network = new SimulatedNetwork({ seed: 1, conditions: { latencyMs: [1, 1] } })
    const handler = acceptorOf(routerWith())
    const scenario = async () => {
      const server = await serve({ address: '127.0.0.1:5000', handler, runtime: network })
      const client = connect(server.address, { runtime: network })
      t.equal((await unary(client)).error, undefined)
      network.swallow(network.links[0]!, 'client')
      network.swallow(network.links[0]!, 'server')
      const startedAt = network.now()
      await server.stop({ graceMs })
      const tookMs = network.now() - startedAt
      await client.close()
      return tookMs
    }
    return network.clock.run(scenario())
  }
  t.equal(await stopMs(2_000), 2_000)
  // Five seconds for the PING between its GOAWAY frames, then the minute.
  t.equal(await stopMs(Number.POSITIVE_INFINITY), 65_000)
})
