import t from 'tap'
import { GZIP, Metadata } from '../../src/grpc/index.js'
import { frames, indexed, insertingBlock, literalBlock } from '../support/frames.js'
import { Pair } from './pair.js'
import { field, framed, method, RecordingRoute, requestFields, ServerSide } from './support.js'
import { sentMessages, WireClient, WireServer } from './wire.js'

/** An echo whose runs can be counted. */
function echo(): RecordingRoute {
  const route = new RecordingRoute('unary')
  route.onStart = call => {
    call.respond(call.request)
    call.settle()
  }
  return route
}

const OK = '200 0 in 2'
const hi = framed('hi')

t.test('requests that other servers get wrong: what the specification says', t => {
  const zipped = framed(GZIP.compress(Buffer.from('hi')), 1)
  const table: readonly (readonly [
    name: string,
    changes: Record<string, string>,
    data: Uint8Array | undefined,
    answer: string,
  ])[] = [
    ['grpc-timeout 597H', { 'grpc-timeout': '597H' }, hi, OK],
    ['grpc-timeout of nine digits', { 'grpc-timeout': '123456789S' }, hi, '200 13 in 1'],
    ['grpc-timeout inside junk', { 'grpc-timeout': 'abc5Sxyz' }, hi, '200 13 in 1'],
    ['flag 1 without encoding', {}, zipped, '200 13 in 1'],
    ['flag 1 with identity', { 'grpc-encoding': 'identity' }, zipped, '200 13 in 1'],
    ['flag 2', {}, framed('hi', 2), '200 13 in 1'],
    ['flag 1 with unknown encoding', { 'grpc-encoding': 'foo' }, zipped, '200 12 in 1'],
    ['gzip garbage', { 'grpc-encoding': 'gzip' }, framed('garbage', 1), '200 13 in 1'],
    ['grpc-web', { 'content-type': 'application/grpc-web+proto' }, hi, '415 13 in 1'],
    ['grpcfoo', { 'content-type': 'application/grpcfoo' }, hi, '415 13 in 1'],
    ['json, which has a codec', { 'content-type': 'application/grpc+json' }, hi, OK],
    ['thrift, which has none', { 'content-type': 'application/grpc+thrift' }, hi, '200 12 in 1'],
    ['PUT', { ':method': 'PUT' }, hi, '405 13 in 1'],
    ['unknown method', { ':path': '/t.T/No%pe x' }, hi, '200 12 in 1'],
    ['bad base64', { 'x-bin': 'not base64!' }, hi, '200 13 in 1'],
    ['truncated message', {}, hi.subarray(0, 6), '200 13 in 1'],
    ['no message', {}, undefined, '200 12 in 1'],
    ['empty DATA', {}, Buffer.alloc(0), '200 12 in 1'],
    ['two messages', {}, Buffer.concat([hi, hi]), '200 12 in 1'],
    ['octets that are no ASCII in metadata', { x: 'caf\xe9' }, hi, OK],
    ['a good one after all that', {}, hi, OK],
  ]
  const route = echo()
  const server = new WireServer([route])
  for (const [name, changes, data, expected] of table) {
    t.equal(server.probe(requestFields(changes), data), expected, name)
  }
  t.equal(route.calls.length, 4, 'no other reached the handler')
  t.equal(server.probe(requestFields({ te: undefined }), hi), OK, 'R3: without te')
  t.equal(server.connection.streamCount, 0)
  t.equal(server.connection.runningCount, 0)
  t.same(server.problems, [])
  t.end()
})

t.test('R12, R13, R15: malformed requests are PROTOCOL_ERROR and never reach gRPC', t => {
  const route = echo()
  const malformed: readonly (readonly string[])[] = [
    [...requestFields(), 'connection', 'close'],
    [...requestFields(), 'transfer-encoding', 'chunked'],
    [...requestFields(), 'upgrade', 'h2c'],
    [...requestFields(), 'keep-alive', 'x'],
    [...requestFields(), 'proxy-connection', 'x'],
    requestFields({ te: 'gzip' }),
    [...requestFields(), 'Upper', 'x'],
    [':authority', 'x', ...requestFields()],
  ]
  for (const fields of malformed) {
    const server = new WireServer([route])
    t.equal(server.probe(fields, undefined), 'RST_STREAM 1', fields.slice(-2).join(': '))
  }
  t.equal(route.calls.length, 0)
  t.end()
})

