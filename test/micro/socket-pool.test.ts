import t from 'tap'
import { SocketPool } from '../../src/micro/client/mucp/socket-pool.js'
import type { Message, Socket, Transport } from '../../src/transport/index.js'
import { FakeRuntime, settle } from './fake-runtime.js'

/** Sockets that only know whether they were closed. */
class IdleSocket implements Socket {
  readonly local: string = 'localhost'
  readonly remote: string = 'a:1'
  closed = false

  send(): Promise<void> {
    return Promise.resolve()
  }

  receive(): Promise<Message | undefined> {
    return new Promise(() => undefined)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function rig(): { pool: SocketPool; runtime: FakeRuntime } {
  const runtime = new FakeRuntime()
  const transport = {
    name: 'idle',
    dial: async () => new IdleSocket(),
  } as unknown as Transport
  return { pool: new SocketPool(transport, runtime, 5_000, {}), runtime }
}

const isClosed = ({ socket }: { readonly socket: Socket }): boolean => (socket as IdleSocket).closed

t.test(
  'micro-wire §3.7: a socket is used for 60 s, counted from when it was dialled, then closed',
  async t => {
    const { pool, runtime } = rig()
    const socket = await pool.dial('a:1')
    pool.put(socket)
    runtime.advance(30_000)
    t.equal(pool.take('a:1'), socket)
    pool.put(socket)
    runtime.advance(29_999)
    t.equal(pool.take('a:1'), socket, 'one ms before its end')
    pool.put(socket)
    runtime.advance(1)
    t.notOk(isClosed(socket), 'nobody has asked yet')
    t.equal(pool.take('a:1'), undefined, 'that it was used does not make it younger')
    t.ok(isClosed(socket))
    t.equal(pool.idleCount('a:1'), 0)
  },
)

t.test('micro-wire §3.7: 100 idle sockets for each address, the youngest is the next', async t => {
  const { pool } = rig()
  const sockets = await Promise.all(Array.from({ length: 101 }, () => pool.dial('a:1')))
  for (const socket of sockets) pool.put(socket)
  pool.put(await pool.dial('b:1'))
  await settle()
  t.equal(pool.idleCount('a:1'), 100)
  t.equal(pool.idleCount('b:1'), 1, 'each address has its own')
  t.same(sockets.map(isClosed).indexOf(true), 100, 'the one too many is closed')
  t.equal(pool.take('a:1'), sockets[99])
  t.equal(pool.take('a:1'), sockets[98])
  t.equal(pool.take('nobody:1'), undefined)
  pool.close()
  t.ok(isClosed(sockets[0]!))
  t.notOk(isClosed(sockets[99]!), 'a call has it')
})
