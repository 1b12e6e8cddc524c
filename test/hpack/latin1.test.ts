import t from 'tap'
import { readLatin1, writeLatin1 } from '../../src/hpack/latin1.js'

t.test('every octet is one character, in both directions and at every size', t => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))
  for (let size = 0; size <= 256; size++) {
    const text = all.slice(256 - size)
    const target = Buffer.alloc(size + 2, 0xee)
    t.equal(writeLatin1(target, 1, text), 1 + size)
    t.equal(readLatin1(target, 1, 1 + size), text)
    t.equal(target[0], 0xee)
    t.equal(target[size + 1], 0xee)
  }
  t.end()
})

t.test('a character above 0xff is refused wherever it stands', t => {
  for (const size of [1, 2, 32, 33, 100]) {
    for (let place = 0; place < size; place++) {
      const text = 'a'.repeat(place) + '\u0100' + 'a'.repeat(size - place - 1)
      t.equal(writeLatin1(Buffer.alloc(size), 0, text), -1)
    }
  }
  t.end()
})
