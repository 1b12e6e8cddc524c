import t from 'tap'
import { GrpcError, type HeaderBlock, Router, Status } from '../../src/grpc/index.js'
import { grpcContentType, grpcSubtype, responseHeaders } from '../../src/grpc/wire/content-type.js'
import {
  answer,
  block,
  field,
  framed,
  method,
  RecordingRoute,
  requestFields,
  ServerSide,
} from './support.js'
import { WireServer } from './wire.js'

t.test('R4: a gRPC content type ends after application/grpc, or goes on with + or ;', t => {
  const good: readonly (readonly [string, string])[] = [
    ['application/grpc', ''],
    ['application/grpc+proto', 'proto'],
    ['application/grpc+json', 'json'],
    ['Application/GRPC+Proto', 'proto'],
    ['application/grpc;charset=utf-8', ''],
    ['application/grpc+json; charset=utf-8', 'json'],
    ['application/grpc ;x=y', ''],
  ]
  for (const [text, subtype] of good) t.equal(grpcSubtype(text), subtype, text)
  for (const text of [
    '',
    'application/grpc-web',
    'application/grpc-web+proto',
    'application/grpcfoo',
    'application/json',
    'text/html',
    'xapplication/grpc',
  ]) {
    t.equal(grpcSubtype(text), undefined, text)
  }
  t.equal(grpcContentType(''), 'application/grpc')
  t.equal(grpcContentType('json'), 'application/grpc+json')
  t.end()
})

t.test('R5: response headers are one list for each subtype and encoding', t => {
  t.equal(
    responseHeaders('json', ''),
    responseHeaders('json', ''),
    'the same list, so that its encoded form is found again',
  )
  t.same(responseHeaders('', 'gzip'), [
    ':status',
    '200',
    'content-type',
    'application/grpc',
    'grpc-encoding',
    'gzip',
  ])
  for (let i = 0; i < 100; i++) responseHeaders(`many${i}`, '')
  t.not(responseHeaders('many99', ''), responseHeaders('many99', ''), 'what is kept is bounded')
  t.end()
})

t.test('R2: another HTTP method than POST gets 405 and runs nothing', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  for (const verb of ['GET', 'PUT', 'OPTIONS']) {
    const stream = server.open({ ':method': verb })
    server.turn()
    t.match(answer(stream), { http: '405', status: 13, isTrailersOnly: true })
    t.equal(field(answer(stream).headers, 'allow'), 'POST')
    t.same(answer(stream).resets, [0], 'the rest of the request is not wanted')
  }
  t.same(route.heard, [])
  t.end()
})

t.test('R3: a request without te is served', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  server.open({ te: undefined })
  server.turn()
  t.same(route.heard, ['start'])
  t.end()
})

t.test('R4: another content type gets 415, and no OK', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  for (const type of [
    'application/grpc-web+proto',
    'application/grpcfoo',
    'text/html',
    undefined,
  ]) {
    const stream = server.open({ 'content-type': type }, true)
    server.turn()
    t.match(answer(stream), { http: '415', status: 13, isTrailersOnly: true, resets: [] })
  }
  t.same(route.heard, [])
  t.end()
})

t.test('R4: a subtype without codec is UNIMPLEMENTED', t => {
  const server = new ServerSide([new RecordingRoute('unary')])
  const stream = server.open({ 'content-type': 'application/grpc+thrift' })
  t.match(answer(stream), {
    http: '200',
    status: 12,
    message: /application\/grpc\+thrift/,
    isTrailersOnly: true,
  })
  const onlyIn = { ...method('unary', '/t.T/In'), response: new Map() }
  server.router.add({ method: onlyIn, start: () => undefined })
  t.match(answer(server.open({ ':path': '/t.T/In' })), { status: 12 })
  t.end()
})

t.test('R5: the response has the subtype of the request', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond('x')
  const server = new ServerSide([route])
  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc+json']) {
    const stream = server.unary('hi', { 'content-type': type })
    t.equal(field(answer(stream).headers, 'content-type'), type)
  }
  t.same(
    route.calls.map(({ subtype }) => subtype),
    ['proto', 'proto', 'json'],
  )
  t.end()
})

