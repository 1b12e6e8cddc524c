import t from 'tap'
import {
  DEFAULT_COMPRESSIONS,
  ErrorCode,
  GrpcError,
  GZIP,
  Metadata,
  Status,
} from '../../src/grpc/index.js'
import { answer, field, framed, messages, RecordingRoute, ServerSide, TEXT } from './support.js'

/** What tells go-micro's native client from others. */
const GO_MICRO = { 'x-content-type': 'application/protobuf' }

t.test('a unary call: HEADERS, DATA and trailers, and all credit given back', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => {
    call.respond(`hello ${call.request}`)
    call.settle()
    call.settle()
  }
  const server = new ServerSide([route])
  const stream = server.unary('ada')
  t.same(
    stream.sent.map(({ type, endStream }) => [type, endStream]),
    [
      ['headers', false],
      ['data', false],
      ['headers', true],
    ],
  )
  t.match(answer(stream), { http: '200', status: 0, texts: ['hello ada'], resets: [] })
  t.equal(stream.consumed, stream.delivered)
  t.equal(stream.heldCount, 1)
  t.equal(stream.releasedCount, 1)
  t.equal(server.connection.timers.count, 0)
  t.match(route.call, {
    path: '/t.T/M',
    subtype: 'proto',
    route,
    finished: true,
    readable: false,
    deadline: Number.POSITIVE_INFINITY,
  })
  t.equal(route.call.read(), undefined)
  t.ok(route.call.ended)
  t.end()
})

t.test('start runs at the end of the turn, when the request is complete', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const stream = server.open()
  stream.deliver(framed('x'))
  server.turn()
  t.same(route.heard, [], 'END_STREAM has not come')
  stream.deliver(Buffer.alloc(0), true)
  t.same(route.heard, [], 'the parser still runs')
  server.turn()
  t.same(route.heard, ['start'])
  t.end()
})

t.test('server-streaming starts when the request is complete and the client has half-closed', t => {
  const route = new RecordingRoute('server')
  const server = new ServerSide([route])
  const stream = server.open()
  stream.deliver(framed('x'))
  server.turn()
  t.same(route.heard, [], 'a second request may still come')
  stream.deliver(Buffer.alloc(0), true)
  server.turn()
  t.same(route.heard, ['start'])
  t.equal(route.call.request, 'x')
  t.end()
})

t.test('server-streaming for go-micro starts at the request: it does not half-close', t => {
  const route = new RecordingRoute('server')
  route.onStart = call => {
    call.write('a')
    call.write('b')
    call.finish()
  }
  const server = new ServerSide([route])
  const stream = server.open(GO_MICRO)
  stream.deliver(framed('x'))
  server.turn()
  t.match(answer(stream), { status: 0, texts: ['a', 'b'] })
  t.same(answer(stream).resets, [ErrorCode.NoError])
  t.end()
})

t.test('client-streaming and bidi start at the headers', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  const stream = server.open()
  server.turn()
  t.same(route.heard, ['start'])
  t.notOk(route.call.ended)
  stream.deliver(Buffer.concat([framed('a'), framed('b'), framed('c').subarray(0, 4)]))
  server.turn()
  t.same(route.heard, ['start', 'readable'])
  t.equal(stream.consumed, 0, 'nothing is credited before it is read')
  t.equal(route.call.read(), 'a')
  t.equal(stream.consumed, 6)
  t.equal(route.call.read(), 'b')
  t.equal(route.call.readable, false)
  t.equal(route.call.read(), undefined)
  stream.deliver(framed('c').subarray(4), true)
  server.turn()
  t.notOk(route.call.ended, 'a message is left')
  t.equal(route.call.read(), 'c')
  t.ok(route.call.ended)
  t.equal(stream.consumed, stream.delivered)
  route.call.write('r')
  route.call.finish(Metadata.from({ z: '1' }))
  t.match(answer(stream), { status: 0, texts: ['r'], resets: [] })
  t.equal(field(answer(stream).trailers, 'z'), '1')
  t.end()
})

t.test('bidi: a request that ends with its headers', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  server.open({}, true)
  server.turn()
  t.same(route.heard, ['start', 'readable'])
  t.ok(route.call.ended)
  t.end()
})

t.test('request trailers end the request', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const stream = server.open()
  stream.deliver(framed('x'))
  stream.handler.onHeaders({ list: [], size: 0, cache: undefined }, false)
  stream.deliverHeaders(['x', 'y'], true)
  server.turn()
  t.same(route.heard, ['start'])
  t.end()
})

