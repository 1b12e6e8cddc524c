import t from 'tap'
import {
  CallConnector,
  type Connection,
  callLimits,
  ErrorCode,
  GrpcError,
  GZIP,
  Metadata,
  requestHeaders,
  Status,
} from '../../src/grpc/index.js'
import { frames } from '../support/frames.js'
import { ClientSide, field, framed, messages, method } from './support.js'
import { WireClient } from './wire.js'

/** A unary call that was sent. */
function sent(options: ConstructorParameters<typeof ClientSide>[1] = {}): ClientSide {
  const side = new ClientSide('unary', options)
  side.call.request('hi')
  return side.start()
}

t.test('a unary call: HEADERS and DATA with END_STREAM, response, OK', t => {
  const side = sent()
  const { stream } = side
  t.same(
    stream.sent.map(({ type, endStream }) => [type, endStream]),
    [
      ['headers', false],
      ['data', true],
    ],
  )
  t.same(
    messages(stream.sentBytes).map(({ text }) => text),
    ['hi'],
  )
  side.respond(['x', 'y'])
  stream.deliver(framed('hello'))
  t.same(side.heard, [], 'the parser still runs')
  side.finish('grpc-status', '0', 'z', '1')
  t.same(side.heard, ['headers', 'status'])
  t.equal(side.code, 'OK')
  t.same(side.received, ['hello'])
  t.equal(side.metadata[0]?.get('x'), 'y')
  t.same([...side.trailers!], [['z', '1']])
  t.equal(stream.consumed, stream.delivered)
  t.same(
    stream.sent.filter(({ type }) => type === 'reset'),
    [],
  )
  t.equal(side.call.read(), undefined)
  t.end()
})

t.test('R1: reserved headers, then grpc-timeout, then metadata', t => {
  const side = new ClientSide('unary', {
    deadline: 1_250,
    compression: 'gzip',
    metadata: Metadata.from({ 'user-agent': 'somebody else', x: 'y' }),
  })
  side.start()
  const { fields } = side.stream.sent[0]!
  t.same(
    fields.filter((_, i) => i % 2 === 0),
    [
      ':method',
      ':scheme',
      ':path',
      ':authority',
      'te',
      'content-type',
      'grpc-accept-encoding',
      'grpc-timeout',
      'grpc-encoding',
      'x',
    ],
  )
  t.equal(field(fields, ':method'), 'POST', 'R2')
  t.equal(field(fields, ':scheme'), 'http')
  t.equal(field(fields, ':path'), '/t.T/M')
  t.equal(field(fields, 'content-type'), 'application/grpc', 'R4')
  t.equal(field(fields, 'te'), 'trailers', 'R3')
  t.equal(field(fields, 'grpc-timeout'), '250000u')
  t.end()
})

t.test('R10, R11: user-agent and grpc-accept-encoding; no grpc-encoding without compression', t => {
  const headers = requestHeaders(method('unary'), {
    authority: 'a',
    scheme: 'https',
    subtype: 'json',
    userAgent: 'grpc-node-microwire/1',
  })
  t.equal(field(headers, 'user-agent'), 'grpc-node-microwire/1')
  t.equal(field(headers, 'grpc-accept-encoding'), 'identity,gzip,deflate')
  t.equal(field(headers, 'content-type'), 'application/grpc+json')
  t.equal(field(headers, 'grpc-encoding'), undefined)
  t.equal(
    field(
      requestHeaders(method('unary'), { authority: 'a', scheme: 'http', compressions: new Map() }),
      'grpc-accept-encoding',
    ),
    'identity',
  )
  t.equal(sent().stream.sent[0]!.fields.length, headers.length - 2)
  t.end()
})

t.test('R8: a call whose time is up is not sent', t => {
  const side = new ClientSide('unary', { deadline: 1_500 })
  side.connection.now = 1_500
  side.call.request('hi')
  side.start()
  t.equal(side.connection.streams.length, 0)
  t.equal(side.code, 'DEADLINE_EXCEEDED')
  t.match(side.error, {
    message: 'deadline exceeded before the call was sent',
    origin: 'local',
    unprocessed: true,
  })
  t.same(side.heard, ['status'])
  t.end()
})

t.test('messages wait for a connection, in order; write answers false above the limit', t => {
  const side = new ClientSide('bidi', { limits: callLimits({ unsentSizeMax: 12 }) })
  t.equal(side.call.write('one'), true)
  t.equal(side.call.write('two'), false)
  t.notOk(side.call.started)
  side.start()
  t.ok(side.call.started)
  t.same(side.heard, ['drain'])
  t.equal(side.call.write('three'), true)
  side.call.halfClose()
  side.call.halfClose()
  t.same(
    messages(side.stream.sentBytes).map(({ text }) => text),
    ['one', 'two', 'three'],
  )
  const last = side.stream.sent[side.stream.sent.length - 1]!
  t.match(last, { type: 'data', endStream: true }, 'L12: the end is an empty DATA frame')
  t.equal(last.bytes.length, 0)
  t.throws(() => side.call.write('four'), { name: 'TypeError', message: 'write after halfClose' })
  t.throws(() => side.call.request('four'), TypeError)
  t.end()
})

