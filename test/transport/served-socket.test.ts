import t, { type Test } from 'tap'
import { FrameType, Status } from '../../src/grpc/index.js'
import { connect } from '../../src/transport/client/session.js'
import type { ServeOptions, Server } from '../../src/transport/server/serve-options.js'
import { serve } from '../../src/transport/server/server.js'
import { acceptorOf, BareClient, ECHO, HeldRoute, routerWith, unary } from './calls.js'
import { FakeRuntime, FakeSocket } from './fake-runtime.js'

interface Rig {
  readonly server: Server
  readonly runtime: FakeRuntime
  readonly held: HeldRoute
  readonly errors: Error[]
  /** A client that has said hello, and its socket. */
  join(): { client: BareClient; socket: FakeSocket; exchange(): void }
}

/** A server whose clock is the test's. */
async function rig(options: Partial<ServeOptions>): Promise<Rig> {
  const runtime = new FakeRuntime()
  const held = new HeldRoute()
  const errors: Error[] = []
  const handler = acceptorOf(routerWith(held))
  const onError = (error: Error): void => void errors.push(error)
  const server = await serve({ address: 'a:1', handler, runtime, onError, ...options })
  const join = (): ReturnType<Rig['join']> => {
    const client = new BareClient()
    const socket = new FakeSocket()
    runtime.events?.onSocket(socket)
    const exchange = (): void => {
      for (let i = 0; i < 4; i++) {
        const sent = client.take()
        if (sent.length > 0 && !socket.destroyed) socket.receives(sent)
        runtime.settle()
        client.receives(socket.take())
      }
    }
    exchange()
    return { client, socket, exchange }
  }
  return { server, runtime, held, errors, join }
}

/** The reasons of the GOAWAY frames among `octets`. */
function goaways(octets: Buffer): string[] {
  const found: string[] = []
  for (let at = 0; at + 9 <= octets.length; at += 9 + octets.readUIntBE(at, 3)) {
    const size = octets.readUIntBE(at, 3)
    if (octets[at + 3] !== FrameType.Goaway) continue
    found.push(
      `${octets.readUInt32BE(at + 9)} ${octets.toString('latin1', at + 17, at + 9 + size)}`,
    )
  }
  return found
}

t.test(
  'gRPC A9 (K6): at its age a connection hears GOAWAY max_age, twice around a PING',
  async t => {
    const { runtime, server, held, join } = await rig({ connectionAgeMs: 1_000 })
    const { client, socket, exchange } = join()
    client.call(held.method)
    exchange()
    runtime.advance(999)
    runtime.settle()
    t.equal(socket.take().length, 0, 'not before')
    runtime.advance(1)
    runtime.settle()
    const first = socket.take()
    t.same(goaways(first), ['2147483647 max_age'])
    client.receives(first)
    socket.receives(client.take())
    runtime.settle()
    const second = socket.take()
    t.same(goaways(second), ['1 max_age'])
    client.receives(second)
    t.notOk(socket.ended, 'the call that runs is completed, as long as it takes')
    held.answerAll()
    runtime.settle()
    client.receives(socket.take())
    t.match(client.outcomes, [{ error: undefined, body: 'hello' }])
    t.ok(socket.ended)
    socket.destroy()
    t.equal(server.connectionCount, 0)
    t.equal(server.timerCount, 0, 'no timer is left')
  },
)

t.test(
  'gRPC A9 (K6): a client that speaks only after the age limit is served, then sent away',
  async t => {
    const { runtime, join } = await rig({ connectionAgeMs: 1_000 })
    const silent = new FakeSocket()
    runtime.events?.onSocket(silent)
    runtime.advance(1_000)
    runtime.settle()
    t.notOk(silent.destroyed)
    t.equal(silent.take().length, 0, 'nothing is said to who has not spoken')
    const late = new BareClient()
    late.call()
    silent.receives(late.take())
    runtime.settle()
    const said = silent.take()
    t.match(goaways(said), [/max_age$/])
    late.receives(said)
    t.match(late.outcomes, [{ error: undefined, body: 'hello' }])
    t.ok(join().client.connection.canOpen)
  },
)

t.test('gRPC A9 (K6): after its grace what still runs is cut', async t => {
  const { runtime, server, held, errors, join } = await rig({
    connectionAgeMs: 1_000,
    connectionAgeGraceMs: 500,
  })
  const { client, socket, exchange } = join()
  client.call(held.method)
  exchange()
  runtime.advance(1_499)
  exchange()
  t.notOk(socket.destroyed)
  runtime.advance(1)
  t.ok(socket.destroyed)
  t.equal(held.cancels.length, 1)
  t.match(errors[0]?.message, /^127\.0\.0\.1:50000: cut 500 ms after its age limit$/)
  t.equal(server.timerCount, 0)
})

