import t, { type Test } from 'tap'
import { type ConnectionLimits, resolveLimits } from '../../src/connection/core/limits.js'
import type { DecodedBlock } from '../../src/connection/headers/header-block.js'
import { HeaderReader } from '../../src/connection/headers/header-reader.js'
import { ConnectionError, ErrorCode } from '../../src/frame/index.js'
import {
  indexed,
  insertingBlock,
  literalBlock,
  REQUEST,
  tableSizeUpdate,
} from '../support/frames.js'

function readerWith(limits?: Partial<ConnectionLimits>): HeaderReader {
  return new HeaderReader(resolveLimits('server', limits))
}

/** Decodes from inside a larger buffer that is overwritten afterwards, as a socket's would be. */
function decode(reader: HeaderReader, block: Buffer): DecodedBlock {
  const chunk = Buffer.concat([Buffer.alloc(7, 0xff), block, Buffer.alloc(5, 0xff)])
  const decoded = reader.decode(chunk, 7, 7 + block.length)
  chunk.fill(0xaa)
  return decoded
}

function throwsCode(t: Test, code: number, message: RegExp, run: () => void): void {
  t.throws(run, { errorCode: code, message })
  try {
    run()
  } catch (error) {
    t.ok(error instanceof ConnectionError)
  }
}

t.test('decodes a block into its fields', t => {
  const reader = readerWith()
  t.same(decode(reader, literalBlock(REQUEST)).list, REQUEST)
  t.same(decode(reader, Buffer.alloc(0)).list, [], 'an empty block is one')
  t.equal(reader.openStreamId, 0)
  t.end()
})

t.test('memo: the third sight of the same octets brings back the block itself', t => {
  const reader = readerWith()
  const octets = literalBlock(['a', 'b'])
  const first = decode(reader, octets)
  const second = decode(reader, octets)
  t.not(second, first, 'only what comes twice is worth a copy')
  second.cache = 'mine'
  const third = decode(reader, octets)
  t.equal(third, second)
  t.equal(third.cache, 'mine')
  t.not(decode(reader, literalBlock(['a', 'c'])), second)
  t.same(decode(reader, literalBlock(['a', 'c'])).list, ['a', 'c'])
  t.end()
})

t.test('memo: a change of the table makes the same octets new', t => {
  const reader = readerWith()
  decode(reader, insertingBlock(['x', 'old']))
  const newest = indexed(62)
  decode(reader, newest)
  const before = decode(reader, newest)
  t.equal(decode(reader, newest), before)
  t.same(before.list, ['x', 'old'])
  decode(reader, insertingBlock(['x', 'new']))
  const after = decode(reader, newest)
  t.not(after, before)
  t.same(after.list, ['x', 'new'])
  t.end()
})

t.test('memo: our table size changes the generation as well', t => {
  const reader = readerWith()
  const octets = literalBlock(['a', 'b'])
  for (let i = 0; i < 3; i++) decode(reader, octets)
  const before = decode(reader, octets)
  reader.setTableSizeMax(4_096)
  t.not(decode(reader, octets), before)
  t.end()
})

t.test('memo: a block that changes the table is decoded each time', t => {
  const reader = readerWith()
  const inserting = insertingBlock(['x', 'y'])
  const blocks = new Set(Array.from({ length: 5 }, () => decode(reader, inserting)))
  t.equal(blocks.size, 5)
  const updating = Buffer.concat([tableSizeUpdate(4_096), literalBlock(['a', 'b'])])
  const updated = new Set(Array.from({ length: 5 }, () => decode(reader, updating)))
  t.equal(updated.size, 5)
  t.end()
})

t.test('RFC 7541 §7.1.3: a block with a never-indexed field is not kept', t => {
  const reader = readerWith()
  const secret = Buffer.concat([literalBlock(['a', 'b']), Buffer.of(0x10, 1, 0x6b, 1, 0x76)])
  const blocks = Array.from({ length: 5 }, () => decode(reader, secret))
  t.equal(new Set(blocks).size, 5)
  t.same(blocks[0]!.list, ['a', 'b', 'k', 'v'])
  t.equal(blocks[0]!.neverIndexed, true)
  t.end()
})

t.test('memo: octets above 256 are not kept', t => {
  const reader = readerWith()
  for (const [size, kept] of [
    [251, true],
    [252, false],
  ] as const) {
    const octets = literalBlock(['a', 'x'.repeat(size)])
    t.equal(octets.length <= 256, kept)
    for (let i = 0; i < 2; i++) decode(reader, octets)
    const before = decode(reader, octets)
    t.equal(decode(reader, octets) === before, kept, `${octets.length} octets`)
  }
  t.end()
})