t.test('L12: half-closed before it started, the end goes on the last message, or alone', t => {
  const side = new ClientSide('bidi', { limits: callLimits({ unsentSizeMax: 1 }) })
  side.call.write('one')
  side.call.write('two')
  side.call.halfClose()
  side.start()
  t.same(
    side.stream.sent.map(({ type, endStream }) => [type, endStream]),
    [
      ['headers', false],
      ['data', false],
      ['data', true],
    ],
  )
  t.same(side.heard, [], 'nobody waits to write')
  const empty = new ClientSide('bidi')
  empty.call.halfClose()
  empty.start()
  t.same(
    empty.stream.sent.map(({ endStream }) => endStream),
    [false, true],
  )
  const started = new ClientSide('bidi').start()
  t.same(started.stream.sent.length, 1)
  t.end()
})

t.test('one request is one', t => {
  const side = new ClientSide('server')
  side.call.write('a')
  t.throws(() => side.call.write('b'), { name: 'TypeError', message: /takes one message/ })
  side.call.halfClose()
  t.end()
})

t.test('mistakes in setting up a call are thrown at once', t => {
  t.throws(() => new ClientSide('unary', { subtype: 'thrift', deadline: 2_000 }), {
    message: '/t.T/M has no codec for subtype "thrift"',
  })
  t.throws(() => new ClientSide('unary', { compression: 'br' }), RangeError)
  const side = sent()
  t.throws(() => side.start(), { message: /started already/ })
  const waiting = new ClientSide('unary')
  waiting.connection.canOpen = false
  t.throws(() => waiting.start(), { message: /no new calls/ })
  t.throws(() => new CallConnector().onStream(), TypeError)
  t.end()
})

t.test('M9: a request larger than the server accepts fails here, with the sizes', t => {
  const side = new ClientSide('unary', { metadata: Metadata.from({ a: 'x'.repeat(1_000) }) })
  side.connection.headerListSizeMax = 900
  side.start()
  t.match(side.error, {
    code: 'RESOURCE_EXHAUSTED',
    origin: 'local',
    message: /header list of \d+/,
  })
  t.end()
})

t.test('a request that cannot be written is INTERNAL with its cause, told to the receiver', t => {
  const side = new ClientSide('unary')
  const cause = new TypeError('no such field')
  side.connection.open = () => {
    throw cause
  }
  side.start()
  t.match(side.error, { code: 'INTERNAL', message: 'no such field', unprocessed: true })
  t.equal(side.error?.cause, cause)
  t.end()
})

t.test('streams of responses: messages, then the status', t => {
  const side = new ClientSide('server').start()
  side.call.request('hi')
  side.respond()
  side.stream.deliver(Buffer.concat([framed('a'), framed('b').subarray(0, 3)]))
  side.turn()
  t.same(side.heard, ['headers', 'readable'])
  t.same(side.received, ['a'])
  t.equal(side.stream.consumed, 6)
  side.stream.deliver(Buffer.concat([framed('b').subarray(3), framed('c')]))
  side.finish('grpc-status', '0')
  t.same(side.heard, ['headers', 'readable', 'readable', 'status'])
  t.same(side.received, ['a', 'b', 'c'])
  t.equal(side.stream.consumed, side.stream.delivered)
  t.end()
})

t.test('messages that nobody has read yet stay readable after the status', t => {
  const side = new ClientSide('server').start()
  side.call.request('hi')
  side.reads = false
  side.respond()
  side.stream.deliver(Buffer.concat([framed('a'), framed('b')]))
  side.finish('grpc-status', '5', 'grpc-message', 'no more')
  t.equal(side.code, 'NOT_FOUND')
  t.equal(side.stream.consumed, side.stream.delivered, 'the connection gets its credit at once')
  side.readAll()
  t.same(side.received, ['a', 'b'])
  t.end()
})

t.test('F10: the status waits for messages that are not decoded yet', t => {
  const limits = callLimits({ queuedMessagesMax: 2 })
  const side = new ClientSide('server', { limits }).start()
  side.call.request('hi')
  side.reads = false
  side.respond()
  side.stream.deliver(Buffer.concat(['a', 'b', 'c', 'd'].map(text => framed(text))))
  side.finish('grpc-status', '0')
  t.same(side.heard, ['headers', 'readable'])
  side.stream.handler.onReset(ErrorCode.NoError, true)
  side.stream.handler.onLost(new Error('gone'), false)
  side.turn()
  t.same(
    side.heard,
    ['headers', 'readable'],
    'E2: what happens to the stream does not matter any more',
  )
  t.equal(side.call.read(), 'a')
  t.same(side.heard, ['headers', 'readable'])
  t.equal(side.call.read(), 'b')
  t.equal(side.call.read(), 'c')
  side.readAll()
  t.same(side.received, ['d'])
  t.same(side.heard, ['headers', 'readable', 'status'])
  t.equal(side.code, 'OK')
  t.end()
})

