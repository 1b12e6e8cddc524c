import fc from 'fast-check'
import t from 'tap'
import {
  BlockPart,
  checkOutgoing,
  classifyField,
  FieldClass,
  fieldFault,
  headerListSize,
  receivedFault,
  trimOuterSpace,
} from '../../src/connection/headers/header-rules.js'

t.test('RFC 9113 §8.3: classes of the fields with rules of their own', t => {
  const classes: [string, string, number][] = [
    [':method', 'GET', FieldClass.Method],
    [':scheme', 'https', FieldClass.Scheme],
    [':authority', 'example.org:443', FieldClass.Authority],
    [':path', '/a?b', FieldClass.Path],
    [':path', '*', FieldClass.Path],
    [':status', '200', FieldClass.Status],
    [':protocol', 'websocket', FieldClass.Protocol],
    ['content-length', '12', FieldClass.ContentLength],
    ['host', 'a', FieldClass.Host],
    ['cookie', 'a=b', FieldClass.Cookie],
    ['te', 'trailers', FieldClass.Te],
    ['grpc-status', '0', FieldClass.Regular],
    ['x', '', FieldClass.Regular],
  ]
  for (const [name, value, fieldClass] of classes) {
    t.equal(classifyField(name, value), fieldClass, name)
    t.equal(fieldFault(name, value), undefined, name)
  }
  t.end()
})

const faults: [rule: string, name: string, value: string, message: RegExp][] = [
  ['§8.2.1', '', 'x', /name is empty/],
  ['§8.2.1', 'X', 'x', /'X' has an octet that is not allowed at 0/],
  ['§8.2.1', 'a b', 'x', /not allowed at 1/],
  ['§8.2.1', 'a:b', 'x', /not allowed at 1/],
  ['§8.2.1', 'a\u007f', 'x', /'a\?' has an octet/],
  ['§8.2.1', 'é', 'x', /not allowed at 0/],
  ['§8.2.1', 'a', '\0', /octet 0x0 at 0/],
  ['§8.2.1', 'a', 'b\nc', /octet 0xa at 1/],
  ['§8.2.1', 'a', 'b\rc', /octet 0xd at 1/],
  ['§8.2.1', 'a', 'Ā', /octet 0x100 at 0/],
  ['§8.2.1', 'a', ' b', /white space/],
  ['§8.2.1', 'a', 'b\t', /white space/],
  ['§8.2.1', 'a', ' ', /white space/],
  ['§8.2.2', 'connection', 'close', /HTTP\/1.1 connection/],
  ['§8.2.2', 'proxy-connection', 'x', /HTTP\/1.1 connection/],
  ['§8.2.2', 'keep-alive', 'x', /HTTP\/1.1 connection/],
  ['§8.2.2', 'transfer-encoding', 'chunked', /HTTP\/1.1 connection/],
  ['§8.2.2', 'upgrade', 'h2c', /HTTP\/1.1 connection/],
  ['§8.2.2', 'te', 'gzip', /field te: 'gzip'/],
  ['§8.2.2', 'te', 'trailers, gzip', /field te/],
  ['§8.1.1', 'content-length', '', /content-length is ''/],
  ['§8.1.1', 'content-length', '-1', /content-length/],
  ['§8.1.1', 'content-length', '1, 1', /content-length/],
  ['§8.1.1', 'content-length', '1234567890123456', /content-length/],
  ['§8.3', ':', 'x', /':' is not known/],
  ['§8.3', ':unknown', 'x', /':unknown' is not known/],
  ['§8.3', ':Path', '/', /not allowed at 1/],
  ['§8.3', '::path', '/', /not allowed at 1/],
  ['§8.3.1', ':path', '', /:path is ''/],
  ['§8.3.1', ':path', 'a', /:path is 'a'/],
  ['§8.3.1', ':path', '**', /:path/],
  ['§8.3.1', ':method', '', /:method is ''/],
  ['§8.3.1', ':method', 'G T', /:method/],
  ['§8.3.1', ':scheme', '1http', /:scheme/],
  ['§8.3.1', ':authority', 'user@host', /:authority has user information/],
  ['§8.3.1', ':authority', 'a b', /:authority is 'a b'; expected host or host:port/],
  ['§8.3.1', ':authority', 'a/b', /:authority is 'a\/b'/],
  ['§8.3.1', ':authority', 'a?b', /:authority is/],
  ['§8.3.1', ':authority', 'a#b', /:authority is/],
  ['§8.3.1', ':authority', 'a,b', /:authority is/],
  ['§8.3.1', ':authority', 'a\\b', /:authority is/],
  ['§8.3.1', ':authority', 'caf\xe9', /:authority is 'caf\?'/],
  ['§8.3.1', ':authority', 'a:b', /:authority is/],
  ['§8.3.1', ':authority', '::1', /:authority is/],
  ['§8.3.1', ':authority', '[::1', /:authority is/],
  ['§8.3.1', ':authority', '%zz', /:authority is/],
  ['§8.3.1', 'host', 'user@host', /host has user information/],
  ['§8.3.1', 'host', 'a, b', /host is 'a, b'/],
  ['§8.3.1', ':path', 'a?token=hush', /:path is 'a\?\.\.\.'/],
  ['§8.3.2', ':status', '99', /:status/],
  ['§8.3.2', ':status', '2000', /:status/],
  ['§8.3.2', ':status', '+200', /:status/],
  ['§8.6', ':status', '101', /:status is '101'/],
]
for (const [rule, name, value, message] of faults) {
  t.test(`RFC 9113 ${rule}: ${JSON.stringify(name)}: ${JSON.stringify(value)}`, t => {
    t.match(fieldFault(name, value), message)
    const isPadded = message.source === 'white space'
    const received = isPadded ? FieldClass.Padded : FieldClass.Malformed
    t.equal(classifyField(name, value), received, 'white space is no fault of what we receive')
    t.throws(() => checkOutgoing([name, value], BlockPart.Request), { name: 'TypeError', message })
    t.end()
  })
}

