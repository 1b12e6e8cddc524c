import t from 'tap'
import { HpackDecoder, HpackEncoder } from '../../src/hpack/index.js'

function encode(encoder: HpackEncoder, ...list: string[]): string {
  const target = Buffer.alloc(encoder.encodedSizeMax(list))
  return target.toString('hex', 0, encoder.encode(list, target, 0))
}

/** First octet of a block of one field: which representation it is. */
function pattern(encoder: HpackEncoder, name: string, value: string): string {
  const first = Number.parseInt(encode(encoder, name, value).slice(0, 2), 16)
  if (first >= 0x80) return 'indexed'
  if (first >= 0x40) return 'inserted'
  return first >= 0x10 ? 'never indexed' : 'without indexing'
}

const UPDATE_TO_4096 = '3fe11f'

t.test('RFC 7541 §6.1: fields of the static table are one octet', t => {
  for (const policy of ['fast', 'compact'] as const) {
    const encoder = new HpackEncoder({ policy })
    t.equal(encode(encoder, ':method', 'POST', ':scheme', 'https', ':path', '/'), '838784')
    t.equal(encode(encoder, ':status', '200', 'accept-encoding', 'gzip, deflate'), '8890')
    t.equal(encode(encoder, ':authority', '', 'accept', ''), '8193')
    t.equal(encoder.tableLength, 0)
  }
  t.end()
})

t.test('fast: the fields of a gRPC call enter the table at first sight, raw', t => {
  const encoder = new HpackEncoder()
  const list = [
    ':path',
    '/a.B/C',
    ':authority',
    'h',
    'content-type',
    'application/grpc',
    'te',
    'trailers',
    'grpc-status',
    '0',
  ]
  const first = encode(encoder, ...list)
  t.match(first, Buffer.from('/a.B/C').toString('hex'), 'no Huffman coding')
  t.equal(encoder.tableLength, 5)
  t.equal(encode(encoder, ...list), 'c2c1c0bfbe')
  t.equal(encoder.tableLength, 5)
  t.end()
})

t.test('fast: other fields enter the table when they come back', t => {
  const encoder = new HpackEncoder()
  t.equal(pattern(encoder, 'x-tenant', 'blue'), 'without indexing')
  t.equal(pattern(encoder, 'x-tenant', 'green'), 'without indexing')
  t.equal(pattern(encoder, 'x-tenant', 'blue'), 'inserted')
  t.equal(pattern(encoder, 'x-tenant', 'blue'), 'indexed')
  t.equal(pattern(encoder, 'x-tenant', 'green'), 'inserted')
  t.equal(encode(encoder, 'x-tenant', 'red'), '0f2f03726564', 'the name alone is referred to')
  t.equal(pattern(encoder, 'x-empty', ''), 'without indexing')
  t.equal(pattern(encoder, 'x-empty', ''), 'inserted')
  t.end()
})

t.test('what varies by call never enters the table', t => {
  const names = ['grpc-timeout', 'traceparent', 'tracestate', 'content-length', 'age', 'trace-bin']
  for (const policy of ['fast', 'compact'] as const) {
    const encoder = new HpackEncoder({ policy })
    for (const name of names) {
      for (let i = 0; i < 3; i++) t.equal(pattern(encoder, name, '1'), 'without indexing', name)
    }
    t.equal(encoder.tableLength, 0)
  }
  t.equal(pattern(new HpackEncoder(), 'date', 'now'), 'without indexing')
  t.equal(pattern(new HpackEncoder({ policy: 'compact' }), 'date', 'now'), 'inserted')
  t.end()
})

