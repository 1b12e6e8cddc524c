import t from 'tap'
import { HpackDecoder } from '../../src/hpack/index.js'
import { INTEGER_MAX, writeInteger } from '../../src/hpack/integer.js'

function written(value: number, prefixBits: number, firstByteBits = 0): string {
  const target = Buffer.alloc(8, 0xee)
  const end = writeInteger(target, 1, value, prefixBits, firstByteBits)
  t.equal(target[0], 0xee, 'nothing before the offset is touched')
  t.equal(target[end], 0xee, 'nothing past the returned offset is touched')
  return target.toString('hex', 1, end)
}

/** A table size update shows the integer that was read. */
function readBack(octets: string): number {
  const decoder = new HpackDecoder({ tableSizeMax: INTEGER_MAX })
  t.same(decoder.decodeList(Buffer.from(octets, 'hex')), [])
  return decoder.tableCapacity
}

t.test('RFC 7541 C.1: the three examples', t => {
  t.equal(written(10, 5), '0a', 'C.1.1: 10 in a 5-bit prefix')
  t.equal(written(1337, 5), '1f9a0a', 'C.1.2: 1337 in a 5-bit prefix')
  t.equal(written(42, 8), '2a', 'C.1.3: 42 from an octet boundary')
  t.end()
})

t.test(
  'RFC 7541 §5.1: the prefix holds values up to 2^N - 2, and 2^N - 1 needs one more octet',
  t => {
    for (let bits = 1; bits <= 8; bits++) {
      const prefixMax = 2 ** bits - 1
      const filled = prefixMax.toString(16).padStart(2, '0')
      t.equal(written(prefixMax - 1, bits), (prefixMax - 1).toString(16).padStart(2, '0'))
      t.equal(written(prefixMax, bits), `${filled}00`)
      t.equal(written(prefixMax + 127, bits), `${filled}7f`)
      t.equal(written(prefixMax + 128, bits), `${filled}8001`)
      t.equal(written(prefixMax + 16_383, bits), `${filled}ff7f`)
      t.equal(written(prefixMax + 16_384, bits), `${filled}808001`)
      t.equal(written(prefixMax + 2_097_151, bits), `${filled}ffff7f`)
      t.equal(written(prefixMax + 2_097_152, bits), `${filled}80808001`)
    }
    t.end()
  },
)

t.test('RFC 7541 §5.1: bits above the prefix are kept', t => {
  t.equal(written(2, 7, 0x80), '82')
  t.equal(written(62, 6, 0x40), '7e')
  t.equal(written(63, 6, 0x40), '7f00')
  t.equal(written(15, 4, 0x10), '1f00')
  t.end()
})

t.test('RFC 7541 §5.1: what is written is read again, at every boundary up to the largest', t => {
  const values = new Set([0, 1, 30, 31, 32, INTEGER_MAX - 1, INTEGER_MAX])
  for (let bits = 5; bits <= 28; bits++) {
    for (const near of [-1, 0, 1]) values.add(2 ** bits + near).add(31 + 2 ** bits + near)
  }
  for (const value of values) {
    if (value > INTEGER_MAX) continue
    const octets = written(value, 5, 0x20)
    t.ok(octets.length <= 10, `${value} takes at most five octets`)
    t.equal(readBack(octets), value)
  }
  t.end()
})

t.test('RFC 7541 §5.1: needless zero octets are read, up to five octets in all', t => {
  t.equal(readBack('3f00'), 31)
  t.equal(readBack('3f8000'), 31)
  t.equal(readBack('3f80808000'), 31)
  t.equal(readBack('3f9a8a8000'), 31 + 0x1a + 0x0a * 128)
  t.end()
})

t.test('RFC 7541 §5.1: an integer above 2^28 - 1 or of more than five octets is an error', t => {
  const tooLarge = ['3fe1ffff7f', '3fffffff7f', '3f8080808000', '3f8080808001', '3fffffffff0f']
  for (const octets of tooLarge) {
    t.throws(() => readBack(octets), { code: 'HPACK_INTEGER', rule: 'RFC 7541 §5.1' }, octets)
  }
  t.equal(readBack('3fe0ffff7f'), INTEGER_MAX)
  const endless = `7f${'80'.repeat(10_000)}00`
  t.throws(() => readBack(endless), { code: 'HPACK_INTEGER' }, 'ten thousand continuation octets')
  t.end()
})

t.test('RFC 7541 §5.1: a block that ends inside an integer is an error', t => {
  for (const octets of ['3f', '3f80', '3fffffff', 'ff', '7f80', '0fff', '00', '007f']) {
    t.throws(() => readBack(octets), { code: 'HPACK_TRUNCATED' }, octets)
  }
  t.end()
})