t.test('F10: a broken message found by a read ends the call inside the read', t => {
  const limits = callLimits({ queuedMessagesMax: 1 })
  const side = new ClientSide('server', { limits }).start()
  side.call.request('hi')
  side.reads = false
  side.respond()
  side.stream.deliver(Buffer.concat([framed('a'), framed('bad'), framed('c')]))
  side.turn()
  t.equal(side.call.read(), 'a')
  t.match(side.error, { code: 'INTERNAL' })
  t.same(side.heard, ['headers', 'readable', 'status'])
  const cut = new ClientSide('server', { limits }).start()
  cut.reads = false
  cut.respond()
  cut.stream.deliver(Buffer.concat([framed('a'), framed('b'), framed('c').subarray(0, 5)]))
  cut.finish('grpc-status', '0')
  cut.readAll()
  t.match(cut.error, { code: 'INTERNAL', message: 'response ended within a message' })
  t.end()
})

t.test('L1: a unary response in pieces', t => {
  const bytes = framed('a response in pieces')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const side = sent()
    side.respond()
    side.stream.deliver(bytes.subarray(0, cut))
    side.stream.deliver(bytes.subarray(cut))
    side.finish('grpc-status', '0')
    t.same([side.code, ...side.received], ['OK', 'a response in pieces'], `cut at ${cut}`)
  }
  t.end()
})

t.test('L2: a response of zero octets is a response', t => {
  const side = sent()
  side.respond()
  side.stream.deliver(framed(''))
  side.finish('grpc-status', '0')
  t.same([side.code, ...side.received], ['OK', ''])
  t.end()
})

/** The code of a unary call whose response has these octets and then OK. */
function codeAfter(
  bytes: Buffer,
  headers: readonly string[] = [],
  limits = callLimits({ messageSizeMax: 20 }),
): ClientSide {
  const side = sent({ limits })
  side.respond(headers)
  side.stream.deliver(bytes)
  side.finish('grpc-status', '0')
  return side
}

t.test('L3, L4, L5, L6: wrong flags, encodings and octets in a response are INTERNAL', t => {
  const zipped = framed(GZIP.compress(Buffer.from('hello')), 1)
  t.equal(codeAfter(framed('x', 2)).code, 'INTERNAL', 'L3')
  t.equal(codeAfter(zipped, [], callLimits({})).code, 'INTERNAL', 'L4')
  t.equal(codeAfter(zipped, ['grpc-encoding', 'identity'], callLimits({})).code, 'INTERNAL', 'L4')
  t.equal(codeAfter(framed('x', 1), ['grpc-encoding', 'foo']).code, 'INTERNAL', 'L5')
  t.equal(codeAfter(framed('x'), ['grpc-encoding', 'foo']).code, 'OK', 'L5: plain is plain')
  t.equal(codeAfter(framed('garbage', 1), ['grpc-encoding', 'gzip']).code, 'INTERNAL', 'L6')
  const good = codeAfter(zipped, ['grpc-encoding', 'gzip'], callLimits({}))
  t.same([good.code, ...good.received], ['OK', 'hello'])
  const broken = codeAfter(framed('x', 2))
  t.match(broken.stream.sent[2], { type: 'reset', code: ErrorCode.Cancel })
  t.equal(broken.stream.consumed, broken.stream.delivered)
  t.end()
})

t.test('L8: a response above the limit is RESOURCE_EXHAUSTED, plain or compressed', t => {
  t.equal(codeAfter(framed('x'.repeat(20))).code, 'OK')
  t.match(codeAfter(framed('x'.repeat(21))).error, {
    code: 'RESOURCE_EXHAUSTED',
    message: 'received message larger than max (21 vs. 20): messageSizeMax',
  })
  const small = callLimits({ messageSizeMax: 100 })
  t.equal(
    codeAfter(framed(GZIP.compress(Buffer.alloc(101)), 1), ['grpc-encoding', 'gzip'], small).code,
    'RESOURCE_EXHAUSTED',
  )
  const full = framed(GZIP.compress(Buffer.alloc(100)), 1)
  t.equal(codeAfter(full, ['grpc-encoding', 'gzip'], small).code, 'OK', 'at the limit')
  for (const kind of ['unary', 'server'] as const) {
    const early = new ClientSide(kind, { limits: small })
    early.call.request('hi')
    early.start()
    early.respond()
    early.stream.deliver(framed('x'.repeat(101)).subarray(0, 5))
    early.turn()
    t.equal(early.code, 'RESOURCE_EXHAUSTED', 'the prefix is enough')
    t.equal(early.stream.consumed, 5, 'credit goes back')
    t.match(early.stream.sent[2], { type: 'reset', code: ErrorCode.Cancel })
  }
  t.end()
})

t.test(
  'L9: requests leave compressed, but not while compressing is off, nor where that is larger',
  t => {
    const side = new ClientSide('client', { compression: 'gzip' })
    const long = 'x'.repeat(200)
    side.call.write(long)
    side.start()
    side.call.write(long)
    side.call.compressing = false
    side.call.write(long)
    side.call.compressing = true
    side.call.write('s')
    t.equal(field(side.stream.sent[0]!.fields, 'grpc-encoding'), 'gzip')
    const all = messages(side.stream.sentBytes)
    t.same(
      all.map(({ flag }) => flag),
      [1, 1, 0, 0],
    )
    t.equal(GZIP.decompress(all[0]!.payload, 1_000).toString(), long)
    t.end()
  },
)

