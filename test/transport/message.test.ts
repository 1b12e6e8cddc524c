import fc from 'fast-check'
import protobuf from 'protobufjs'
import t from 'tap'
import {
  decodeMessage,
  decodeOwnMessage,
  encodeMessage,
  MESSAGE_SIZE_MAX,
} from '../../src/transport/micro/message.js'
import { MessageError } from '../../src/transport/micro/protobuf-reader.js'
import type { Message } from '../../src/transport/micro/transport.js'

const oracle = protobuf
  .parse(`
  syntax = "proto3";
  message Message { map<string, string> header = 1; bytes body = 2; }
`)
  .root.lookupType('Message')

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
}

function message(header: Record<string, string>, body: string | Uint8Array = ''): Message {
  return { header: new Map(Object.entries(header)), body: Buffer.from(body as string) }
}

function decode(octets: string): Message {
  const bytes = hex(octets)
  return decodeMessage(bytes, 0, bytes.length)
}

function plain(decoded: Message): [Record<string, string>, string] {
  return [Object.fromEntries(decoded.header), Buffer.from(decoded.body).toString()]
}

const request = {
  Accept: 'application/json',
  'Content-Type': 'application/json',
  'Micro-Endpoint': 'Greeter.Hello',
  'Micro-ID': '0',
  'Micro-Method': 'Greeter.Hello',
  'Micro-Service': 'greeter',
  Timeout: '5000000000',
}
const requestBody = '{"name":"John"}\n'
const requestFrame = hex(`
  00000000d00a1a0a0641636365707412106170706c69636174696f6e2f6a736f6e0a200a0c436f6e74656e742d547970
  6512106170706c69636174696f6e2f6a736f6e0a1f0a0e4d6963726f2d456e64706f696e74120d477265657465722e48
  656c6c6f0a0d0a084d6963726f2d49441201300a1d0a0c4d6963726f2d4d6574686f64120d477265657465722e48656c
  6c6f0a180a0d4d6963726f2d536572766963651207677265657465720a150a0754696d656f7574120a35303030303030
  30303012107b226e616d65223a224a6f686e227d0a`)

const reply = { 'Content-Type': 'application/json', 'Micro-ID': '0', 'X-Micro-ID': '0' }
const replyFrame = hex(`
  00000000590a200a0c436f6e74656e742d5479706512106170706c69636174696f6e2f6a736f6e0a0d0a084d6963726f
  2d49441201300a0f0a0a582d4d6963726f2d494412013012157b226d7367223a2248656c6c6f204a6f686e227d0a`)

const opening = {
  Accept: 'application/json',
  'Content-Type': 'application/json',
  'Micro-Endpoint': 'Greeter.Chat',
  'Micro-ID': '1',
  'Micro-Method': 'Greeter.Chat',
  'Micro-Service': 'greeter',
  'Micro-Stream': '1',
}
const openingFrame = hex(`
  00000000bd0a1a0a0641636365707412106170706c69636174696f6e2f6a736f6e0a200a0c436f6e74656e742d547970
  6512106170706c69636174696f6e2f6a736f6e0a1e0a0e4d6963726f2d456e64706f696e74120c477265657465722e43
  6861740a0d0a084d6963726f2d49441201310a1c0a0c4d6963726f2d4d6574686f64120c477265657465722e43686174
  0a180a0d4d6963726f2d536572766963651207677265657465720a110a0c4d6963726f2d53747265616d12013112037b
  7d0a`)

t.test('go-micro frames: unary request, reply, opening and the smallest, both ways', t => {
  const cases: [Buffer, Message][] = [
    [requestFrame, message(request, requestBody)],
    [replyFrame, message(reply, '{"msg":"Hello John"}\n')],
    [openingFrame, message(opening, '{}\n')],
    [hex('000000000c 0a06 0a0161 120162 1202 6869'), message({ a: 'b' }, 'hi')],
  ]
  for (const [frame, expected] of cases) {
    t.equal(frame.readUInt32BE(1), frame.length - 5)
    t.same(encodeMessage(expected), frame.subarray(5))
    const decoded = decodeMessage(frame, 5, frame.length)
    t.same(plain(decoded), plain(expected))
    t.same([...decoded.header.keys()], [...expected.header.keys()], 'order is kept')
  }
  t.end()
})

