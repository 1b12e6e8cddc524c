import * as zlib from 'node:zlib'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import t from 'tap'
import {
  type Compression,
  type CompressionDone,
  checkCompressions,
  compressionsOf,
  DEFAULT_COMPRESSIONS,
  DEFLATE,
  GZIP,
  MessageTooLargeError,
  ZSTD,
} from '../../src/grpc/index.js'
import { acceptEncoding, acceptsEncoding } from '../../src/grpc/wire/compression.js'
import { findCompression } from '../../src/grpc/wire/find-compression.js'
import { isWholeZstd } from '../../src/grpc/wire/zstd-frame.js'

const text = Buffer.from('abc'.repeat(500))

t.test('L7: each message has a compression context of its own', t => {
  for (const compression of [GZIP, DEFLATE]) {
    const first = compression.compress(text)
    t.same(compression.compress(text), first, compression.name)
    t.ok(first.length < text.length)
    t.same(compression.decompress(first, text.length), text)
  }
  t.end()
})

t.test('L8: decompression stops at the limit', t => {
  for (const compression of [GZIP, DEFLATE]) {
    const compressed = compression.compress(text)
    t.throws(() => compression.decompress(compressed, text.length - 1), MessageTooLargeError)
    t.equal(compression.decompress(compressed, Number.POSITIVE_INFINITY).length, text.length)
  }
  t.end()
})

t.test('F2: a bomb costs no more than the limit', t => {
  const bomb = gzipSync(Buffer.alloc(64 << 20))
  const before = process.memoryUsage().arrayBuffers
  t.throws(() => GZIP.decompress(bomb, 1 << 20), MessageTooLargeError)
  t.ok(process.memoryUsage().arrayBuffers - before < 8 << 20)
  t.end()
})

t.test('L6: what is not compressed, or cut, is an error', t => {
  const compressed = GZIP.compress(text)
  t.throws(() => GZIP.decompress(text, 1e6))
  t.throws(() => GZIP.decompress(compressed.subarray(0, 10), 1e6))
  t.throws(() => GZIP.decompress(brotliCompressSync(text), 1e6))
  t.throws(() => DEFLATE.decompress(compressed, 1e6))
  t.end()
})

t.test('R11: grpc-accept-encoding names what we have', t => {
  t.equal(acceptEncoding(DEFAULT_COMPRESSIONS), 'identity,gzip,deflate')
  t.ok(acceptsEncoding('identity, gzip', 'gzip'))
  t.notOk(acceptsEncoding('identity,gzipped', 'gzip'))
  t.notOk(acceptsEncoding('', 'gzip'))
  t.end()
})

t.test("a compression that is not there is our caller's mistake", t => {
  t.equal(findCompression(DEFAULT_COMPRESSIONS, 'gzip'), GZIP)
  t.equal(findCompression(DEFAULT_COMPRESSIONS, 'identity'), undefined)
  t.equal(findCompression(DEFAULT_COMPRESSIONS, undefined), undefined)
  t.throws(() => findCompression(DEFAULT_COMPRESSIONS, 'br'), {
    name: 'RangeError',
    message: /br.*gzip, deflate/,
  })
  t.end()
})

/** The outcome of what runs off the thread. */
function coded(run: (done: CompressionDone) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    run((error, bytes) => (error === null ? resolve(bytes!) : reject(error)))
  })
}

/** Those that this Node has. */
const ALL: readonly Compression[] = [GZIP, DEFLATE, ...(ZSTD === undefined ? [] : [ZSTD])]

t.test('off the thread the outcome is the same: octets, limits and errors', async t => {
  for (const compression of ALL) {
    const packed = await coded(done => compression.compressAsync!(text, done))
    t.same(compression.decompress(packed, text.length), text, compression.name)
    const inflate = (bytes: Buffer, sizeMax: number) =>
      coded(done => compression.decompressAsync!(bytes, sizeMax, done))
    t.same(await inflate(packed, text.length), text)
    t.same(await inflate(packed, Number.POSITIVE_INFINITY), text)
    await t.rejects(inflate(packed, text.length - 1), MessageTooLargeError)
    await t.rejects(inflate(text, 1e6))
    await t.rejects(inflate(packed.subarray(0, 10), 1e6))
  }
})