t.test('L11: a response that ends within a message is INTERNAL', t => {
  const cut = framed('cut').subarray(0, 6)
  t.equal(codeAfter(cut).code, 'INTERNAL')
  const noTrailers = sent()
  noTrailers.respond()
  noTrailers.stream.deliver(cut, true)
  noTrailers.turn()
  t.equal(noTrailers.code, 'INTERNAL')
  const withStatus = sent()
  withStatus.respond()
  withStatus.stream.deliver(cut)
  withStatus.finish('grpc-status', '5')
  t.equal(withStatus.code, 'NOT_FOUND', 'what the server says comes first')
  t.end()
})

t.test('L13: none or two responses for one are UNIMPLEMENTED', t => {
  t.equal(codeAfter(Buffer.alloc(0)).code, 'UNIMPLEMENTED')
  const only = sent()
  only.refuse('grpc-status', '0')
  t.match(only.error, { code: 'UNIMPLEMENTED', message: 'no response message' })
  t.same(only.heard, ['status'])
  const two = codeAfter(Buffer.concat([framed('a'), framed('b')]))
  t.match(two.error, { code: 'UNIMPLEMENTED', message: 'more than one response message' })
  t.same(two.received, [])
  const apart = sent()
  apart.respond()
  apart.stream.deliver(framed('a'))
  apart.stream.deliver(framed('b'))
  apart.turn()
  t.equal(apart.code, 'UNIMPLEMENTED', 'known before the trailers')
  const stream = new ClientSide('server').start()
  stream.refuse('grpc-status', '0')
  t.equal(stream.code, 'OK', 'a stream may be empty')
  t.end()
})

t.test('M2, M4: octets in response metadata are checked; a status is not lost for them', t => {
  const headers = sent()
  headers.respond(['x-bin', '?'])
  headers.turn()
  t.match(headers.error, { code: 'INTERNAL', message: 'metadata "x-bin" is not base64' })
  const trailers = sent()
  trailers.respond()
  trailers.stream.deliver(framed('x'))
  trailers.finish('grpc-status', '0', 'x-bin', '?')
  t.equal(trailers.code, 'INTERNAL')
  const failed = sent()
  failed.refuse('grpc-status', '5', 'x-bin', '?', 'y', 'caf\xe9')
  t.equal(failed.code, 'NOT_FOUND')
  t.equal(failed.trailers?.size, 0)
  t.end()
})

t.test('M2: octets that are no ASCII are left out of received metadata, and harm nothing', t => {
  const side = sent()
  side.respond(['x', 'caf\xe9', 'y', 'plain'])
  side.stream.deliver(framed('hello'))
  side.finish('grpc-status', '0', 'z', '\xff')
  t.equal(side.code, 'OK')
  t.same([...side.metadata[0]!], [['y', 'plain']])
  t.same([...side.trailers!], [])
  t.end()
})

t.test('M7: protocol fields of a response are no metadata', t => {
  const side = sent()
  side.respond(['grpc-encoding', 'identity', 'grpc-accept-encoding', 'gzip', 'x', 'y'])
  side.stream.deliver(framed('hello'))
  side.finish('grpc-status', '0', 'grpc-message', 'fine', 'grpc-unheard-of', '1', 'z', '1')
  t.same([...side.metadata[0]!], [['x', 'y']])
  t.same([...side.trailers!], [['z', '1']])
  t.end()
})

t.test('M8: metadata above the limit is RESOURCE_EXHAUSTED with the sizes', t => {
  const side = sent({ limits: callLimits({ metadataSizeMax: 300 }) })
  side.respond(['a', 'x'.repeat(300)])
  side.turn()
  t.match(side.error, {
    code: 'RESOURCE_EXHAUSTED',
    message: /received metadata larger than max \(\d+ vs. 300\)/,
  })
  t.match(side.stream.sent[2], { type: 'reset', code: ErrorCode.Cancel })
  t.end()
})

t.test('M8: metadata above the limit of the connection is told with its numbers too', t => {
  const client = new WireClient()
  const head = [':status', '200', 'content-type', 'application/grpc']
  const large = client.probe(id => [frames.headers(id, [...head, 'a', 'x'.repeat(16_300)])])
  t.match(large.error, {
    code: 'RESOURCE_EXHAUSTED',
    message: /received metadata larger than max \(16\d{3} vs. 16384\)/,
    origin: 'local',
    http2Code: ErrorCode.EnhanceYourCalm,
  })
  t.same(client.endings, ['RST_STREAM 11'])
  t.end()
})

t.test('T4: message and code survive broken escapes', t => {
  const side = sent()
  side.refuse('grpc-status', '3', 'grpc-message', 'a%23b%2Cc%')
  t.match(side.error, { code: 'INVALID_ARGUMENT', message: 'a#b,c%', origin: 'peer' })
  t.end()
})