t.test('a fault never shows what may be a secret', t => {
  for (const [name, value] of [
    [':authority', 'me:hush@a'],
    [':authority', 'hush@'],
    ['host', 'hush@a b'],
    [':path', 'x?key=hush'],
    ['x', 'hush\n'],
    ['authorization', ' hush'],
  ] as const) {
    t.notMatch(fieldFault(name, value), /hush/)
  }
  t.end()
})

t.test('a message quotes at most 64 characters, all printable', t => {
  const fault = fieldFault(':path', `\u0001${'x'.repeat(5_000)}`)!
  t.ok(fault.length < 120)
  t.match(fault, /'\?x+\.\.\.'/)
  t.end()
})

const OUTGOING = [':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'a'] as const

t.test(
  'RFC 9113 §8.3: checkOutgoing: pseudo-header fields first, each once, where they belong',
  t => {
    const { Request, Response, Trailers } = BlockPart
    t.doesNotThrow(() => checkOutgoing([], Trailers))
    t.doesNotThrow(() => checkOutgoing(['a', 'b'], Trailers))
    t.doesNotThrow(() => checkOutgoing([':status', '200', 'a', 'b'], Response))
    t.doesNotThrow(() => checkOutgoing([...OUTGOING, 'a', 'b'], Request))
    t.doesNotThrow(() => checkOutgoing(['a', ':method'], Trailers))
    t.doesNotThrow(() => checkOutgoing([':method', 'CONNECT', ':authority', 'a:1'], Request))
    for (const [list, part, message] of [
      [['a'], Trailers, 'header list has 1 entries; expected names and values in turn'],
      [
        ['a', 'b', ':status', '200'],
        Response,
        'header list has :status after a regular field (RFC 9113 §8.3)',
      ],
      [[':path', '/x', ...OUTGOING], Request, 'header list has :path twice (RFC 9113 §8.3)'],
      [[':status', '200', ...OUTGOING], Request, 'a request cannot have :status (RFC 9113 §8.3)'],
      [[...OUTGOING.slice(2)], Request, 'a request must have :method (RFC 9113 §8.3)'],
      [[...OUTGOING.slice(0, 4)], Request, 'a request must have :path (RFC 9113 §8.3)'],
      [['a', 'b'], Response, 'a response must have :status (RFC 9113 §8.3)'],
      [[':status', '200', ':path', '/'], Response, 'a response cannot have :path (RFC 9113 §8.3)'],
      [[':path', '/x'], Trailers, 'trailers cannot have :path (RFC 9113 §8.3)'],
    ] as const) {
      t.throws(() => checkOutgoing(list, part), { name: 'TypeError', message })
    }
    t.end()
  },
)

t.test('RFC 9110 §5.5: what is taken off a value is spaces and tabs, at its ends', t => {
  const property = fc.property(
    fc.stringMatching(/^[ \t]{0,3}$/),
    fc.string(),
    fc.stringMatching(/^[ \t]{0,3}$/),
    (before, text, after) => {
      const expected = text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')
      return trimOuterSpace(`${before}${text}${after}`) === expected
    },
  )
  fc.assert(property, { seed: 83, numRuns: 1_000 })
  t.equal(trimOuterSpace('\u00a0a\u00a0'), '\u00a0a\u00a0', 'an octet above ASCII is no space')
  t.end()
})

t.test('RFC 9113 §8.3: a pseudo-header value with white space is malformed when received', t => {
  const fields = [':method GET', ':scheme http', ':path /', ':authority a', ':status 200']
  for (const field of fields) {
    const [name = '', value = ''] = field.split(' ')
    t.equal(classifyField(name, ` ${value}`), FieldClass.Malformed, name)
    t.equal(classifyField(name, `${value}\t`), FieldClass.Malformed, name)
    t.match(receivedFault(name, `${value} `), /white space/)
  }
  t.end()
})

t.test('RFC 9113 §6.5.2: the size of a list counts 32 for each field', t => {
  t.equal(headerListSize([]), 0)
  t.equal(headerListSize(['ab', 'cde', '', '']), 5 + 64)
  t.end()
})

t.test('property: exactly the octets of RFC 9113 §8.2.1 pass in names and values', t => {
  for (let octet = 0; octet < 256; octet++) {
    const text = String.fromCharCode(octet)
    const nameOk = octet > 0x20 && octet < 0x7f && text === text.toLowerCase() && text !== ':'
    t.equal(fieldFault(`a${text}`, '') === undefined, nameOk, `name octet ${octet}`)
    const valueOk = octet !== 0 && octet !== 10 && octet !== 13
    t.equal(fieldFault('a', `x${text}x`) === undefined, valueOk, `value octet ${octet}`)
  }
  const property = fc.property(fc.string(), fc.string(), (name, value) => {
    const fault = fieldFault(name, value)
    const isMalformed = (classifyField(name, value) & FieldClass.Malformed) !== 0
    if (isMalformed !== (receivedFault(name, value) !== undefined)) return false
    return fault === undefined ? !isMalformed : isMalformed || /white space/.test(fault)
  })
  fc.assert(property, { seed: 82, numRuns: 2_000 })
  t.end()
})