t.test('L1: a unary request in pieces', t => {
  const bytes = framed('a message in pieces')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const route = new RecordingRoute('unary')
    const server = new ServerSide([route])
    const stream = server.open()
    stream.deliver(bytes.subarray(0, cut))
    stream.deliver(bytes.subarray(cut), true)
    server.turn()
    t.equal(route.calls[0]?.request, 'a message in pieces', `cut at ${cut}`)
    t.equal(stream.consumed, bytes.length)
  }
  t.end()
})

t.test('L1: the rest of a prefix and of a message is announced once', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const stream = server.open()
  const bytes = framed('m'.repeat(1_000))
  stream.deliver(bytes.subarray(0, 3))
  stream.deliver(bytes.subarray(3, 100))
  stream.deliver(bytes.subarray(100, 200))
  t.same(stream.expected, [2, 905])
  t.end()
})

t.test('L2: a message of zero octets is a message', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  server.unary('')
  t.equal(route.calls[0]?.request, '')
  t.end()
})

t.test('L3: a flag other than 0 and 1 is INTERNAL', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  t.match(answer(server.unary(framed('x', 2))), {
    status: 13,
    message: /flag is 2/,
    isTrailersOnly: true,
  })
  t.same(route.heard, [])
  t.end()
})

t.test('L4: a compressed message without grpc-encoding, or with identity, is INTERNAL', t => {
  const server = new ServerSide([new RecordingRoute('unary')])
  const message = framed(GZIP.compress(Buffer.from('x')), 1)
  t.match(answer(server.unary(message)), { status: 13, isTrailersOnly: true })
  t.match(answer(server.unary(message, { 'grpc-encoding': 'identity' })), { status: 13 })
  t.end()
})

// compression.md leaves open what a message that is not compressed means then; grpc-go refuses the call,
// connect's conformance suite asks for that, and a client learns of its mistake with the first call.
t.test(
  'L5: an encoding we do not know is UNIMPLEMENTED from the headers on, and the answer names what we know',
  t => {
    const route = new RecordingRoute('unary')
    const server = new ServerSide([route])
    for (const message of [framed('x', 1), framed('x')]) {
      const refused = answer(server.unary(message, { 'grpc-encoding': 'foo' }))
      t.match(refused, { status: 12, message: /foo/, isTrailersOnly: true })
      t.equal(field(refused.trailers, 'grpc-accept-encoding'), 'identity,gzip,deflate')
    }
    t.match(answer(server.open({ 'grpc-encoding': 'foo' })), { status: 12 }, 'without any message')
    t.same(route.heard, [])
    t.end()
  },
)

t.test('L6: broken compressed octets are INTERNAL', t => {
  const server = new ServerSide([new RecordingRoute('unary')])
  t.match(answer(server.unary(framed('garbage', 1), { 'grpc-encoding': 'gzip' })), {
    status: 13,
    message: /gzip/,
  })
  t.end()
})

t.test('L7: compressed requests of both kinds are read', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  for (const compression of DEFAULT_COMPRESSIONS.values()) {
    const stream = server.open({ 'grpc-encoding': compression.name })
    const message = framed(compression.compress(Buffer.from('hello')), 1)
    stream.deliver(Buffer.concat([message, framed('plain'), message]))
    server.turn()
    t.same([route.call.read(), route.call.read(), route.call.read()], ['hello', 'plain', 'hello'])
  }
  t.end()
})

t.test(
  'L8: a message above the limit is RESOURCE_EXHAUSTED before it is stored; at the limit it passes',
  t => {
    const route = new RecordingRoute('unary')
    route.onStart = call => call.respond('ok')
    const server = new ServerSide([route], { limits: { messageSizeMax: 10 } })
    t.match(answer(server.unary('1234567890')), { status: 0 })
    const stream = server.open()
    stream.deliver(framed('12345678901').subarray(0, 5))
    t.match(answer(stream), {
      status: 8,
      message: 'received message larger than max (11 vs. 10): messageSizeMax',
      isTrailersOnly: true,
      resets: [0],
    })
    t.equal(stream.consumed, stream.delivered, 'credit goes back')
    t.match(answer(server.unary('12345678901')), { status: 8 })
    t.end()
  },
)

t.test('L8: the limit holds while decompressing', t => {
  const server = new ServerSide([new RecordingRoute('unary')], {
    limits: { messageSizeMax: 1_000 },
  })
  const bomb = framed(GZIP.compress(Buffer.alloc(1_001)), 1)
  t.match(answer(server.unary(bomb, { 'grpc-encoding': 'gzip' })), {
    status: 8,
    message: /decompression larger than max \(1000\)/,
  })
  t.end()
})

