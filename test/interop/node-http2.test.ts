import {
  type ClientHttp2Session,
  constants,
  createServer,
  type Http2Server,
  connect as http2Connect,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import t, { type Test } from 'tap'
import type {
  ConnectionHandler,
  HeaderBlock,
  Stream,
  StreamHandler,
} from '../../src/connection/index.js'
import { connect, nodeRuntime, type Server, serve } from '../../src/transport/index.js'
import { TimerHost } from '../../src/transport/runtime/timer-host.js'
import { connectionPeer } from '../../src/transport/socket/connection-peer.js'
import { SocketDriver } from '../../src/transport/socket/socket-driver.js'

/** Answers any HTTP/2 request with its own body; what it sends obeys back-pressure. */
class Echo implements ConnectionHandler {
  onStream(stream: Stream, headers: HeaderBlock, endStream: boolean): StreamHandler {
    const path = headers.list[headers.list.indexOf(':path') + 1] ?? ''
    stream.sendHeaders([':status', '200', 'x-path', path], endStream)
    return {
      onHeaders(_trailers, end) {
        if (end) stream.sendHeaders(['x-trailer', 'seen'], true)
      },
      onData(bytes, start, end, endStream) {
        stream.sendData(Buffer.from(bytes.subarray(start, end)), 0, end - start, endStream)
        stream.consume(end - start)
      },
      onDrain() {},
      onReset() {},
      onLost() {},
    }
  }

  onReceived(): void {}
}

async function echoServer(t: Test): Promise<{ server: Server; client: ClientHttp2Session }> {
  const server = await serve({ address: '127.0.0.1:0', handler: () => new Echo() })
  t.teardown(() => server.stop({ graceMs: 0 }))
  const client = http2Connect(`http://${server.address}`)
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  return { server, client }
}

function request(
  client: ClientHttp2Session,
  path: string,
  body: Buffer,
  trailers?: Record<string, string>,
): Promise<{
  headers: IncomingHttpHeaders
  body: Buffer
  trailers: IncomingHttpHeaders | undefined
}> {
  return new Promise((resolve, reject) => {
    const stream = client.request(
      { ':method': 'POST', ':path': path },
      { waitForTrailers: trailers !== undefined },
    )
    let headers: IncomingHttpHeaders = {}
    let received: IncomingHttpHeaders | undefined
    const chunks: Buffer[] = []
    stream.on('response', response => {
      headers = response
    })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}))
    stream.on('trailers', value => {
      received = value
    })
    stream.on('data', chunk => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('end', () => resolve({ headers, body: Buffer.concat(chunks), trailers: received }))
    stream.end(body)
  })
}

t.test('node:http2 client, our server: requests of many sizes at once', async t => {
  const { server, client } = await echoServer(t)
  const bodies = [0, 1, 100, 16_384, 16_385, 65_535, 65_536, 1_000_000].map(size =>
    Buffer.alloc(size, 'x'),
  )
  const replies = await Promise.all(bodies.map((body, i) => request(client, `/${i}`, body)))
  for (const [i, reply] of replies.entries()) {
    t.equal(reply.headers[':status'], 200)
    t.equal(reply.headers['x-path'], `/${i}`)
    t.ok(reply.body.equals(bodies[i]!))
  }
  t.equal(server.connectionCount, 1)
})

t.test('node:http2 client, our server: trailers', async t => {
  const { client } = await echoServer(t)
  const { body, trailers } = await request(client, '/', Buffer.from('x'), { 'x-mine': '1' })
  t.equal(String(body), 'x')
  t.equal(trailers?.['x-trailer'], 'seen')
})

t.test('node:http2 client, our server: PING, SETTINGS and a graceful stop', async t => {
  const { server, client } = await echoServer(t)
  await request(client, '/', Buffer.from('x'))
  const roundTrip = await new Promise<number>((resolve, reject) => {
    client.ping((error, duration) => (error === null ? resolve(duration) : reject(error)))
  })
  t.ok(roundTrip >= 0)
  await new Promise<void>(resolve => client.settings({ initialWindowSize: 1_000 }, () => resolve()))
  const { body } = await request(client, '/', Buffer.alloc(50_000, 'y'))
  t.equal(body.length, 50_000)
  const code = new Promise<number>(resolve => client.on('goaway', resolve))
  await server.stop({ graceMs: 1_000 })
  t.equal(await code, constants.NGHTTP2_NO_ERROR)
})

