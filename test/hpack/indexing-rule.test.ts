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

t.test('compact inserts at first sight, but neither what varies nor secrets', t => {
  t.equal(nameRule('x-tenant').compactIndexing, Indexing.AtOnce)
  t.equal(nameRule('date').compactIndexing, Indexing.AtOnce)
  t.equal(nameRule('grpc-timeout').compactIndexing, Indexing.Without)
  t.equal(nameRule('set-cookie').compactIndexing, Indexing.Never)
  t.end()
})
