import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { lendReads } from '../../src/transport/node/lent-reads.js'
import { nodeRuntime } from '../../src/transport/node/node-runtime.js'
import type { RawSocket } from '../../src/transport/runtime/runtime.js'
import { FakeSocket } from './fake-runtime.js'
import { CERT as cert, KEY as key } from './stored-certificate.js'

/** What one end heard. */
class Ear {
  readonly memory = new Set<ArrayBufferLike>()
  readonly events: string[] = []
  text = ''
  readonly lent: boolean
  #wanted = 0
  #enough: () => void = () => {}

  constructor(socket: RawSocket) {
    socket.on('data', () => this.events.push('data'))
    socket.on('end', () => this.events.push('end'))
    socket.on('error', () => this.events.push('error'))
    socket.on('close', () => this.events.push('close'))
    this.lent = lendReads(socket, (bytes, size) => {
      this.memory.add(bytes.buffer)
      this.text += bytes.toString('latin1', 0, size)
      if (this.text.length >= this.#wanted) this.#enough()
    })
  }

  async has(size: number): Promise<void> {
    if (this.text.length >= size) return
    this.#wanted = size
    await new Promise<void>(resolve => {
      this.#enough = resolve
    })
  }
}

interface Ends {
  readonly server: Socket
  readonly client: Socket
}

/** Both ends of a connection of the runtime, told of before anything was read. */
async function connected(t: Test, tls: boolean, onEnd: (socket: RawSocket) => void): Promise<Ends> {
  let accepted: (socket: Socket) => void = () => {}
  const server = new Promise<Socket>(resolve => {
    accepted = resolve
  })
  const options = { host: '127.0.0.1', port: 0, handshakeTimeoutMs: 5_000 }
  const listener = await nodeRuntime.listen(tls ? { ...options, tls: { cert, key } } : options, {
    onSocket(socket) {
      onEnd(socket)
      accepted(socket as unknown as Socket)
    },
    onHandshake: () => true,
    onHandshakeEnd() {},
    onError: error => t.fail(error.message),
    onAcceptError: error => t.fail(error.message),
  })
  const client = await new Promise<Socket>(resolve => {
    const socket = nodeRuntime.connect(
      {
        host: '127.0.0.1',
        port: listener.port,
        tls: tls ? { ca: cert, checkServerIdentity: () => undefined } : undefined,
      },
      () => {
        onEnd(socket)
        resolve(socket as unknown as Socket)
      },
    )
  })
  const ends = { client, server: await server }
  t.teardown(async () => {
    ends.client.destroy()
    ends.server.destroy()
    await listener.close()
  })
  return ends
}

for (const tls of [false, true]) {
  const kind = tls ? 'TLS' : 'TCP'

  t.test(`${kind}: all sockets of Node, of both ends, are read into one buffer`, async t => {
    const ears = new Map<unknown, Ear>()
    const { client, server } = await connected(t, tls, end => ears.set(end, new Ear(end)))
    const [called, served] = [ears.get(client)!, ears.get(server)!]
    t.ok(called.lent && served.lent)
    const texts = ['up', 'down'].map(word => `${word} `.repeat(100_000))
    client.write(texts[0]!, 'latin1')
    server.write(texts[1]!, 'latin1')
    await Promise.all([served.has(texts[0]!.length), called.has(texts[1]!.length)])
    t.ok(served.text === texts[0] && called.text === texts[1], 'all octets, in order')
    t.equal(new Set([...served.memory, ...called.memory]).size, 1)
    t.notOk([...served.events, ...called.events].includes('data'))
  })

  t.test(`${kind}: whose reads are lent is paused, resumed, ended and closed as ever`, async t => {
    const ears = new Map<RawSocket, Ear>()
    const { client, server } = await connected(t, tls, socket => ears.set(socket, new Ear(socket)))
    const ear = ears.get(server as unknown as RawSocket)!
    server.pause()
    client.write('one')
    await new Promise(resolve => setTimeout(resolve, 20))
    t.equal(ear.text, '', 'nothing is read')
    server.resume()
    await ear.has(3)
    t.equal(ear.text, 'one')
    client.end('two')
    await once(server, 'end')
    t.equal(ear.text, 'onetwo', 'the last octets come before the end')
    t.ok(server.writable, 'our side is open')
    server.end()
    await once(server, 'close')
    t.same(ear.events, ['end', 'close'])
  })
}

t.test('a connection that is reset is an error of its socket', async t => {
  const ears = new Map<RawSocket, Ear>()
  const { client, server } = await connected(t, false, socket => ears.set(socket, new Ear(socket)))
  client.resetAndDestroy()
  await new Promise(resolve => server.once('close', resolve))
  t.same(ears.get(server as unknown as RawSocket)!.events, ['error', 'close'])
})

t.test('what was read before, or is no socket of Node, is not lent', async t => {
  t.notOk(lendReads(new FakeSocket(), () => t.fail('called')))
  const early: Socket[] = []
  const { client, server } = await connected(t, false, socket =>
    early.push(socket as unknown as Socket),
  )
  client.write('early')
  while (server.readableLength === 0) await new Promise(resolve => setImmediate(resolve))
  t.notOk(lendReads(server as unknown as RawSocket, () => t.fail('called')))
  const [chunk] = await once(server, 'data')
  t.equal(String(chunk), 'early')
})