t.test('L9: messages leave uncompressed while compressing is off', t => {
  const route = new RecordingRoute('server')
  const long = 'x'.repeat(200)
  route.onStart = call => {
    call.write(long)
    call.compressing = false
    call.write(long)
    call.compressing = true
    call.write(long)
    call.write('s')
    call.finish()
  }
  const server = new ServerSide([route], { compression: 'gzip' })
  const stream = server.unary('x', { 'grpc-accept-encoding': 'identity,gzip' })
  t.equal(field(answer(stream).headers, 'grpc-encoding'), 'gzip')
  const sent = messages(stream.sentBytes)
  t.same(
    sent.map(({ flag }) => flag),
    [1, 0, 1, 0],
    'what would grow leaves as it is',
  )
  t.equal(GZIP.decompress(sent[0]!.payload, 1e6).toString(), long)
  t.end()
})

t.test('L10: a client that does not accept our encoding gets plain messages', t => {
  const route = new RecordingRoute('unary')
  const long = 'x'.repeat(200)
  route.onStart = call => call.respond(long)
  const server = new ServerSide([route], { compression: 'gzip' })
  for (const accept of [undefined, 'identity,deflate']) {
    const stream = server.unary('x', { 'grpc-accept-encoding': accept })
    t.equal(field(answer(stream).headers, 'grpc-encoding'), undefined)
    t.same(answer(stream).texts, [long])
  }
  const twice = server.unary('x', { 'grpc-accept-encoding': 'deflate' }, [
    'grpc-accept-encoding',
    'gzip',
  ])
  t.equal(field(answer(twice).headers, 'grpc-encoding'), 'gzip', 'the field may come twice')
  t.throws(() => new ServerSide([], { compression: 'br' }), RangeError)
  t.end()
})

t.test('L11: END_STREAM within a message is INTERNAL', t => {
  for (const kind of ['unary', 'bidi'] as const) {
    const route = new RecordingRoute(kind)
    const server = new ServerSide([route])
    const stream = server.open()
    stream.deliver(framed('cut off').subarray(0, 8), true)
    server.turn()
    t.match(answer(stream), { status: 13, message: /within a message/ }, kind)
    t.same(route.heard, [], 'the handler never saw it')
  }
  t.end()
})

t.test('L13: none or two messages for one are UNIMPLEMENTED', t => {
  for (const kind of ['unary', 'server'] as const) {
    const route = new RecordingRoute(kind)
    const server = new ServerSide([route])
    const none = server.open()
    none.deliver(Buffer.alloc(0), true)
    t.match(answer(none), { status: 12, message: 'no request message', isTrailersOnly: true })
    t.match(answer(server.open({}, true)), { status: 12, isTrailersOnly: true })
    const two = server.open()
    two.deliver(framed('a'))
    two.deliver(framed('b'))
    server.turn()
    t.match(answer(two), { status: 12, message: 'more than one request message', resets: [0] })
    const joined = server.unary(Buffer.concat([framed('a'), framed('b'), framed('c')]))
    t.match(answer(joined), { status: 12, message: 'more than one request message' })
    t.same(route.heard, [])
    t.equal(two.consumed, two.delivered)
    t.equal(joined.consumed, joined.delivered)
  }
  t.end()
})

t.test('L13: a second request from go-micro cancels a server-streaming call that runs', t => {
  const route = new RecordingRoute('server')
  const server = new ServerSide([route])
  const stream = server.open(GO_MICRO)
  stream.deliver(framed('a'))
  server.turn()
  route.call.write('r')
  stream.deliver(framed('b'))
  server.turn()
  t.same(route.heard, ['start', 'cancel'])
  t.match(route.errors[0], { code: 'UNIMPLEMENTED' })
  t.match(answer(stream), { status: 12, texts: ['r'] })
  t.end()
})

t.test('F10: empty messages beyond the queue wait encoded, without credit', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  const stream = server.open()
  const many = Buffer.alloc(1 << 20)
  stream.deliver(many.subarray(0, many.length - 4), false)
  stream.deliver(many.subarray(many.length - 4), true)
  server.turn()
  t.equal(stream.consumed, 0)
  for (let count = 1; count <= 1_000; count++) route.call.read()
  t.equal(stream.consumed, 5_000)
  let count = 1_000
  for (; route.call.readable; count++) route.call.read()
  t.ok(count > many.length / 5 - 300, 'the last of the queue goes with the call')
  t.match(answer(stream), { status: 13, message: /within a message/ }, 'one octet was left over')
  t.same(route.heard, ['start', 'readable', 'cancel'])
  t.equal(stream.consumed, stream.delivered)
  t.end()
})