t.test('T5: without grpc-status the HTTP status counts', t => {
  const table: readonly (readonly [number, string])[] = [
    [200, 'UNKNOWN'],
    [400, 'INTERNAL'],
    [401, 'UNAUTHENTICATED'],
    [403, 'PERMISSION_DENIED'],
    [404, 'UNIMPLEMENTED'],
    [429, 'UNAVAILABLE'],
    [502, 'UNAVAILABLE'],
    [503, 'UNAVAILABLE'],
    [504, 'UNAVAILABLE'],
    [431, 'UNKNOWN'],
    [500, 'UNKNOWN'],
    [415, 'UNKNOWN'],
    [204, 'UNKNOWN'],
    [302, 'UNKNOWN'],
    [405, 'UNKNOWN'],
    [599, 'UNKNOWN'],
  ]
  for (const [http, code] of table) {
    const side = sent()
    side.finish(':status', String(http), 'content-type', 'text/plain')
    t.equal(side.code, code, String(http))
    t.match(side.error?.message, String(http))
    const grpc = sent()
    grpc.stream.deliverHeaders([':status', String(http), 'content-type', 'application/grpc'])
    grpc.finish('x', 'y')
    t.equal(grpc.code, code, `${http}, gRPC content type`)
  }
  const data = sent()
  data.respond()
  data.stream.deliver(framed('x'), true)
  data.turn()
  t.match(data.error, { code: 'UNKNOWN', message: 'no grpc-status; HTTP status 200' })
  t.equal(data.trailers?.size, 0)
  t.end()
})

t.test('T6: grpc-status wins over the HTTP status', t => {
  const only = sent()
  only.finish(':status', '503', 'content-type', 'text/html', 'grpc-status', '5')
  t.equal(only.code, 'NOT_FOUND')
  const later = sent()
  later.stream.deliverHeaders([':status', '503', 'content-type', 'text/html'])
  later.stream.deliver(Buffer.from('<html>'))
  later.finish('grpc-status', '7')
  t.equal(later.code, 'PERMISSION_DENIED')
  t.end()
})

t.test('T7, F8: a grpc-status that is no status is UNKNOWN', t => {
  for (const status of ['abc', '', '00', '05', '17', '99', '-1', '+1', ' 1', '1.0', '100']) {
    const side = sent()
    side.refuse('grpc-status', status, 'grpc-message', 'why')
    t.match(side.error, { code: 'UNKNOWN', message: 'why', origin: 'peer' }, JSON.stringify(status))
  }
  const silent = sent()
  silent.refuse('grpc-status', '99')
  t.equal(silent.error?.message, 'grpc-status is "99"')
  const twice = sent()
  twice.refuse('grpc-status', '0', 'grpc-status', '5')
  t.equal(twice.code, 'UNKNOWN')
  for (let status = 1; status <= 16; status++) {
    const side = sent()
    side.refuse('grpc-status', String(status))
    t.equal(side.error?.status, status)
  }
  t.end()
})

t.test('T8: interim responses are skipped', t => {
  const side = sent()
  side.stream.deliverHeaders([':status', '103', 'link', 'x'])
  side.stream.deliverHeaders([':status', '100'])
  side.respond(['a', 'b'])
  side.stream.deliver(framed('x'))
  side.finish('grpc-status', '0')
  t.same(side.heard, ['headers', 'status'])
  t.equal(side.metadata[0]?.get('a'), 'b')
  t.equal(side.code, 'OK')
  t.end()
})

t.test('T9: a body that is not gRPC goes into the message', t => {
  const side = sent()
  side.stream.deliverHeaders([':status', '200', 'content-type', 'text/html'])
  side.stream.deliver(Buffer.from('<html><b'))
  side.stream.deliver(Buffer.from('ody>Sorry \xe2\x82', 'latin1'))
  side.stream.deliver(Buffer.from('\xac.', 'latin1'), true)
  side.turn()
  t.equal(side.code, 'UNKNOWN')
  t.equal(
    side.error?.message,
    'no grpc-status; HTTP status 200, content-type "text/html": <html><body>Sorry \u20ac.',
  )
  t.same(side.heard, ['status'], 'such headers are no metadata')
  t.equal(side.stream.consumed, side.stream.delivered)
  t.equal(side.connection.timers.count, 0)
  t.end()
})

t.test('T9: a body that is not gRPC ends the call at its limit, not at its end', t => {
  const side = sent({ limits: callLimits({ errorBodySizeMax: 12 }) })
  side.stream.deliverHeaders([':status', '503', 'content-type', 'text/html'])
  side.stream.deliver(Buffer.from('<html><b'))
  side.turn()
  t.same(side.heard, [], 'more of it may come')
  side.stream.deliver(Buffer.from('ody>Sorry, and so on'))
  side.turn()
  t.match(side.error, { code: 'UNAVAILABLE', origin: 'peer' })
  t.equal(
    side.error?.message,
    'no grpc-status; HTTP status 503, content-type "text/html": <html><body>',
  )
  t.same(side.heard, ['status'])
  t.match(side.stream.sent.at(-1), { type: 'reset', code: ErrorCode.Cancel })
  t.equal(side.stream.consumed, side.stream.delivered)
  t.equal(side.connection.timers.count, 0)
  t.end()
})

t.test('T9: a body that is not gRPC and stops is waited for half a second', t => {
  for (const deadline of [undefined, 60_000]) {
    const side = sent(deadline === undefined ? {} : { deadline })
    side.connection.advance(1_100)
    side.stream.deliverHeaders([':status', '502', 'content-type', 'text/plain'])
    side.stream.deliver(Buffer.from('upstream'))
    side.turn()
    side.connection.advance(1_599)
    t.same(side.heard, [])
    side.connection.advance(1_600)
    t.match(side.error, {
      code: 'UNAVAILABLE',
      origin: 'peer',
      message: 'no grpc-status; HTTP status 502, content-type "text/plain": upstream',
    })
    t.match(side.stream.sent.at(-1), { type: 'reset', code: ErrorCode.Cancel })
    t.equal(side.connection.timers.count, 0)
  }
  t.end()
})