t.test('R5: so has a response that is only a status, whoever ends the call', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => call.fail(new GrpcError(Status.NotFound, 'none'))
  const server = new ServerSide([route])
  const json = { 'content-type': 'application/grpc+json' }
  for (const stream of [
    server.unary('hi', json),
    server.unary('bad', json),
    server.unary('hi', { ...json, 'grpc-timeout': 'x' }),
    server.unary('hi', { ...json, 'grpc-timeout': '0n' }),
    server.unary('hi', { ...json, 'x-bin': '?' }),
    server.unary('hi', { ...json, 'grpc-encoding': 'foo' }),
  ]) {
    t.ok(answer(stream).isTrailersOnly)
    t.equal(field(answer(stream).headers, 'content-type'), 'application/grpc+json')
  }
  t.equal(route.calls.length, 1)
  t.end()
})

t.test('R6: a malformed grpc-timeout is INTERNAL', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  for (const timeout of ['123456789S', 'abc5Sxyz', '', '1', '-1S']) {
    const stream = server.open({ 'grpc-timeout': timeout })
    t.match(answer(stream), {
      http: '200',
      status: 13,
      message: /malformed grpc-timeout/,
      isTrailersOnly: true,
    })
  }
  t.equal(route.calls.length, 0)
  t.end()
})

t.test('R9: a call that is over on arrival gets DEADLINE_EXCEEDED and runs nothing', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const stream = server.unary('hi', { 'grpc-timeout': '0n' })
  t.match(answer(stream), { status: 4, isTrailersOnly: true })
  t.equal(route.calls.length, 0)
  t.end()
})

t.test(
  'R14: unknown service, unknown method and malformed path are UNIMPLEMENTED, each in its words',
  t => {
    const route = new RecordingRoute('bidi')
    const server = new ServerSide([route])
    const message = (path: string): string | undefined => {
      const reply = answer(server.open({ ':path': path }))
      t.match(reply, { http: '200', status: 12, isTrailersOnly: true }, path)
      return reply.message
    }
    t.equal(message('/u.U/M'), 'unknown service u.U')
    t.equal(message('/t.T/N'), 'unknown method N for service t.T')
    t.equal(message('/t.T/No%pe x'), 'unknown method No%25pe x for service t.T')
    for (const path of ['t.T/M', '/M', '/', '*', '//', '/t.T/'])
      t.match(message(path), /^malformed method name/, path)
    // CVE-2026-33186: a path is its octets; what is nearly a method is another one.
    for (const path of [
      '/t.T/M/',
      '//t.T/M',
      '/t.T//M',
      '/t.T/M?x',
      '/T.T/M',
      '/t.T/m',
      '/t.T/%4D',
    ])
      t.match(message(path), /^(unknown|malformed) /, path)
    t.same(route.heard, [])
    t.end()
  },
)

t.test('R14: a message about a long path is bounded', t => {
  const server = new ServerSide([])
  const reply = answer(server.open({ ':path': `/${'%'.repeat(6_000)}/M` }))
  t.ok(reply.message!.length <= 4_096)
  t.end()
})

t.test('M4: base64 that is none, in a -bin field, is INTERNAL', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const stream = server.unary('hi', { 'x-bin': 'AA,not base64' })
  t.match(answer(stream), { status: 13, message: /x-bin/, isTrailersOnly: true })
  t.equal(route.calls.length, 0)
  server.unary('hi', { 'x-bin': 'AA==, AQ' })
  t.same(route.call.metadata.getBinaryAll('x-bin'), [new Uint8Array([0]), new Uint8Array([1])])
  t.end()
})

t.test('M8: metadata above the limit is refused with 431 and the sizes', t => {
  const server = new ServerSide([new RecordingRoute('unary')], { limits: { metadataSizeMax: 400 } })
  const big = server.open({ a: 'x'.repeat(400) })
  t.match(answer(big), {
    http: '431',
    status: 8,
    message: /larger than max \(\d+ vs. 400\)/,
    isTrailersOnly: true,
  })
  t.end()
})

