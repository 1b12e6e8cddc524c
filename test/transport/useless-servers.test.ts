import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Status } from '../../src/grpc/index.js'
import { connect, type Session } from '../../src/transport/client/session.js'
import type { SessionOptions } from '../../src/transport/client/session-options.js'
import { serve } from '../../src/transport/server/server.js'
import { Code, frames } from '../support/frames.js'
import { acceptorOf, HeldRoute, routerWith, unary } from './calls.js'
import { FakeRuntime, type FakeSocket } from './fake-runtime.js'

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** A server of raw octets, and how often it was connected to. */
async function rawServer(
  t: Test,
  onSocket: (socket: Socket) => void,
): Promise<{ address: string; count: () => number }> {
  let count = 0
  const server = createServer(socket => {
    count++
    socket.on('error', () => {})
    socket.resume()
    onSocket(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  return { address: `127.0.0.1:${port}`, count: () => count }
}

function session(t: Test, address: string, options: SessionOptions = {}): Session {
  const made = connect(address, options)
  t.teardown(() => made.close())
  return made
}

const FULL = frames.settings({ concurrentStreamsMax: 0 })
const LEAVES: Record<string, (socket: Socket) => void> = {
  GOAWAY: socket => void socket.write(Buffer.concat([FULL, frames.goaway(0, Code.noError)])),
  FIN: socket => void socket.end(FULL),
  RST: socket => void socket.write(FULL, () => socket.resetAndDestroy()),
}

for (const [name, leave] of Object.entries(LEAVES)) {
  t.test(
    `connection-backoff.md: a server that takes no stream and leaves by ${name} gets no storm of connections`,
    async t => {
      const server = await rawServer(t, leave)
      const client = session(t, server.address)
      const call = unary(client, undefined, 'hello', { waitForReady: true })
      await pause(500)
      t.ok(server.count() >= 1 && server.count() <= 2, `${server.count()} connections`)
      call.call.cancel()
      await call
    },
  )
}

/** SETTINGS, and at once the GOAWAY of a connection whose age is over. */
const AGED = Buffer.concat([FULL, frames.goaway(0x7fffffff, Code.noError)])

t.test('gRPC A9: connections that age before they serve fail no call: it waits for another', t => {
  const runtime = new FakeRuntime()
  const client = connect('greeter:1', { runtime, backOff: { jitter: 0 } })
  const errors: unknown[] = []
  const call = (): void => {
    void unary(client).then(({ error }) => errors.push(error))
  }
  const next = (bytes: Buffer): FakeSocket => {
    const { socket, ready } = runtime.dialled.at(-1)!
    ready()
    socket.receives(bytes)
    runtime.settle()
    return socket
  }
  call()
  for (let aged = 1; aged <= 5; aged++) {
    next(AGED)
    if (aged === 1) t.equal(runtime.dialled.length, 2, 'the first is replaced at once')
    else {
      t.equal(client.state, 'waiting', 'no storm of connections')
      t.equal(runtime.dialled.length, aged)
      if (aged === 2) call()
      runtime.advance(10_000)
      t.equal(runtime.dialled.length, aged + 1)
    }
    t.equal(client.waitingCount, aged === 1 ? 1 : 2, 'who calls in between waits as well')
  }
  next(frames.settings({}))
  t.equal(client.waitingCount, 0, 'all are sent')
  t.same(errors, [])
  void client.close()
  t.end()
})

t.test('gRPC A9: a server that goes on like that is told to those who wait', async t => {
  const runtime = new FakeRuntime()
  const client = connect('greeter:1', { runtime })
  const call = unary(client)
  for (let aged = 1; aged <= 6; aged++) {
    const { socket, ready } = runtime.dialled.at(-1)!
    ready()
    socket.receives(AGED)
    runtime.settle()
    if (aged < 6) runtime.advance(10_000)
  }
  t.match((await call).error, {
    status: Status.Unavailable,
    message: /greeter:1: the server is leaving: GOAWAY\(NO_ERROR\)/,
  })
  void client.close()
})

t.test('a call that does not wait for ready hears why such a server is of no use', async t => {
  const server = await rawServer(t, LEAVES['FIN']!)
  const { error } = await unary(session(t, server.address))
  t.match(error, { status: Status.Unavailable, message: new RegExp(server.address) })
})

t.test(
  'gRPC: SETTINGS that never come are told with the address, within connectTimeoutMs',
  async t => {
    const server = await rawServer(t, () => {})
    const client = session(t, server.address, { connectTimeoutMs: 200 })
    const { error } = await unary(client)
    const text = `${server.address}: connected, but no HTTP/2 SETTINGS within 200 ms`
    t.match(error, { status: Status.Unavailable, message: text })
  },
)

t.test('what a limit of the connection ends while it connects has the address', async t => {
  const server = await rawServer(t, () => {})
  const client = session(t, server.address, { limits: { prefaceTimeoutMs: 50 } })
  await t.rejects(client.connect(), {
    message: new RegExp(`^${server.address}: no preface in 50 ms`),
  })
})

t.test('more feeds than MAX_CONCURRENT_STREAMS are told to onError, once', async t => {
  const held = new HeldRoute()
  const server = await serve({
    address: '127.0.0.1:0',
    handler: acceptorOf(routerWith(held)),
    limits: { streamsMax: 3 },
  })
  t.teardown(() => server.stop({ graceMs: 0 }))
  const errors: unknown[] = []
  const onError = (error: unknown): void => void errors.push(error)
  const client = session(t, server.address, { waitingWarningMs: 50, onError })
  const calls = Array.from({ length: 5 }, () => unary(client, held.method))
  const late = unary(client, held.method, 'late', { deadlineMs: 300 })
  t.match(await late, {
    error: {
      status: Status.DeadlineExceeded,
      message: new RegExp(`waited \\d+ ms for one of 3 concurrent streams of ${server.address}`),
    },
  })
  t.match(errors, [
    {
      code: 'TRANSPORT_FULL',
      message: new RegExp(
        `^${server.address}: 3 calls have waited \\d+ ms for one of 3 concurrent streams`,
      ),
    },
  ])
  for (const { call } of calls) call.cancel()
  await Promise.all(calls)
})
