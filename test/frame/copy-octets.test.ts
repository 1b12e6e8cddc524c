import t from 'tap'
import { copyOctets } from '../../src/frame/index.js'

t.test('copyOctets copies the range and nothing else, at every size around the loop', t => {
  const source = Buffer.from(Array.from({ length: 100 }, (_, i) => i + 1))
  for (let size = 0; size <= 80; size++) {
    const target = Buffer.alloc(100)
    t.equal(copyOctets(target, 3, source, 5, 5 + size), 3 + size)
    const wanted = Buffer.alloc(100)
    source.copy(wanted, 3, 5, 5 + size)
    t.equal(target.compare(wanted), 0, `${size} octets`)
  }
  t.end()
})