t.test('a broken message found by a read cancels the call inside the read', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route], { limits: { queuedMessagesMax: 1 } })
  const stream = server.open()
  stream.deliver(Buffer.concat([framed('good'), framed('bad')]))
  server.turn()
  t.same(route.heard, ['start', 'readable'])
  t.equal(route.call.read(), 'good')
  t.same(route.heard, ['start', 'readable', 'cancel'])
  t.match(answer(stream), { status: 13, message: 'message cannot be decoded' })
  t.match(route.call.cancelled, { code: 'INTERNAL' })
  t.equal(route.call.read(), undefined)
  t.end()
})

t.test('a broken message found by a read inside start is told when start has returned', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route], { limits: { queuedMessagesMax: 1 } })
  route.onStart = call => {
    call.read()
    t.same(route.heard, ['start'])
  }
  const stream = server.open()
  stream.deliver(Buffer.concat([framed('good'), framed('bad')]))
  server.turn()
  t.same(route.heard, ['start', 'cancel'])
  t.end()
})

t.test('F9: a request that stops half-way and has no deadline is given up', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const silent = server.open()
  const slow = server.open()
  slow.deliver(framed('slow').subarray(0, 3))
  server.turn()
  t.equal(server.connection.timers.count, 2)
  server.connection.advance(60_000)
  slow.deliver(framed('slow').subarray(3, 6))
  server.turn()
  server.connection.advance(61_000)
  t.match(answer(silent), {
    status: 4,
    message: 'the rest of the request did not come',
    resets: [0],
  })
  t.equal(answer(slow).status, undefined, 'it goes on')
  slow.deliver(framed('slow').subarray(6), true)
  server.turn()
  t.same(route.heard, ['start'])
  t.equal(server.connection.timers.count, 0, 'how long the handler takes is its own affair')
  server.unary('whole')
  t.equal(server.connection.timers.count, 0, 'a whole request is not watched')
  server.open({ 'grpc-timeout': '1S' })
  server.turn()
  t.equal(server.connection.timers.count, 1, 'a deadline is enough')
  t.end()
})

t.test('T1: an error before anything was sent is one HEADERS frame', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call =>
    call.fail(new GrpcError(Status.NotFound, 'no “thing”', { metadata: Metadata.from({ a: '1' }) }))
  const server = new ServerSide([route])
  const stream = server.unary('x')
  t.match(answer(stream), {
    http: '200',
    status: 5,
    message: 'no %E2%80%9Cthing%E2%80%9D',
    isTrailersOnly: true,
  })
  t.equal(field(answer(stream).trailers, 'a'), '1')
  t.equal(field(answer(stream).trailers, 'content-type'), 'application/grpc')
  t.end()
})

t.test('T1: headers wait for the first message, unless they are sent', t => {
  const route = new RecordingRoute('server')
  const server = new ServerSide([route])
  const stream = server.unary('x')
  t.equal(stream.sent.length, 0)
  route.call.sendHeaders(Metadata.from({ a: '1' }))
  t.equal(field(answer(stream).headers, 'a'), '1')
  t.throws(() => route.call.sendHeaders(), TypeError)
  route.call.fail(new GrpcError(Status.Aborted, 'later'))
  t.match(answer(stream), { status: 10, message: 'later', isTrailersOnly: false })
  t.doesNotThrow(() => route.call.sendHeaders(), 'nothing can be wrong once it is over')
  const empty = server.unary('x')
  route.call.sendHeaders(new Metadata())
  route.call.finish()
  t.match(answer(empty), { status: 0, texts: [] })
  t.end()
})

t.test('T2: OK is sent explicitly, also for a stream without messages', t => {
  const route = new RecordingRoute('server')
  route.onStart = call => call.finish()
  const stream = new ServerSide([route]).unary('x')
  t.match(answer(stream), { http: '200', status: 0, isTrailersOnly: false })
  t.equal(field(answer(stream).trailers, 'grpc-status'), '0')
  for (let status = 1; status <= 16; status++) {
    route.onStart = call => call.fail(new GrpcError(status as Status, ''))
    const failed = new ServerSide([route]).unary('x')
    t.equal(field(answer(failed).trailers, 'grpc-status'), String(status), 'no leading zeros')
  }
  t.end()
})

