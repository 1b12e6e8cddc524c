import t from 'tap'
import { type CallLimits, callLimits, ErrorCode, GZIP } from '../../src/grpc/index.js'
import type { RunningServerCall } from '../../src/grpc/server/running-call.js'
import { longText, SlowGzip } from './slow-compression.js'
import { answer, ClientSide, messages, RecordingRoute, ServerSide } from './support.js'

/** From 1,000 octets on a message leaves the thread. */
const LIMITS: Partial<CallLimits> = { compressNowSizeMax: 999 }
const ACCEPTS = { 'grpc-accept-encoding': 'identity,gzip' }
const LARGE = longText(5_000)

function client(kind: 'unary' | 'client' | 'bidi', gzip: SlowGzip): ClientSide {
  const limits = callLimits(LIMITS)
  return new ClientSide(kind, { compression: 'gzip', compressions: gzip.compressions, limits })
}

function server(route: RecordingRoute, gzip: SlowGzip): ServerSide {
  const { compressions } = gzip
  return new ServerSide([route], { compression: 'gzip', compressions, limits: LIMITS })
}

/** What the peer reads. */
function texts(bytes: Buffer): string[] {
  return messages(bytes).map(({ flag, payload, text }) =>
    flag === 1 ? GZIP.decompress(payload, 1e6).toString() : text,
  )
}

t.test(
  'a large request is compressed off the thread, and all others and END_STREAM stay behind it',
  t => {
    const gzip = new SlowGzip()
    const side = client('client', gzip).start()
    t.equal(side.call.write('first'), true)
    side.call.write(LARGE)
    side.call.write('second')
    side.call.compressing = false
    side.call.write('third')
    side.call.halfClose()
    t.same(texts(side.stream.sentBytes), ['first'])
    t.ok(side.call.bufferedSize > 5_000, 'what waits counts as buffered')
    gzip.finish()
    t.equal(side.connection.asked, 1, 'a turn of the connection was asked for')
    t.same(texts(side.stream.sentBytes), ['first'], 'which is when it leaves')
    side.turn()
    t.same(texts(side.stream.sentBytes), ['first', LARGE, 'second', 'third'])
    const { sent } = side.stream
    t.equal(sent[sent.length - 1]!.endStream, true, 'the end goes on the last message')
    t.equal(sent.filter(({ endStream }) => endStream).length, 1)
    t.equal(side.call.bufferedSize, 0)
    t.end()
  },
)

t.test('what waits to be compressed is in the account of memory', t => {
  const gzip = new SlowGzip()
  const route = new RecordingRoute('bidi')
  const side = server(route, gzip)
  const stream = side.open(ACCEPTS)
  const kept = (): number => stream.charged
  side.turn()
  const call = route.calls[0]!
  const before = kept()
  call.write(LARGE)
  call.write(LARGE)
  t.equal(kept() - before, 10_010, 'with prefixes')
  gzip.finish()
  side.turn()
  t.equal(kept() - before, 5_005)
  gzip.finish()
  side.turn()
  t.equal(kept(), before)
  call.write(LARGE)
  call.stream.handler.onReset(8, true)
  t.equal(kept(), before, 'nobody wants it')
  t.end()
})

t.test('large messages of one call leave one after the other', t => {
  const gzip = new SlowGzip()
  const side = client('bidi', gzip).start()
  for (let i = 1; i <= 3; i++) side.call.write(`${i}${LARGE}`)
  for (let i = 0; i < 3; i++) {
    t.equal(gzip.running, 1)
    gzip.finish()
    side.turn()
  }
  t.same(
    texts(side.stream.sentBytes).map(text => text[0]),
    ['1', '2', '3'],
  )
  side.call.halfClose()
  t.equal(side.stream.sent[side.stream.sent.length - 1]!.endStream, true, 'nothing waits: at once')
  t.end()
})

t.test('a request that waits for a connection is compressed when it has one', t => {
  const gzip = new SlowGzip()
  const side = client('unary', gzip)
  side.call.request(LARGE)
  t.equal(gzip.running, 0)
  side.start()
  t.equal(gzip.running, 1)
  gzip.finish()
  side.turn()
  t.same(texts(side.stream.sentBytes), [LARGE])
  t.end()
})

t.test(
  'write answers false while much is being compressed, and onDrain follows when it has left',
  t => {
    const gzip = new SlowGzip()
    const side = client('client', gzip).start()
    t.equal(side.call.write(longText(60_000)), true)
    t.equal(side.call.write(longText(4_000)), true, '64,010 octets')
    t.equal(side.call.write('x'.repeat(2_000)), false, '66,015 of 65,536')
    gzip.finish()
    side.turn()
    t.notOk(side.heard.includes('drain'))
    gzip.finish()
    side.turn()
    t.notOk(side.heard.includes('drain'), 'the last one still waits')
    gzip.finish()
    side.turn()
    t.same(side.heard, ['drain'])
    t.end()
  },
)

t.test('a stream that is full as well is waited for too', t => {
  const gzip = new SlowGzip()
  const route = new RecordingRoute('server')
  const side = server(route, gzip)
  const stream = side.unary('x', ACCEPTS)
  t.equal(route.call.write(longText(70_000)), false)
  stream.room = 100
  gzip.finish()
  side.turn()
  t.same(route.heard, ['start'])
  stream.bufferedSize = 0
  stream.handler.onDrain()
  side.turn()
  t.same(route.heard, ['start', 'drain'])
  route.call.write(LARGE)
  stream.handler.onDrain()
  side.turn()
  t.same(route.heard, ['start', 'drain'], 'there is room on the stream, but a message still waits')
  gzip.finish()
  stream.room = Number.POSITIVE_INFINITY
  side.turn()
  t.same(route.heard, ['start', 'drain', 'drain'])
  t.end()
})