t.test('go-micro frames: EOS of a stream has no field 2', t => {
  const eos = message({ ...opening, 'Micro-Error': 'EOS' })
  const encoded = encodeMessage(eos)
  t.equal(encoded.length, 209 - 5)
  t.equal(encoded.subarray(-20).toString('hex'), '0a120a0b4d6963726f2d4572726f721203454f53')
  t.end()
})

t.test('nothing encodes to nothing, and nothing decodes to an empty message', t => {
  t.equal(encodeMessage(message({})).length, 0)
  t.same(plain(decode('')), [{}, ''])
  t.end()
})

t.test('protobuf: any order, missing parts, duplicates', t => {
  t.same(plain(decode('1202 6869 0a06 0a0161 120162')), [{ a: 'b' }, 'hi'], 'body first')
  t.same(plain(decode('0a06 120162 0a0161')), [{ a: 'b' }, ''], 'value before key')
  t.same(plain(decode('0a03 120162')), [{ '': 'b' }, ''], 'no key')
  t.same(plain(decode('0a03 0a0161')), [{ a: '' }, ''], 'no value')
  t.same(plain(decode('0a00')), [{ '': '' }, ''], 'empty entry')
  t.same(plain(decode('0a060a016112 0162 0a060a016112 0163')), [{ a: 'c' }, ''], 'last entry wins')
  t.same(plain(decode('0a09 0a0161 120162 120163')), [{ a: 'c' }, ''], 'last value wins')
  t.same(plain(decode('120161 120162')), [{}, 'b'], 'last body wins')
  t.same(plain(decode('120161 1200')), [{}, ''], 'even an empty one')
  t.end()
})

t.test('protobuf: unknown fields of every wire type are skipped, in message and entry', t => {
  const unknown: Record<string, string> = {
    varint: '18 ffffffffffffffffff01',
    'varint, wide': '18 808080808000',
    fixed64: '19 0102030405060708',
    bytes: '1a 03 010203',
    fixed32: '1d 01020304',
    group: '1b 1c',
    'group with content': '1b 0801 12026869 23 24 1c',
    'large field number': 'f8ffffff0f 00',
    'field 1 as a varint': '08 05',
    'field 2 as fixed32': '15 01020304',
    'tag longer than needed': '9a80808000 00',
  }
  for (const [name, octets] of Object.entries(unknown)) {
    t.same(plain(decode(`${octets} 0a060a0161120162 1202 6869`)), [{ a: 'b' }, 'hi'], name)
    const entry = hex(`0a0161 ${octets} 120162`)
    const whole = Buffer.concat([Buffer.of(0x0a, entry.length), entry])
    t.same(plain(decodeMessage(whole, 0, whole.length)), [{ a: 'b' }, ''], `${name} in an entry`)
  }
  t.end()
})

t.test('protobuf: groups nest to a hundred and no deeper', t => {
  const nested = (depth: number): string => '1b'.repeat(depth) + '1c'.repeat(depth)
  t.same(plain(decode(nested(100))), [{}, ''])
  t.throws(() => decode(nested(101)), { message: /nested deeper than 100/ })
  t.end()
})

t.test('protobuf: what is broken says what and where', t => {
  const broken: [string, RegExp, number][] = [
    ['12', /varint is cut off/, 1],
    ['1205 6869', /field of 5 octets, but only 2 are left/, 1],
    ['0a 80', /varint is cut off/, 1],
    ['18 ffffffffffffffffffff01', /varint is larger than 64 bits/, 1],
    ['18 ffffffffffffffffff02', /varint is larger than 64 bits/, 1],
    ['18 ff', /varint is cut off/, 1],
    ['00', /field number 0 is not allowed/, 0],
    ['07 00', /field number 0 is not allowed/, 0],
    ['ffffffff1f 00', /field number 1073741823 is not allowed/, 0],
    ['1c', /wire type 4 does not belong here/, 1],
    ['1e', /wire type 6 does not belong here/, 1],
    ['1f', /wire type 7 does not belong here/, 1],
    ['1b 24 1c', /wire type 4 does not belong here/, 2],
    ['1b', /group has no end/, 1],
    ['19 0102', /field of 8 octets, but only 2 are left/, 1],
    ['1d 0102', /field of 4 octets, but only 2 are left/, 1],
    ['1a ffffffffffffffffff01', /but only 0 are left/, 1],
    ['0a04 0a05 6161', /field of 5 octets, but only 2 are left/, 3],
    ['0a03 0a0161 12', /varint is cut off/, 6],
    ['1201 61 0a02 0a05 6162636465', /field of 5 octets, but only 0 are left/, 6],
  ]
  for (const [octets, text, offset] of broken) {
    const bytes = Buffer.concat([Buffer.from('junk'), hex(octets)])
    try {
      decodeMessage(bytes, 4, bytes.length)
      t.fail(octets)
    } catch (error) {
      t.ok(error instanceof MessageError, octets)
      t.match((error as MessageError).message, text, octets)
      t.equal((error as MessageError).offset, offset, octets)
    }
  }
  t.end()
})

