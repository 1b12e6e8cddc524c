import protobuf from 'protobufjs'
import t from 'tap'
import { FieldError, fromJson, fromJsonText, toJson } from '../../src/codec/index.js'
import { type GeneratedModule, loadGenerated, typesOf } from '../support/generated.js'
import { LEGACY_PROTO, ORDER_PROTO } from './schemas.js'

const shop: GeneratedModule = await loadGenerated({ 'shop.proto': ORDER_PROTO })
const legacy: GeneratedModule = await loadGenerated({ 'legacy.proto': LEGACY_PROTO })
const [Card, Nothing, Numbers, Order] = typesOf(shop, 'Card', 'Nothing', 'Numbers', 'Order')
const [Old] = typesOf(legacy, 'Old')

const order = {
  id: 'o-1',
  lines: [
    { sku: 'a', quantity: 2, price: 1.5, tags: ['x', 'y'] },
    { sku: 'ü'.repeat(60), quantity: -1, price: -0, tags: [] },
  ],
  labels: { a: 'b', __proto: '', ['']: 'empty' },
  byNumber: { 7: { sku: 'seven' }, [-1]: {} },
  byFlag: { true: 5n, false: -5n },
  byId: { '-9223372036854775808': 1, 5: 77 },
  payment: { case: 'card', value: { number: '42' } },
  priority: 0,
  state: 2,
  history: [0, 1, 99],
  parent: { id: 'p', parent: { payment: { case: 'cash', value: 0 } } },
  token: Uint8Array.of(1, 2, 255),
  at: new Date('2026-01-02T03:04:05.678Z'),
  took: 1500.25,
  extra: { a: [1, 'b', null, { c: true }] },
  anyValue: null,
  count: 0n,
  note: '',
  mask: ['a.b', 'c_d'],
  detail: { typeUrl: 'type.googleapis.com/shop.v1.Card', value: Uint8Array.of(10, 1, 65) },
  constructor$: 'c',
}

t.test('what is encoded is decoded as it was, with the zero values of what was left out', t => {
  const decoded = Order.decode(Order.encode(order)) as Record<string, unknown>
  t.match(decoded, { ...order, lines: [order.lines[0], { ...order.lines[1], price: -0 }] })
  t.ok(Object.is((decoded['lines'] as { price: number }[])[1]!.price, -0))
  t.equal(decoded['old'], '')
  const empty = Order.decode(new Uint8Array(0)) as Record<string, unknown>
  t.same(empty['lines'], [])
  t.same(empty['labels'], {})
  t.equal(empty['payment'], undefined)
  t.equal(empty['priority'], undefined)
  t.equal(empty['anyValue'], undefined)
  t.equal(empty['state'], 0)
  t.end()
})

t.test('the octets are those of protobufjs, field by field', t => {
  const root = protobuf.parse(
    ORDER_PROTO.replace(/import[^\n]*\n/g, '')
      .replace(/ {2}google\.[^\n]*\n/g, '')
      .replace(/^ {2}rpc.*google.*$/m, ''),
    { keepCase: false },
  ).root
  const theirs = root.lookupType('shop.v1.Numbers')
  const value = {
    a: 1.5,
    b: 0.5,
    c: -1,
    d: -(2n ** 63n),
    e: 4294967295,
    f: 2n ** 64n - 1n,
    g: -2147483648,
    h: -(2n ** 63n),
    i: 4294967295,
    j: 2n ** 64n - 1n,
    k: -2147483648,
    l: -(2n ** 63n),
    m: true,
    n: 'é€😀',
    o: Uint8Array.of(0, 9),
    ra: [0, -0, Number.NaN, 1e308],
    rb: [0.25, Number.POSITIVE_INFINITY],
    rc: [0, 127, 128, -1, 2147483647],
    rd: [0n, 1n, -1n],
    re: [0, 127, 128, 4294967295],
    rf: [0n, 2n ** 64n - 1n],
    rg: [0, -1, 1, -2147483648],
    rh: [0n, -1n, 2n ** 62n],
    ri: [1],
    rj: [1n],
    rk: [-1],
    rl: [-1n],
    rm: [true, false],
    rn: ['', 'a'],
    ro: [new Uint8Array(0), Uint8Array.of(7)],
    unpacked: [1, -1, 300],
  }
  const asText = (each: unknown): unknown =>
    typeof each === 'bigint' ? String(each) : Array.isArray(each) ? each.map(asText) : each
  const plain = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, asText(each)]))
  const expected = theirs.encode(theirs.fromObject(plain)).finish()
  t.equal(Buffer.from(Numbers.encode(value)).toString('hex'), Buffer.from(expected).toString('hex'))
  t.match(Numbers.decode(expected), value)
  t.end()
})

