import { brotliCompressSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { findCompression } from '../../src/grpc/call-options.js'
import { acceptEncoding, acceptsEncoding } from '../../src/grpc/compression.js'
import { DEFAULT_COMPRESSIONS, DEFLATE, GZIP, MessageTooLargeError } from '../../src/grpc/index.js'

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