t.test(
  'T9: headers that are not gRPC decide: neither deadline nor reset nor loss hides the status',
  t => {
    const status = { code: 'UNAVAILABLE', message: /HTTP status 503/, origin: 'peer' }
    const ends: ((side: ClientSide) => void)[] = [
      side => side.connection.advance(1_200),
      side => side.stream.deliverReset(ErrorCode.Cancel),
      side => side.stream.deliverReset(ErrorCode.NoError),
      side => side.stream.handler.onLost(new Error('gone'), false),
    ]
    for (const end of ends) {
      const side = sent({ deadline: 1_200 })
      side.stream.deliverHeaders([':status', '503', 'content-type', 'text/html'])
      side.turn()
      end(side)
      side.turn()
      t.match(side.error, status)
      t.same(side.heard, ['status'])
      t.equal(side.connection.timers.count, 0)
    }
    const cancelled = sent()
    cancelled.stream.deliverHeaders([':status', '503', 'content-type', 'text/html'])
    cancelled.call.cancel()
    t.equal(cancelled.code, 'CANCELLED', 'who gives up hears that he did')
    t.end()
  },
)

t.test('T10: another subtype than ours is INTERNAL, plain application/grpc is not', t => {
  const side = sent()
  side.stream.deliverHeaders([':status', '200', 'content-type', 'application/grpc+json'])
  side.turn()
  t.match(side.error, { code: 'INTERNAL', message: /application\/grpc\+json/ })
  const json = new ClientSide('unary', { subtype: 'json' })
  json.call.request('x')
  json.start('json')
  json.respond()
  json.stream.deliver(framed('y'))
  json.finish('grpc-status', '0')
  t.equal(json.code, 'OK')
  const status = sent()
  status.finish(':status', '200', 'content-type', 'application/grpc+json', 'grpc-status', '5')
  t.equal(status.code, 'NOT_FOUND', 'a status is a status')
  t.end()
})

t.test('T11: grpc-status in headers that a body follows does not count', t => {
  const side = sent()
  side.respond(['grpc-status', '5'])
  side.stream.deliver(framed('x'))
  side.finish('grpc-status', '0')
  t.same([side.code, ...side.received], ['OK', 'x'])
  const missing = sent()
  missing.respond(['grpc-status', '0'])
  missing.stream.deliver(framed('x'))
  missing.finish('a', 'b')
  t.equal(missing.code, 'UNKNOWN')
  t.end()
})

t.test('T14: grpc-status-details-bin is readable; grpc-status decides', t => {
  const side = sent()
  side.refuse('grpc-status', '5', 'grpc-status-details-bin', 'CAM')
  t.equal(side.code, 'NOT_FOUND')
  t.same(side.error?.metadata.getBinary('grpc-status-details-bin'), new Uint8Array([8, 3]))
  t.equal(side.trailers, side.error?.metadata)
  t.end()
})

t.test('T15: a status before we half-closed resets our side with NO_ERROR', t => {
  const side = new ClientSide('bidi').start()
  side.refuse('grpc-status', '0')
  t.match(side.stream.sent[1], { type: 'reset', code: ErrorCode.NoError })
  t.equal(side.code, 'OK')
  t.equal(side.call.write('late'), true, 'and writing is a no-op')
  side.call.halfClose()
  side.call.request('late')
  t.equal(side.stream.sent.length, 2)
  t.end()
})

t.test('T18: a request that cannot be encoded is INTERNAL, and resets the call', t => {
  const side = new ClientSide('bidi').start()
  t.equal(side.call.write('\0'), true)
  t.match(side.error, {
    code: 'INTERNAL',
    message: 'message cannot be encoded: no such text',
    unprocessed: true,
    cause: { message: 'no such text' },
  })
  const later = new ClientSide('bidi').start()
  later.call.write('1')
  later.call.write('\0')
  t.match(later.error, { code: 'INTERNAL', unprocessed: false }, 'a message has gone before')
  t.match(side.stream.sent[1], { type: 'reset', code: ErrorCode.Cancel })
  const early = new ClientSide('unary', { limits: callLimits({ sendMessageSizeMax: 2 }) })
  early.call.request('123')
  t.match(early.error, { code: 'RESOURCE_EXHAUSTED', unprocessed: true })
  early.start()
  t.equal(early.connection.streams.length, 0, 'it never starts')
  t.equal(codeAfter(framed('bad')).code, 'INTERNAL')
  const split = sent()
  split.respond()
  split.stream.deliver(framed('bad').subarray(0, 4))
  split.stream.deliver(framed('bad').subarray(4))
  split.turn()
  t.equal(split.code, 'INTERNAL')
  t.end()
})

