import t from 'tap'
import { Dial, type DialOptions } from '../../src/transport/client/dial.js'
import { connect, type Session } from '../../src/transport/client/session.js'
import type { SessionOptions } from '../../src/transport/client/session-options.js'
import type { RawSocket } from '../../src/transport/runtime/runtime.js'
import { unary } from './calls.js'
import { FakeRuntime } from './fake-runtime.js'

interface Rig {
  readonly runtime: FakeRuntime
  readonly dial: Dial
  /** What the owner heard. */
  readonly heard: unknown[]
  socketOf(host: string): RawSocket & { emit(event: string, value?: unknown): void }
  /** The attempt at `host` fails as the system says it. */
  fails(host: string, code: string): void
  hosts(): (string | undefined)[]
}

function rig(
  hosts: readonly string[] | Promise<readonly string[]>,
  options: DialOptions = { host: 'shop.test', port: 1 },
): Rig {
  const runtime = new FakeRuntime()
  runtime.hosts = hosts
  const heard: unknown[] = []
  const dial = new Dial(runtime, options, {
    onDialled: socket => heard.push(socket),
    onDialFailed: error => heard.push(error),
    onDialEnd: () => heard.push('end'),
  })
  dial.start()
  const attemptAt = (host: string): FakeRuntime['dialled'][number] =>
    runtime.dialled.find(({ options }) => options.host === host)!
  return {
    runtime,
    dial,
    heard,
    socketOf: host => attemptAt(host).socket,
    fails(host, code) {
      const { socket } = attemptAt(host)
      socket.emit('error', Object.assign(new Error(`connect ${code} ${host}`), { code }))
      socket.destroy()
    },
    hosts: () => runtime.dialled.map(({ options }) => options.host),
  }
}

t.test('RFC 8305 §4: families take turns, beginning with that of the first address', t => {
  const { runtime, hosts } = rig(['::1', '::2', '::3', '192.0.2.1', '192.0.2.2', '::1'])
  runtime.advance(10_000)
  t.same(hosts(), ['::1', '192.0.2.1', '::2', '192.0.2.2', '::3'])
  t.end()
})

t.test('RFC 8305 §5: the next address is tried after 250 ms, and the one before goes on', t => {
  const { runtime, heard, hosts, socketOf } = rig(['192.0.2.1', '192.0.2.2'])
  runtime.advance(249)
  t.same(hosts(), ['192.0.2.1'])
  runtime.advance(1)
  t.same(hosts(), ['192.0.2.1', '192.0.2.2'])
  t.notOk(socketOf('192.0.2.1').destroyed)
  runtime.dialled[0]!.ready()
  t.equal(heard[0], socketOf('192.0.2.1'), 'the slow one wins in the end')
  t.ok(socketOf('192.0.2.2').destroyed)
  t.equal(heard[1], 'end')
  t.equal(runtime.pending.length, 0)
  t.end()
})

t.test('a slow first address and a dead second: the first has all the time there is', t => {
  const { runtime, heard, fails } = rig(['192.0.2.1', '192.0.2.2'])
  runtime.advance(250)
  fails('192.0.2.2', 'ECONNREFUSED')
  runtime.advance(15_000)
  t.same(heard, [])
  runtime.dialled[0]!.ready()
  t.equal(heard[0], runtime.dialled[0]!.socket)
  t.end()
})

t.test('RFC 8305 §5: an address that fails is followed at once', t => {
  const { heard, hosts, fails, runtime } = rig(['::1', '192.0.2.1'])
  fails('::1', 'ENETUNREACH')
  t.same(hosts(), ['::1', '192.0.2.1'])
  fails('192.0.2.1', 'ECONNREFUSED')
  t.match(heard[0], {
    name: 'AggregateError',
    message: '::1 ENETUNREACH, 192.0.2.1 ECONNREFUSED',
  })
  t.equal(heard[1], 'end')
  t.equal(runtime.pending.length, 0)
  t.end()
})

