import t from 'tap'
import { type CallLimits, callLimits, GZIP } from '../../src/grpc/index.js'
import { longText, SlowGzip } from './slow-compression.js'
import { answer, ClientSide, framed, RecordingRoute, ServerSide } from './support.js'

const LARGE = longText(5_000)
const LARGE_PACKED = framed(GZIP.compress(Buffer.from(LARGE)), 1)
const ENCODED = { 'grpc-encoding': 'gzip' }

function serverOf(
  kind: 'unary' | 'bidi',
  limits: Partial<CallLimits>,
): { route: RecordingRoute; side: ServerSide; gzip: SlowGzip } {
  const gzip = new SlowGzip()
  const route = new RecordingRoute(kind)
  const side = new ServerSide([route], {
    compressions: gzip.compressions,
    limits: { inflateNowSizeMax: 999, ...limits },
  })
  return { route, side, gzip }
}

t.test(
  'inflatedSizeMax: what is inflated and not taken yet keeps others compressed, but never all of them',
  t => {
    const { route, side, gzip } = serverOf('bidi', {
      messageSizeMax: 10_000,
      inflatedSizeMax: 20_000,
    })
    const streams = Array.from({ length: 5 }, () => side.open(ENCODED))
    side.turn()
    const { calls } = route
    for (const stream of streams) stream.deliver(LARGE_PACKED)
    for (const call of calls) call.read()
    t.equal(gzip.running, 2, 'each may come to 10,000 octets')
    gzip.finish()
    t.equal(gzip.running, 1, '5,000 wait, and 10,000 may come')
    gzip.finish()
    side.turn()
    t.equal(gzip.running, 1, '10,000 wait: there is room for one')
    gzip.finish()
    t.equal(gzip.running, 1, '15,000 wait: one goes on in any case')
    side.turn()
    calls[0]!.read()
    t.equal(gzip.running, 1)
    calls[1]!.read()
    t.equal(gzip.running, 1, '5,000 wait, and 10,000 may come')
    calls[2]!.read()
    t.equal(gzip.running, 2)
    gzip.finish()
    gzip.finish()
    side.turn()
    t.same(
      calls.slice(3).map(call => call.read()),
      [LARGE, LARGE],
    )
    t.end()
  },
)

t.test('what a call that has ended left inflated counts no more', t => {
  const { route, side, gzip } = serverOf('bidi', {
    messageSizeMax: 10_000,
    inflatedSizeMax: 20_000,
  })
  const streams = Array.from({ length: 6 }, () => side.open(ENCODED))
  side.turn()
  for (const stream of streams) stream.deliver(LARGE_PACKED)
  for (const call of route.calls.slice(0, 4)) call.read()
  t.equal(gzip.running, 2)
  streams[0]!.handler.onReset(8, true)
  t.equal(gzip.running, 2, 'a thread that works for nobody still counts')
  streams[2]!.handler.onReset(8, true)
  gzip.finish()
  t.equal(gzip.running, 2, 'what waited for nobody was never begun')
  gzip.finish()
  gzip.finish()
  t.equal(gzip.running, 0)
  side.turn()
  // Two wait inflated: 10,000 octets.
  route.calls[4]!.read()
  route.calls[5]!.read()
  t.equal(gzip.running, 1)
  streams[1]!.handler.onReset(8, true)
  t.equal(gzip.running, 1, '5,000 wait, and 10,000 may come')
  streams[3]!.handler.onReset(8, true)
  t.equal(gzip.running, 2)
  t.end()
})

t.test(
  'inflatedSizeMax: while half of it is unread answers nothing is inflated, large or small',
  t => {
    const { side, gzip, route } = serverOf('unary', {
      messageSizeMax: 10_000,
      inflatedSizeMax: 20_000,
    })
    const { connection } = side
    connection.memory.queuedSize = 10_001
    side.unary(LARGE_PACKED, ENCODED)
    side.unary(framed(GZIP.compress(Buffer.from('small')), 1), ENCODED)
    t.equal(gzip.running, 0)
    t.equal(connection.roomSize, 10_000, 'a turn is wanted once no more are queued')
    connection.memory.queuedSize = 10_000
    side.turn()
    t.equal(gzip.running, 1)
    gzip.finish()
    t.equal(gzip.running, 1, 'the small one has waited behind it')
    gzip.finish()
    side.turn()
    t.same(
      route.calls.map(call => call.request),
      [LARGE, 'small'],
    )
    t.equal(connection.timers.count, 0)
    t.end()
  },
)

t.test(
  'inflatedSizeMax: one message in 10 s is inflated whatever is unread, since its reader may wait for it',
  t => {
    const { side, gzip } = serverOf('unary', { messageSizeMax: 10_000, inflatedSizeMax: 20_000 })
    const { connection } = side
    connection.memory.queuedSize = 1e6
    const streams = Array.from({ length: 3 }, () => side.unary(LARGE_PACKED, ENCODED))
    connection.advance(10_999)
    t.equal(gzip.running, 0)
    connection.advance(11_000)
    t.equal(gzip.running, 1)
    gzip.finish()
    side.turn()
    t.equal(gzip.running, 0, 'the next one waits as long')
    connection.advance(21_000)
    t.equal(gzip.running, 1)
    gzip.finish()
    side.turn()
    streams[2]!.handler.onReset(8, true)
    t.equal(connection.timers.count, 0, 'nobody waits')
    t.end()
  },
)