t.test('T3: an empty message is left out', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => call.fail(new GrpcError(Status.Aborted))
  const stream = new ServerSide([route]).unary('x')
  t.equal(answer(stream).message, undefined)
  t.equal(answer(stream).status, 10)
  t.end()
})

t.test('T14: grpc-status-details-bin goes with the trailers', t => {
  const route = new RecordingRoute('unary')
  const metadata = new Metadata()
  metadata.setBinary('grpc-status-details-bin', new Uint8Array([8, 5]))
  route.onStart = call => call.fail(new GrpcError(Status.NotFound, 'x', { metadata }))
  const stream = new ServerSide([route]).unary('x')
  t.equal(field(answer(stream).trailers, 'grpc-status-details-bin'), 'CAU')
  t.end()
})

t.test(
  'T15: finishing before the client has half-closed resets with NO_ERROR, after the trailers',
  t => {
    const route = new RecordingRoute('bidi')
    route.onStart = call => call.finish()
    const server = new ServerSide([route])
    const stream = server.open()
    server.turn()
    t.same(
      stream.sent.map(({ type }) => type),
      ['headers', 'headers', 'reset'],
    )
    t.same(answer(stream).resets, [ErrorCode.NoError])
    t.end()
  },
)

t.test('T15: what is still queued leaves before the reset', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  const stream = server.open()
  server.turn()
  stream.room = 3
  t.equal(route.call.write('does not fit'), false)
  route.call.finish()
  t.same(answer(stream).resets, [])
  stream.deliver(Buffer.alloc(10))
  t.same(answer(stream).resets, [])
  t.equal(stream.consumed, 10, 'E13: what nobody wants is credited')
  stream.bufferedSize = 0
  stream.handler.onDrain()
  t.same(answer(stream).resets, [ErrorCode.NoError])

  const second = server.open()
  server.turn()
  second.room = 3
  route.call.write('does not fit')
  route.call.finish()
  second.bufferedSize = 0
  second.deliver(Buffer.alloc(10), true)
  t.same(answer(second).resets, [], 'the client has ended by itself')

  const third = server.open()
  server.turn()
  third.room = 3
  route.call.write('does not fit')
  route.call.finish()
  third.bufferedSize = 0
  third.deliver(Buffer.alloc(10))
  t.same(answer(third).resets, [ErrorCode.NoError], 'without onDrain the next DATA is the moment')
  t.end()
})

t.test('T16: what a handler throws is UNKNOWN, and its text stays here', t => {
  const route = new RecordingRoute('unary')
  const secret = new Error('secret')
  route.onStart = () => {
    throw secret
  }
  const server = new ServerSide([route])
  const stream = server.unary('x')
  t.match(answer(stream), { status: 2, message: 'handler failed', isTrailersOnly: true })
  t.same(server.thrown, [secret])
  t.equal(stream.releasedCount, 1)

  const later = new RecordingRoute('bidi', '/t.T/Later')
  later.readable = () => {
    throw secret
  }
  server.router.add(later)
  const bidi = server.open({ ':path': '/t.T/Later' })
  bidi.deliver(framed('x'))
  const other = server.open({ ':path': '/t.T/Later' })
  server.turn()
  t.match(answer(bidi), { status: 2 })
  t.equal(later.calls.length, 2, 'no other call suffers')
  bidi.handler.onReset(8, true)
  server.turn()
  t.notOk(later.heard.includes('cancel'), 'a handler that threw is left alone')
  t.equal(answer(other).status, undefined)
  t.end()
})

t.test('T16: without onError the client still learns that it failed', t => {
  const route = new RecordingRoute('unary')
  route.onStart = () => {
    throw new Error('secret')
  }
  const server = new ServerSide([route], { onError: undefined as never })
  t.match(answer(server.unary('x')), { status: 2 })
  t.end()
})

t.test('T18: what cannot be decoded or encoded is INTERNAL', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond('\0')
  const server = new ServerSide([route])
  t.match(answer(server.unary('x')), {
    status: 13,
    message: 'message cannot be encoded',
    isTrailersOnly: true,
  })
  t.match(server.thrown[0], { cause: { message: 'no such text' } })
  t.match(answer(server.unary('bad')), { status: 13, message: 'message cannot be decoded' })
  t.equal(route.calls.length, 1)
  const streaming = new RecordingRoute('server', '/t.T/S')
  streaming.onStart = call => t.equal(call.write('\0'), true)
  server.router.add(streaming)
  t.match(answer(server.unary('x', { ':path': '/t.T/S' })), { status: 13 })
  t.end()
})

