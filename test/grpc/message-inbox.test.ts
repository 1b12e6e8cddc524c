import t from 'tap'
import { type CallLimits, callLimits, ErrorCode, GZIP } from '../../src/grpc/index.js'
import { longText, SlowGzip } from './slow-compression.js'
import { answer, ClientSide, framed, RecordingRoute, ServerSide } from './support.js'

/** From 1,000 octets on a message leaves the thread. */
const LIMITS: Partial<CallLimits> = { inflateNowSizeMax: 999 }
const ENCODED = { 'grpc-encoding': 'gzip' }
const LARGE = longText(5_000)

function zipped(text: string): Buffer {
  return framed(GZIP.compress(Buffer.from(text)), 1)
}

function server(route: RecordingRoute, gzip: SlowGzip, more: Partial<CallLimits> = {}): ServerSide {
  return new ServerSide([route], {
    compressions: gzip.compressions,
    limits: { ...LIMITS, ...more },
  })
}

/** A call whose request was sent, and whose response has begun. */
function client(kind: 'unary' | 'server', gzip: SlowGzip): ClientSide {
  const limits = callLimits(LIMITS)
  const side = new ClientSide(kind, { compressions: gzip.compressions, limits, deadline: 5_000 })
  side.start().call.request('x')
  side.respond(['grpc-encoding', 'gzip'])
  return side
}

t.test(
  'a compressed message stays compressed until it is read, and what follows stays behind it',
  t => {
    const gzip = new SlowGzip()
    const route = new RecordingRoute('bidi')
    const side = server(route, gzip)
    const stream = side.open(ENCODED)
    stream.deliver(Buffer.concat([framed('1'), zipped(LARGE), framed('2'), zipped('3')]), true)
    side.turn()
    const { call } = route
    t.equal(gzip.running, 0, 'nobody has asked')
    t.equal(call.read(), '1')
    t.equal(call.compressed, false)
    t.equal(call.readable, true)
    t.equal(gzip.running, 0)
    t.same([call.read(), call.inflating, call.readable], [undefined, true, false])
    t.equal(call.ended, false)
    t.equal(call.read(), undefined, 'asked for once')
    t.same(gzip.inputs, [GZIP.compress(Buffer.from(LARGE)).length])
    gzip.finish()
    t.equal(side.connection.asked, 1)
    t.equal(call.readable, false, 'until the turn')
    side.turn()
    t.same(route.heard, ['start', 'readable', 'readable'])
    t.equal(call.inflating, false)
    const consumed = stream.consumed
    t.equal(call.read(), LARGE)
    t.equal(call.compressed, true)
    t.ok(stream.consumed > consumed, 'credit goes back when it is read')
    t.same([call.read(), call.compressed, call.ended], ['2', false, false])
    t.same([call.read(), call.compressed, call.ended], ['3', true, true], 'a small one at once')
    t.equal(stream.consumed, stream.delivered)
    t.end()
  },
)

t.test(
  'the rest of a large message behind a compressed one is asked for when its turn comes',
  t => {
    const gzip = new SlowGzip()
    const route = new RecordingRoute('bidi')
    const side = server(route, gzip)
    const stream = side.open(ENCODED)
    const large = framed('x'.repeat(100_000))
    stream.deliver(Buffer.concat([zipped(LARGE), large.subarray(0, 50)]))
    side.turn()
    t.same(stream.expected, [])
    route.call.read()
    gzip.finish()
    side.turn()
    t.same(stream.expected, [large.length - 50])
    const small = server(new RecordingRoute('bidi', '/t.T/N'), gzip)
    const other = small.open({ ...ENCODED, ':path': '/t.T/N' })
    other.deliver(Buffer.concat([zipped('now'), large.subarray(0, 50)]))
    small.turn()
    t.same(other.expected, [])
    t.equal((small.router.get('/t.T/N') as RecordingRoute).call.read(), 'now')
    t.same(other.expected, [large.length - 50])
    t.end()
  },
)