t.test('RFC 7541 §7.1.3: secrets are never-indexed literals, every time', t => {
  const names = ['authorization', 'proxy-authorization', 'set-cookie', 'x-csrf-token', 'password']
  for (const policy of ['fast', 'compact'] as const) {
    const encoder = new HpackEncoder({ policy, neverIndexed: ['password', ':path'] })
    for (const name of names) {
      for (let i = 0; i < 3; i++) t.equal(pattern(encoder, name, 'hush'), 'never indexed', name)
    }
    t.equal(pattern(encoder, ':path', '/'), 'never indexed', 'even one in the static table')
    t.equal(pattern(encoder, 'cookie', 'short'), 'never indexed')
    t.equal(encoder.tableLength, 0)
  }
  const long = 'a cookie of twenty o'
  t.equal(pattern(new HpackEncoder(), 'cookie', long), 'never indexed')
  const compact = new HpackEncoder({ policy: 'compact' })
  t.equal(pattern(compact, 'cookie', long.slice(1)), 'never indexed')
  t.equal(pattern(compact, 'cookie', long), 'inserted', 'RFC 7541 §7.1: too long to be guessed')
  t.end()
})

t.test('fast: the table fills up once and never evicts', t => {
  const encoder = new HpackEncoder({ tableSizeMax: 200 })
  encode(encoder, 'content-type', 'a', 'te', 'b', 'user-agent', 'c', 'grpc-status', 'd')
  t.equal(encoder.tableLength, 4)
  const { generation } = encoder
  t.equal(pattern(encoder, 'grpc-encoding', 'e'), 'without indexing')
  t.equal(encoder.tableEntry(3)?.name, 'content-type')
  t.equal(encoder.generation, generation)
  t.end()
})

t.test('fast: one name takes at most half of the table and 64 entries', t => {
  const half = new HpackEncoder()
  for (let i = 0; i < 100; i++) encode(half, ':path', `/service.With.A.Long.Name/${i}`)
  t.ok(half.tableSize <= 2048, `${half.tableSize} octets`)
  t.ok(half.tableSize > 1900)
  t.equal(pattern(half, 'content-type', 'application/grpc'), 'inserted')

  const many = new HpackEncoder({ tableSizeMax: 65_536 })
  for (let i = 0; i < 100; i++) encode(many, ':path', `/${i}`)
  t.equal(many.tableLength, 64)
  t.equal(pattern(many, ':path', '/63'), 'indexed')
  t.equal(pattern(many, ':path', '/64'), 'without indexing')

  const custom = new HpackEncoder()
  for (let i = 0; i < 2; i++) encode(custom, 'x-large', 'x'.repeat(2010))
  t.equal(custom.tableLength, 0, 'a field above half of the table stays outside')
  t.end()
})

t.test('RFC 7541 §5.2, compact: Huffman where it is shorter, raw where it is not', t => {
  const encoder = new HpackEncoder({ policy: 'compact' })
  t.equal(encode(encoder, 'age', '1000'), '0f06' + '83' + '08000f', 'three octets for four')
  t.equal(encode(encoder, 'age', '307'), '0f06' + '03333037', 'equal sizes: raw')
  t.equal(encode(encoder, 'age', '~~~~'), '0f06' + '047e7e7e7e', 'Huffman would be longer')
  t.equal(encode(encoder, 'custom-key', ''), '408825a849e95ba97d7f00', 'names too')
  t.end()
})

t.test('compact: the oldest entries make room', t => {
  const encoder = new HpackEncoder({ policy: 'compact', tableSizeMax: 102 })
  encode(encoder, 'a', '1', 'b', '2', 'c', '3')
  t.equal(encode(encoder, 'a', '1', 'b', '2'), 'c0bf')
  t.equal(pattern(encoder, 'd', '4'), 'inserted')
  t.equal(pattern(encoder, 'b', '2'), 'indexed')
  t.equal(pattern(encoder, 'a', '1'), 'inserted', 'evicted before')
  t.equal(pattern(encoder, 'e', 'x'.repeat(70)), 'without indexing', 'larger than the table')
  t.equal(encoder.tableLength, 3)
  t.end()
})

t.test('RFC 7541 §4.2: a smaller table is announced once, at the start of the next block', t => {
  const encoder = new HpackEncoder()
  encode(encoder, 'te', 'trailers', 'user-agent', 'x')
  encoder.setTableSizeMax(50)
  t.equal(encoder.tableLength, 1, 'evicted at once')
  t.equal(encoder.tableCapacity, 50)
  t.equal(encode(encoder, ':method', 'GET'), '3f1382')
  t.equal(encode(encoder, ':method', 'GET'), '82')
  encoder.setTableSizeMax(0)
  t.equal(encode(encoder), '20')
  t.equal(pattern(encoder, 'te', 'trailers'), 'without indexing')
  t.end()
})

