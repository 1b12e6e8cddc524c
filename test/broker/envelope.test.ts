import fc from 'fast-check'
import t from 'tap'
import { envelopeCodec, rawCodec } from '../../src/broker/index.js'

const { encode, decode } = envelopeCodec

const read = (text: string) => {
  const { header, body } = decode(Buffer.from(text))
  return { header: Object.fromEntries(header), body: Buffer.from(body).toString() }
}

t.test('micro-scale §7: envelopes that go-micro brokers were recorded with are read', t => {
  const mucp =
    '{"Header":{"Content-Type":"application/json","Micro-ID":"d9bedc55-15b5-4924-98da-74482ec39732","Micro-Topic":"news","X-Token":"s3cret"},"Body":"eyJuYW1lIjoiZXh0cmEiLCJkZWVwIjpudWxsfQo="}'
  t.same(read(mucp), {
    header: {
      'Content-Type': 'application/json',
      'Micro-ID': 'd9bedc55-15b5-4924-98da-74482ec39732',
      'Micro-Topic': 'news',
      'X-Token': 's3cret',
    },
    body: '{"name":"extra","deep":null}\n',
  })
  const grpc =
    '{"Header":{"Content-Type":"application/json","Micro-Topic":"news","X-Token":"s3cret"},"Body":"eyJuYW1lIjoiZXh0cmEiLCJkZWVwIjpudWxsfQ=="}'
  t.equal(read(grpc).body, '{"name":"extra","deep":null}')
  t.end()
})

t.test('micro-scale §7: keys in any case and order, null or missing, as Go reads them', t => {
  t.same(read('{"body":"aGk=","HEADER":{"a":"b"}}'), { header: { a: 'b' }, body: 'hi' })
  t.same(read('{"Header":null,"Body":null}'), { header: {}, body: '' })
  t.same(read('{}'), { header: {}, body: '' })
  t.same(read(' {"Header":{"a":"\\u003cb\\u003e"} ,"Body":"aGk="} '), {
    header: { a: '<b>' },
    body: 'hi',
  })
  t.same(read('{"Header":{},"Body":""}'), { header: {}, body: '' })
  t.end()
})

t.test('what is no envelope is refused, and says what is wrong', t => {
  for (const [text, message] of [
    ['', /JSON/],
    ['hello', /JSON/],
    ['[]', /expected an object with Header and Body/],
    ['null', /expected an object/],
    ['{"Header":[],"Body":""}', /Header must be an object of texts/],
    ['{"Header":{"a":5},"Body":""}', /Header.a must be a text/],
    ['{"Header":{"a":5},"Body":"x"}', /Header.a must be a text/],
    ['{"Body":5}', /Body must be base64 text, got number/],
    ['{"Header":{},"Body":"aGk"}', /no padded base64: 3 characters/],
    ['{"Header":{},"Body":"a!k="}', /no padded base64/],
    ['{"Header":{"a":"b","Body":"aGk="}', /JSON/],
    ['{"Header":{"a":"b"},"Header":{"c":"d"},"Body":"aGk"}', /no padded base64/],
  ] as const) {
    t.throws(() => decode(Buffer.from(text)), { message }, text)
  }
  t.end()
})

t.test('a quick way to read the envelope finds what JSON.parse would', t => {
  // A header may look like what ends the envelope.
  t.same(read('{"Header":{"a":"\\",\\"Body\\":\\"aGk=\\"}"},"Body":"aG8="}'), {
    header: { a: '","Body":"aGk="}' },
    body: 'ho',
  })
  t.same(read('{"Header":{"a":"b"},"Other":1,"Body":"aGk="}'), { header: { a: 'b' }, body: 'hi' })
  t.same(
    read('{"Header":{"__proto__":"b"},"Body":"aGk="}').header,
    Object.fromEntries([['__proto__', 'b']]),
  )
  t.end()
})

t.test('what is encoded comes back, whatever is in it, and JSON.parse agrees', t => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string(),
        fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'ü', '€', '\u{1f600}') }),
      ),
      fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ maxLength: 3_000 })),
      (header, body) => {
        const octets = encode({ header: new Map(Object.entries(header)), body })
        const back = decode(Buffer.from(octets))
        const plain = JSON.parse(Buffer.from(octets).toString())
        const isSame = Object.entries(header).every(
          ([name, value]) => back.header.get(name) === value,
        )
        return (
          isSame &&
          back.header.size === Object.keys(header).length &&
          Buffer.compare(back.body, body) === 0 &&
          plain.Body === Buffer.from(body).toString('base64')
        )
      },
    ),
    { numRuns: 100 },
  )
  t.pass('a counterexample is thrown')
  t.end()
})

t.test(
  'what is no base64 is refused at every place and length, as Go does and Node does not',
  t => {
    for (const size of [1, 2, 3, 4, 5, 6, 800]) {
      const good = Buffer.alloc(size, 0xfb).toString('base64')
      t.same(read(`{"Header":{},"Body":"${good}"}`).body, Buffer.alloc(size, 0xfb).toString())
      const digits = good.replace(/=+$/, '').length
      for (const at of new Set([0, 1, 2, 3, digits - 1].filter(at => at < digits))) {
        const bad = `${good.slice(0, at)}!${good.slice(at + 1)}`
        t.throws(() => read(`{"Header":{},"Body":"${bad}"}`), /no padded base64/, bad)
      }
    }
    for (const text of ['=', '====', 'aGk', 'a===', 'aG=k', 'aGk=aGk=']) {
      t.throws(() => read(`{"Header":{},"Body":"${text}"}`), /no padded base64/, text)
    }
    t.end()
  },
)

t.test('a header that is the same as the one before is read once, and is not shared', t => {
  const text = '{"Header":{"a":"b"},"Body":"aGk="}'
  const first = decode(Buffer.from(text))
  first.header.set('a', 'changed')
  t.same([...decode(Buffer.from(text)).header], [['a', 'b']])
  t.same(read('{"Header":{"a":"c"},"Body":"aGk="}').header, { a: 'c' })
  t.end()
})

t.test('rawCodec: the body alone, with a content type that is agreed on', t => {
  const { encode, decode } = rawCodec('application/json')
  const body = Buffer.from('{"a":1}')
  t.equal(encode({ header: new Map([['lost', 'yes']]), body }), body)
  const message = decode(body)
  t.same([...message.header], [['Content-Type', 'application/json']])
  message.header.set('mine', 'x')
  t.equal(decode(body).header.size, 1, 'each message has a header of its own')
  t.end()
})