t.test('RFC 3629 §4: text that is not UTF-8 is refused, as Go does', t => {
  const invalid = [
    '80',
    'c0af',
    'c1bf',
    'c2',
    'c220',
    'e08080',
    'e09fbf',
    'eda080',
    'edbfbf',
    'e282',
  ]
  invalid.push(
    'f08080ff',
    'f08fbfbf',
    'f4908080',
    'f5808080',
    'ff',
    'e28228',
    'f0908028',
    '61e2',
    '9f',
  )
  for (const octets of invalid) {
    const text = hex(octets)
    const value = Buffer.concat([hex('0a0161'), Buffer.of(0x12, text.length), text])
    const whole = Buffer.concat([Buffer.of(0x0a, value.length), value])
    t.throws(() => decodeMessage(whole, 0, whole.length), { message: /not UTF-8/ }, octets)
  }
  for (const text of [
    'é',
    '\u07ff',
    '\u0800',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
    '€x',
  ]) {
    const whole = encodeMessage(message({ [text]: `${text}!` }))
    t.same(plain(decodeMessage(whole, 0, whole.length)), [{ [text]: `${text}!` }, ''], text)
  }
  t.end()
})

t.test('what is no message is refused by name', t => {
  const header = new Map([['a', 'b']])
  const body = Buffer.alloc(0)
  const wrong: [unknown, RegExp][] = [
    [undefined, /^message is undefined; expected \{ header, body \}$/],
    [null, /^message is null;/],
    ['text', /^message is a string;/],
    [{ header }, /^message\.body is undefined; expected a Uint8Array$/],
    [{ header, body: 'text' }, /^message\.body is a string;/],
    [{ header, body: [1] }, /^message\.body is an instance of Array;/],
    [{ body }, /^message\.header is undefined; expected a Map of strings$/],
    [{ header: { a: 'b' }, body }, /^message\.header is an instance of Object; expected a Map/],
    [{ header: null, body }, /^message\.header is null;/],
    [{ header: new Map([['a', 5]]), body }, /^message\.header "a" is a number; expected a string$/],
    [{ header: new Map([['a', undefined]]), body }, /^message\.header "a" is undefined;/],
    [{ header: new Map([[5, 'a']]), body }, /^message\.header has a key that is a number;/],
  ]
  for (const [value, message] of wrong) {
    t.throws(() => encodeMessage(value as Message), { name: 'TypeError', message })
  }
  t.end()
})

t.test('half a surrogate pair cannot be written, and the error names the header', t => {
  for (const text of [
    '\ud800',
    'a\udc00',
    '\ud800x',
    '\udc00\ud800',
    '\udc00\udc00',
    `${'x'.repeat(40)}\ud800`,
  ]) {
    t.throws(() => encodeMessage(message({ 'X-Note': text })), RangeError)
    t.throws(() => encodeMessage(message({ 'X-Note': text })), { message: /"X-Note"/ })
    t.throws(() => encodeMessage(message({ [text]: 'x' })), RangeError)
  }
  t.end()
})

t.test('the limit counts the encoded message, header and all', t => {
  const sized = (body: number): Message => message({ a: 'b' }, Buffer.alloc(body))
  t.equal(encodeMessage(sized(91), 101).length, 101)
  t.throws(() => encodeMessage(sized(92), 101), {
    name: 'RangeError',
    message: 'message is 102 octets; the limit is 101',
  })
  t.throws(() => encodeMessage(sized(MESSAGE_SIZE_MAX)), RangeError)
  t.end()
})