t.test('M10: many small entries are fine', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const extra = Array.from({ length: 300 }, (_, i) => [`k${i}`, 'v']).flat()
  server.unary('hi', {}, extra)
  t.equal(route.call.metadata.size, 300)
  t.end()
})

t.test('M7: :authority and user-agent are readable, protocol fields are not metadata', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  server.unary('hi', { 'user-agent': 'me', x: 'y', 'grpc-timeout': '1S' })
  t.equal(route.call.authority, 'there:1')
  t.same(
    [...route.call.metadata],
    [
      ['user-agent', 'me'],
      ['x', 'y'],
    ],
  )
  server.unary('hi', { ':authority': undefined })
  t.equal(route.call.authority, '')
  t.end()
})

t.test('R13 (A41): host stands in for a missing :authority, and only then', t => {
  const route = new RecordingRoute('unary')
  const server = new WireServer([route])
  const withoutAuthority = requestFields({ ':authority': undefined })
  server.probe([...withoutAuthority, 'host', 'a:1'], framed('hi'))
  t.equal(route.call.authority, 'a:1')
  t.same([...route.call.metadata], [], 'host is no metadata')
  server.probe([...requestFields(), 'host', 'THERE:1'], framed('hi'))
  t.equal(route.call.authority, 'there:1', ':authority wins')
  t.end()
})

t.test('Router: adds, finds, removes, and asks catchAll', t => {
  const router = new Router()
  const route = new RecordingRoute('unary')
  router.add(route)
  t.equal(router.get('/t.T/M'), route)
  t.throws(() => router.add(route), { name: 'RangeError', message: /has a route already/ })
  for (const path of ['x', '/x', '/x/', '//x', '']) {
    t.throws(() => router.add(new RecordingRoute('unary', path)), TypeError, path)
  }
  router.add(new RecordingRoute('unary', '/t.T/N'))
  router.remove('/t.T/M')
  router.remove('/t.T/M')
  t.equal(router.get('/t.T/M'), undefined)
  t.equal(router.explain('/t.T/M'), 'unknown method M for service t.T')
  router.remove('/t.T/N')
  t.equal(router.explain('/t.T/M'), 'unknown service t.T')
  const asked: string[] = []
  router.catchAll = path => {
    asked.push(path)
    return path.startsWith('/any') ? route : undefined
  }
  t.equal(router.get('/any/thing'), route)
  t.equal(router.get('/other/thing'), undefined)
  t.same(asked, ['/any/thing', '/other/thing'])
  t.type(router.catchAll, 'function')
  t.end()
})

t.test('a header block that comes again is not looked at again', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  let lookups = 0
  const list = requestFields()
  const same: HeaderBlock = {
    get list() {
      lookups++
      return list
    },
    size: 100,
    cache: undefined,
  }
  server.openBlock(same)
  const seen = lookups
  t.ok(seen > 0)
  for (let i = 0; i < 5; i++) server.openBlock(same)
  server.turn()
  t.equal(lookups, seen)
  t.equal(route.calls.length, 6)
  server.router.remove('/t.T/M')
  const refused = server.openBlock(same)
  t.equal(answer(refused).status, 12, 'unless the router has changed')
  // Its router has changed as often: only the reader tells them apart.
  const other = new ServerSide([new RecordingRoute('bidi'), new RecordingRoute('bidi', '/t.T/N')])
  t.equal(other.router.revision, server.router.revision)
  t.equal(answer(other.openBlock(same)).status, undefined, 'or another server asks')
  t.end()
})

t.test('a refusal hears nothing more', t => {
  const server = new ServerSide([])
  const stream = server.openBlock(block(requestFields()))
  stream.handler.onHeaders(block([]), true)
  stream.handler.onData(Buffer.alloc(0), 0, 0, true)
  stream.handler.onDrain()
  stream.handler.onReset(8, true)
  stream.handler.onLost(new Error('gone'), false)
  server.turn()
  t.equal(stream.sent.length, 2)
  t.equal(stream.heldCount, 0, 'no handler runs, so it does not count as running')
  t.end()
})
