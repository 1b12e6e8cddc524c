import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import t from 'tap'
import { FieldError, type LoadServiceOptions, loadService } from '../../src/index.js'
import { Random } from '../../src/testing/index.js'
import { EDITION, PROTO2, PROTO3 } from './schemas.js'

interface TestCodec {
  encode(value: unknown): Uint8Array
  decode(bytes: Buffer, start: number, end: number): unknown
}

const folder = t.testdir({ 'three.proto': PROTO3, 'two.proto': PROTO2, 'edition.proto': EDITION })

async function codecOf(
  file: string,
  type: string,
  options: LoadServiceOptions = {},
  subtype = 'proto',
): Promise<TestCodec> {
  const path = join(folder, `${type}-service.proto`)
  writeFileSync(
    path,
    `syntax = "proto3"; import "${file}"; service S { rpc M(codec.${type}) returns (codec.${type}); }`,
  )
  const service = await loadService(path, 'S', options)
  return service.methods[0]!.request.get(subtype) as TestCodec
}

function again(codec: TestCodec, value: unknown): unknown {
  const bytes = Buffer.from(codec.encode(value))
  return codec.decode(bytes, 0, bytes.length)
}

const WRONG: readonly (readonly [value: unknown, message: string | RegExp])[] = [
  [{ i32: 2 ** 33 }, 'All.i32: 8589934592 is no int32'],
  [{ i32: 1.5 }, 'All.i32: 1.5 is no int32'],
  [{ i32: '1' }, "All.i32: text '1' is no int32"],
  [{ i32: Number.NaN }, 'All.i32: NaN is no int32'],
  [{ i32: 1n }, 'All.i32: 1n is no int32'],
  [{ i32: true }, 'All.i32: true is no int32'],
  [{ s32: -(2 ** 31) - 1 }, 'All.s32: -2147483649 is no sint32'],
  [{ u32: -1 }, 'All.u32: -1 is no uint32'],
  [{ f32: 2 ** 32 }, 'All.f32: 4294967296 is no fixed32'],
  [
    { i64: 2n ** 63n },
    /^All\.i64: 9223372036854775808n is no int64, which goes from -9223372036854775808 to/,
  ],
  [
    { i64: 2 ** 53 },
    'All.i64: 9007199254740992 is no int64: numbers are exact up to 2^53 only, give a bigint or text',
  ],
  [{ i64: 0.5 }, 'All.i64: 0.5 is no int64'],
  [{ i64: '12x' }, "All.i64: text '12x' is no int64"],
  [{ i64: '' }, "All.i64: text '' is no int64"],
  [{ u64: -1 }, /^All\.u64: -1 is no uint64, which goes from 0 to 18446744073709551615$/],
  [{ f64: new Date(0) }, 'All.f64: a Date is no fixed64'],
  [{ fl: 1e300 }, 'All.fl: 1e+300 is no float, whose largest is 3.4e38'],
  [{ db: '1' }, "All.db: text '1' is no double"],
  [{ bo: 1 }, 'All.bo: 1 is no bool'],
  [{ st: 7 }, 'All.st: 7 is no string'],
  [{ st: '\ud800' }, 'All.st: the text has half of a surrogate pair, which UTF-8 cannot carry'],
  [{ st: new Date(0) }, 'All.st: a Date is no string'],
  [
    { by: new ArrayBuffer(3) },
    'All.by: a ArrayBuffer is no Uint8Array: give new Uint8Array(buffer)',
  ],
  [{ by: 'YQ==' }, /^All\.by: text 'YQ==' is no Uint8Array: give Buffer\.from/],
  [{ by: [1, 2] }, /^All\.by: an array of 2 is no Uint8Array: give Uint8Array\.from/],
  [{ en: 'HIHG' }, "All.en: text 'HIHG' is no value of the enum Level: LOW, HIGH, MINUS"],
  [{ en: 'toString' }, /^All\.en: text 'toString' is no value of the enum Level/],
  [{ en: 0.5 }, 'All.en: 0.5 is no value of the enum Level'],
  [{ inner: 'x' }, "All.inner: text 'x' is no message: give an object with its fields"],
  [{ inner: [] }, 'All.inner: an array of 0 is no message: give an object with its fields'],
  [{ inner: new Map() }, 'All.inner: a Map is no message: give an object with its fields'],
  [{ inner: { id: 1n, name: 5 } }, 'All.inner.name: 5 is no string'],
  [{ ints: [1, 1.5] }, 'All.ints[1]: 1.5 is no int32'],
  [{ ints: 1 }, 'All.ints: 1 is no array'],
  [{ ints: [null] }, 'All.ints[0]: null is no int32'],
  [{ inners: [{}, { id: 'x' }] }, "All.inners[1].id: text 'x' is no int64"],
  [
    { inners: [{}, undefined] },
    'All.inners[1]: undefined is no message: give an object with its fields',
  ],
  [{ names: { a: 1 } }, "All.names['a']: 1 is no string"],
  [{ names: new Map([['a', 'b']]) }, 'All.names: a Map is no map: give Object.fromEntries(map)'],
  [{ names: { a: undefined } }, "All.names['a']: undefined is no string"],
  [{ byNumber: { x: { id: 1 } } }, "All.byNumber['x']: text 'x' is no int32"],
  [{ byNumber: { 1: { id: 1.5 } } }, "All.byNumber['1'].id: 1.5 is no int64"],
  [{ byBool: { yes: 1 } }, "All.byBool['yes']: text 'yes' is no bool"],
  [
    { word: 'a', number: 1 },
    'All.choice: only one field of a oneof may be given, got word and number',
  ],
  [
    { nick_name: 'x' },
    'All.nick_name: no field of codec.All has this name: it is called nickName here',
  ],
  [{ nobody: 1 }, /^All\.nobody: no field of codec\.All has this name; it has i32, /],
  [undefined, 'All: undefined is no message: give an object with its fields'],
  [7, 'All: 7 is no message: give an object with its fields'],
  [new Date(0), 'All: a Date is no message: give an object with its fields'],
]

