import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { SimulatedNetwork } from '../../src/testing/index.js'
import { connect, type Session } from '../../src/transport/client/session.js'
import { unary } from './calls.js'
import { FakeRuntime } from './fake-runtime.js'
import { ours, start, until } from './tls-rig.js'

const PROXY = 'http://ann:secret@192.0.2.9:3128'

interface Rig {
  readonly runtime: FakeRuntime
  readonly client: Session
  readonly failed: Promise<Error>
}

function rig(): Rig {
  const runtime = new FakeRuntime()
  const client = connect('shop.test:50051', { runtime, proxy: PROXY, connectTimeoutMs: 1_000 })
  const failed = client.connect().then(
    () => new Error('it connected'),
    error => error as Error,
  )
  return { runtime, client, failed }
}

t.test(
  'R34: the proxy is asked for the name, with credentials; nobody looks the name up',
  async t => {
    const { runtime, client } = rig()
    runtime.lookup = () => t.fail('looked up') as never
    t.equal(runtime.dialled.length, 1)
    const { options, socket, ready } = runtime.dialled[0]!
    t.match(options, { host: '192.0.2.9', port: 3128, tls: undefined })
    ready()
    const secret = Buffer.from('ann:secret').toString('base64')
    t.equal(
      Buffer.concat(socket.written).toString(),
      `CONNECT shop.test:50051 HTTP/1.1\r\nHost: shop.test:50051\r\nProxy-Authorization: Basic ${secret}\r\n\r\n`,
    )
    t.equal(client.authority, 'shop.test:50051', "A1: authority stays the server's")
    socket.emit('data', Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))
    t.match(Buffer.concat(socket.written).toString(), /PRI \* HTTP\/2\.0/)
  },
)

t.test('errors of a proxy name it and what it said, and not its password', async t => {
  const ends: [string, (rig: Rig) => void, string, RegExp][] = [
    [
      'refused',
      ({ runtime }) => {
        const { socket } = runtime.dialled[0]!
        socket.emit('error', Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) as never)
        socket.destroy()
      },
      'TRANSPORT_REFUSED',
      /^shop\.test:50051: the proxy cannot be reached: 192\.0\.2\.9:3128: connection refused/,
    ],
    [
      '407',
      ({ runtime }) => {
        runtime.dialled[0]!.ready()
        const text = 'HTTP/1.1 407 Who are you\r\n\r\n'
        runtime.dialled[0]!.socket.emit('data', Buffer.from(text) as never)
      },
      'TRANSPORT_PROXY',
      /^shop\.test:50051: the proxy 192\.0\.2\.9:3128 refused to connect: 407 Who are you; give it a user/,
    ],
    [
      'no HTTP',
      ({ runtime }) => {
        runtime.dialled[0]!.ready()
        runtime.dialled[0]!.socket.emit('data', Buffer.from('SSH-2.0') as never)
      },
      'TRANSPORT_PROXY',
      /what it answered is no HTTP\/1\.1; is it an HTTP proxy\?$/,
    ],
    [
      'closed',
      ({ runtime }) => {
        runtime.dialled[0]!.ready()
        runtime.dialled[0]!.socket.emit('end')
      },
      'TRANSPORT_PROXY',
      /closed the connection without an answer to CONNECT$/,
    ],
    [
      'silent proxy',
      ({ runtime }) => runtime.advance(1_000),
      'TRANSPORT_TIMEOUT',
      /no connection within 1000 ms \(the proxy 192\.0\.2\.9:3128 has not answered\)$/,
    ],
    [
      'silent after CONNECT',
      ({ runtime }) => {
        runtime.dialled[0]!.ready()
        runtime.advance(1_000)
      },
      'TRANSPORT_TIMEOUT',
      /\(the proxy 192\.0\.2\.9:3128 has not answered CONNECT\)$/,
    ],
  ]
  for (const [about, end, code, message] of ends) {
    const made = rig()
    end(made)
    const error = await made.failed
    t.match(error, { code, message, address: 'shop.test:50051' }, about)
    t.notMatch(String(error), 'secret')
    t.ok(
      made.runtime.dialled.every(({ socket }) => socket.destroyed),
      `${about}: nothing is left`,
    )
    t.equal(made.client.connectionCount, 0, about)
  }
})

