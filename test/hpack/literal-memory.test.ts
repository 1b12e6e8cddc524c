import t from 'tap'
import { encodeHuffman, huffmanEncodedSize } from '../../src/hpack/huffman.js'
import { HpackDecoder } from '../../src/hpack/index.js'
import { writeInteger } from '../../src/hpack/integer.js'
import { LiteralMemory, literalEnd } from '../../src/hpack/literal-memory.js'

/** A string literal, with its length before it. */
function literal(text: string, huffman = true): Buffer {
  const size = huffman ? huffmanEncodedSize(text) : text.length
  const target = Buffer.alloc(size + 8)
  const start = writeInteger(target, 0, size, 7, huffman ? 0x80 : 0)
  if (huffman) return target.subarray(0, encodeHuffman(target, start, text))
  target.write(text, start, 'latin1')
  return target.subarray(0, start + size)
}

/** A field that is never indexed, with a name of its own. */
function field(name: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x10]), literal(name, false), value])
}

const TOKEN = `Bearer ${'abc.DEF-012_'.repeat(49)}`

t.test(
  'RFC 7541 §6.2.3: a literal that comes again is decoded and classified twice, then known',
  t => {
    let asked = 0
    const decoder = new HpackDecoder({ classify: () => ++asked })
    // The static table has been classified.
    asked = 0
    const seen: unknown[] = []
    for (const huffman of [true, false]) {
      const block = field('authorization', literal(TOKEN, huffman))
      for (let call = 0; call < 4; call++) {
        decoder.decode(block, 0, block.length, {
          onField: (...all) => void seen.push(all.slice(1)),
        })
      }
    }
    t.same(
      seen,
      [1, 2, 2, 2, 3, 4, 4, 4].map(known => [TOKEN, known, true]),
    )
    t.equal(decoder.tableLength, 0)
    t.ok(decoder.literalsSize > TOKEN.length)
    t.end()
  },
)

t.test(
  'RFC 7541 §6.2.3: another name, another last octet, another length: not the one before',
  t => {
    const decoder = new HpackDecoder()
    const value = literal(TOKEN, false)
    const other = Buffer.from(value)
    for (let call = 0; call < 3; call++) decoder.decodeList(field('a', value))
    let wrong = 0
    for (let at = 3; at < value.length; at++) {
      other[at]! ^= 1
      if (decoder.decodeList(field('a', other))[1] !== other.toString('latin1', 3)) wrong++
      other[at]! ^= 1
    }
    t.equal(wrong, 0)
    t.same(decoder.decodeList(field('b', value)), ['b', TOKEN])
    t.same(decoder.decodeList(field('a', literal(`${TOKEN}x`))), ['a', `${TOKEN}x`])
    t.end()
  },
)

t.test('RFC 9113 §6.5.2: a literal that is known counts in the size of its list', t => {
  const decoder = new HpackDecoder({ listSizeMax: 1_500 })
  const one = field('a', literal(TOKEN))
  for (let call = 0; call < 3; call++) decoder.decodeList(one)
  t.throws(() => decoder.decodeList(Buffer.concat([one, one, one])), /header list of/)
  t.end()
})

t.test('a block that ends inside a literal that is known is truncated', t => {
  const block = field('a', literal(TOKEN))
  const decoder = new HpackDecoder()
  for (let call = 0; call < 3; call++) decoder.decodeList(block)
  t.throws(() => decoder.decodeList(block, 0, block.length - 1), { code: 'HPACK_TRUNCATED' })
  t.end()
})

t.test('literals that are kept have a bound, whatever comes', t => {
  const decoder = new HpackDecoder()
  for (let user = 0; user < 500; user++) {
    const block = field('a', literal(`${'x'.repeat(1_000)}${user}`, false))
    for (let call = 0; call < 3; call++) decoder.decodeList(block)
  }
  t.ok(decoder.literalsSize <= 4 * 2 * 1_024, String(decoder.literalsSize))
  t.end()
})

t.test('literals of 48 to 1,024 octets with their length are kept', t => {
  const ends = (size: number): number => {
    const bytes = literal('x'.repeat(size), false)
    return literalEnd(bytes, 0, bytes.length)
  }
  t.same(
    [46, 47, 126, 127, 254, 255, 1_021, 1_022].map(ends),
    [0, 48, 127, 129, 256, 258, 1_024, 0],
  )
  const memory = new LiteralMemory()
  t.equal(memory.size, 0)
  t.end()
})