t.test(
  'a value that its field cannot hold is an error that names field and value, never a zero',
  async t => {
    for (const subtype of ['proto', 'json']) {
      const codec = await codecOf('three.proto', 'All', {}, subtype)
      for (const [value, message] of WRONG) {
        t.throws(() => codec.encode(value), {
          name: 'FieldError',
          code: 'INVALID_FIELD_VALUE',
          message,
        })
      }
      t.ok(FieldError.prototype instanceof TypeError, 'a FieldError is a TypeError')
      t.match(again(codec, { i32: 5 }), { i32: 5 }, 'the next message is not harmed')
    }
  },
)

t.test('the edges of every range are carried exactly', async t => {
  const codec = await codecOf('three.proto', 'All')
  const edges: Record<string, readonly unknown[]> = {
    i32: [-(2 ** 31), 2 ** 31 - 1, -1, 127, 128],
    s32: [-(2 ** 31), 2 ** 31 - 1, -1],
    sf32: [-(2 ** 31), 2 ** 31 - 1],
    u32: [2 ** 32 - 1, 2 ** 31],
    f32: [2 ** 32 - 1],
    i64: [-(2n ** 63n), 2n ** 63n - 1n, -1n, 2n ** 32n, 2n ** 53n + 1n],
    s64: [-(2n ** 63n), 2n ** 63n - 1n, -1n],
    sf64: [-(2n ** 63n), 2n ** 63n - 1n],
    u64: [2n ** 64n - 1n, 2n ** 63n, 2n ** 35n],
    f64: [2n ** 64n - 1n, 2n ** 53n],
    db: [-0, Number.MAX_VALUE, Number.NaN, Number.NEGATIVE_INFINITY],
    fl: [-0, Math.fround(3.4e38), Number.NaN, Number.POSITIVE_INFINITY],
    en: [-1, 1, 77],
    st: ['é', 'x'.repeat(63), 'é'.repeat(64), '😀'.repeat(40), 'x'.repeat(200)],
  }
  for (const [name, values] of Object.entries(edges)) {
    for (const value of values)
      t.strictSame((again(codec, { [name]: value }) as never)[name], value)
  }
  t.match(again(codec, { i64: { low: -1, high: -1, unsigned: false } }), { i64: -1n }, 'a Long')
})

