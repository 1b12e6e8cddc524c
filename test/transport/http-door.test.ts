import { constants, connect as http2Connect, type IncomingHttpHeaders } from 'node:http2'
import t, { type Test } from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/micro/index.js'
import { type HttpRequest, type OnRequest, serve } from '../../src/transport/index.js'
import { HttpExchange } from '../../src/transport/server/http-exchange.js'
import { peerOf } from '../../src/transport/socket/connection-peer.js'
import { REQUEST } from '../support/frames.js'
import { withStream } from '../support/peer.js'
import { acceptorOf, routerWith } from './calls.js'

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** RST_STREAM of the server; 0 is NO_ERROR, or none. */
  readonly code: number
}

type Ask = (
  headers: Record<string, string | string[]>,
  body?: Buffer,
  ends?: boolean,
) => Promise<Answer>

/** A server with the hook, and how a client of node:http2 asks it. */
async function served(
  t: Test,
  onRequest: OnRequest | undefined,
): Promise<{ ask: Ask; errors: Error[]; client: ReturnType<typeof http2Connect> }> {
  const errors: Error[] = []
  const server = await serve({
    address: '127.0.0.1:0',
    handler: acceptorOf(routerWith()),
    onError: error => errors.push(error),
    ...(onRequest === undefined ? {} : { onRequest }),
  })
  const client = http2Connect(`http://${server.address}`, {
    settings: { maxHeaderListSize: 16_384 },
  })
  client.on('error', () => {})
  t.teardown(async () => {
    client.destroy()
    await server.stop({ graceMs: 0 })
  })
  const ask: Ask = (headers, body, ends = true) =>
    new Promise((resolve, reject) => {
      const stream = client.request(headers, { endStream: body === undefined && ends })
      let got: IncomingHttpHeaders = {}
      let text = ''
      stream.setEncoding('utf8')
      stream.on('response', response => {
        got = response
      })
      stream.on('data', (chunk: string) => {
        text += chunk
      })
      stream.on('error', reject)
      stream.on('close', () => resolve({ headers: got, body: text, code: stream.rstCode }))
      if (body !== undefined) {
        if (ends) stream.end(body)
        else stream.write(body)
      }
    })
  return { ask, errors, client }
}

t.test('onRequest answers requests that are not gRPC: method, path, headers, body', async t => {
  const seen: HttpRequest[] = []
  const { ask, errors } = await served(t, async request => {
    seen.push(request)
    return { status: 201, headers: { 'X-Mine': 'yes' }, body: `${request.method} ${request.path}` }
  })
  const got = await ask({ ':path': '/healthz?full=1', 'x-a': ['1', '2'], __proto__: 'x' } as never)
  t.equal(got.body, 'GET /healthz?full=1')
  t.match(got.headers, {
    ':status': 201,
    'x-mine': 'yes',
    'content-type': 'text/plain; charset=utf-8',
    'content-length': '19',
  })
  t.equal(seen[0]?.headers['x-a'], '1, 2')
  t.match(seen[0]?.authority, /^127\.0\.0\.1:\d+$/)
  t.match(seen[0]?.peer, { encrypted: false, address: /^127\.0\.0\.1:\d+$/ })
  t.equal(seen[0]?.body.length, 0)
  const posted = await ask(
    { ':method': 'POST', ':path': '/x', 'content-type': 'text/plain' },
    Buffer.from('body'),
  )
  t.equal(posted.body, 'POST /x')
  t.equal(String(seen[1]?.body), 'body')
  t.same(errors, [])
})

t.test('onRequest: HEAD, 204 and 304 have no body; octets go as they are', async t => {
  const { ask } = await served(t, ({ path }) =>
    path === '/octets'
      ? { headers: { 'content-type': 'image/x' }, body: Buffer.from('abc') }
      : { status: Number(path.slice(1)), body: 'text' },
  )
  t.match(await ask({ ':method': 'HEAD', ':path': '/200' }), {
    body: '',
    headers: { 'content-length': '4' },
  })
  for (const status of [204, 304]) {
    const got = await ask({ ':path': `/${status}` })
    t.equal(got.headers[':status'], status)
    t.equal(got.body, '')
    t.equal(got.headers['content-length'], undefined)
  }
  t.match(await ask({ ':path': '/octets' }), {
    body: 'abc',
    headers: { 'content-type': 'image/x' },
  })
})

