import t from 'tap'
import { HpackDecoder } from '../../src/hpack/index.js'
import { STATIC_TABLE, STATIC_TABLE_LENGTH } from '../../src/hpack/static-table.js'

t.test('RFC 7541 Appendix A: sixty-one entries', t => {
  t.equal(STATIC_TABLE.length, 61)
  t.equal(STATIC_TABLE_LENGTH, 61)
  t.same(STATIC_TABLE[0], [':authority', ''])
  t.same(STATIC_TABLE[15], ['accept-encoding', 'gzip, deflate'])
  t.same(STATIC_TABLE[60], ['www-authenticate', ''])
  t.end()
})

t.test('RFC 7541 Appendix A: entries with values, and the order of the names after them', t => {
  const valued = STATIC_TABLE.flatMap(([name, value], i) =>
    value === '' ? [] : [[i + 1, name, value]],
  )
  t.same(valued, [
    [2, ':method', 'GET'],
    [3, ':method', 'POST'],
    [4, ':path', '/'],
    [5, ':path', '/index.html'],
    [6, ':scheme', 'http'],
    [7, ':scheme', 'https'],
    [8, ':status', '200'],
    [9, ':status', '204'],
    [10, ':status', '206'],
    [11, ':status', '304'],
    [12, ':status', '400'],
    [13, ':status', '404'],
    [14, ':status', '500'],
    [16, 'accept-encoding', 'gzip, deflate'],
  ])
  const names = STATIC_TABLE.slice(14).map(([name]) => name)
  const sorted = [...names].sort()
  // The appendix is alphabetical but for this one pair.
  const accept = sorted.indexOf('accept')
  sorted.splice(accept, 1)
  sorted.splice(sorted.indexOf('accept-ranges') + 1, 0, 'accept')
  t.same(names, sorted)
  t.end()
})

t.test('RFC 7541 §2.3.3: indexes 1 to 61 are the static table', t => {
  for (const [i, field] of STATIC_TABLE.entries()) {
    t.same(new HpackDecoder().decodeList(Buffer.of(0x80 | (i + 1))), field)
  }
  t.end()
})