t.test('presence: what was not sent is absent, and stays absent on the way back', async t => {
  for (const file of ['two.proto', 'edition.proto'] as const) {
    const codec = await codecOf(file, file === 'two.proto' ? 'Old' : 'New')
    const decoded = again(codec, { id: 1 }) as Record<string, unknown>
    t.notOk('level' in decoded)
    t.notOk('text' in decoded)
    t.same(codec.encode(decoded), codec.encode({ id: 1 }))
    t.match(
      again(codec, { id: 1, level: 0, text: '' }),
      { level: 0, text: '' },
      'zero is not absent',
    )
  }
})

t.test('proto2: a required field that is missing is an error on both ways', async t => {
  const codec = await codecOf('two.proto', 'Old')
  t.throws(() => codec.encode({}), { message: 'Old.id: is required, and was not given' })
  t.throws(() => codec.decode(Buffer.alloc(0), 0, 0), /Old\.id is required, and did not come/)
})

t.test('proto2: groups, closed enums and lists of either form', async t => {
  const codec = await codecOf('two.proto', 'Old')
  const value = { id: 1, pair: { a: 1, b: 'x' }, plain: [1, 2], packed: [3, 4], level: 1 }
  t.match(again(codec, value), value)
  t.throws(() => codec.encode({ id: 1, level: 9 }), /9 is no value of the closed enum/)
  // Field 3 with the value 9, which the closed enum has not: as if it had not come.
  const bytes = Buffer.from('08011809', 'hex')
  t.notOk('level' in (codec.decode(bytes, 0, 4) as object))
})

const NATIVE = {
  at: new Date('2026-11-30T10:31:10.123Z'),
  lasts: 1_500.25,
  count: 7,
  big: 2n ** 60n,
  flag: true,
  text: 'x',
  blob: Buffer.from('b'),
  config: { a: [1, 'b', null, { c: true }], d: {} },
  anything: ['x', null],
  list: [1, [2]],
  mask: ['user.name', 'id'],
  wrapped: { typeUrl: 'type.googleapis.com/codec.Empty', value: Buffer.alloc(0) },
  times: [new Date(0), new Date(-1)],
}

t.test('well-known types are JavaScript values, both ways', async t => {
  const codec = await codecOf('three.proto', 'Known')
  t.strictSame(again(codec, NATIVE), NATIVE)
  t.match(again(codec, {}), { at: null, lasts: null, config: null, times: [] })
  t.match(again(codec, { anything: null }), { anything: null })
  for (const ms of [-1, -0.5, -1_500, 0.000001, 999.999999]) {
    t.equal((again(codec, { lasts: ms }) as { lasts: number }).lasts, ms)
  }
})

t.test('well-known types: a value that is none is an error', async t => {
  const codec = await codecOf('three.proto', 'Known')
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ at: 5 }, /^Known\.at: 5 is no Timestamp: give a Date/],
    [{ at: new Date(Number.NaN) }, /^Known\.at: an invalid Date is no Timestamp/],
    [{ lasts: Number.NaN }, /^Known\.lasts: NaN ms is no Duration/],
    [{ lasts: '1s' }, /^Known\.lasts: text '1s' is no Duration/],
    [{ count: 1.5 }, /^Known\.count\.value: 1\.5 is no int32/],
    [{ config: new Map() }, /^Known\.config: a Map is no Struct/],
    [{ config: { a: 1n } }, /^Known\.config\.fields\['a'\]: 1n is no JSON value/],
    [{ config: { a: Number.NaN } }, /NaN is no JSON value/],
    [{ config: cyclic }, /nested deeper than 100/],
    [{ list: {} }, /^Known\.list: an object is no ListValue/],
    [{ mask: 'a' }, /^Known\.mask: text 'a' is no FieldMask/],
    [{ wrapped: {} }, /^Known\.wrapped: an object is no Any/],
  ]
  for (const [value, message] of wrong) t.throws(() => codec.encode(value), { message })
})

