import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import {
  CallAcceptor,
  ErrorCode,
  FrameType,
  GrpcError,
  type Route,
  Router,
  Status,
} from '../../src/grpc/index.js'
import { grpcTransport } from '../../src/transport/micro/grpc-transport.js'
import type { GrpcTransportOptions } from '../../src/transport/micro/grpc-transport-options.js'
import { decodeMessage } from '../../src/transport/micro/message.js'
import type {
  CallListener,
  CallTransport,
  Message,
  Socket,
} from '../../src/transport/micro/transport.js'
import {
  TRANSPORT_PATH,
  TRANSPORT_PATH_OLD,
  transportMethod,
} from '../../src/transport/micro/transport-method.js'
import { nodeRuntime } from '../../src/transport/node/node-runtime.js'
import { serve } from '../../src/transport/server/server.js'
import { ECHO, routerWith, unary } from './calls.js'

function text(body: string | Buffer): Message {
  return { header: new Map([['a', 'b']]), body: Buffer.from(body as string) }
}

function bodyOf(message: Message | undefined): string | undefined {
  return message === undefined ? undefined : Buffer.from(message.body).toString()
}

async function echo(socket: Socket): Promise<void> {
  for (let message = await socket.receive(); message; message = await socket.receive()) {
    await socket.send(message)
  }
}

async function rig(
  t: Test,
  handler: (socket: Socket) => void | Promise<void>,
  options: GrpcTransportOptions = {},
): Promise<{ transport: CallTransport; listener: CallListener; dial: () => Promise<Socket> }> {
  const transport = grpcTransport(options)
  const listener = await transport.listen('127.0.0.1:0')
  listener.accept(handler)
  t.teardown(async () => {
    await transport.close()
    await listener.stop(0)
  })
  return { transport, listener, dial: () => transport.dial(listener.address) }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3_000 && !condition(); i++)
    await new Promise(resolve => setTimeout(resolve, 1))
  if (!condition()) throw new Error('the condition did not come true in time')
}

t.test('messages go there and back, in order, on one connection for all sockets', async t => {
  const { listener, transport, dial } = await rig(t, echo)
  const sockets = await Promise.all([dial(), dial(), dial()])
  for (const socket of sockets) {
    for (let i = 0; i < 5; i++) void socket.send(text(`${i}`))
    for (let i = 0; i < 5; i++) t.equal(bodyOf(await socket.receive()), `${i}`)
    t.equal(socket.local, 'localhost')
    t.equal(socket.remote, listener.address)
  }
  t.equal(
    (transport.session(listener.address) as unknown as { connectionCount: number }).connectionCount,
    1,
  )
})

t.test('a listener passes on observer, limits, ages and the number of connections', async t => {
  const frames: number[] = []
  const peers: string[] = []
  const errors: Error[] = []
  const { transport, listener } = await rig(t, echo, {
    connectionsMax: 1,
    connectionIdleMs: 40,
    connectionPerSocket: true,
    observer: peer => {
      peers.push(peer.address)
      return { onFrame: (_sent, type) => void frames.push(type) }
    },
    onError: error => errors.push(error),
  })
  const { server } = listener as unknown as { server: { connectionCount: number } }
  const session = transport.session(listener.address)
  t.equal((await unary(session)).error?.status, Status.Unimplemented)
  t.ok(frames.includes(FrameType.Headers))
  t.match(peers, [/^127\.0\.0\.1:\d+$/])
  await t.rejects(transport.dial(listener.address), { name: 'TransportError' })
  t.match(
    errors[0]?.message,
    /refused: 1 connections are open or shaking hands, as many as connectionsMax allows; raise it/,
  )
  await until(() => server.connectionCount === 0)
  t.notOk(session.connected, 'idle: the server has sent it away')
})