const WRONG: readonly (readonly [name: string, value: object, message: RegExp])[] = [
  [
    'int32',
    { lines: [{}, {}, { quantity: 1.5 }] },
    /^Order\.lines\[2\]\.quantity: 1\.5 is no int32$/,
  ],
  ['string', { id: 5 }, /^Order\.id: 5 is no string$/],
  ['double', { lines: [{ price: '1' }] }, /^Order\.lines\[0\]\.price: text '1' is no double$/],
  ['bytes', { token: 'AQ==' }, /^Order\.token: text 'AQ==' is no Uint8Array: give Buffer/],
  ['a list', { lines: {} }, /^Order\.lines: an object is no array$/],
  ['a message', { parent: [] }, /^Order\.parent: an array of 0 is no message/],
  ['a message that is a Map', { parent: new Map() }, /^Order\.parent: a Map is no message/],
  ['a map', { labels: new Map() }, /^Order\.labels: a Map is no map: give Object\.fromEntries/],
  ["a map's value", { labels: { a: 1 } }, /^Order\.labels\['a'\]: 1 is no string$/],
  ["a map's key", { byNumber: { x: {} } }, /^Order\.byNumber\['x'\]: text 'x' is no int32$/],
  ["a map's key beyond its range", { byId: { 9223372036854775808: 1 } }, /Order\.byId/],
  [
    'a choice',
    { payment: { case: 'cash', value: 'a' } },
    /^Order\.payment\.value: text 'a' is no int32$/,
  ],
  [
    'an unknown choice',
    { payment: { case: 'x', value: 1 } },
    /^Order\.payment: there is no 'x' among card, cash, voucher$/,
  ],
  ['an enum', { state: 'OPEN' }, /^Order\.state: text 'OPEN' is no value of shop\.v1\.State/],
  ['half a surrogate pair', { id: 'a\ud800' }, /^Order\.id: the text has half of a surrogate pair/],
  [
    'a Date out of range',
    { at: new Date(Number.NaN) },
    /^Order\.at: an invalid Date is no Timestamp/,
  ],
  ['a Duration', { took: 'long' }, /^Order\.took: text 'long' is no Duration/],
  ['a Value', { anyValue: Number.NaN }, /^Order\.anyValue: NaN is no JSON value/],
  ['a wrapper', { count: 'x' }, /^Order\.count: /],
  [
    'within an element',
    { parent: { lines: [{ tags: ['a', null] }] } },
    /^Order\.parent\.lines\[0\]\.tags\[1\]: null is no string$/,
  ],
]

t.test('a value that its field cannot hold is an error that says where, and what', t => {
  for (const [name, value, message] of WRONG) {
    t.throws(
      () => Order.encode(value),
      { name: 'FieldError', message, code: 'INVALID_FIELD_VALUE' },
      name,
    )
    t.throws(() => toJson(Order, value), { message }, `${name}, as JSON`)
  }
  t.throws(() => Numbers.encode({ d: 2n ** 63n }), {
    message: /^Numbers\.d: 9223372036854775808n is no int64, which goes from/,
  })
  t.throws(() => Numbers.encode({ b: 1e39 }), {
    message: /^Numbers\.b: 1e\+39 is no float, whose largest is/,
  })
  t.throws(() => Order.encode(undefined), { message: /^Order: undefined is no message/ })
  t.same(Nothing.encode(undefined), new Uint8Array(0))
  t.same(
    Card.encode({ number: 'ok' }),
    Uint8Array.of(10, 2, 111, 107),
    'nothing is left of what failed',
  )
  t.end()
})

