import t from 'tap'
import { neverIndexedNames } from '../../src/connection/headers/never-indexed.js'
import { HpackDecoder } from '../../src/hpack/index.js'
import { withStream } from '../support/peer.js'

t.test('neverIndexed: names in either case; a list is looked at once', t => {
  const names = ['X-Pin', ':path', 'a.b_c']
  t.same(neverIndexedNames(names), ['x-pin', ':path', 'a.b_c'])
  t.equal(neverIndexedNames(names), neverIndexedNames(names))
  t.same(neverIndexedNames(undefined), [])
  t.end()
})

t.test('neverIndexed: what is no list of names is a TypeError that does not show it', t => {
  const wrong: [unknown, string][] = [
    ['hush', 'neverIndexed is a string; expected a list of field names'],
    [5, 'neverIndexed is a number; expected a list of field names'],
    [['a', 'hush '], 'neverIndexed[1] is no name of a header field'],
    [[5], 'neverIndexed[0] is no name of a header field'],
    [[''], 'neverIndexed[0] is no name of a header field'],
  ]
  for (const [names, message] of wrong) {
    t.throws(() => neverIndexedNames(names as string[]), { name: 'TypeError', message })
  }
  t.end()
})

t.test('RFC 7541 §7.1.3: a connection sends values of such names as never-indexed literals', t => {
  const { peer, stream } = withStream({ role: 'server', neverIndexed: ['X-Pin'] })
  const fields = ['x-pin', '1234', 'x-api-key', 'hush', 'x-tenant', 'a']
  for (let i = 0; i < 3; i++) stream.sendHeaders([':status', '103', ...fields], false)
  const found = new Map<string, boolean>()
  const decoder = new HpackDecoder()
  for (const { payload } of peer.takes()) {
    decoder.decode(payload, 0, payload.length, {
      onField: (name, _value, _class, never) => found.set(name, never),
    })
  }
  t.same(
    [...found],
    [
      [':status', false],
      ['x-pin', true],
      ['x-api-key', true],
      ['x-tenant', false],
    ],
  )
  t.end()
})