t.test('trailers wait for the messages before them', t => {
  const gzip = new SlowGzip()
  const route = new RecordingRoute('unary')
  route.onStart = call => {
    call.respond(LARGE)
    call.settle()
  }
  const side = server(route, gzip)
  const stream = side.unary('x', ACCEPTS)
  t.equal(answer(stream).status, undefined)
  t.equal(route.call.finished, true, 'nothing can follow')
  gzip.finish()
  side.turn()
  t.match(answer(stream), { status: 0 })
  t.same(texts(stream.sentBytes), [LARGE])
  t.end()
})

t.test('an error after large messages comes behind them', t => {
  const gzip = new SlowGzip()
  const route = new RecordingRoute('server')
  route.onStart = call => {
    call.write(LARGE)
    call.write('last words')
    ;(call as RunningServerCall).onThrown(new Error('handler'))
  }
  const side = server(route, gzip)
  const stream = side.unary('x', ACCEPTS)
  gzip.finish()
  side.turn()
  t.same(texts(stream.sentBytes), [LARGE, 'last words'])
  t.match(answer(stream), { status: 2 })
  t.end()
})

t.test('a client that still sends is stopped only when the response has left', t => {
  const gzip = new SlowGzip()
  const route = new RecordingRoute('bidi')
  route.onStart = call => {
    call.write(LARGE)
    call.finish()
  }
  const side = server(route, gzip)
  const stream = side.open(ACCEPTS)
  side.turn()
  stream.deliver(Buffer.from([0, 0, 0, 0, 1, 65]))
  side.turn()
  t.same(answer(stream).resets, [])
  gzip.finish()
  side.turn()
  t.match(answer(stream), { status: 0, resets: [ErrorCode.NoError] })
  t.same(texts(stream.sentBytes), [LARGE])
  t.end()
})

t.test(
  'a call that ends while a thread compresses sends nothing more, and hears nothing more',
  t => {
    const endings: Readonly<Record<string, (side: ClientSide) => void>> = {
      cancel: side => side.call.cancel(),
      reset: side => side.stream.handler.onReset(ErrorCode.Cancel, true),
      lost: side => side.stream.handler.onLost(new Error('gone'), false),
      deadline: side => side.connection.advance(2_000),
      answered: side => side.refuse('grpc-status', '5'),
    }
    for (const [name, end] of Object.entries(endings)) {
      const gzip = new SlowGzip()
      const limits = callLimits(LIMITS)
      const { compressions } = gzip
      const side = new ClientSide('client', {
        compression: 'gzip',
        compressions,
        limits,
        deadline: 1_500,
      }).start()
      side.call.write(LARGE)
      side.call.write('behind it')
      end(side)
      side.turn()
      const { heard } = side
      t.equal(heard[heard.length - 1], 'status', name)
      const count = heard.length
      gzip.finish()
      side.turn()
      t.equal(side.stream.sentBytes.length, 0, name)
      t.equal(heard.length, count, name)
      t.equal(side.connection.asked, 0, 'no turn for what nobody wants')
      t.equal(side.call.bufferedSize, 0)
    }
    t.end()
  },
)

t.test('a server call that is reset while a thread compresses sends no trailers', t => {
  for (const finishes of [true, false]) {
    const gzip = new SlowGzip()
    const route = new RecordingRoute('server')
    route.onStart = call => {
      call.write(LARGE)
      if (finishes) call.finish()
    }
    const side = server(route, gzip)
    const stream = side.unary('x', ACCEPTS)
    const sent = stream.sent.length
    stream.closed = true
    stream.handler.onReset(ErrorCode.Cancel, true)
    side.turn()
    gzip.finish()
    side.turn()
    t.equal(stream.sent.length, sent)
    t.same(route.heard, finishes ? ['start'] : ['start', 'cancel'])
  }
  t.end()
})

t.test('a message that cannot be compressed ends the call with INTERNAL and the cause', t => {
  const broken = {
    name: 'gzip',
    compress: (): never => {
      throw new Error('no memory')
    },
    compressAsync(_bytes: Uint8Array, done: (error: Error) => void): void {
      this.later = () => done(new Error('no thread'))
    },
    decompress: (): never => {
      throw new Error('unused')
    },
    later: () => {},
  }
  for (const message of ['small', LARGE]) {
    const compressions = new Map([['gzip', broken]])
    const side = new ClientSide('client', {
      compression: 'gzip',
      compressions,
      limits: callLimits(LIMITS),
    })
    side.start()
    side.call.write(message)
    broken.later()
    side.turn()
    t.match(side.error, { code: 'INTERNAL', cause: { message: /^no (memory|thread)$/ } })
    t.match(side.stream.sent[1], { type: 'reset', code: ErrorCode.Cancel })

    const route = new RecordingRoute('unary')
    route.onStart = call => call.respond(message)
    const serving = new ServerSide([route], { compression: 'gzip', compressions, limits: LIMITS })
    const stream = serving.unary('x', ACCEPTS)
    broken.later()
    serving.turn()
    t.match(answer(stream), { status: 13, message: 'message cannot be compressed' })
    t.equal(serving.thrown.length, 1, 'the server hears why')
  }
  t.end()
})