t.test('L1: padded DATA is the same DATA', t => {
  const route = echo()
  const server = new WireServer([route])
  server.sends(frames.headers(1, requestFields()))
  server.sends(frames.data(1, { bytes: hi.subarray(0, 3), padding: 7 }))
  server.sends(frames.data(1, { bytes: Buffer.alloc(0) }))
  server.sends(frames.data(1, { bytes: hi.subarray(3), padding: 0, endStream: true }))
  t.equal(server.answer(), OK)
  t.same(sentMessages(server), ['hi'])
  t.end()
})

const headers = (id: number, ...extra: string[]): Buffer =>
  frames.headers(id, [':status', '200', 'content-type', 'application/grpc', ...extra])
const only = (id: number, ...extra: string[]): Buffer =>
  frames.headers(id, [':status', '200', 'content-type', 'application/grpc', ...extra], {
    endStream: true,
  })
const trailers = (id: number, ...fields: string[]): Buffer =>
  frames.headers(id, fields, { endStream: true })
const data = (id: number, bytes: Uint8Array): Buffer => frames.data(id, { bytes })

t.test('M8: metadata above the limits is refused on the wire, and HPACK stays in step', t => {
  const route = echo()
  const server = new WireServer([route], { limits: { metadataSizeMax: 1_000 } })
  const insert = insertingBlock(['x-kept', 'v'.repeat(40)])
  const probe = (id: number, size: number): string => {
    server.seen.length = 0
    const block = Buffer.concat([insert, literalBlock(['big', 'x'.repeat(size)])])
    const fields = Buffer.concat([literalBlock(requestFields()), block])
    server.sends(frames.headers(id, fields), frames.data(id, { bytes: hi, endStream: true }))
    return server.answer()
  }
  t.equal(probe(1, 900), '431 8 in 1', 'larger than a call takes')
  const told = server.seen.find(({ type }) => type === 1)!.list!
  t.match(
    field(told, 'grpc-message'),
    /^received metadata larger than max \(\d+ vs. 1000\): limits.metadataSizeMax of calls$/,
  )
  t.equal(probe(3, 16_000), 'RST_STREAM 11', 'larger than the connection takes: RESOURCE_EXHAUSTED')
  t.same(route.heard, [])
  server.seen.length = 0
  const byIndex = Buffer.concat([literalBlock(requestFields()), indexed(62), indexed(63)])
  server.sends(frames.headers(5, byIndex), frames.data(5, { bytes: hi, endStream: true }))
  t.equal(server.answer(), OK)
  t.same(route.call.metadata.getAll('x-kept'), ['v'.repeat(40), 'v'.repeat(40)])

  const client = new WireClient()
  const large = client.probe(id => [headers(id, 'big', 'x'.repeat(16_300))])
  t.equal(large.code, 'RESOURCE_EXHAUSTED')
  t.same(client.endings, ['RST_STREAM 11'])
  t.equal(
    client.probe(id => [headers(id), data(id, hi), trailers(id, 'grpc-status', '0')]).code,
    'OK',
  )
  t.end()
})

t.test('R12, R15, T12, T13: malformed responses are INTERNAL, and reset with PROTOCOL_ERROR', t => {
  const malformed: Record<string, (id: number) => readonly Buffer[]> = {
    connection: id => [headers(id, 'connection', 'close')],
    'transfer-encoding': id => [headers(id, 'transfer-encoding', 'chunked')],
    te: id => [headers(id, 'te', 'gzip')],
    'upper case': id => [headers(id, 'Upper', 'x')],
    'upper case in trailers': id => [headers(id), trailers(id, 'Grpc-Status', '0')],
    'a second HEADERS': id => [headers(id), frames.headers(id, ['a', 'b'])],
    'a second HEADERS with a status': id => [headers(id), frames.headers(id, ['grpc-status', '0'])],
    'a second response': id => [headers(id), headers(id)],
    'pseudo-header in trailers': id => [headers(id), trailers(id, ':status', '200')],
    'interim response with END_STREAM': id => [
      frames.headers(id, [':status', '103'], { endStream: true }),
    ],
  }
  for (const [name, reply] of Object.entries(malformed)) {
    const client = new WireClient()
    const call = client.probe(reply)
    t.match(call.error, { code: 'INTERNAL', origin: 'local', unprocessed: false }, name)
    client.collect()
    t.same(client.endings, ['RST_STREAM 1'], name)
  }
  t.end()
})