t.test('a message above the send limit is RESOURCE_EXHAUSTED', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond('12345')
  const server = new ServerSide([route], { limits: { sendMessageSizeMax: 4 } })
  t.match(answer(server.unary('x')), {
    status: 8,
    message: 'message to send larger than max (5 vs. 4): limits.sendMessageSizeMax of calls',
  })
  t.end()
})

t.test("one response is one: more, or none, is the handler's mistake", t => {
  const route = new RecordingRoute('client')
  const server = new ServerSide([route])
  server.open()
  server.turn()
  t.throws(() => route.call.finish(), { name: 'TypeError', message: /none was sent/ })
  route.call.write('a')
  t.throws(() => route.call.write('b'), { name: 'TypeError', message: /was sent already/ })
  t.throws(() => route.call.respond('b'), TypeError)
  route.call.finish()
  t.doesNotThrow(() => route.call.write('b'), 'nothing can be wrong once it is over')
  t.end()
})

t.test('R9: when time is up the client hears status 4 and the handler is told', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const stream = server.unary('x', { 'grpc-timeout': '250m' })
  t.equal(route.call.deadline, 1_250)
  server.connection.advance(1_249)
  t.equal(route.call.cancelled, undefined)
  server.connection.advance(1_250)
  t.match(answer(stream), {
    status: 4,
    message: 'deadline exceeded',
    isTrailersOnly: true,
    resets: [],
  })
  t.same(route.heard, ['start', 'cancel'])
  t.match(route.call.cancelled, { code: 'DEADLINE_EXCEEDED', origin: 'local' })
  route.call.respond('too late')
  route.call.fail(new GrpcError(Status.Aborted, 'too late'))
  route.call.finish()
  t.equal(route.call.write('too late'), true)
  t.equal(stream.sent.length, 1)
  server.turn()
  t.same(route.heard, ['start', 'cancel'], 'once')
  t.end()
})

t.test(
  'E4: when time is up before the client has half-closed, RST_STREAM follows the trailers',
  t => {
    const route = new RecordingRoute('bidi')
    const server = new ServerSide([route])
    const stream = server.open({ 'grpc-timeout': '1S' })
    server.turn()
    route.call.write('a')
    server.connection.advance(2_000)
    t.match(answer(stream), { status: 4, texts: ['a'], resets: [ErrorCode.NoError] })
    t.end()
  },
)

t.test('E4: when time is up and the client does not read, the stream is reset', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  const stream = server.open({ 'grpc-timeout': '1S' })
  server.turn()
  stream.room = 3
  route.call.write('does not fit')
  server.connection.advance(2_000)
  t.match(answer(stream), { status: undefined, resets: [ErrorCode.Cancel] })
  t.same(route.heard, ['start', 'cancel'])
  t.end()
})

t.test('a call whose time is up before its request is complete never starts', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const stream = server.open({ 'grpc-timeout': '1S' })
  server.connection.advance(2_000)
  server.turn()
  t.match(answer(stream), { status: 4, isTrailersOnly: true, resets: [0] })
  t.same(route.heard, [])
  t.end()
})

t.test('go-micro: the smaller of grpc-timeout and timeout counts', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  const deadline = (changes: Record<string, string>): number => {
    server.unary('x', changes)
    return route.call.deadline
  }
  t.equal(deadline({ timeout: '30000000000' }), 31_000)
  t.equal(deadline({ timeout: '30000000000', 'grpc-timeout': '1S' }), 2_000)
  t.equal(deadline({ timeout: '500000000', 'grpc-timeout': '1S' }), 1_500)
  t.equal(deadline({ timeout: '0', 'grpc-timeout': '1S' }), 2_000)
  t.equal(deadline({ timeout: 'soon' }), Number.POSITIVE_INFINITY)
  t.end()
})

t.test('a deadline costs a timer only while the call runs', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond('x')
  const server = new ServerSide([route])
  server.open({ 'grpc-timeout': '1S' })
  t.equal(server.connection.timers.count, 1)
  server.unary('x', { 'grpc-timeout': '1S' })
  t.equal(server.connection.timers.count, 1)
  server.unary('x')
  t.equal(server.connection.timers.count, 1)
  t.end()
})

t.test('R7: the largest timeout never fires', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route])
  server.unary('x', { 'grpc-timeout': '99999999H' })
  server.connection.advance(1_000 + 2 ** 33)
  t.equal(route.call.cancelled, undefined)
  t.end()
})

