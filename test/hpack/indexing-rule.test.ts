import t from 'tap'
import { Indexing, nameRule } from '../../src/hpack/indexing-rule.js'

t.test('names of the static table know their lowest index, and their values', t => {
  t.match(nameRule(':path'), { staticIndex: 4, indexing: Indexing.AtOnce })
  t.same(
    [...(nameRule(':path').staticValues ?? [])],
    [
      ['/', 4],
      ['/index.html', 5],
    ],
  )
  t.same([...(nameRule('accept-encoding').staticValues ?? [])], [['gzip, deflate', 16]])
  t.equal(nameRule('content-type').staticIndex, 31)
  t.equal(nameRule('content-type').staticValues, undefined, 'the empty value only')
  t.match(nameRule('grpc-status'), { staticIndex: 0, indexing: Indexing.AtOnce })
  t.end()
})

t.test('names go by list, then by ending', t => {
  t.equal(nameRule('grpc-timeout').indexing, Indexing.Without)
  t.equal(nameRule('grpc-status-details-bin').indexing, Indexing.Without)
  t.equal(nameRule('authorization').indexing, Indexing.Never)
  t.equal(nameRule('x-session-token').indexing, Indexing.Never)
  t.equal(nameRule('x-tenant').indexing, Indexing.WhenRepeated)
  t.equal(nameRule('constructor').indexing, Indexing.WhenRepeated)
  t.end()
})

t.test('RFC 7541 §7.1.3: names that say that their values are secrets', t => {
  const secret = ['x-api-key', 'x-goog-api-key', 'apikey', 'api_key', 'x-auth', 'x-authorization']
  secret.push(
    'grpcgateway-authorization',
    'x-session-id',
    'sessionid',
    'x-secret',
    'x-jwt',
    'cookie',
  )
  secret.push(
    'x-jwt-assertion',
    'x-amz-security-token',
    'clientsecret',
    'x-access-key-id',
    'set-cookie',
  )
  secret.push('proxy-authorization', 'x-xsrf', 'db.password', 'auth-token-bin', 'authorization')
  for (const name of secret) {
    for (const _ of [1, 2]) {
      t.equal(nameRule(name).indexing, Indexing.Never, name)
      t.equal(nameRule(name).compactIndexing, Indexing.Never, name)
    }
  }
  const plain = [
    'x-tenant',
    'author',
    'idempotency-key',
    'tokenizer',
    'x-monkey',
    'accept',
    ':authority',
  ]
  plain.push(
    'x-request-id',
    'user-agent',
    'keys',
    'api',
    'sessions-count',
    'x-trace-bin',
    'grpc-status',
  )
  for (const name of plain) t.not(nameRule(name).indexing, Indexing.Never, name)
  t.end()
})

t.test('names that a caller makes up are not all remembered, and ruled alike', t => {
  for (let i = 0; i < 3_000; i++) {
    t.equal(nameRule(`made-up-${i}`).indexing, Indexing.WhenRepeated)
    t.equal(nameRule(`made-up-${i}-token`).indexing, Indexing.Never)
  }
  t.equal(nameRule(`${'x'.repeat(100)}-token`).indexing, Indexing.Never)
  t.end()
})

t.test('compact inserts at first sight, but neither what varies nor secrets', t => {
  t.equal(nameRule('x-tenant').compactIndexing, Indexing.AtOnce)
  t.equal(nameRule('date').compactIndexing, Indexing.AtOnce)
  t.equal(nameRule('grpc-timeout').compactIndexing, Indexing.Without)
  t.equal(nameRule('set-cookie').compactIndexing, Indexing.Never)
  t.end()
})