t.test('E1: RST_STREAM codes become statuses', t => {
  const table: readonly (readonly [number, string])[] = [
    [0, 'INTERNAL'],
    [1, 'INTERNAL'],
    [2, 'INTERNAL'],
    [3, 'INTERNAL'],
    [4, 'INTERNAL'],
    [5, 'INTERNAL'],
    [6, 'INTERNAL'],
    [7, 'UNAVAILABLE'],
    [8, 'CANCELLED'],
    [9, 'INTERNAL'],
    [10, 'INTERNAL'],
    [11, 'RESOURCE_EXHAUSTED'],
    [12, 'PERMISSION_DENIED'],
    [13, 'INTERNAL'],
    [0xee, 'INTERNAL'],
  ]
  for (const [errorCode, code] of table) {
    const side = sent()
    side.stream.deliverReset(errorCode)
    t.same(side.heard, [])
    side.turn()
    t.equal(side.code, code, String(errorCode))
    t.equal(side.error?.unprocessed, errorCode === 7)
    t.equal(side.error?.origin, 'peer')
  }
  const broken = sent()
  broken.stream.deliverReset(ErrorCode.ProtocolError, false)
  broken.turn()
  t.match(broken.error, {
    code: 'INTERNAL',
    origin: 'local',
    message: 'the response broke HTTP/2: PROTOCOL_ERROR',
  })
  t.end()
})

t.test(
  'E2: RST_STREAM(NO_ERROR) after the trailers changes nothing, before them it is INTERNAL',
  t => {
    const side = sent()
    side.respond()
    side.stream.deliver(framed('x'))
    side.stream.deliverHeaders(['grpc-status', '0'], true)
    side.stream.deliverReset(ErrorCode.NoError)
    side.stream.handler.onHeaders({ list: [], size: 0, cache: undefined }, true)
    side.stream.handler.onDrain()
    side.stream.handler.onLost(new Error('gone'), false)
    side.turn()
    side.turn()
    t.same(side.heard, ['headers', 'status'])
    t.equal(side.code, 'OK')
    t.end()
  },
)

t.test('E3: CANCELLED from the server when our time is up is DEADLINE_EXCEEDED', t => {
  for (const late of [true, false]) {
    const reset = sent({ deadline: 2_000 })
    if (late) reset.connection.now = 2_000
    reset.stream.deliverReset(ErrorCode.Cancel)
    reset.turn()
    t.equal(reset.code, late ? 'DEADLINE_EXCEEDED' : 'CANCELLED')
    const status = sent({ deadline: 2_000 })
    if (late) status.connection.now = 2_000
    status.refuse('grpc-status', '1', 'x', 'y')
    t.equal(status.code, late ? 'DEADLINE_EXCEEDED' : 'CANCELLED')
    t.equal(status.trailers?.size, late ? 0 : 1)
  }
  t.end()
})

t.test('E4: cancel and deadline reset with CANCEL, and tell at once, once', t => {
  const side = sent()
  side.respond()
  side.call.cancel()
  t.match(side.error, { code: 'CANCELLED', origin: 'local' })
  t.same(side.heard, ['status'], 'not the headers that were not told yet')
  side.call.cancel()
  side.turn()
  t.same(side.heard, ['status'])
  t.match(side.stream.sent[2], { type: 'reset', code: ErrorCode.Cancel })
  const own = new GrpcError(Status.Aborted, 'mine')
  const given = sent()
  given.call.cancel(own)
  t.equal(given.error, own)
  const timed = sent({ deadline: 2_000 })
  timed.connection.advance(1_999)
  t.same(timed.heard, [])
  timed.connection.advance(2_000)
  t.match(timed.error, {
    code: 'DEADLINE_EXCEEDED',
    message:
      'deadline exceeded after 1000 ms: 1000 ms since the request was sent; no answer from the server',
    unprocessed: false,
  })
  t.match(timed.stream.sent[2], { type: 'reset', code: ErrorCode.Cancel })
  t.end()
})

t.test('E4: messages that were not read go when we cancel', t => {
  const side = new ClientSide('server').start()
  side.reads = false
  side.respond()
  side.stream.deliver(framed('a'))
  side.turn()
  side.call.cancel()
  t.notOk(side.call.readable)
  t.equal(side.stream.consumed, side.stream.delivered)
  side.stream.closed = false
  side.stream.deliver(framed('b'))
  t.equal(side.stream.consumed, side.stream.delivered, 'E13: what still comes is credited')
  t.end()
})

t.test('a deadline runs while the call waits for a connection, and stops with the call', t => {
  const side = new ClientSide('unary', { deadline: 2_000 })
  side.call.request('hi')
  side.connection.advance(2_000)
  t.match(side.error, {
    code: 'DEADLINE_EXCEEDED',
    message: 'deadline exceeded before the call was sent',
  })
  side.start()
  t.equal(side.connection.streams.length, 0)
  const done = sent({ deadline: 2_000 })
  t.equal(done.connection.timers.count, 1)
  t.equal(done.call.deadline, 2_000)
  done.refuse('grpc-status', '5')
  t.equal(done.connection.timers.count, 0)
  t.end()
})

t.test(
  'E5, E6: a lost connection is UNAVAILABLE; unprocessed says that it may be sent again',
  t => {
    for (const unprocessed of [true, false]) {
      const side = sent()
      const cause = new Error('read ECONNRESET')
      side.stream.handler.onLost(cause, unprocessed)
      side.turn()
      t.match(side.error, {
        code: 'UNAVAILABLE',
        origin: 'network',
        message: 'connection lost: read ECONNRESET',
        unprocessed,
        cause,
      })
    }
    t.end()
  },
)

