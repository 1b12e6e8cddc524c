import t from 'tap'
import { Random } from '../../src/testing/index.js'

t.test('one seed, one row of numbers', t => {
  const a = new Random(7)
  const b = new Random(7)
  for (let i = 0; i < 100; i++) t.equal(a.word(), b.word())
  t.not(new Random(8).word(), new Random(7).word())
  t.same(new Random(7).octets(20), new Random(7).octets(20))
  t.end()
})

t.test('numbers stay within their range, and reach both ends', t => {
  const random = new Random(1)
  const seen = new Set<number>()
  for (let i = 0; i < 1_000; i++) seen.add(random.integer(3, 6))
  t.same([...seen].sort(), [3, 4, 5, 6])
  for (let i = 0; i < 1_000; i++) {
    const size = random.size(100)
    if (size < 0 || size > 100) t.fail(`size is ${size}`)
  }
  t.equal(random.size(0), 0)
  t.end()
})

t.test('picking from nothing is a mistake of the caller', t => {
  t.equal(new Random(1).pick(['a']), 'a')
  t.throws(() => new Random(1).pick([]), RangeError)
  t.notOk(new Random(1).chance(0))
  t.ok(new Random(1).chance(1))
  t.end()
})