t.test('the body is a copy: what happens to the octets later does not matter', t => {
  const bytes = Buffer.from(encodeMessage(message({ a: 'b' }, 'hello')))
  const decoded = decodeMessage(bytes, 0, bytes.length)
  bytes.fill(0)
  t.same(plain(decoded), [{ a: 'b' }, 'hello'])
  t.end()
})

t.test('a body that is a plain Uint8Array is taken as it is', t => {
  const encoded = encodeMessage({ header: new Map(), body: Uint8Array.of(1, 2, 3) })
  t.equal(encoded.toString('hex'), '1203010203')
  t.end()
})

t.test('more headers than the scratch array has room for', t => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, `v${i}`]))
  const bytes = encodeMessage(message(many))
  t.same(plain(decodeMessage(bytes, 0, bytes.length)), [many, ''])
  t.end()
})

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('Content-Type', 'Micro-ID', 'application/json', ''),
)
const anyMessage = fc.record({
  header: fc
    .array(
      fc.tuple(
        text.filter(key => key !== '__proto__'),
        text,
      ),
      { maxLength: 12 },
    )
    .map(entries => new Map(entries)),
  body: fc.uint8Array({ maxLength: 400 }),
})

t.test('property: protobufjs reads what we write, octet for octet what it writes itself', t => {
  fc.assert(
    fc.property(anyMessage, original => {
      const ours = encodeMessage(original)
      const header = Object.fromEntries(original.header)
      const theirs = oracle.decode(ours).toJSON()
      t.same(theirs['header'] ?? {}, header)
      // Objects put integer-like keys first: compare octets only when order is ours.
      if (Object.keys(header).join() !== [...original.header.keys()].join()) return
      const written = oracle.encode(
        original.body.length === 0 ? { header } : { header, body: original.body },
      )
      t.same(ours, Buffer.from(written.finish()))
    }),
    { seed: 20_261_122, numRuns: 300 },
  )
  t.end()
})

t.test('property: decode reverses encode', t => {
  fc.assert(
    fc.property(anyMessage, fc.nat(20), (original, start) => {
      const bytes = Buffer.concat([
        Buffer.alloc(start, 0xff),
        encodeMessage(original),
        Buffer.of(0xff),
      ])
      const decoded = decodeMessage(bytes, start, bytes.length - 1)
      t.same([...decoded.header], [...original.header])
      t.equal(Buffer.compare(decoded.body, original.body), 0)
    }),
    { seed: 20_261_122, numRuns: 300 },
  )
  t.end()
})

t.test('property: any octets decode or throw MessageError, never beyond their end', t => {
  const seeds = [requestFrame.subarray(5), openingFrame.subarray(5)]
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(210), fc.nat(255)), { maxLength: 4 }),
      fc.nat(220),
      (seed, edits, cut) => {
        const bytes = Buffer.from(seed)
        for (const [at, octet] of edits) if (at < bytes.length) bytes[at] = octet
        const end = Math.min(cut, bytes.length)
        try {
          decodeMessage(bytes, 0, end)
        } catch (error) {
          t.ok(error instanceof MessageError)
          t.ok((error as MessageError).offset <= end)
        }
      },
    ),
    { seed: 20_261_122, numRuns: 2_000 },
  )
  t.end()
})

t.test(
  'a message whose octets are its own keeps its body where it is; of others it is a copy',
  t => {
    const header = new Map([['a', 'b']])
    const bytes = encodeMessage({ header, body: Buffer.from('body') })
    const own = decodeOwnMessage(bytes, 0, bytes.length)
    const copy = decodeMessage(bytes, 0, bytes.length)
    t.same([own.header, copy.header], [header, header])
    bytes.fill('x')
    t.equal(Buffer.from(own.body).toString(), 'xxxx')
    t.equal(Buffer.from(copy.body).toString(), 'body')
    const empty = encodeMessage({ header, body: Buffer.alloc(0) })
    t.equal(decodeOwnMessage(empty, 0, empty.length).body.length, 0)
    t.end()
  },
)
