import t from 'tap'
import { EDGE_NUMBERS, OCTET_MUTATORS, Random } from '../../src/testing/index.js'

t.test('a mutator makes another input and leaves the given one alone', t => {
  const random = new Random(1)
  for (const mutator of OCTET_MUTATORS) {
    const bytes = Buffer.from('a few octets to change')
    const other = Buffer.from('and some more of them')
    const before = Buffer.from(bytes)
    let changed = 0
    for (let i = 0; i < 50; i++) if (!mutator(bytes, random, other).equals(before)) changed++
    t.ok(changed > 10, `${mutator.name} changes something`)
    t.same(bytes, before, `${mutator.name} does not write to its input`)
  }
  t.end()
})

t.test('a mutator copes with nothing at all', t => {
  const random = new Random(2)
  const none = Buffer.alloc(0)
  for (const mutator of OCTET_MUTATORS) {
    for (let i = 0; i < 20; i++) t.ok(Buffer.isBuffer(mutator(none, random, none)), mutator.name)
  }
  t.end()
})

t.test('edge numbers fit 32 bits and are sorted', t => {
  t.same(
    [...EDGE_NUMBERS].sort((a, b) => a - b),
    EDGE_NUMBERS,
  )
  t.equal(EDGE_NUMBERS.at(-1), 0xffff_ffff)
  t.end()
})
