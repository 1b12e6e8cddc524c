import t from 'tap'
import { OctetSource } from '../../src/testing/index.js'

t.test('octets decide in the order in which they are read', t => {
  const source = new OctetSource(Buffer.of(1, 2, 0x01, 0x00, 3, 9, 8, 7, 6))
  t.equal(source.octet(), 1)
  t.equal(source.integer(10, 19), 12)
  t.equal(source.integer(0, 60_000), 256)
  t.equal(source.flag(), true)
  t.same(source.octets(2), Buffer.of(9, 8))
  t.equal(source.left, 2)
  t.same(source.rest(), Buffer.of(7, 6))
  t.end()
})

t.test('when the octets are used up every answer is the smallest', t => {
  const source = new OctetSource(Buffer.alloc(0))
  t.equal(source.octet(), 0)
  t.equal(source.number(4), 0)
  t.equal(source.integer(5, 9), 5)
  t.equal(source.flag(), false)
  t.equal(source.pick(['first', 'second']), 'first')
  t.equal(source.block().length, 0)
  t.throws(() => source.pick([]), RangeError)
  t.end()
})

t.test('a block has its size in front', t => {
  const source = new OctetSource(Buffer.of(2, 5, 6, 200, 1))
  t.same(source.block(), Buffer.of(5, 6))
  t.same(source.block(), Buffer.of(1), 'cut where the octets end')
  t.end()
})