t.test(
  'RFC 7541 §4.2: a table that was emptied before one block is empty on both sides, whatever came after',
  t => {
    const encoder = new HpackEncoder()
    encode(encoder, 'te', 'trailers')
    encoder.setTableSizeMax(50)
    encoder.setTableSizeMax(200)
    encoder.setTableSizeMax(45)
    t.equal(encoder.tableLength, 0)
    t.equal(encode(encoder, ':method', 'GET'), '203f0e82')
    t.end()
  },
)

t.test('RFC 7541 §4.2: a larger table is announced, never above our own bound', t => {
  const encoder = new HpackEncoder({ tableSizeMax: 100 })
  encoder.setTableSizeMax(30)
  t.equal(encode(encoder), '3e')
  encoder.setTableSizeMax(2 ** 32 - 1)
  t.equal(encoder.tableCapacity, 100)
  t.equal(encode(encoder), '3f45')
  encoder.setTableSizeMax(101)
  t.equal(encode(encoder), '', 'no change, no update')
  t.end()
})

t.test('RFC 7541 §4.2: a dip between two blocks is announced as 0 and the last size', t => {
  const encoder = new HpackEncoder()
  const decoder = new HpackDecoder()
  decoder.decodeList(Buffer.from(encode(encoder, 'te', 'trailers'), 'hex'))
  encoder.setTableSizeMax(1000)
  encoder.setTableSizeMax(4096)
  t.equal(encoder.tableLength, 0, 'the first update empties both tables')
  const block = encode(encoder, 'te', 'trailers')
  t.equal(block.slice(0, 8), `20${UPDATE_TO_4096}`)
  t.same(decoder.decodeList(Buffer.from(block, 'hex')), ['te', 'trailers'])

  encoder.setTableSizeMax(10)
  encoder.setTableSizeMax(20)
  encoder.setTableSizeMax(15)
  t.equal(encode(encoder), '202f', 'several changes: still two updates')
  encoder.setTableSizeMax(100)
  encoder.setTableSizeMax(50)
  t.equal(encode(encoder), '3f13', 'a rise and a lesser rise: one update')
  encoder.setTableSizeMax(100)
  encoder.setTableSizeMax(50)
  t.equal(encode(encoder), '', 'a rise and back: none')
  encoder.setTableSizeMax(20)
  encoder.setTableSizeMax(0)
  t.equal(encode(encoder), '20', 'down to nothing: one update')
  t.end()
})

t.test('generation stands still exactly while an encoded block may be sent again', t => {
  const encoder = new HpackEncoder({ policy: 'compact', tableSizeMax: 40 })
  const moves = (...list: string[]): boolean => {
    const before = encoder.generation
    encode(encoder, ...list)
    return encoder.generation !== before
  }
  t.equal(moves(':method', 'GET', 'authorization', 'x', 'age', '1'), false)
  t.equal(moves('a', 'b'), true, 'an insertion')
  t.equal(moves('a', 'b'), false, 'a reference')
  t.equal(moves('c', 'd'), true, 'an insertion with an eviction')
  const before = encoder.generation
  encoder.setTableSizeMax(35)
  t.not(encoder.generation, before, 'an update falls due')
  t.equal(moves(), true, 'and is written')
  t.equal(moves('c', 'd'), false)
  const settled = encoder.generation
  encoder.setTableSizeMax(35)
  t.equal(encoder.generation, settled, 'no change')
  t.end()
})

t.test('encodedSizeMax bounds every block, updates included', t => {
  const lists = [
    [],
    [':method', 'GET'],
    ['', ''],
    ['x-name', 'v'.repeat(300), 'x-other', 'w'.repeat(200_000)],
    Array.from({ length: 40 }, (_, i) => `${i}`),
  ]
  for (const policy of ['fast', 'compact'] as const) {
    for (const list of lists) {
      const encoder = new HpackEncoder({ policy, tableSizeMax: 2 ** 28 - 1 })
      encoder.setTableSizeMax(0)
      encoder.setTableSizeMax(2 ** 28 - 1)
      const target = Buffer.alloc(500_000)
      t.ok(encoder.encode(list, target, 7) - 7 <= encoder.encodedSizeMax(list))
    }
  }
  t.end()
})