t.test('E5: a reset by the client cancels the handler, or keeps it from starting', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  const early = server.open()
  early.deliverReset(ErrorCode.Cancel)
  server.turn()
  t.same(route.heard, [])
  t.equal(early.heldCount, 0)
  const stream = server.open()
  stream.deliver(framed('x'))
  server.turn()
  stream.deliverReset(ErrorCode.Cancel)
  t.same(route.heard, ['start', 'readable'], 'not inside the parser')
  server.turn()
  t.same(route.heard, ['start', 'readable', 'cancel'])
  t.match(route.call.cancelled, {
    code: 'CANCELLED',
    origin: 'peer',
    message: 'the client cancelled the call: CANCEL',
  })
  t.equal(route.call.readable, false, 'its messages are dropped')
  t.equal(stream.releasedCount, 0, 'user code still runs')
  route.call.settle()
  t.equal(stream.releasedCount, 1)
  t.end()
})

t.test('E5: a broken rule, or a lost connection, cancels the handler', t => {
  const route = new RecordingRoute('bidi')
  const server = new ServerSide([route])
  const broken = server.open()
  server.turn()
  broken.deliverReset(ErrorCode.FlowControlError, false)
  server.turn()
  t.match(route.call.cancelled, {
    code: 'CANCELLED',
    origin: 'local',
    message: /FLOW_CONTROL_ERROR/,
  })
  const lost = server.open()
  server.turn()
  const cause = new Error('read ECONNRESET')
  lost.handler.onLost(cause, false)
  server.turn()
  t.match(route.call.cancelled, {
    code: 'CANCELLED',
    origin: 'network',
    message: 'connection lost: read ECONNRESET',
    cause,
  })
  const done = server.open()
  server.turn()
  route.call.finish()
  done.handler.onReset(8, true)
  done.handler.onLost(cause, false)
  server.turn()
  t.equal(route.call.cancelled, undefined, 'what is over cannot be cancelled')
  t.end()
})

t.test('a handler that wants no events hears none', t => {
  const route = new RecordingRoute('bidi')
  route.listens = false
  const server = new ServerSide([route])
  const stream = server.open({ 'grpc-timeout': '1S' })
  server.turn()
  stream.deliver(framed('x'))
  stream.handler.onDrain()
  server.turn()
  server.connection.advance(2_000)
  t.same(route.heard, ['start'])
  t.match(answer(stream), { status: 4 })
  t.end()
})

t.test('write answers false when the stream is full, and onDrain follows', t => {
  const route = new RecordingRoute('server')
  const server = new ServerSide([route])
  const stream = server.unary('x')
  stream.hasSlab = false
  t.equal(route.call.write('a'), true, 'a buffer of its own')
  stream.room = 3
  t.equal(route.call.write('does not fit'), false)
  stream.bufferedSize = 0
  stream.handler.onDrain()
  server.turn()
  t.same(route.heard, ['start', 'drain'])
  t.same(answer(stream).texts, ['a', 'does not fit'])
  t.end()
})

t.test('M9: headers larger than the client accepts fail at the call', t => {
  const route = new RecordingRoute('server')
  const server = new ServerSide([route])
  server.connection.headerListSizeMax = 200
  const stream = server.unary('x')
  t.throws(() => route.call.sendHeaders(Metadata.from({ a: 'x'.repeat(300) })), RangeError)
  route.call.write('still works')
  t.same(answer(stream).texts, ['still works'])
  t.end()
})

t.test(
  'M9: a status arrives, even where its message and metadata are larger than the client accepts',
  t => {
    const route = new RecordingRoute('server')
    const server = new ServerSide([route])
    server.connection.headerListSizeMax = 200
    const only = server.unary('x')
    route.call.fail(new GrpcError(Status.NotFound, 'x'.repeat(300)))
    t.match(answer(only), { status: 5, message: undefined, isTrailersOnly: true })
    const streamed = server.unary('x')
    route.call.write('a')
    route.call.finish(Metadata.from({ a: 'x'.repeat(300) }))
    t.match(answer(streamed), { status: 0 })
    t.equal(server.thrown.length, 2)
    server.connection.headerListSizeMax = 10
    const hopeless = server.unary('x')
    route.call.fail(new GrpcError(Status.NotFound, 'x'))
    t.match(answer(hopeless), { status: undefined, resets: [ErrorCode.EnhanceYourCalm] })
    t.end()
  },
)