t.test('RFC 9113 §8.2.1: no status is lost for white space around a value of a response', t => {
  // What Python's handlers that raise without a text answer, and grpc-go, grpc-java and C-core send as it is.
  const why = 'Exception calling application: '
  const table: readonly (readonly string[])[] = [
    ['grpc-status', '2', 'grpc-message', why],
    ['grpc-status', '2', 'grpc-message', `\t${why}`],
    ['grpc-status', ' 2 ', 'grpc-message', why, 'x', ' y\t'],
  ]
  for (const fields of table) {
    const client = new WireClient()
    const whole = client.probe(id => [only(id, ...fields)])
    t.match(whole.error, { code: 'UNKNOWN', message: why.trim(), origin: 'peer' })
    const late = client.probe(id => [headers(id, 'a', ' b '), trailers(id, ...fields)])
    t.match(late.error, { code: 'UNKNOWN', message: why.trim(), origin: 'peer' })
    t.same(client.endings, [], 'and nothing is reset')
  }
  t.end()
})

t.test('RFC 9113 §8.2.1: a request with white space around its values is served', t => {
  const route = echo()
  const server = new WireServer([route])
  const fields = { 'grpc-timeout': ' 1S', 'grpc-encoding': 'identity\t', te: ' trailers', x: ' y ' }
  t.equal(server.probe(requestFields(fields), hi), OK)
  t.equal(route.calls[0]?.metadata.get('x'), 'y')
  t.equal(route.calls[0]?.deadline, 2_000)
  t.end()
})