t.test('well-known types: raw by option; the raw forms of times are taken always', async t => {
  const raw = await codecOf('three.proto', 'Known', { wellKnownTypes: 'raw' })
  const value = { at: { seconds: 5n, nanos: 6 }, count: { value: 7 } }
  t.match(again(raw, value), value)
  const native = await codecOf('three.proto', 'Known')
  t.match(again(native, value), { at: new Date(5_000), count: 7 })
})

t.test('names that no field has are passed over by option', async t => {
  const codec = await codecOf('three.proto', 'All', { ignoreUnknownFields: true })
  t.match(again(codec, { nobody: 1, i32: 2 }), { i32: 2 })
})

t.test('names that every object has are fields as any other', async t => {
  const codec = await codecOf('three.proto', 'Names')
  const empty = codec.encode({})
  t.equal(empty.length, 0, 'nothing that is inherited is written')
  const value = { constructor: 'a', toString: 'b', hasOwnProperty: 'c', valueOf: { x: 'y' } }
  const decoded = again(codec, value) as Record<string, unknown>
  for (const [name, held] of Object.entries(value)) t.strictSame(decoded[name], held)
  const map = JSON.parse('{"__proto__":"z"}') as object
  t.same(Object.entries((again(codec, { valueOf: map }) as { valueOf: object }).valueOf), [
    ['__proto__', 'z'],
  ])
})

t.test(
  'octets that are no message are an error with the offset; nothing is read past the range',
  async t => {
    const codec = await codecOf('three.proto', 'All')
    const broken: readonly (readonly [hex: string, message: RegExp])[] = [
      ['08', /^All: a varint is cut short, at offset 1/],
      ['08ffffffffffffffffffff01', /a varint has more than 10 octets/],
      ['00', /field number 0/],
      ['0c', /the end of a group 1 that is not open/],
      ['7a05', /a field of 5 octets is cut short: 0 are left/],
      ['0e', /wire type 6 of field 1/],
      ['ab060b', /is cut short/],
      ['6a01ff', /a string of 1 octets is no UTF-8/],
    ]
    for (const [hex, message] of broken) {
      const bytes = Buffer.from(`ffff${hex}ffff`, 'hex')
      t.throws(() => codec.decode(bytes, 2, bytes.length - 2), { message }, hex)
    }
    let deep = Buffer.alloc(0)
    for (let depth = 0; depth < 200; depth++) {
      const size = protobuf.Writer.create().uint32(deep.length).finish()
      deep = Buffer.concat([Buffer.from([0x1a]), size, deep])
    }
    const nested = await codecOf('three.proto', 'Inner')
    t.throws(() => nested.decode(deep, 0, deep.length), /nested deeper than 100/)
  },
)

t.test('random messages are as protobufjs writes and reads them', async t => {
  const root = protobuf.loadSync(join(folder, 'three.proto'))
  const type = root.lookupType('codec.All')
  const codec = await codecOf('three.proto', 'All')
  const random = new Random(20_261_130)
  for (let round = 0; round < 500; round++) {
    const value = randomAll(random)
    const ours = Buffer.from(codec.encode(value))
    const theirs = Buffer.from(type.encode(type.fromObject(value)).finish())
    t.ok(ours.equals(theirs), `round ${round}`)
    const options = { longs: BigInt, defaults: true, oneofs: true }
    t.strictSame(
      codec.decode(theirs, 0, theirs.length),
      type.toObject(type.decode(theirs), options),
    )
    if (!t.passing()) break
  }
})