t.test(
  'what a server says together with the answer to CONNECT is not lost (simulated network)',
  async t => {
    const hosts = { gate: ['10.0.0.9'] }
    const network = new SimulatedNetwork({ seed: 1, hosts, conditions: { pieceSizeMax: 65_536 } })
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
    const heard: string[] = []
    await network.listen(
      { host: '10.0.0.9', port: 3128, handshakeTimeoutMs: 1_000 },
      {
        onHandshake: () => true,
        onHandshakeEnd: () => undefined,
        onError: () => undefined,
        onAcceptError: () => undefined,
        onSocket(socket) {
          socket.on('data', chunk => {
            heard.push(chunk.toString('latin1', 0, 12))
            if (heard.length > 1) return
            socket.write(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), settings]))
          })
          socket.on('close', () => undefined)
        },
      },
    )
    const client = connect('shop:50051', { runtime: network, proxy: 'http://gate:3128' })
    await network.clock.run(client.connect(), 10_000)
    t.ok(client.connected, 'the SETTINGS that came with the answer were read')
    await network.clock.idle(100)
    t.same(heard.slice(0, 2), ['CONNECT shop', 'PRI * HTTP/2'])
    await network.clock.run(client.close(), 60_000)
  },
)

/** A proxy of the real network. */
function realProxy(t: Test): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const proxy = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', chunk => {
      const target = String(chunk).split(' ')[1]!
      asked.push(target)
      const [, port] = target.split(':')
      const server = new (socket.constructor as new () => Socket)()
      sockets.add(server)
      server.on('error', () => socket.destroy())
      server.connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        socket.pipe(server).pipe(socket)
      })
    })
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  return new Promise(resolve => {
    proxy.listen(0, '127.0.0.1', () => {
      resolve({ port: (proxy.address() as { port: number }).port, asked })
    })
  })
}

t.test(
  'live: calls through a proxy, plain and over TLS inside; certificates are asked of the server',
  async t => {
    for (const isSecure of [false, true]) {
      const { port } = await start(t, isSecure ? {} : { tls: undefined as never })
      const proxy = await realProxy(t)
      const client = connect(`localhost:${port}`, {
        proxy: `http://127.0.0.1:${proxy.port}`,
        ...(isSecure ? { tls: { ca: ours.cert } } : {}),
      })
      t.equal((await unary(client)).error, undefined, isSecure ? 'TLS' : 'plain')
      t.same(proxy.asked, [`localhost:${port}`])
      await client.close()
    }
    const { port } = await start(t)
    const proxy = await realProxy(t)
    const client = connect(`127.0.0.1:${port}`, {
      proxy: `http://127.0.0.1:${proxy.port}`,
      tls: { ca: ours.cert },
    })
    await t.rejects(client.connect(), { code: 'TRANSPORT_TLS' }, 'of another name')
    await client.close()
  },
)

t.test(
  'live: SETTINGS in one piece with the answer to CONNECT are read, whoever lends the memory',
  async t => {
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
    const ping = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, ...Buffer.from('12345678')])
    const heard: Buffer[] = []
    const proxy = createServer(socket => {
      socket.on('error', () => undefined)
      socket.once('data', () => {
        socket.write(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), settings]))
        socket.on('data', chunk => {
          if (heard.length === 0) socket.write(ping)
          heard.push(chunk)
        })
      })
    })
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as { port: number }
    const client = connect('shop.test:1', { proxy: `http://127.0.0.1:${port}` })
    await client.connect()
    await until(() => Buffer.concat(heard).includes('12345678'))
    t.pass('what comes later is read as well: its PING was answered')
    await client.close()
    proxy.close()
  },
)