t.test('responses that other clients get wrong: what the specification says', t => {
  type Reply = (id: number) => readonly Buffer[]
  const good: Reply = id => [headers(id), data(id, hi), trailers(id, 'grpc-status', '0')]
  const table: readonly (readonly [name: string, reply: Reply, code: string, message?: string])[] =
    [
      [
        'two messages on unary',
        id => [headers(id), data(id, Buffer.concat([hi, hi])), trailers(id, 'grpc-status', '0')],
        'UNIMPLEMENTED',
      ],
      [
        'flag 1 with identity',
        id => [
          headers(id, 'grpc-encoding', 'identity'),
          data(id, framed('x', 1)),
          trailers(id, 'grpc-status', '0'),
        ],
        'INTERNAL',
      ],
      [
        'flag 1 with unknown encoding',
        id => [
          headers(id, 'grpc-encoding', 'foo'),
          data(id, framed('x', 1)),
          trailers(id, 'grpc-status', '0'),
        ],
        'INTERNAL',
      ],
      [
        'flag 2',
        id => [headers(id), data(id, framed('x', 2)), trailers(id, 'grpc-status', '0')],
        'INTERNAL',
      ],
      [
        'json to a proto client',
        id => [
          frames.headers(id, [':status', '200', 'content-type', 'application/grpc+json']),
          data(id, hi),
          trailers(id, 'grpc-status', '0'),
        ],
        'INTERNAL',
      ],
      ['grpc-status abc', id => [only(id, 'grpc-status', 'abc')], 'UNKNOWN'],
      [
        'broken escapes',
        id => [only(id, 'grpc-status', '3', 'grpc-message', 'a%23b%2Cc%')],
        'INVALID_ARGUMENT',
        'a#b,c%',
      ],
      [
        'broken UTF-8',
        id => [only(id, 'grpc-status', '3', 'grpc-message', 'ok%FFok')],
        'INVALID_ARGUMENT',
        'ok\ufffdok',
      ],
      [
        'an HTML page',
        id => [
          frames.headers(id, [':status', '200', 'content-type', 'text/html']),
          frames.data(id, { bytes: Buffer.from('<html>'), endStream: true }),
        ],
        'UNKNOWN',
      ],
      ['no message and OK', id => [only(id, 'grpc-status', '0')], 'UNIMPLEMENTED'],
      [
        'truncated message',
        id => [headers(id), data(id, hi.subarray(0, 6)), trailers(id, 'grpc-status', '0')],
        'INTERNAL',
      ],
      ['RST 7', id => [frames.rstStream(id, 7)], 'UNAVAILABLE'],
      ['RST 11', id => [frames.rstStream(id, 11)], 'RESOURCE_EXHAUSTED'],
      ['RST 13', id => [frames.rstStream(id, 13)], 'INTERNAL'],
      [
        'T8: interim response with END_STREAM',
        id => [frames.headers(id, [':status', '103'], { endStream: true })],
        'INTERNAL',
      ],
      ['T8: interim responses', id => [frames.headers(id, [':status', '103']), ...good(id)], 'OK'],
      [
        'T12: a second HEADERS without END_STREAM',
        id => [headers(id), frames.headers(id, ['a', 'b'])],
        'INTERNAL',
      ],
      [
        'T13: trailers with pseudo-headers',
        id => [headers(id), data(id, hi), trailers(id, ':status', '200', 'grpc-status', '0')],
        'INTERNAL',
      ],
      [
        'E2: RST NO_ERROR after complete trailers',
        id => [...good(id), frames.rstStream(id, 0)],
        'OK',
      ],
      [
        'E2: RST NO_ERROR before them',
        id => [headers(id), data(id, hi), frames.rstStream(id, 0)],
        'INTERNAL',
      ],
      [
        'L1: padded DATA, empty DATA, a message in two frames',
        id => [
          headers(id),
          frames.data(id, { bytes: hi.subarray(0, 3), padding: 7 }),
          frames.data(id),
          frames.data(id, { bytes: hi.subarray(3), padding: 0 }),
          trailers(id, 'grpc-status', '0'),
        ],
        'OK',
      ],
      ['a good one after all that', good, 'OK'],
    ]
  const client = new WireClient()
  for (const [name, reply, code, message] of table) {
    const call = client.probe(reply)
    t.equal(call.code, code, name)
    if (message !== undefined) t.equal(call.error?.message, message)
  }
  t.equal(client.connection.streamCount, 0)
  t.same(client.problems, [])
  t.end()
})

t.test('M10: 125 and more metadata entries', t => {
  const route = echo()
  const pair = new Pair([route])
  const metadata = new Metadata()
  for (let i = 0; i < 300; i++) metadata.append(`k${i}`, 'v')
  const call = pair.start(method('unary'), { metadata })
  call.call.request('x')
  pair.pump()
  t.equal(call.code, 'OK')
  t.equal(route.call.metadata.size, 301, 'and user-agent')
  t.end()
})

t.test('1500 quick cancels leave other calls of the connection alone', t => {
  const route = new RecordingRoute('bidi')
  const slow = new RecordingRoute('unary', '/t.T/Slow')
  slow.onCancel = () => slow.call.settle()
  const pair = new Pair([route, slow])
  const calls = Array.from({ length: 100 }, () => {
    const call = pair.start(method('bidi'))
    call.call.write('x')
    return call
  })
  pair.pump()
  for (let i = 0; i < 1_500; i++) {
    const call = pair.start(method('unary', '/t.T/Slow'))
    call.call.request('x')
    // Every third reset comes in one chunk with its request, the others find a running handler.
    if (i % 3 > 0) pair.pump()
    call.call.cancel()
    pair.pump()
  }
  t.equal(slow.calls.length, 1_000)
  t.equal(pair.server.runningCount, 100)
  for (const call of route.calls) call.finish()
  pair.pump()
  t.same([...new Set(calls.map(({ code }) => code))], ['OK'])
  t.same(pair.problems, [])
  t.end()
})

t.test('errors are Trailers-Only, and fakes agree with the wire', t => {
  const server = new ServerSide([echo()])
  t.equal(server.unary('bad').sent.length, 1)
  t.equal(new WireServer([echo()]).probe(requestFields(), framed('bad')), '200 13 in 1')
  t.end()
})
