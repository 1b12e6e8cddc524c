import t from 'tap'
import { HpackDecoder } from '../../src/hpack/index.js'
import { BLOCK_MUTATORS, Random } from '../../src/testing/index.js'

t.test('RFC 7541 §5.1: a number with more octets than it needs stays the same number', t => {
  const stretch = BLOCK_MUTATORS[0]!
  const random = new Random(1)
  let same = 0
  for (let i = 0; i < 400; i++) {
    // Index 127 + 0: a full prefix, then the rest of the number; unknown unless stretched in the prefix.
    const block = stretch(Buffer.of(0x82), random, Buffer.alloc(0))
    t.ok(block.length > 1)
    if (block[0] === 0xff && block[1] === 0x80) same++
  }
  t.ok(same > 20)
  t.end()
})

t.test('a block stays a block often enough to be of use', t => {
  const random = new Random(2)
  let accepted = 0
  for (let i = 0; i < 300; i++) {
    const block = random.pick(BLOCK_MUTATORS)(Buffer.of(0x82, 0x86, 0x84), random, Buffer.alloc(0))
    try {
      new HpackDecoder().decodeList(block)
      accepted++
    } catch {}
  }
  t.ok(accepted > 30 && accepted < 290, `${accepted} of 300`)
  t.end()
})