t.test('a broken message is found when it is read; those before it were delivered', t => {
  for (const size of [20, 2_000]) {
    const gzip = new SlowGzip()
    const route = new RecordingRoute('bidi')
    const side = server(route, gzip)
    const stream = side.open(ENCODED)
    stream.deliver(Buffer.concat([framed('fine'), framed('x'.repeat(size), 1), framed('lost')]))
    side.turn()
    t.equal(route.call.read(), 'fine')
    t.equal(route.call.cancelled, undefined)
    t.equal(route.call.read(), undefined)
    if (size > 999) {
      gzip.finish()
      side.turn()
    }
    t.match(answer(stream), { status: 13, message: 'message is no valid gzip' })
    t.equal(route.call.read(), undefined)
    t.equal(stream.consumed, stream.delivered)
  }
  t.end()
})

t.test('gRPC: the status waits for the messages before it', t => {
  for (const status of ['0', '9']) {
    const gzip = new SlowGzip()
    const side = client('server', gzip)
    side.reads = false
    side.stream.deliver(Buffer.concat([framed('1'), zipped(LARGE), framed('2')]))
    side.finish('grpc-status', status)
    t.equal(side.code, undefined)
    side.readAll()
    t.same(side.received, ['1'])
    side.stream.handler.onLost(new Error('the connection ends meanwhile'), false)
    gzip.finish()
    side.turn()
    t.equal(side.code, status === '0' ? 'OK' : 'FAILED_PRECONDITION')
    side.readAll()
    t.same(side.received, ['1', LARGE, '2'])
    t.equal(side.stream.consumed, side.stream.delivered)
  }
  t.end()
})

t.test('one response is inflated when the status is there, if it is OK', t => {
  const gzip = new SlowGzip()
  const side = client('unary', gzip)
  side.stream.deliver(zipped(LARGE))
  side.turn()
  t.equal(gzip.running, 0, 'it may never come')
  side.finish('grpc-status', '0')
  t.equal(gzip.running, 1)
  t.equal(side.code, undefined)
  side.stream.handler.onLost(new Error('the connection ends meanwhile'), false)
  gzip.finish()
  side.turn()
  t.same([side.code, ...side.received], ['OK', LARGE])
  t.same(side.heard, ['headers', 'status'])

  const failed = client('unary', gzip)
  failed.stream.deliver(zipped(LARGE))
  failed.finish('grpc-status', '5')
  t.equal(failed.code, 'NOT_FOUND')
  t.equal(gzip.running, 0)

  for (const second of [zipped('2'), framed('2')]) {
    const two = client('unary', gzip)
    two.stream.deliver(Buffer.concat([zipped(LARGE), second]))
    two.finish('grpc-status', '0')
    gzip.finish()
    two.turn()
    t.match(two.error, { code: 'UNIMPLEMENTED', message: 'more than one response message' })
  }

  const cut = client('unary', gzip)
  cut.stream.deliver(Buffer.concat([zipped(LARGE), framed('cut').subarray(0, 6)]))
  cut.finish('grpc-status', '0')
  gzip.finish()
  cut.turn()
  t.match(cut.error, { code: 'INTERNAL', message: 'response ended within a message' })

  const broken = client('unary', gzip)
  broken.stream.deliver(framed('x'.repeat(1_000), 1))
  broken.finish('grpc-status', '0')
  gzip.finish()
  broken.turn()
  t.match(broken.error, { code: 'INTERNAL', message: 'message is no valid gzip' })
  t.end()
})

