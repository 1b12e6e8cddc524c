import t from 'tap'
import { encodeHuffman, HuffmanFault } from '../../src/hpack/huffman.js'
import { CACHED_SIZE_MAX, StringCache } from '../../src/hpack/string-cache.js'

function huffman(text: string): Buffer {
  const target = Buffer.alloc(4 * text.length)
  return target.subarray(0, encodeHuffman(target, 0, text))
}

t.test('octets give the same string whatever was asked before', t => {
  const cache = new StringCache()
  for (let round = 0; round < 4; round++) {
    for (let id = 0; id < 3000; id++) {
      const text = `value ${id} \u00e9`
      const raw = Buffer.from(text, 'latin1')
      const coded = huffman(text)
      if (cache.raw(raw, 0, raw.length) !== text) t.fail(`raw ${text}`)
      if (cache.huffman(coded, 0, coded.length) !== text) t.fail(`huffman ${text}`)
    }
  }
  t.pass('12,000 strings of each kind over 1024 slots')
  t.end()
})

t.test('octets that differ in one place give different strings, for every size and place', t => {
  const cache = new StringCache()
  for (let size = 1; size <= CACHED_SIZE_MAX; size++) {
    const octets = Buffer.alloc(size, 'a')
    const text = 'a'.repeat(size)
    for (let i = 0; i < 3; i++) t.equal(cache.raw(octets, 0, size), text)
    for (let place = 0; place < size; place++) {
      octets[place] = 0x62
      const expected = `${text.slice(0, place)}b${text.slice(place + 1)}`
      for (let i = 0; i < 3; i++) {
        if (cache.raw(octets, 0, size) !== expected) t.fail(`size ${size}, place ${place}`)
      }
      octets[place] = 0x61
    }
  }
  t.end()
})

t.test('the same octets, raw and Huffman-coded, are two strings', t => {
  const cache = new StringCache()
  const octets = huffman('grpc')
  for (let i = 0; i < 3; i++) {
    t.equal(cache.huffman(octets, 0, octets.length), 'grpc')
    t.equal(cache.raw(octets, 0, octets.length), octets.toString('latin1'))
  }
  t.end()
})

t.test('RFC 7541 §5.2: a broken string is a fault each time, and is never kept', t => {
  const cache = new StringCache()
  const broken = Buffer.from('ffffffff', 'hex')
  for (let i = 0; i < 3; i++) t.equal(cache.huffman(broken, 0, 4), HuffmanFault.EndOfString)
  t.end()
})

t.test('a kept string does not depend on the bytes it came from', t => {
  const cache = new StringCache()
  const octets = Buffer.from('content-type')
  for (let i = 0; i < 3; i++) cache.raw(octets, 0, octets.length)
  octets.fill(0x78)
  t.equal(cache.raw(octets, 0, octets.length), 'x'.repeat(12))
  t.equal(cache.raw(Buffer.from('content-type'), 0, 12), 'content-type')
  t.end()
})