t.test('one address: its own error, as it came', t => {
  const { heard, fails } = rig(['192.0.2.1'])
  fails('192.0.2.1', 'ECONNREFUSED')
  t.match(heard, [{ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 192.0.2.1' }, 'end'])
  t.end()
})

t.test('no further address while one shakes hands over TLS; when that fails, the next', t => {
  const options = { host: 'shop.test', port: 1, tls: {} }
  const { runtime, hosts, fails } = rig(['192.0.2.1', '192.0.2.2'], options)
  t.equal(runtime.dialled[0]!.options.serverName, 'shop.test')
  runtime.dialled[0]!.options.onTcp!()
  runtime.advance(5_000)
  t.same(hosts(), ['192.0.2.1'])
  fails('192.0.2.1', 'ECONNRESET')
  t.same(hosts(), ['192.0.2.1', '192.0.2.2'])
  t.end()
})

t.test('addresses and paths are not looked up', t => {
  const literal = rig(['192.0.2.9'], { host: '192.0.2.1', port: 1, tls: {} })
  t.same(literal.hosts(), ['192.0.2.1'])
  t.equal(literal.runtime.dialled[0]!.options.serverName, undefined)
  t.same(rig(['192.0.2.9'], { path: '/tmp/x' }).runtime.dialled[0]!.options.path, '/tmp/x')
  t.end()
})

t.test(
  'given up while the name is looked up, or while addresses are tried: nothing is left',
  async t => {
    let found: (hosts: readonly string[]) => void = () => {}
    const waiting = rig(
      new Promise(resolve => {
        found = resolve
      }),
    )
    waiting.dial.destroy()
    t.same(waiting.heard, ['end'])
    found(['192.0.2.1'])
    await Promise.resolve()
    t.same(waiting.hosts(), [])

    const trying = rig(['192.0.2.1', '192.0.2.2'])
    trying.runtime.advance(250)
    trying.dial.destroy()
    t.ok(trying.socketOf('192.0.2.1').destroyed && trying.socketOf('192.0.2.2').destroyed)
    t.same(trying.heard, ['end'])
    t.equal(trying.runtime.pending.length, 0)
  },
)

t.test('a name without an address fails, however the runtime says so', async t => {
  const none = rig([])
  none.runtime.settle()
  t.match(none.heard, [{ code: 'ENOTFOUND', message: 'shop.test has no address' }, 'end'])
  const failed = rig(Promise.reject(Object.assign(new Error('no'), { code: 'EAI_AGAIN' })))
  await new Promise(resolve => setImmediate(resolve))
  failed.runtime.settle()
  t.match(failed.heard, [{ code: 'EAI_AGAIN' }, 'end'])
})

function session(runtime: FakeRuntime, options: SessionOptions = {}): Session {
  return connect('shop.test:1', { runtime, connectTimeoutMs: 1_000, ...options })
}

t.test(
  'an error of several addresses tells what each did, and takes the most telling for its code',
  async t => {
    const runtime = new FakeRuntime()
    runtime.hosts = ['::1', '192.0.2.1']
    const client = session(runtime)
    const call = unary(client)
    for (const [i, code] of ['ENETUNREACH', 'ECONNREFUSED'].entries()) {
      runtime.dialled[i]!.socket.emit('error', Object.assign(new Error(code), { code }))
      runtime.dialled[i]!.socket.destroy()
    }
    t.match((await call).error, {
      message:
        'shop.test:1: connection refused; is a server listening there? (::1 ENETUNREACH, 192.0.2.1 ECONNREFUSED)',
      cause: { code: 'TRANSPORT_REFUSED' },
    })
    await client.close()
  },
)

t.test('a process without descriptors says so to whoever dials, with the cure', async t => {
  const runtime = new FakeRuntime()
  runtime.hosts = ['192.0.2.1']
  const client = session(runtime)
  const call = unary(client)
  const code = 'EMFILE'
  runtime.dialled[0]!.socket.emit('error', Object.assign(new Error(`connect ${code}`), { code }))
  runtime.dialled[0]!.socket.destroy()
  t.match((await call).error, {
    message:
      /^shop\.test:1: this process has no file descriptor left; raise its limit \(ulimit -n\)/,
    cause: { code: 'TRANSPORT_DESCRIPTORS' },
  })
  await client.close()
})

t.test('a timeout tells what it waited for: the name server, or which addresses', async t => {
  const runtime = new FakeRuntime()
  runtime.hosts = new Promise(() => {})
  const deaf = session(runtime)
  const first = unary(deaf)
  runtime.advance(1_000)
  t.equal(
    (await first).error?.message,
    'shop.test:1: no connection within 1000 ms (the name server has not answered)',
  )
  await deaf.close()

  runtime.hosts = ['::1', '192.0.2.1', '::2']
  const lost = session(runtime)
  const second = unary(lost)
  runtime.dialled[0]!.socket.emit('error', Object.assign(new Error('x'), { code: 'EACCES' }))
  runtime.dialled[0]!.socket.destroy()
  runtime.advance(1_000)
  t.equal(
    (await second).error?.message,
    'shop.test:1: no connection within 1000 ms (of its 3 addresses, ::1 EACCES, 192.0.2.1 has not answered, ::2 has not answered)',
  )
  await lost.close()
  t.equal(lost.connectionCount, 0)
})

t.test('close waits for sockets that lost the race', async t => {
  const runtime = new FakeRuntime()
  runtime.hosts = ['192.0.2.1', '192.0.2.2']
  const client = session(runtime, { eager: true })
  runtime.advance(250)
  const [winner, loser] = runtime.dialled.map(({ socket }) => socket) as [
    (typeof runtime.dialled)[0]['socket'],
    (typeof runtime.dialled)[0]['socket'],
  ]
  loser.destroy = () => {}
  runtime.dialled[0]!.ready()
  winner.destroy()
  t.equal(client.connectionCount, 1)
  loser.emit('close')
  t.equal(client.connectionCount, 0)
  await client.close()
})
