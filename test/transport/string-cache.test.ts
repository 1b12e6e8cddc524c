import fc from 'fast-check'
import t from 'tap'
import { StringCache } from '../../src/transport/micro/string-cache.js'

t.test('what was put is found by its octets, wherever they stand', t => {
  const cache = new StringCache()
  const bytes = Buffer.from('xxContent-Typexx')
  t.equal(cache.get(bytes, 2, 14), undefined)
  t.equal(cache.put('Content-Type'), 'Content-Type')
  t.equal(cache.get(Buffer.from('Content-Type'), 0, 12), 'Content-Type')
  t.equal(cache.get(bytes, 2, 13), undefined)
  t.end()
})

t.test('long strings are not kept', t => {
  const cache = new StringCache()
  const bytes = Buffer.alloc(33, 'a')
  t.equal(cache.get(bytes, 0, 33), undefined)
  cache.put(bytes.toString())
  t.equal(cache.get(bytes, 0, 33), undefined)
  t.end()
})

t.test('property: a hit is always the string of the octets, whatever collides', t => {
  const cache = new StringCache()
  fc.assert(
    fc.property(fc.stringMatching(/^[ -~]{1,6}$/), text => {
      const bytes = Buffer.from(text)
      const found = cache.get(bytes, 0, bytes.length)
      if (found === undefined) cache.put(text)
      else t.equal(found, text)
    }),
    { seed: 20_261_122, numRuns: 5_000 },
  )
  t.end()
})