t.test('64 bits are what the option says, or the field', async t => {
  const proto =
    'syntax = "proto3"; message M { int64 a = 1; fixed64 b = 2; sint64 c = 3 [jstype = JS_STRING]; uint64 d = 4; repeated int64 e = 5; }'
  for (const [form, a, c] of [
    ['bigint', 5n, '-5'],
    ['number', 5, '-5'],
    ['string', '5', '-5'],
  ] as const) {
    const [M] = typesOf(await loadGenerated({ 'm.proto': proto }, `int64=${form}`), 'M')
    const value = { a, b: a, c, d: a, e: [a] }
    t.same(M.decode(M.encode(value)), value, form)
    t.same(fromJson(M, toJson(M, value)), value, `${form}, as JSON`)
  }
})

t.test('proto2: required, defaults, groups, closed enums', t => {
  t.throws(() => Old.encode({}), { message: 'Old.id: is required, and was not given' })
  t.throws(() => Old.decode(new Uint8Array(0)), { message: /id is required, and did not come/ })
  t.throws(() => Old.encode({ id: 1, entry: [{ key: 'k', inner: {} }] }), {
    message: /^Old\.entry\[0\]\.inner\.id: is required/,
  })
  const value = {
    id: 1,
    name: 'n',
    color: 1,
    colors: [1, 2],
    byName: { a: 2 },
    entry: [{ key: 'k', inner: { id: 2 } }],
    choice: { case: 'pick', value: { number: 3 } },
  }
  const octets = Old.encode(value)
  t.match(Old.decode(octets), value)
  t.throws(() => Old.encode({ id: 1, color: 3 }), {
    message: /^Old\.color: 3 is no value of legacy\.Color, which is closed$/,
  })
  // Its value 9 is as unknown as a field, and goes on.
  const foreign = Uint8Array.of(8, 1, 24, 9, 32, 1, 32, 9)
  const decoded = Old.decode(foreign) as Record<string, unknown>
  t.equal(decoded['color'], undefined)
  t.same(decoded['colors'], [1])
  t.same(Old.encode(decoded), Uint8Array.of(8, 1, 34, 1, 1, 24, 9, 32, 9))
  t.end()
})

t.test('a message within messages is refused beyond 100, in both directions', t => {
  const nested = (depth: number): object => (depth === 0 ? {} : { parent: nested(depth - 1) })
  const deepest = Order.encode(nested(100))
  t.ok(Order.decode(deepest))
  t.throws(() => Order.encode(nested(101)), { message: /messages are nested deeper than 100$/ })
  const deeper = Buffer.concat([Buffer.from([106]), varint(deepest.length), deepest])
  t.throws(() => Order.decode(deeper), {
    name: 'RangeError',
    message: /^shop\.v1\.Order: messages are nested deeper than 100, at offset/,
  })
  const self: Record<string, unknown> = {}
  self['parent'] = self
  t.throws(() => Order.encode(self), { message: /nested deeper than 100/ })
  t.end()
})

function varint(value: number): Buffer {
  const octets: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) octets.push((rest & 127) | 128)
  return Buffer.from([...octets, rest])
}