t.test('grpcTransport: a wrong option is named at once', t => {
  const cases: [GrpcTransportOptions, RegExp][] = [
    [{ connectionAgeMs: 0 }, /^connectionAgeMs is 0/],
    [{ connectionsMax: Number.NaN }, /^connectionsMax is NaN/],
    [{ session: { keepaliveIntervalMs: 1 } }, /^keepaliveIntervalMs is 1;/],
    [{ session: { backOff: { jitter: -1 } } }, /^backOff\.jitter is -1/],
    [{ limits: { frameSizeMax: 1 } }, /^limits\.frameSizeMax is 1/],
    [{ clientTls: { secureProtocol: 'x' } }, /^tls\.secureProtocol is not offered/],
    [{ serverTls: { minVersion: 'TLSv1' } }, /^tls\.minVersion is TLSv1/],
  ]
  for (const [options, message] of cases) t.throws(() => grpcTransport(options), { message })
  t.end()
})

t.test('connectionPerSocket: each socket has a connection, which ends with it', async t => {
  const { transport, listener } = await rig(t, echo, { connectionPerSocket: true })
  const { server } = listener as unknown as { server: { connectionCount: number } }
  const [one, two] = [
    await transport.dial(listener.address),
    await transport.dial(listener.address),
  ]
  t.equal(server.connectionCount, 2)
  await one.close()
  await two[Symbol.asyncDispose]()
  for (let i = 0; i < 500 && server.connectionCount > 0; i++) {
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  t.equal(server.connectionCount, 0)
  const shared = await transport.dial(listener.address, { connClose: false })
  await shared.send(text('x'))
  t.equal(bodyOf(await shared.receive()), 'x')
})

t.test('when the handler returns the peer reads what is left and then undefined', async t => {
  const { dial } = await rig(t, async socket => {
    await socket.send(text('last'))
  })
  const socket = await dial()
  t.equal(bodyOf(await socket.receive()), 'last')
  t.equal(await socket.receive(), undefined)
  await t.rejects(socket.send(text('x')), { code: 'TRANSPORT_CLOSED' })
})

t.test(
  'micro-wire 2.4: when the handler throws the peer gets status 2 with JSON of an error',
  async t => {
    const errors: Error[] = []
    const { dial } = await rig(
      t,
      () => {
        throw new Error('a < b & "c"')
      },
      { onError: error => errors.push(error) },
    )
    const socket = await dial()
    try {
      await socket.receive()
      t.fail('no error')
    } catch (error) {
      t.ok(error instanceof GrpcError)
      t.equal((error as GrpcError).status, Status.Unknown)
      t.equal(
        (error as GrpcError).message,
        '{"id":"go.micro.transport","code":500,"detail":"panic recovered: the handler failed","status":"Internal Server Error"}',
      )
    }
    t.match(errors, [{ message: 'a < b & "c"' }])
  },
)

t.test('a GrpcError of the handler keeps its status', async t => {
  const { dial } = await rig(t, () => {
    throw new GrpcError(Status.PermissionDenied, 'no')
  })
  const socket = await dial()
  await t.rejects(socket.receive(), { status: Status.PermissionDenied, message: 'no' })
  await t.rejects(socket.send(text('x')), { message: 'no' })
})

t.test('close at the dialling end cancels the call; the handler hears of it', async t => {
  let seen: unknown
  let reading = false
  const { dial } = await rig(t, async socket => {
    await socket.receive()
    reading = true
    seen = await socket.receive().catch(error => error)
  })
  const socket = await dial()
  await socket.send(text('one'))
  const waiting = socket.receive()
  await until(() => reading)
  await socket.close()
  await socket.close()
  t.equal(await waiting, undefined)
  t.equal(await socket.receive(), undefined)
  await until(() => seen !== undefined)
  t.match(seen, { status: Status.Cancelled })
})

t.test('close: what was sent and waits for the window arrives, and then the end', async t => {
  const got: (string | undefined)[] = []
  let go = (): void => {}
  const start = new Promise<void>(resolve => {
    go = resolve
  })
  const { dial } = await rig(
    t,
    async socket => {
      await start
      for (;;) {
        const message = await socket.receive()
        got.push(bodyOf(message)?.slice(0, 1))
        await socket.send(text('nobody reads this'))
        if (message === undefined) return
      }
    },
    { limits: { streamWindowSize: 70_000 } },
  )
  const socket = await dial()
  for (const name of ['a', 'b', 'c']) void socket.send(text(name.padEnd(60_000, '.')))
  void socket.send(text('z'))
  const closed = socket.close()
  await t.rejects(socket.send(text('late')), { code: 'TRANSPORT_CLOSED' })
  setTimeout(go, 20)
  await closed
  await until(() => got.length === 5)
  t.same(got, ['a', 'b', 'c', 'z', undefined])
})

t.test('close: a server that reads nothing gets a second, then RST_STREAM', async t => {
  let seen: unknown
  const { dial, transport } = await rig(
    t,
    async socket => {
      await new Promise(resolve => setTimeout(resolve, 1_300))
      do seen = await socket.receive().catch(error => error)
      while (seen !== undefined && !(seen instanceof Error))
    },
    { limits: { streamWindowSize: 70_000 } },
  )
  const socket = await dial()
  void socket.send(text('a'.padEnd(200_000, '.')))
  const before = performance.now()
  await Promise.all([socket.close(), socket.close()])
  const passed = performance.now() - before
  t.ok(passed > 900 && passed < 1_250, `${passed} ms`)
  await until(() => seen instanceof Error)
  t.match(seen, { status: Status.Cancelled })
  await transport.close()
})

t.test(
  'the limit counts the encoded message: at the sender it is a RangeError and the socket lives',
  async t => {
    const { dial } = await rig(t, echo)
    const socket = await dial()
    await t.rejects(socket.send(text(Buffer.alloc(4_194_304))), {
      name: 'RangeError',
      message: 'message is 4194317 octets; the limit is 4194304',
    })
    await socket.send(text('small'))
    t.equal(bodyOf(await socket.receive()), 'small')
    await socket.send(text(Buffer.alloc(4_000_000, 'x')))
    t.equal((await socket.receive())?.body.length, 4_000_000)
  },
)

t.test('the limit at the receiver is RESOURCE_EXHAUSTED with the numbers', async t => {
  const { listener } = await rig(t, echo, { messageSizeMax: 100 })
  const large = grpcTransport()
  t.teardown(() => large.close())
  const socket = await large.dial(listener.address)
  await socket.send(text('x'.repeat(100)))
  await t.rejects(socket.receive(), {
    status: Status.ResourceExhausted,
    message: /larger than max \(1\d\d vs\. 100\)/,
  })
})

t.test('back-pressure: sends wait while nobody reads, and go on in order', async t => {
  let start = (): void => {}
  const started = new Promise<void>(resolve => {
    start = resolve
  })
  const { dial } = await rig(t, async socket => {
    await started
    await echo(socket)
  })
  const socket = await dial()
  let sent = 0
  const sending = Array.from({ length: 300 }, (_, i) =>
    socket.send(text(`${i}`.padEnd(20_000, '.'))).then(() => sent++),
  )
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(sent < 300, `${sent} sent`)
  start()
  for (let i = 0; i < 300; i++) t.match(bodyOf(await socket.receive()), new RegExp(`^${i}\\.`))
  await Promise.all(sending)
  t.equal(sent, 300)
})

t.test('sends that wait are rejected when the socket ends', async t => {
  const { dial } = await rig(t, () => new Promise<void>(resolve => setTimeout(resolve, 30)))
  const socket = await dial()
  const sends = Array.from({ length: 50 }, () => socket.send(text('x'.repeat(50_000))))
  const outcomes = await Promise.allSettled(sends)
  t.ok(outcomes.some(outcome => outcome.status === 'rejected'))
})

t.test('one receive at a time', async t => {
  const { dial } = await rig(t, echo)
  const socket = await dial()
  const first = socket.receive()
  await t.rejects(socket.receive(), TypeError)
  await socket.send(text('x'))
  t.equal(bodyOf(await first), 'x')
})

/** A server that knows one of the two paths only. */
async function serverWith(
  t: Test,
  path: string,
): Promise<{ address: string; calls: () => number }> {
  let calls = 0
  const router = new Router()
  const route: Route = {
    method: transportMethod(path),
    start(call) {
      calls++
      return {
        onReadable() {
          while (call.readable) {
            call.read()
            call.write(Buffer.from([0x12, 1, 0x79]))
          }
        },
        onDrain() {},
        onCancel: () => call.settle(),
      }
    },
  }
  router.add(route)
  const server = await serve({ address: '127.0.0.1:0', handler: () => new CallAcceptor(router) })
  t.teardown(() => server.stop({ graceMs: 0 }))
  return { address: server.address, calls: () => calls }
}

t.test(
  'micro-wire fact 1: a server that knows the other path only is found, and nothing is lost',
  async t => {
    for (const [known, preferred] of [
      [TRANSPORT_PATH_OLD, TRANSPORT_PATH],
      [TRANSPORT_PATH, TRANSPORT_PATH_OLD],
    ] as const) {
      const { address, calls } = await serverWith(t, known)
      const transport = grpcTransport({ path: preferred })
      t.teardown(() => transport.close())
      const socket = await transport.dial(address)
      await socket.send(text('one'))
      await socket.send(text('two'))
      t.equal(bodyOf(await socket.receive()), 'y')
      t.equal(bodyOf(await socket.receive()), 'y')
      const second = await transport.dial(address)
      await second.send(text('x'))
      t.equal(bodyOf(await second.receive()), 'y')
      t.equal(calls(), 2)
    }
  },
)

t.test(
  'a server that knows neither path, or a path of our own, ends with UNIMPLEMENTED',
  async t => {
    const { address } = await serverWith(t, '/other.Service/Stream')
    for (const path of [TRANSPORT_PATH, '/my.Transport/Stream']) {
      const transport = grpcTransport({ path })
      t.teardown(() => transport.close())
      const socket = await transport.dial(address)
      await socket.send(text('x'))
      await t.rejects(socket.receive(), {
        status: Status.Unimplemented,
        message: /unknown service (go\.micro\.grpc\.transport|my)\.Transport/,
      })
    }
  },
)

t.test('native calls share the port; the paths of the transport cannot be registered', async t => {
  const { listener, transport, dial } = await rig(t, echo)
  const router = routerWith()
  listener.onCall(router)
  t.throws(() => listener.onCall(new Router()), TypeError)
  t.throws(() => listener.accept(echo), TypeError)
  t.throws(
    () => router.add({ method: transportMethod(TRANSPORT_PATH), start: () => undefined }),
    RangeError,
  )
  const taken = new Router()
  taken.add({ method: transportMethod(TRANSPORT_PATH_OLD), start: () => undefined })
  const other = await transport.listen('127.0.0.1:0')
  t.teardown(() => other.stop(0))
  t.throws(() => other.onCall(taken), RangeError)

  const { error, messages } = await unary(transport.session(listener.address), ECHO, 'native')
  t.equal(error, undefined)
  t.equal(String(messages[0]), 'native')
  const socket = await dial()
  await socket.send(text('micro'))
  t.equal(bodyOf(await socket.receive()), 'micro')
})

t.test('sockets opened before accept wait for it; a listener that stops ends them', async t => {
  const transport = grpcTransport()
  t.teardown(() => transport.close())
  const listener = await transport.listen('127.0.0.1:0')
  const early = await transport.dial(listener.address)
  await early.send(text('early'))
  await new Promise(resolve => setTimeout(resolve, 10))
  listener.accept(echo)
  t.equal(bodyOf(await early.receive()), 'early')
  await early.close()
  await listener.close()

  const unserved = await transport.listen('127.0.0.1:0')
  const socket = await transport.dial(unserved.address)
  await socket.send(text('x'))
  await new Promise(resolve => setTimeout(resolve, 10))
  await unserved[Symbol.asyncDispose]()
  t.equal(await socket.receive(), undefined)
})

t.test('dial: refused, too late, and nonsense', async t => {
  const transport = grpcTransport()
  t.teardown(() => transport.close())
  await t.rejects(transport.dial('127.0.0.1:1'), {
    code: 'TRANSPORT_REFUSED',
    message: /^127\.0\.0\.1:1: connection refused/,
  })
  await t.rejects(transport.dial('127.0.0.1:1', { connClose: true }), { code: 'TRANSPORT_REFUSED' })
  await t.rejects(transport.dial('nonsense'), TypeError)
  await t.rejects(transport.dial('127.0.0.1:2', { timeoutMs: 0 }), RangeError)
  await t.rejects(transport.listen('nonsense'), TypeError)

  const silent = createServer(socket => socket.on('error', () => {}))
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const address = `127.0.0.1:${(silent.address() as { port: number }).port}`
  await t.rejects(transport.dial(address, { timeoutMs: 20 }), {
    code: 'TRANSPORT_TIMEOUT',
    message: `${address}: could not dial within 20 ms`,
  })

  const delays: number[] = []
  const hurried = grpcTransport({
    runtime: {
      ...nodeRuntime,
      schedule(delayMs, run) {
        delays.push(delayMs)
        return nodeRuntime.schedule(delayMs === 5_000 ? 10 : delayMs, run)
      },
    },
  })
  t.teardown(() => hurried.close())
  await t.rejects(hurried.dial(address), { message: `${address}: could not dial within 5000 ms` })
  t.ok(delays.includes(5_000), 'as go-micro, unless one is given')
})

t.test('a session that was closed is made anew', async t => {
  const { transport, listener } = await rig(t, echo)
  const first = transport.session(listener.address)
  t.equal(transport.session(listener.address), first)
  await first.close()
  t.not(transport.session(listener.address), first)
  await transport[Symbol.asyncDispose]()
})

t.test('the path tells nothing about the message format', t => {
  const { request } = transportMethod(TRANSPORT_PATH)
  t.equal(request.get('proto')?.decode, decodeMessage)
  t.end()
})

t.test(
  'RFC 9113 §8.7: a socket whose stream was refused is opened once more, and nothing is lost',
  async t => {
    for (const [refusals, works] of [
      [1, true],
      [2, false],
    ] as const) {
      let left: number = refusals
      const router = new Router()
      router.add({
        method: transportMethod(TRANSPORT_PATH),
        start: call => ({
          onReadable() {
            while (call.readable) {
              call.read()
              call.write(Buffer.from([0x12, 1, 0x79]))
            }
          },
          onDrain() {},
          onCancel: () => call.settle(),
        }),
      })
      const server = await serve({
        address: '127.0.0.1:0',
        handler: () => {
          const acceptor = new CallAcceptor(router)
          return {
            onStream(stream, headers, endStream) {
              if (left-- <= 0) return acceptor.onStream(stream, headers, endStream)
              stream.reset(ErrorCode.RefusedStream)
              return { onHeaders() {}, onData() {}, onDrain() {}, onReset() {}, onLost() {} }
            },
            onReceived: () => acceptor.onReceived(),
          }
        },
      })
      t.teardown(() => server.stop({ graceMs: 0 }))
      const transport = grpcTransport()
      t.teardown(() => transport.close())
      const socket = await transport.dial(server.address)
      await socket.send(text('one'))
      if (works) t.equal(bodyOf(await socket.receive()), 'y')
      else await t.rejects(socket.receive(), { message: /REFUSED_STREAM/ })
    }
  },
)