t.test('a value that is no octets is a TypeError which names the field, not the value', t => {
  const value = 'secret \u20ac'
  for (const policy of ['fast', 'compact'] as const) {
    for (const text of [value, value.repeat(20)]) {
      const encoder = new HpackEncoder({ policy })
      const target = Buffer.alloc(1000)
      t.throws(() => encoder.encode(['x-name', text], target, 0), {
        name: 'TypeError',
        message: /^value of header field "x-name" has a character above U\+00FF$/,
      })
      t.throws(() => encoder.encode([text, 'x'], target, 0), /^name of header field/)
      const missing = [':path', undefined] as unknown as string[]
      t.throws(
        () => encoder.encode(missing, target, 0),
        /^value of header field ":path" is undefined/,
      )
    }
  }
  t.throws(() => new HpackEncoder().encode(['x-name'], Buffer.alloc(100), 0), TypeError)
  t.end()
})

t.test('octets up to 0xff are written as they are', t => {
  const value = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))
  for (const policy of ['fast', 'compact'] as const) {
    for (const text of [value, value.slice(230), value.slice(0, 20)]) {
      const block = Buffer.from(encode(new HpackEncoder({ policy }), text, text), 'hex')
      t.same(new HpackDecoder().decodeList(block), [text, text])
    }
  }
  t.end()
})

t.test('after a block given up half-way both tables start again from nothing', t => {
  for (const policy of ['fast', 'compact'] as const) {
    const encoder = new HpackEncoder({ policy })
    const decoder = new HpackDecoder()
    const target = Buffer.alloc(1000)
    const send = (...list: string[]): void => {
      const end = encoder.encode(list, target, 0)
      t.same(decoder.decodeList(target, 0, end), list)
    }
    send('te', 'trailers', 'content-type', 'a')
    const { generation } = encoder
    t.throws(() => encoder.encode(['grpc-timeout', '\u0100'], target, 0), TypeError)
    send('te', 'trailers')
    t.equal(encoder.generation, generation, 'nothing was inserted: nothing to undo')

    t.throws(() => encoder.encode(['user-agent', 'lost', 'x', '\u0100'], target, 0), TypeError)
    t.not(encoder.generation, generation, 'cached blocks are void')
    send('user-agent', 'lost', 'te', 'trailers')
    send('user-agent', 'lost', 'te', 'trailers')
    t.equal(encoder.tableLength, 2)

    encoder.setTableSizeMax(0)
    encoder.setTableSizeMax(4096)
    t.throws(() => encoder.encode(['x', '\u0100'], target, 0), TypeError)
    send('te', 'trailers')
    send('te', 'trailers')

    encoder.setTableSizeMax(0)
    t.throws(() => encoder.encode(['x', '\u0100'], target, 0), TypeError)
    send('te', 'trailers')
    t.equal(decoder.tableCapacity, 0, 'an update that was lost is said again')
  }
  t.end()
})

t.test('a target without room is a RangeError', t => {
  const encoder = new HpackEncoder()
  const list = ['te', 'trailers', 'x', 'y']
  t.throws(() => encoder.encode(list, Buffer.alloc(14), 0), RangeError)
  const target = Buffer.alloc(100)
  const end = encoder.encode(list, target, 0)
  t.same(new HpackDecoder().decodeList(target, 0, end), list)
  t.end()
})

t.test('options and sizes are checked', t => {
  for (const size of [-1, 0.5, Number.NaN, 2 ** 32]) {
    t.throws(() => new HpackEncoder({ tableSizeMax: size }), RangeError)
    t.throws(() => new HpackEncoder().setTableSizeMax(size), RangeError)
  }
  t.throws(() => new HpackEncoder({ tableSizeMax: 2 ** 28 }), /at most 268435455/)
  t.throws(
    () => new HpackEncoder({ policy: 'small' as 'fast' }),
    /policy must be fast or compact, got 'small'/,
  )
  t.end()
})