const BROKEN: readonly (readonly [name: string, octets: readonly number[], message: RegExp])[] = [
  ['a varint that is cut short', [80, 255], /cut short|beyond/],
  ['a varint of 11 octets', [80, ...new Array(10).fill(255), 1], /more than 10 octets/],
  [
    'a length beyond the end',
    [10, 5, 65],
    /a field of 5 octets is cut short: 1 are left, at offset 2/,
  ],
  ['a length of 4 GiB', [10, 255, 255, 255, 255, 15], /a field of 4294967295 octets is cut short/],
  ['a nested message beyond its own end', [18, 2, 10, 5, 65, 65, 65, 65, 65], /cut short/],
  ['field number 0', [2, 0], /field number 0/],
  ['a tag of more than 32 bits', [0x80, 0x80, 0x80, 0x80, 0x10, 0], /a tag has more than 32 bits/],
  ['a wire type that does not exist', [0xf7, 1], /wire type 7 of field 30/],
  ['the end of a group that is not open', [12], /the end of a group 1 that is not open/],
  ['a group that is not ended', [0xf3, 1, 0], /cut short|field number 0/],
  [
    'a group that is ended as another',
    [0xf3, 1, 0xfc, 1],
    /the end of a group 31 that is not open/,
  ],
  ['a string that is no UTF-8', [10, 1, 0xff], /a string of 1 octets is no UTF-8/],
  ['a fixed number that is cut short', [18, 2, 25, 0], /beyond its message/],
]

t.test('malformed octets are an error with the offset, never another value', t => {
  for (const [name, octets, message] of BROKEN) {
    t.throws(() => Order.decode(Uint8Array.from(octets)), { name: 'RangeError', message }, name)
  }
  const valid = Order.encode(order)
  for (let end = 0; end < valid.length; end++) {
    // Behind the end lie octets of others, as in a chunk of a socket.
    try {
      Order.decode(valid, 0, end)
    } catch (error) {
      if (!(error instanceof RangeError)) t.fail(`${end}: ${String(error)}`)
    }
  }
  t.end()
})

t.test('what is decoded keeps nothing of the buffer, unless it owns it', t => {
  const octets = Buffer.from(
    Order.encode({ id: 'x'.repeat(50), token: new Uint8Array(100).fill(7) }),
  )
  const kept = Order.decode(octets) as { id: string; token: Uint8Array }
  const owned = Order.decodeOwned(octets) as { token: Uint8Array }
  octets.fill(0)
  t.same([...kept.token], new Array(100).fill(7))
  t.equal(kept.id, 'x'.repeat(50))
  t.equal(owned.token[0], 0, 'a view')
  t.end()
})

t.test('messages that come in parts are merged, the last choice counts', t => {
  const parts = Buffer.concat(
    [
      { parent: { id: 'a' } },
      { parent: { priority: 3 } },
      { payment: { case: 'cash', value: 1 } },
      { payment: { case: 'voucher', value: 'v' } },
    ].map(each => Order.encode(each)),
  )
  t.match(Order.decode(parts), {
    parent: { id: 'a', priority: 3 },
    payment: { case: 'voucher', value: 'v' },
  })
  t.end()
})

t.test('JSON goes both ways', t => {
  const { detail: _, ...rest } = order
  const json = JSON.stringify(toJson(Order, rest))
  t.match(JSON.parse(json), {
    byFlag: { true: '5' },
    state: 'STATE_PAID',
    history: ['STATE_UNKNOWN', 'STATE_OPEN', 99],
    token: 'AQL/',
    at: '2026-01-02T03:04:05.678Z',
    took: '1.500250s',
    anyValue: null,
    count: '0',
    mask: 'a.b,cD',
    card: { number: '42' },
    priority: 0,
  })
  t.same(Order.encode(fromJsonText(Order, json)), Order.encode(rest))
  t.throws(() => fromJson(Order, { nobody: 1 }), {
    message: /^Order\.nobody: no field of shop\.v1\.Order has this name/,
  })
  t.throws(() => fromJson(Order, { lines: [{ quantity: 1.5 }] }), FieldError)
  t.throws(() => fromJsonText(Order, '{"id": "a", "id": "b"}'), {
    name: 'SyntaxError',
    message: /two properties of one name/,
  })
  t.throws(() => fromJson(Order, { card: {}, cash: 1 }), {
    message: /another field of the oneof payment/,
  })
  t.end()
})