t.test(
  'onRequest: undefined is 404; what is thrown, or cannot be sent, is 500 and told to onError',
  async t => {
    const answers: Record<string, () => unknown> = {
      '/none': () => undefined,
      '/throws': () => {
        throw new Error('hook')
      },
      '/rejects': () => Promise.reject(new Error('later')),
      '/nothing': () => {
        throw Object.create(null)
      },
      '/text': () => 'ok',
      '/status': () => ({ status: 101 }),
      '/body': () => ({ body: 5 }),
      '/header': () => ({ headers: { 'x y': 'z' } }),
      '/pseudo': () => ({ headers: { ':status': '200' } }),
      '/hop': () => ({ headers: { connection: 'close' } }),
      '/length': () => ({ headers: { 'content-length': '5' } }),
      '/large': () => ({ headers: { 'x-large': 'x'.repeat(1 << 20) } }),
    }
    const { ask, errors } = await served(t, ({ path }) => answers[path]?.() as never)
    for (const path of Object.keys(answers)) {
      const expected = path === '/none' ? 404 : 500
      const { headers, body } = await ask({ ':path': path })
      t.equal(headers[':status'], expected, path)
      t.notMatch(body, /hook|later/, 'callers hear nothing of it')
    }
    t.equal(errors.length, Object.keys(answers).length - 1)
    t.match(errors[0], { message: 'hook' })
    t.match(errors[4]?.message, /status 101; expected 200 to 599/)
  },
)

t.test('onRequest: a body above 65,536 octets is 413, and not waited for', async t => {
  let asked = 0
  const { ask } = await served(t, () => {
    asked++
    return { body: 'ok' }
  })
  const post = { ':method': 'POST', ':path': '/' }
  t.equal((await ask(post, Buffer.alloc(65_536))).body, 'ok')
  const large = await ask(post, Buffer.alloc(65_537), false)
  t.equal(large.headers[':status'], 413)
  t.equal(large.code, constants.NGHTTP2_NO_ERROR)
  t.equal(asked, 1)
})

t.test('onRequest: the signal says that the client has gone', async t => {
  let signal: AbortSignal | undefined
  let onAsked: () => void = () => {}
  const asked = new Promise<void>(resolve => {
    onAsked = resolve
  })
  let onAborted: (reason: unknown) => void = () => {}
  const aborted = new Promise(resolve => {
    onAborted = resolve
  })
  const { client, errors } = await served(t, request => {
    signal = request.signal
    signal.addEventListener('abort', () => onAborted(signal?.reason))
    onAsked()
    return new Promise(() => {})
  })
  const stream = client.request({ ':path': '/' })
  stream.on('error', () => {})
  await asked
  t.equal(signal?.aborted, false)
  stream.close(constants.NGHTTP2_CANCEL)
  t.match(await aborted, { message: /cancelled/ })
  t.same(errors, [])
})

t.test(
  'onRequest: what calls itself application/grpc stays with gRPC; without the hook all does',
  async t => {
    const hooked = await served(t, () => ({ body: 'hook' }))
    for (const type of ['application/grpc', 'application/grpc-web', 'Application/GRPC+proto']) {
      const got = await hooked.ask({ ':method': 'GET', ':path': '/', 'content-type': type })
      t.equal(got.headers[':status'], 405, type)
    }
    const plain = await served(t, undefined)
    t.equal((await plain.ask({ ':path': '/healthz' })).headers[':status'], 405)
    const post = { ':method': 'POST', ':path': '/healthz', 'content-type': 'text/plain' }
    t.equal((await plain.ask(post, Buffer.from('x'))).headers[':status'], 415)
  },
)

t.test('createServer({ onRequest }) answers beside its services', async t => {
  const service = defineService('a.v1.A', {
    one: { kind: 'unary', request: jsonCodec<string>(), response: jsonCodec<string>() },
  })
  const server = createServer({ name: 'a', onRequest: () => ({ body: 'healthy' }) })
  server.handle(service, { one: request => request })
  await server.start()
  const client = createClient({ address: server.address })
  t.equal(await client.bind(service).one('hi'), 'hi')
  const http = http2Connect(`http://${server.address}`)
  const stream = http.request({ ':path': '/healthz' })
  stream.setEncoding('utf8')
  let body = ''
  for await (const chunk of stream) body += chunk
  t.equal(body, 'healthy')
  http.close()
  await client.close()
  await server.stop()
  t.throws(
    () => createServer({ name: 'a', onRequest: 5 as never }),
    /onRequest is a number; expected a function/,
  )
})

t.test('onRequest: a request that does not go on is 408 after 60 s', async t => {
  const { peer, connection, stream } = withStream({ role: 'server' })
  const options = { peer: peerOf(connection), onRequest: () => ({}), onError: t.error }
  stream.handler = new HttpExchange(stream, REQUEST, false, options)
  const [timer] = [connection.timers.count]
  connection.advance(1_000 + 59_999)
  peer.expectsNothing()
  connection.advance(1_000 + 60_000)
  t.equal(peer.takes()[0]?.list?.[1], '408')
  t.ok(connection.timers.count < timer, 'its timer is gone')
})