t.test('gRPC A9 (K6): ages and idle times differ by a tenth either way', async t => {
  for (const [dice, ageMs] of [
    [0, 900],
    [0.75, 1_050],
    [0.999_999, 1_100],
  ] as const) {
    const { runtime, join } = await rig({ connectionAgeMs: 1_000 })
    runtime.randomValue = dice
    const { socket } = join()
    runtime.advance(ageMs - 1)
    runtime.settle()
    t.equal(socket.take().length, 0)
    runtime.advance(1)
    runtime.settle()
    t.equal(goaways(socket.take()).length, 1, `${ageMs} ms`)
  }
})

t.test(
  'gRPC A9 (K6): without a call for connectionIdleMs, or from the start: GOAWAY max_idle',
  async t => {
    const { runtime, held, join } = await rig({ connectionIdleMs: 1_000 })
    const silent = join()
    runtime.advance(400)
    const busy = join()
    busy.client.call(held.method)
    busy.exchange()
    runtime.advance(600)
    runtime.settle()
    t.match(goaways(silent.socket.take()), [/max_idle$/], 'it never called')
    runtime.advance(5_000)
    runtime.settle()
    t.equal(busy.socket.take().length, 0, 'a call keeps it')
    held.answerAll()
    busy.exchange()
    runtime.advance(999)
    runtime.settle()
    t.equal(busy.socket.take().length, 0)
    runtime.advance(1)
    runtime.settle()
    t.match(goaways(busy.socket.take()), [/max_idle$/])
  },
)

t.test(
  'micro-wire §3.7: unless told otherwise a server never sends an idle client away',
  async t => {
    const { runtime, server, join } = await rig({})
    const { client, socket, exchange } = join()
    client.call()
    exchange()
    t.match(client.outcomes, [{ error: undefined }])
    // go-micro uses a socket again until it is a minute old.
    for (let minute = 0; minute < 60; minute++) {
      runtime.advance(60_000)
      runtime.settle()
    }
    t.equal(socket.take().length, 0)
    t.notOk(socket.destroyed || socket.ended)
    t.equal(server.connectionCount, 1)
  },
)

t.test('options of ages and idle times are checked by name', t => {
  const handler = acceptorOf(routerWith())
  const cases: [object, RegExp][] = [
    [{ connectionAgeMs: 0 }, /^connectionAgeMs is 0; expected 1 or more$/],
    [{ connectionAgeGraceMs: -1 }, /^connectionAgeGraceMs is -1; expected 0 or more$/],
    [{ connectionIdleMs: Number.NaN }, /^connectionIdleMs is NaN/],
    [{ connectionIdleMs: '5' }, /^connectionIdleMs is a string; expected a number/],
    [
      { handshakeTimeoutMs: 2 ** 31 },
      /^handshakeTimeoutMs is 2147483648; expected 1 to 2147483647$/,
    ],
    [{ limits: { streamsMax: -1 } }, /^limits\.streamsMax is -1/],
    [{ limits: { streamMax: 1 } }, /^limits\.streamMax is not a limit/],
  ]
  for (const [options, message] of cases)
    t.throws(() => serve({ handler, ...options }), { message })
  t.end()
})

/** One caller after the other until `endAt`. */
async function callOn(t: Test, address: string, callers: number, endAt: number): Promise<number> {
  const client = connect(address)
  t.teardown(() => client.close())
  let count = 0
  const one = async (): Promise<void> => {
    while (performance.now() < endAt) {
      const { error } = await unary(client, ECHO, 'x')
      if (error !== undefined) throw error
      count++
    }
  }
  await Promise.all(Array.from({ length: callers }, one))
  return count
}

t.test('gRPC A9 (K6): over many ages, calls without a pause, not one fails', async t => {
  const server = await serve({
    address: '127.0.0.1:0',
    handler: acceptorOf(routerWith()),
    connectionAgeMs: 20,
    connectionAgeGraceMs: 1_000,
  })
  t.teardown(() => server.stop())
  const count = await callOn(t, server.address, 8, performance.now() + 1_000)
  t.comment(`${count} calls on ${server.acceptedCount} connections`)
  t.ok(server.acceptedCount > 8, `${server.acceptedCount} connections`)
  t.ok(count > server.acceptedCount * 4, `${count} calls`)
})

t.test('a call that outlives the grace is UNAVAILABLE, and says why', async t => {
  const held = new HeldRoute()
  const server = await serve({
    address: '127.0.0.1:0',
    handler: acceptorOf(routerWith(held)),
    connectionAgeMs: 20,
    connectionAgeGraceMs: 20,
  })
  t.teardown(() => server.stop())
  const client = connect(server.address)
  t.teardown(() => client.close())
  const { error } = await unary(client, held.method)
  t.match(error, {
    status: Status.Unavailable,
    unprocessed: false,
    message: /after GOAWAY\(NO_ERROR, "max_age"\)$/,
  })
})