t.test('memo: eight blocks at most, whatever comes', t => {
  const reader = readerWith()
  const all = Array.from({ length: 200 }, (_, i) => literalBlock(['name', `value ${i}`]))
  const blocks: DecodedBlock[] = []
  for (const octets of all) {
    decode(reader, octets)
    blocks.push(decode(reader, octets))
  }
  // A look at one block may take the place of another: count those still there, last ones first.
  let kept = 0
  for (let i = all.length - 1; i >= 0; i--) if (decode(reader, all[i]!) === blocks[i]) kept++
  t.ok(kept >= 1 && kept <= 8, `${kept} are kept`)
  t.end()
})

t.test('memo: blocks that differ in the middle only are told apart', t => {
  const reader = readerWith()
  const lists = ['b', 'c'].map(x => ['n', `${'a'.repeat(40)}${x}${'a'.repeat(40)}`])
  for (let round = 0; round < 6; round++) {
    for (const list of lists) t.same(decode(reader, literalBlock(list)).list, list)
  }
  t.end()
})

t.test('RFC 9113 §6.10: joins HEADERS and CONTINUATION', t => {
  const reader = readerWith()
  const block = literalBlock([...REQUEST, 'long', 'x'.repeat(5_000)])
  for (let round = 0; round < 2; round++) {
    reader.begin(7, true, block, 0, 10)
    t.equal(reader.openStreamId, 7)
    t.equal(reader.openEndStream, true)
    t.equal(reader.continue(block, 10, 10, false), undefined)
    t.equal(reader.continue(block, 10, 2_000, false), undefined)
    const decoded = reader.continue(block, 2_000, block.length, true)
    t.same(decoded?.list, [...REQUEST, 'long', 'x'.repeat(5_000)])
    t.equal(reader.openStreamId, 0)
  }
  reader.begin(9, false, block, 0, 0)
  t.equal(reader.openEndStream, false)
  t.same(reader.continue(block, 0, 0, true)?.list, [])
  t.end()
})

t.test('CVE-2024-27316: CONTINUATION frames are counted', t => {
  const reader = readerWith({ continuationsMax: 3 })
  const one = Buffer.from([0x82])
  reader.begin(1, false, one, 0, 1)
  for (let i = 0; i < 3; i++) reader.continue(one, 0, 1, false)
  throwsCode(t, ErrorCode.EnhanceYourCalm, /more than 3 CONTINUATION/, () =>
    reader.continue(one, 0, 1, true),
  )
  t.end()
})

t.test('CVE-2026-33871: empty CONTINUATION frames are counted by themselves', t => {
  const reader = readerWith({ emptyContinuationsMax: 2, continuationsMax: 100 })
  const one = Buffer.from([0x82])
  reader.begin(1, false, one, 0, 1)
  reader.continue(one, 0, 0, false)
  reader.continue(one, 0, 1, false)
  reader.continue(one, 0, 0, false)
  throwsCode(t, ErrorCode.EnhanceYourCalm, /more than 2 empty/, () =>
    reader.continue(one, 0, 0, false),
  )
  t.end()
})

t.test('RFC 9113 §10.5.1: an encoded block has a hard limit', t => {
  const reader = readerWith({ headerListSizeHardMax: 20_000 })
  const octets = Buffer.alloc(10_000)
  reader.begin(1, false, octets, 0, 10_000)
  t.doesNotThrow(() => reader.continue(octets, 0, 10_000, false))
  throwsCode(t, ErrorCode.EnhanceYourCalm, /20001 octets; the limit is 20000/, () =>
    reader.continue(octets, 0, 1, false),
  )
  t.end()
})

t.test(
  'RFC 9113 §4.3: what HPACK refuses is COMPRESSION_ERROR, a limit is ENHANCE_YOUR_CALM',
  t => {
    const wrong: [Buffer, number, Partial<ConnectionLimits>][] = [
      [indexed(70), ErrorCode.CompressionError, {}],
      [Buffer.of(0x40, 5), ErrorCode.CompressionError, {}],
      [literalBlock(['a', 'b', 'c', 'd']), ErrorCode.EnhanceYourCalm, { headerFieldsHardMax: 1 }],
      [
        literalBlock(['a', 'b'.repeat(99)]),
        ErrorCode.EnhanceYourCalm,
        { headerListSizeHardMax: 99 },
      ],
    ]
    for (const [octets, code, limits] of wrong) {
      throwsCode(t, code, /./, () => void readerWith(limits).decode(octets, 0, octets.length))
    }
    t.end()
  },
)

t.test('the soft limits mark a block; the table stays in step', t => {
  const reader = readerWith({ headerFieldsMax: 1 })
  const block = decode(reader, insertingBlock(['a', 'b', 'c', 'd']))
  t.equal(block.oversize, true)
  t.same(decode(reader, indexed(62)).list, ['c', 'd'])
  t.end()
})