t.test('one request is inflated when it is complete; then the call starts', t => {
  const gzip = new SlowGzip()
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond(`${call.compressed} ${call.request}`)
  const side = server(route, gzip, { requestIdleTimeoutMs: 100 })
  const stream = side.open(ENCODED)
  stream.deliver(zipped(LARGE))
  side.turn()
  t.equal(gzip.running, 0)
  stream.deliver(Buffer.alloc(0), true)
  side.turn()
  t.equal(gzip.running, 1)
  side.connection.advance(2_000)
  t.same(route.heard, [], 'a request that has come is not idle')
  gzip.finish()
  side.turn()
  t.same(answer(stream).texts, [`true ${LARGE}`])
  t.equal(stream.consumed, stream.delivered)
  t.equal(side.unary('plain').sent.length, 3)
  t.equal(route.call.compressed, false)

  for (const second of [zipped('2'), framed('2')]) {
    const two = side.open(ENCODED)
    two.deliver(Buffer.concat([zipped(LARGE), second]), true)
    gzip.finish()
    side.turn()
    t.match(answer(two), { status: 12, message: 'more than one request message' })
  }
  const cut = side.open(ENCODED)
  cut.deliver(Buffer.concat([zipped(LARGE), framed('cut').subarray(0, 6)]), true)
  gzip.finish()
  side.turn()
  t.match(answer(cut), { status: 13, message: 'request ended within a message' })
  t.end()
})

t.test(
  'server-streaming for go-micro: a compressed request is inflated though the end has not come',
  t => {
    const gzip = new SlowGzip()
    const route = new RecordingRoute('server')
    const side = server(route, gzip)
    const stream = side.open({ ...ENCODED, 'x-content-type': 'application/grpc+proto' })
    stream.deliver(zipped(LARGE))
    side.turn()
    gzip.finish()
    side.turn()
    t.same(route.heard, ['start'])
    t.equal(route.call.request, LARGE)
    t.end()
  },
)

t.test('a call that ends while a thread inflates hears nothing more', t => {
  const gzip = new SlowGzip()
  const endings: Readonly<Record<string, (side: ClientSide) => void>> = {
    cancel: side => side.call.cancel(),
    reset: side => side.stream.handler.onReset(ErrorCode.Cancel, true),
    lost: side => side.stream.handler.onLost(new Error('gone'), false),
    deadline: side => side.connection.advance(6_000),
  }
  for (const [name, end] of Object.entries(endings)) {
    const side = client('server', gzip)
    side.stream.deliver(zipped(LARGE))
    side.turn()
    t.equal(gzip.running, 1, name)
    end(side)
    side.turn()
    const { heard } = side
    t.equal(heard[heard.length - 1], 'status')
    const count = heard.length
    gzip.finish()
    side.turn()
    side.readAll()
    t.same([heard.length, side.received], [count, []], name)
    t.equal(side.connection.asked, 0, 'no turn for what nobody wants')
    t.equal(side.stream.consumed, side.stream.delivered)
  }
  for (const kind of ['unary', 'bidi'] as const) {
    const route = new RecordingRoute(kind)
    const side = server(route, gzip)
    const stream = side.open({ ...ENCODED, 'grpc-timeout': '1S' })
    stream.deliver(zipped(LARGE), kind === 'unary')
    side.turn()
    if (kind === 'bidi') route.call.read()
    t.equal(gzip.running, 1)
    side.connection.advance(3_000)
    t.match(answer(stream), { status: 4 })
    const heard = [...route.heard]
    gzip.finish()
    side.turn()
    t.same(route.heard, heard)
    t.equal(stream.consumed, stream.delivered)
  }
  t.end()
})

t.test(
  'F1: one message of a connection at a time has its buffer in advance, and none while memory is short',
  t => {
    const chargedFor = (others: number, isShort: boolean): number => {
      const side = new ServerSide([new RecordingRoute('client')])
      side.connection.unconsumedSize = others + 16_384
      side.connection.memory.isShort = isShort
      const stream = side.open()
      stream.deliver(framed('m'.repeat(1_000_000)).subarray(0, 16_384))
      return stream.charged
    }
    t.equal(chargedFor(0, false), 1_000_005 - 16_384, 'what it takes more is charged')
    t.equal(chargedFor(1, false), 16_384)
    t.equal(chargedFor(0, true), 16_384)
    t.end()
  },
)