t.test('write answers false when the stream is full, and onDrain follows', t => {
  const side = new ClientSide('bidi').start()
  side.stream.room = 3
  t.equal(side.call.write('does not fit'), false)
  side.stream.handler.onDrain()
  side.turn()
  t.same(side.heard, ['drain'])
  const waiting = new ClientSide('bidi', { limits: callLimits({ unsentSizeMax: 1 }) })
  t.equal(waiting.call.write('one'), false)
  const open = waiting.connection.open.bind(waiting.connection)
  waiting.connection.open = (headers, endStream, handler, extra) => {
    const stream = open(headers, endStream, handler, extra)
    waiting.stream.room = 3
    return stream
  }
  waiting.start()
  t.same(waiting.heard, [], 'the stream is full as well: its own drain follows')
  t.end()
})

t.test('a receiver may cancel in any of its callbacks, and hears of the end once', t => {
  for (const event of ['headers', 'readable', 'drain', 'status']) {
    const side = new ClientSide('bidi').start()
    side.on = { [event]: () => side.call.cancel() }
    side.respond()
    side.stream.deliver(framed('a'))
    side.stream.handler.onDrain()
    side.turn()
    side.stream.closed = false
    if (event === 'status') side.finish('grpc-status', '0')
    t.equal(side.heard.filter(name => name === 'status').length, 1, event)
    t.equal(side.heard[side.heard.length - 1], 'status', event)
  }
  t.end()
})

t.test(
  'what a receiver throws cancels its call, keeps no other from its turn, and is not lost',
  t => {
    const oops = new Error('oops')
    const shared = new CallConnector()
    const bad = new ClientSide('bidi', {}, shared).start()
    const good = new ClientSide('bidi', {}, shared).start()
    bad.on = {
      headers: () => {
        throw oops
      },
    }
    bad.respond()
    good.respond()
    t.throws(() => bad.turn(), oops)
    t.same(good.heard, ['headers'])
    t.match(bad.stream.sent[1], { type: 'reset', code: ErrorCode.Cancel })
    t.same(bad.heard, ['headers'], 'it hears nothing more')
    t.doesNotThrow(() => bad.turn())
    const told: unknown[] = []
    const polite = new ClientSide(
      'bidi',
      { deadline: 2_000 },
      new CallConnector({ onError: error => told.push(error) }),
    ).start()
    polite.on = {
      status: () => {
        throw oops
      },
    }
    polite.connection.advance(2_000)
    t.same(told, [oops], 'a timer that throws would keep others from firing')
    const direct = new ClientSide('bidi')
    direct.on = polite.on
    t.throws(() => direct.call.cancel(), oops, 'whoever cancels hears it')
    const waiting = new ClientSide('bidi', { deadline: 2_000 })
    waiting.on = polite.on
    t.doesNotThrow(() => waiting.connection.advance(2_000))
    t.end()
  },
)

t.test('a header block that comes again is taken apart once', t => {
  const shared = new CallConnector()
  let lookups = 0
  const list = [':status', '200', 'content-type', 'application/grpc', 'grpc-status', '5']
  const block = {
    get list() {
      lookups++
      return list
    },
    size: 100,
    cache: undefined,
  }
  for (let i = 0; i < 3; i++) {
    const side = new ClientSide('unary', {}, shared).start()
    side.stream.remoteEnded = true
    side.stream.handler.onHeaders(block, true)
    side.turn()
    t.equal(side.code, 'NOT_FOUND')
  }
  t.equal(lookups, 1)
  t.end()
})

t.test('start takes the connection as it is given', t => {
  const side = new ClientSide('unary')
  side.call.start(
    new CallConnector(),
    side.connection as unknown as Connection,
    requestHeaders(side.method, { authority: 'a', scheme: 'http' }),
  )
  t.ok(side.call.started)
  t.notOk(side.call.settled)
  t.end()
})

t.test('T17: faults of a response never become codes that belong to applications', t => {
  const ours = new Set(['UNKNOWN', 'RESOURCE_EXHAUSTED', 'UNIMPLEMENTED', 'INTERNAL'])
  const answers = [
    codeAfter(framed('x', 7)),
    codeAfter(framed('x'.repeat(30))),
    codeAfter(framed('bad')),
    codeAfter(framed('x').subarray(0, 3)),
    codeAfter(Buffer.alloc(0)),
    codeAfter(Buffer.concat([framed('a'), framed('b')])),
    codeAfter(framed('x', 1), ['grpc-encoding', 'foo']),
    codeAfter(framed('x', 1), ['grpc-encoding', 'gzip']),
  ]
  for (const fields of [
    ['grpc-status', '99'],
    ['grpc-status', ''],
    ['grpc-status', '0', 'x-bin', '?'],
    ['x', 'y'],
  ]) {
    const side = sent()
    side.refuse(...fields)
    answers.push(side)
  }
  for (const side of answers) t.ok(ours.has(side.code!), `${side.code}: ${side.error?.message}`)
  t.end()
})
