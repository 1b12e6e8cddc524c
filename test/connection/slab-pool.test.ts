import t from 'tap'
import {
  leaseSlab,
  returnSlab,
  rewindSlab,
  SLAB_SIZE,
  type Slab,
} from '../../src/connection/core/slab-pool.js'

/** Takes what other tests left, so that each starts with an empty pool. */
function emptyPool(): void {
  for (let slab = leaseSlab(); slab.leases > 1 || slab.offset > 0; ) slab = leaseSlab()
}

/** A lease that used `size` octets. */
function used(size: number): Slab {
  const slab = leaseSlab()
  slab.offset += size
  return slab
}

t.beforeEach(emptyPool)

t.test('a returned slab is leased again, from where the last lease ended', t => {
  const slab = used(1_000)
  const { leases } = slab
  returnSlab(slab)
  const again = leaseSlab()
  t.equal(again, slab)
  t.equal(again.offset, 1_000)
  t.equal(again.leases, leases + 1)
  t.equal(again.bytes.length, SLAB_SIZE)
  t.end()
})

t.test('one slab is never leased to two at once', t => {
  const slabs = Array.from({ length: 40 }, () => leaseSlab())
  t.equal(new Set(slabs).size, 40)
  t.end()
})

t.test('a rest that is too small is left to the garbage collector', t => {
  const slab = used(SLAB_SIZE - 4_095)
  returnSlab(slab)
  t.not(leaseSlab(), slab)
  t.end()
})

t.test('the pool keeps sixteen slabs and no more', t => {
  const slabs = Array.from({ length: 20 }, () => used(1))
  for (const slab of slabs) returnSlab(slab)
  const again = Array.from({ length: 20 }, () => leaseSlab())
  t.equal(again.filter(slab => slabs.includes(slab)).length, 16)
  t.equal(new Set(again).size, 20)
  t.end()
})

t.test('what has been written may be used again, unless somebody else has leased the slab', t => {
  const slab = used(500)
  const { leases } = slab
  returnSlab(slab)
  rewindSlab(slab, 0, leases)
  t.equal(leaseSlab(), slab)
  t.equal(slab.offset, 0)
  slab.offset = 700
  rewindSlab(slab, 0, leases)
  t.equal(slab.offset, 700, 'another lease followed')
  t.end()
})

t.test('a slab that was full comes back when it is rewound, once', t => {
  const slab = used(SLAB_SIZE)
  const { leases } = slab
  returnSlab(slab)
  rewindSlab(slab, 10, leases)
  t.equal(leaseSlab(), slab)
  t.equal(slab.offset, 10)
  t.not(leaseSlab(), slab, 'it stood in the pool once')
  t.end()
})

t.test('a full pool takes no rewound slab', t => {
  const full = used(SLAB_SIZE)
  const { leases } = full
  returnSlab(full)
  const others = Array.from({ length: 16 }, () => used(1))
  for (const slab of others) returnSlab(slab)
  rewindSlab(full, 0, leases)
  const again = Array.from({ length: 17 }, () => leaseSlab())
  t.notOk(again.includes(full))
  t.end()
})