t.test(
  'RFC 8878 §3.1: a message that is cut off anywhere is an error, in whatever runtime',
  async t => {
    const wholes: Buffer[] = []
    // Made elsewhere: a checksum, a content size, a skippable frame ahead, a run of one octet.
    for (const hex of [
      '28b52ffd2400010000' + '99e9d851',
      '28b52ffd0068' + '090000' + '41',
      '502a4d1803000000' + 'aabbcc' + '28b52ffd0068' + '090000' + '41',
      '28b52ffd0068' + '530000' + '42',
    ]) {
      wholes.push(Buffer.from(hex, 'hex'))
    }
    for (const whole of wholes) {
      t.ok(isWholeZstd(whole), whole.toString('hex'))
      for (let end = 0; end < whole.length; end++) {
        const isFrame = whole.length > 12 && end === 11 && whole[0] === 0x50
        t.equal(isWholeZstd(whole.subarray(0, end)), isFrame, `${whole.toString('hex')} ${end}`)
      }
    }
    if (ZSTD === undefined) return
    const packed = Buffer.from(ZSTD.compress(text))
    for (const end of [0, 4, 5, 10, packed.length - 1]) {
      const cut = packed.subarray(0, end)
      t.throws(() => ZSTD!.decompress(cut, 1e6), `${end} of ${packed.length}`)
      await t.rejects(coded(done => ZSTD!.decompressAsync!(cut, 1e6, done)))
    }
  },
)

t.test('more jobs than threads wait, and all of them end, those that fail too', async t => {
  const packed = Buffer.from(GZIP.compress(text))
  const jobs = Array.from({ length: 40 }, (_, index) =>
    coded(done => GZIP.decompressAsync!(index % 3 === 0 ? text : packed, 1e6, done)),
  )
  const outcomes = await Promise.allSettled(jobs)
  t.same(
    outcomes.map(({ status }) => status),
    Array.from({ length: 40 }, (_, index) => (index % 3 === 0 ? 'rejected' : 'fulfilled')),
  )
})

t.test('zstd is there where Node has it, and its window is bounded', t => {
  t.equal(ZSTD !== undefined, 'zstdCompressSync' in zlib)
  t.notOk(DEFAULT_COMPRESSIONS.has('zstd'), 'what is offered does not depend on the Node that runs')
  t.same([...compressionsOf(GZIP, ZSTD).keys()], ZSTD === undefined ? ['gzip'] : ['gzip', 'zstd'])
  if (ZSTD !== undefined) {
    // RFC 8878 §3.1.1: a window of 16 MiB, then of 8 MiB, and one raw block of one octet.
    t.throws(() => ZSTD!.decompress(Buffer.from('28b52ffd007009000041', 'hex'), 1e6))
    t.same(ZSTD.decompress(Buffer.from('28b52ffd006809000041', 'hex'), 1e6), Buffer.from('A'))
  }
  t.end()
})

t.test('compressions that cannot be used are named', t => {
  const { compress, decompress } = GZIP
  const named = (name: string) => ({ name, compress, decompress })
  t.throws(() => compressionsOf(GZIP, named('gzip')), /two compressions are called 'gzip'/)
  t.throws(() => compressionsOf(named('identity')), /'identity', which cannot be a name/)
  t.throws(() => compressionsOf(named('a,b')), /'a,b', which cannot be a name/)
  t.throws(() => compressionsOf(named('G')), TypeError)
  t.throws(() => checkCompressions(new Map([['x', GZIP]])), /'gzip' under the name 'x'/)
  t.throws(
    () => checkCompressions(new Map([['x', { name: 'x', compress }]])),
    /no method decompress/,
  )
  t.throws(() => checkCompressions([GZIP]), /compressions must be a map/)
  t.throws(() => checkCompressions(new Map([['x', null]])), TypeError)
  t.end()
})
