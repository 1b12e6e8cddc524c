import t from 'tap'
import { CLIENT_PREFACE } from '../../src/frame/index.js'
import { buildFrame, splitFrames } from '../../src/testing/index.js'

t.test('RFC 9113 §4.1: octets are cut into frames, and joined they are the same', t => {
  const frames = [buildFrame(0, 1, 3, Buffer.from('abc')), buildFrame(4, 0, 0, Buffer.alloc(0))]
  const bytes = Buffer.concat([CLIENT_PREFACE, ...frames, Buffer.of(0, 0)])
  const pieces = splitFrames(bytes)
  t.same(pieces, [Buffer.from(CLIENT_PREFACE), ...frames, Buffer.of(0, 0)])
  t.same(splitFrames(Buffer.alloc(0)), [])
  t.end()
})

t.test('a frame that says more than there is takes the rest', t => {
  const lie = buildFrame(6, 0, 0, Buffer.alloc(8), 1_000)
  t.same(splitFrames(Buffer.concat([lie, lie])), [Buffer.concat([lie, lie])])
  t.equal(lie.readUIntBE(0, 3), 1_000)
  t.equal(buildFrame(0, 0, 0xffff_ffff, Buffer.alloc(0)).readUInt32BE(5), 0xffff_ffff)
  t.end()
})
