import t from 'tap'
import { resolveLimits } from '../../src/connection/core/limits.js'
import { type BlockRole, DecodedBlock } from '../../src/connection/headers/header-block.js'
import { classifyField, FieldClass } from '../../src/connection/headers/header-rules.js'
import { REQUEST, requestBut, requestWith } from '../support/frames.js'

function blockOf(list: readonly string[], sizeMax = 16_384, fieldsMax = 512): DecodedBlock {
  const block = new DecodedBlock()
  for (let i = 0; i < list.length; i += 2) {
    const [name, value] = [list[i]!, list[i + 1]!]
    block.add(name, value, classifyField(name, value), sizeMax, fieldsMax)
  }
  return block
}

t.test('keeps the fields in order, with what they say together', t => {
  const block = blockOf(requestWith('content-length', '5', 'x', 'y'))
  t.same(block.list, requestWith('content-length', '5', 'x', 'y'))
  t.equal(block.contentLength, 5)
  t.equal(block.status, 0)
  t.equal(block.fault, undefined)
  t.equal(block.oversize, false)
  t.equal(block.cache, undefined)
  t.equal(block.valueOf('x'), 'y')
  t.equal(block.valueOf('y'), undefined, 'values are not names')
  t.equal(blockOf([':status', '204']).status, 204)
  t.equal(blockOf(['a', 'b']).contentLength, -1)
  t.end()
})

const faults: [rule: string, role: BlockRole, list: string[], fault: RegExp | undefined][] = [
  ['§8.3.1: a request', 'request', [...REQUEST], undefined],
  [
    '§8.3.1: a request without :method',
    'request',
    requestBut(':method', undefined),
    /needs :method/,
  ],
  ['§8.3.1: a request without :path', 'request', requestBut(':path', undefined), /:path/],
  ['§8.3.1: a request without :scheme', 'request', requestBut(':scheme', undefined), /:scheme/],
  ['§8.3.1: a request without authority', 'request', requestBut(':authority', undefined), /host/],
  [
    '§8.3.1: host in place of :authority',
    'request',
    [...requestBut(':authority', undefined), 'host', 'a'],
    undefined,
  ],
  [
    '§8.3.1: host equal to :authority',
    'request',
    requestWith('host', 'LOCALHOST:50051'),
    undefined,
  ],
  ['§8.3.1: host unlike :authority', 'request', requestWith('host', 'other'), /differ/],
  [
    '§8.3.1: two hosts',
    'request',
    [...requestBut(':authority', undefined), 'host', 'a', 'host', 'a'],
    /host comes twice/,
  ],
  ['§8.3: a request with :status', 'request', [':status', '200', ...REQUEST], /has :status/],
  ['RFC 8441 §3: :protocol', 'request', [':protocol', 'websocket', ...REQUEST], /:protocol/],
  ['§8.3: a pseudo-header field twice', 'request', [':path', '/', ...REQUEST], /:path comes twice/],
  ['§8.3: a pseudo-header field behind', 'request', requestWith(':path', '/'), /:path follows/],
  [
    '§8.3: behind content-length',
    'request',
    ['content-length', '1', ...REQUEST],
    /:method follows/,
  ],
  ['§8.5: CONNECT', 'request', [':method', 'CONNECT', ':authority', 'a:1'], undefined],
  [
    '§8.5: CONNECT in the other order',
    'request',
    [':authority', 'a:1', ':method', 'CONNECT'],
    undefined,
  ],
  ['§8.5: CONNECT without authority', 'request', [':method', 'CONNECT'], /CONNECT needs/],
  ['§8.5: CONNECT with :path', 'request', requestBut(':method', 'CONNECT'), /CONNECT/],
  [
    '§8.5: CONNECT with :scheme only',
    'request',
    [':method', 'CONNECT', ':scheme', 'http', ':authority', 'a'],
    /CONNECT/,
  ],
  ['§8.3.2: a response', 'response', [':status', '200', 'a', 'b'], undefined],
  ['§8.3.2: a response without :status', 'response', ['a', 'b'], /needs :status/],
  ['§8.3.2: a response with :path', 'response', [':status', '200', ':path', '/'], /no other/],
  ['§8.3.2: :status twice', 'response', [':status', '200', ':status', '200'], /comes twice/],
  ['§8.1: trailers', 'trailers', ['grpc-status', '0'], undefined],
  ['§8.1: trailers with :status', 'trailers', [':status', '200'], /pseudo-header/],
  [
    '§8.1.1: content-length twice, equal',
    'trailers',
    ['content-length', '1', 'content-length', '1'],
    undefined,
  ],
  [
    '§8.1.1: content-length twice, unequal',
    'trailers',
    ['content-length', '1', 'content-length', '2'],
    /1 and 2/,
  ],
  ['§8.2.2: connection', 'trailers', ['connection', 'close'], /HTTP\/1.1/],
]
for (const [rule, role, list, fault] of faults) {
  t.test(`RFC 9113 ${rule}`, t => {
    const found = blockOf(list).faultAs(role)
    if (fault === undefined) t.equal(found, undefined)
    else t.match(found, fault)
    t.end()
  })
}

t.test('the first fault is the one that is told', t => {
  const block = blockOf(['A', 'b', 'connection', 'close'])
  t.match(block.fault, /'A'/)
  t.match(block.faultAs('response'), /'A'/)
  t.end()
})

t.test('a class that says malformed is believed', t => {
  const block = new DecodedBlock()
  block.add('fine', 'x', FieldClass.Malformed, 1_000, 10)
  t.equal(block.fault, 'field fine is malformed')
  t.end()
})

t.test('RFC 9113 §8.2.3: cookie crumbs become one field, where the first stood', t => {
  const block = blockOf(['cookie', 'a=1', 'x', 'y', 'cookie', 'b=2', 'cookie', 'c=3'])
  t.same(block.list, ['cookie', 'a=1; b=2; c=3', 'x', 'y'])
  t.equal(block.size, 3 * (6 + 3 + 32) + 2 + 32)
  t.end()
})

t.test(
  'CVE-2026-49975: fields and octets above the limits mark the block and are not stored',
  t => {
    const few = blockOf(['a', '1', 'b', '2', 'c', '3'], 16_384, 2)
    t.equal(few.oversize, true)
    t.same(few.list, ['a', '1', 'b', '2'])
    const small = blockOf(['a', 'x'.repeat(67), 'b', '2'], 100, 10)
    t.equal(small.oversize, true)
    t.same(small.list, ['a', 'x'.repeat(67)])
    const limits = resolveLimits('client', { headerListSizeMax: 102, headerFieldsMax: 2 })
    t.equal(
      small.oversizeText(limits),
      'received metadata larger than max (134 vs. 102): limits.headerListSizeMax',
    )
    t.equal(
      few.oversizeText(limits),
      'received more header fields than max (3 vs. 2): limits.headerFieldsMax',
    )
    t.equal(blockOf(['a', 'x'.repeat(67)], 100, 10).oversize, false, 'exactly the limit passes')
    const crumbs = blockOf(new Array(600).fill(['cookie', 'a']).flat() as string[], 65_536, 512)
    t.equal(crumbs.oversize, true)
    t.equal(crumbs.list[1]!.length, 512 * 3 - 2, 'no crumb is joined above the limit')
    t.equal(crumbs.size, 600 * 39, 'all are counted')
    t.end()
  },
)