t.test(
  'text and messages of every length around the widths of their lengths are as protobufjs writes them',
  async t => {
    const root = protobuf.loadSync(join(folder, 'three.proto'))
    const type = root.lookupType('codec.Inner')
    const codec = await codecOf('three.proto', 'Inner')
    const kept: [value: object, ours: Uint8Array][] = []
    for (const length of [
      ...Array(140).keys(),
      1_023,
      1_024,
      1_025,
      5_000,
      5_461,
      16_383,
      16_384,
    ]) {
      for (const unit of ['x', 'é', '€', '😀']) {
        const name = unit.repeat(length)
        // The second time it lies in a message that begins anywhere in a chunk.
        for (const value of [{ name }, { id: 1n, inner: { name: `x${name}`, inner: { name } } }]) {
          kept.push([value, codec.encode(value)])
        }
      }
    }
    // Compared at the end: what was taken belongs to nobody else.
    const wrong = kept.filter(
      ([value, ours]) => !Buffer.from(ours).equals(type.encode(type.fromObject(value)).finish()),
    )
    t.strictSame(wrong.slice(0, 3), [])
  },
)

t.test('a getter that encodes a message of its own harms neither', async t => {
  const codec = await codecOf('three.proto', 'Inner')
  let other: Uint8Array = Buffer.alloc(0)
  const value = {
    id: 7n,
    get name(): string {
      other = codec.encode({ id: 8n, name: 'other' })
      return 'this'
    },
  }
  const own = Buffer.from(codec.encode(value))
  t.strictSame(codec.decode(own, 0, own.length), { id: 7n, name: 'this', inner: null })
  const bytes = Buffer.from(other)
  t.strictSame(codec.decode(bytes, 0, bytes.length), { id: 8n, name: 'other', inner: null })
})

t.test('random octets are refused or read, never worse', async t => {
  const codec = await codecOf('three.proto', 'All')
  const random = new Random(7)
  const seed = Buffer.from(codec.encode(randomAll(random)))
  for (let round = 0; round < 5_000; round++) {
    const bytes = Buffer.from(seed)
    for (let change = random.integer(1, 4); change > 0; change--)
      bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255)
    try {
      codec.decode(bytes, 0, random.integer(0, bytes.length))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }
  t.pass()
})

function randomAll(random: Random): Record<string, unknown> {
  const some = (make: () => unknown): unknown => (random.chance(0.6) ? make() : undefined)
  const int = (): number => random.pick([0, 1, -1, 127, 128, 300, -(2 ** 31), 2 ** 31 - 1])
  const big = (): bigint => random.pick([0n, 1n, -1n, 2n ** 40n, -(2n ** 63n), 2n ** 63n - 1n])
  const positive = (): bigint => BigInt.asUintN(64, big())
  const text = (): string =>
    random.pick(['', 'a', 'é'.repeat(30), 'x'.repeat(random.integer(0, 300))])
  const inner = (): unknown => ({ id: big(), name: text() })
  const list = (make: () => unknown): unknown[] =>
    Array.from({ length: random.integer(0, 40) }, make)
  const value = {
    i32: some(int),
    s32: some(int),
    sf32: some(int),
    u32: some(() => int() >>> 0),
    f32: some(() => int() >>> 0),
    i64: some(big),
    s64: some(big),
    sf64: some(big),
    u64: some(positive),
    f64: some(positive),
    db: some(() => random.pick([0, 1.5, -2e300])),
    fl: some(() => random.pick([0, 0.5])),
    bo: some(() => random.chance(0.5)),
    st: some(text),
    by: some(() => Buffer.from(text())),
    en: some(() => random.pick([0, 1, -1])),
    inner: some(inner),
    ints: some(() => list(int)),
    bigs: some(() => list(big)),
    texts: some(() => list(text)),
    inners: some(() => list(inner)),
    ens: some(() => list(() => random.pick([0, 1, -1]))),
    names: some(() => ({ [text()]: text(), b: '' })),
    byNumber: some(() => ({ 1: inner(), [-5]: {} })),
    byBool: some(() => ({ true: 1, false: 0 })),
    nickName: some(text),
    ...random.pick([{}, { word: text() }, { number: int() }, { boxed: inner() }]),
  }
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined))
}