t.test('node:http2 client, our server: a cancelled stream harms nobody else', async t => {
  const { client } = await echoServer(t)
  const doomed = client.request({ ':method': 'POST', ':path': '/' })
  doomed.on('error', () => {})
  doomed.write('x')
  doomed.close(constants.NGHTTP2_CANCEL)
  t.equal(String((await request(client, '/', Buffer.from('alive'))).body), 'alive')
})

async function theirServer(
  t: Test,
  onStream: (stream: ServerHttp2Stream) => void,
): Promise<string> {
  const server: Http2Server = createServer()
  server.on('stream', onStream)
  server.on('sessionError', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

interface Answer {
  headers: Map<string, string>[]
  body: Buffer
  resetCode: number | undefined
}

/** One request of ours, straight on the connection of a session. */
function ourRequest(t: Test, address: string, body: Buffer): Promise<Answer> {
  const timers = new TimerHost(nodeRuntime)
  const [host, port] = address.split(':')
  return new Promise(resolve => {
    const answer: Answer = { headers: [], body: Buffer.alloc(0), resetCode: undefined }
    const socket = nodeRuntime.connect({ host, port: Number(port) }, () => {
      const driver = new SocketDriver({
        runtime: nodeRuntime,
        timers,
        socket,
        role: 'client',
        handler: {
          onStream() {
            throw new Error('no')
          },
          onReceived() {},
        },
        owner: {
          onSettings() {
            const finish = (): void => {
              resolve(answer)
              driver.shutdown()
            }
            const stream = driver.connection.open(
              [':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'x'],
              false,
              {
                onHeaders(headers, end) {
                  const map = new Map<string, string>()
                  for (let i = 0; i < headers.list.length; i += 2) {
                    map.set(headers.list[i]!, headers.list[i + 1]!)
                  }
                  answer.headers.push(map)
                  if (end) finish()
                },
                onData(bytes, start, end, endStream) {
                  answer.body = Buffer.concat([answer.body, bytes.subarray(start, end)])
                  stream.consume(end - start)
                  if (endStream) finish()
                },
                onDrain() {},
                onReset(code) {
                  answer.resetCode = code
                  finish()
                },
                onLost() {
                  finish()
                },
              },
            )
            stream.sendData(body, 0, body.length, true)
          },
          onGoaway() {},
          onCapacity() {},
          onHandlerError(error) {
            t.fail(String(error))
          },
          onClosed() {},
          onGone() {},
        },
        peer: connectionPeer({ local: '', remote: address, isTls: false }),
      })
      t.teardown(() => driver.destroy())
    })
    socket.on('error', error => t.fail(error.message))
  })
}

t.test('our client, node:http2 server: a body, trailers and an interim response', async t => {
  const address = await theirServer(t, stream => {
    stream.additionalHeaders({ ':status': 103, link: '</x>' })
    stream.respond({ ':status': 200, 'x-a': 'b' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }))
    stream.pipe(stream)
  })
  const body = Buffer.alloc(500_000, 'z')
  const answer = await ourRequest(t, address, body)
  t.same(
    answer.headers.map(headers => headers.get(':status')),
    ['103', '200', undefined],
  )
  t.equal(answer.headers[2]?.get('x-end'), 'yes')
  t.ok(answer.body.equals(body))
})

t.test('our client, node:http2 server: RST_STREAM carries its code', async t => {
  const address = await theirServer(t, stream => {
    stream.on('error', () => {})
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
  })
  const { resetCode } = await ourRequest(t, address, Buffer.from('x'))
  t.equal(resetCode, constants.NGHTTP2_REFUSED_STREAM)
})

t.test('our session, node:http2 server: connects, and closes without a trace', async t => {
  const address = await theirServer(t, stream => stream.respond({ ':status': 200 }))
  const session = connect(address)
  await session.connect()
  t.ok(session.connected)
  await session.close()
  t.equal(session.connectionCount, 0)
})