t.test(
  'M9: a status too large for its client loses details, then metadata, then the end of its message',
  t => {
    const route = new RecordingRoute('server')
    const server = new ServerSide([route])
    const fail = (message: string, limit: number): Record<string, unknown> => {
      server.connection.headerListSizeMax = limit
      const stream = server.unary('x')
      const metadata = Metadata.from({ a: 'b'.repeat(100) })
      metadata.setBinary('grpc-status-details-bin', Buffer.alloc(600))
      route.call.fail(new GrpcError(Status.NotFound, message, { metadata }))
      const { fields } = stream.sent.at(-1)!
      const names = fields.filter((_, i) => i % 2 === 0).slice(3)
      return { names, message: field(fields, 'grpc-message'), status: field(fields, 'grpc-status') }
    }
    const why = 'no such order'
    const all = { status: '5', message: why }
    t.match(fail(why, 10_000), { ...all, names: ['grpc-message', 'a', 'grpc-status-details-bin'] })
    t.equal(server.thrown.length, 0)
    t.match(fail(why, 500), { ...all, names: ['grpc-message', 'a'] })
    t.match(fail(why, 300), { ...all, names: ['grpc-message'] })
    t.match(fail('x'.repeat(2_000), 1_500), { names: ['grpc-message'], message: 'x'.repeat(1_024) })
    t.match(fail('x'.repeat(2_000), 300), { names: ['grpc-message'], message: 'x'.repeat(64) })
    t.match(
      fail('\u20ac'.repeat(500), 300),
      { message: '%E2%82%AC'.repeat(7) },
      'between characters',
    )
    t.match(fail(why, 200), { names: [], message: undefined, status: '5' })
    t.equal(server.thrown.length, 6, 'each is told to onError')
    t.end()
  },
)

t.test(
  'M9: what a client does not take of our own words about its request is no fault of a handler',
  t => {
    const server = new ServerSide([new RecordingRoute('unary')])
    server.connection.headerListSizeMax = 200
    const stream = server.unary('bad')
    t.match(answer(stream), { status: 13, message: undefined })
    t.same(server.thrown, [])
    t.end()
  },
)

t.test('T17: faults of a request never become codes that belong to applications', t => {
  const route = new RecordingRoute('unary')
  const server = new ServerSide([route], { limits: { messageSizeMax: 20 } })
  const ours = new Set([2, 4, 8, 12, 13])
  const faults = [
    server.unary(framed('x', 7)),
    server.unary(framed('x'.repeat(30))),
    server.unary('bad'),
    server.unary(framed('x').subarray(0, 3)),
    server.unary('x', { 'grpc-timeout': 'x' }),
    server.unary('x', { 'grpc-timeout': '0S' }),
    server.unary('x', { ':path': '/no' }),
    server.unary('x', { 'content-type': 'text/plain' }),
    server.unary('x', { ':method': 'GET' }),
    server.unary('x', { 'a-bin': '?' }),
  ]
  for (const stream of faults)
    t.ok(ours.has(answer(stream).status as number), answer(stream).message ?? '')
  t.end()
})

t.test(
  'micro-wire §4.2: plain application/grpc carries what x-content-type of go-micro v1 says',
  t => {
    const route = new RecordingRoute('unary')
    const codecs = new Map([
      ['proto', TEXT],
      ['json', { ...TEXT, decode: () => 'as JSON' }],
    ])
    const server = new ServerSide([
      {
        method: { path: '/t.T/C', kind: 'unary', request: codecs, response: codecs },
        start: route.start.bind(route),
      },
    ])
    for (const [contentType, microContentType, expected] of [
      ['application/grpc', 'application/json', 'as JSON'],
      ['application/grpc', 'application/grpc+json', 'as JSON'],
      ['application/grpc', 'application/protobuf', 'x'],
      ['application/grpc', 'text/unknown', 'x'],
      ['application/grpc+proto', 'application/json', 'x'],
    ] as const) {
      const fields = { 'content-type': contentType, 'x-content-type': microContentType }
      server.unary('x', { ':path': '/t.T/C', ...fields })
      t.equal(route.call.request, expected, `${contentType}, ${microContentType}`)
    }
    t.end()
  },
)

t.test('the codec gets the octets where they are: no copy for a message in one frame', t => {
  const route = new RecordingRoute('unary')
  const seen: number[] = []
  const codec = {
    ...TEXT,
    decode: (bytes: Buffer, start: number, end: number) => seen.push(bytes.length, start, end),
  }
  const codecs = new Map([['proto', codec]])
  const server = new ServerSide([
    {
      method: { path: '/t.T/C', kind: 'unary', request: codecs, response: codecs },
      start: route.start.bind(route),
    },
  ])
  server.unary('abc', { ':path': '/t.T/C' })
  t.same(seen, [13, 8, 11])
  t.end()
})