t.test('inflatedSizeMax: a request counts until it is answered', t => {
  const { side, gzip, route } = serverOf('unary', {
    messageSizeMax: 10_000,
    inflatedSizeMax: 24_999,
  })
  for (let i = 0; i < 5; i++) side.unary(LARGE_PACKED, ENCODED)
  t.equal(gzip.running, 2)
  gzip.finish()
  gzip.finish()
  side.turn()
  t.equal(gzip.running, 1, '10,000 are with handlers: there is room for one')
  gzip.finish()
  side.turn()
  t.equal(gzip.running, 1, '15,000: one goes on in any case')
  route.calls[0]!.respond('x')
  route.calls[1]!.respond('x')
  t.equal(gzip.running, 1, '5,000 are with handlers, and two may come to 10,000 each')
  route.calls[2]!.respond('x')
  t.equal(gzip.running, 2)
  t.end()
})

t.test('a compression without threads does not inflate ahead of unread answers either', t => {
  const { name, compress, decompress } = GZIP
  const compressions = new Map([[name, { name, compress, decompress }]])
  const route = new RecordingRoute('unary')
  const side = new ServerSide([route], { compressions, limits: { inflatedSizeMax: 20_000 } })
  side.connection.memory.queuedSize = 10_001
  side.unary(LARGE_PACKED, ENCODED)
  side.turn()
  t.equal(route.calls.length, 0)
  side.connection.memory.queuedSize = 0
  side.turn()
  side.turn()
  t.equal(route.calls[0]?.request, LARGE)
  t.end()
})

t.test('a client inflates responses whatever a server leaves unread of its requests', t => {
  const gzip = new SlowGzip()
  const limits = callLimits({ inflateNowSizeMax: 999 })
  const client = new ClientSide('server', { compressions: gzip.compressions, limits }).start()
  client.connection.role = 'client'
  client.connection.memory.queuedSize = 1e9
  client.respond(['grpc-encoding', 'gzip'])
  client.stream.deliver(LARGE_PACKED)
  client.turn()
  t.equal(gzip.running, 1)
  t.end()
})

t.test('no more than four messages of a connection are with the threads', t => {
  const { route, side, gzip } = serverOf('bidi', { messageSizeMax: 10_000 })
  const streams = Array.from({ length: 9 }, () => side.open(ENCODED))
  side.turn()
  for (const stream of streams) stream.deliver(LARGE_PACKED)
  for (const call of route.calls) call.read()
  for (let left = 9; left > 0; left--) {
    t.equal(gzip.running, Math.min(left, 4))
    gzip.finish()
  }
  t.end()
})

t.test(
  'inflateNowSizeMax: a message that turns out to be larger than that leaves the thread',
  t => {
    const { side, gzip } = serverOf('unary', { inflateNowSizeMax: 1_000 })
    const bomb = framed(GZIP.compress(Buffer.alloc(1_001, 'x')), 1)
    const exact = framed(GZIP.compress(Buffer.alloc(1_000, 'x')), 1)
    side.unary(exact, ENCODED)
    t.equal(gzip.running, 0)
    side.unary(bomb, ENCODED)
    t.equal(gzip.running, 1)
    const roomy = { messageSizeMax: 1_000, inflateNowSizeMax: 5_000 }
    const { side: small, gzip: unused } = serverOf('unary', roomy)
    t.match(answer(small.unary(bomb, ENCODED)), {
      status: 8,
      message: 'received message after decompression larger than max (1000): messageSizeMax',
    })
    t.equal(unused.running, 0, 'what is too large anyway is known at once')
    const { side: large, gzip: thread } = serverOf('unary', { messageSizeMax: 1_001 })
    const tooLarge = large.unary(framed(GZIP.compress(Buffer.alloc(1_002)), 1), ENCODED)
    thread.finish()
    large.turn()
    t.match(answer(tooLarge), { status: 8, message: /larger than max \(1001\)/ })
    t.end()
  },
)

t.test('small messages that have taken the time of a turn together leave the thread', t => {
  const { side, gzip, route } = serverOf('unary', {})
  route.onStart = call => call.respond('ok')
  let clock = 0
  side.connection.turns.stopwatch = () => clock++ / 4
  const small = framed(GZIP.compress(Buffer.from('small')), 1)
  const streams = Array.from({ length: 4 }, () => {
    const stream = side.open(ENCODED)
    stream.deliver(small, true)
    return stream
  })
  t.equal(gzip.running, 2, 'two take 500 µs')
  gzip.finish()
  gzip.finish()
  side.turn()
  t.same(
    streams.map(stream => answer(stream).status),
    [0, 0, 0, 0],
  )
  side.unary(small, ENCODED)
  t.equal(gzip.running, 0, 'another turn')
  const limits = callLimits({})
  const { compressions } = gzip
  const client = new ClientSide('client', { compression: 'gzip', compressions, limits }).start()
  client.connection.turns.stopwatch = () => clock++ / 4
  for (let i = 0; i < 4; i++) client.call.write('x'.repeat(100))
  t.equal(gzip.running, 1, 'the third leaves, and the fourth waits for it')
  t.end()
})

t.test('a compression without threads does all at once', t => {
  const { name, compress, decompress } = GZIP
  const compressions = new Map([[name, { name, compress, decompress }]])
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond(call.request)
  const limits = { inflateNowSizeMax: 1, compressNowSizeMax: 1 }
  const side = new ServerSide([route], { compressions, compression: 'gzip', limits })
  const stream = side.unary(LARGE_PACKED, { ...ENCODED, 'grpc-accept-encoding': 'gzip' })
  t.match(answer(stream), { status: 0 })
  t.end()
})
