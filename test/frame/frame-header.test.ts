import t from 'tap'
import {
  FRAME_HEADER_SIZE,
  FRAME_SIZE_LIMIT,
  FRAME_SIZE_MIN,
  readPayloadSize,
  readStreamId,
  readUint32,
  STREAM_ID_MAX,
  writeFrameHeader,
  writeUint32,
} from '../../src/frame/index.js'

t.test(
  'RFC 9113 §4.1: a header is length (24), type (8), flags (8), reserved (1), stream (31)',
  t => {
    const target = Buffer.alloc(FRAME_HEADER_SIZE + 2, 0xee)
    t.equal(writeFrameHeader(target, 1, 0x01_02_03, 0x04, 0x05, 0x06_07_08_09), 10)
    t.equal(target.toString('hex'), 'ee' + '010203' + '04' + '05' + '06070809' + 'ee')
    t.equal(readPayloadSize(target, 1), 0x01_02_03)
    t.equal(readStreamId(target, 6), 0x06_07_08_09)
    t.end()
  },
)

t.test('RFC 9113 §4.1, §4.2: the largest size and the largest stream survive', t => {
  const target = Buffer.alloc(FRAME_HEADER_SIZE)
  writeFrameHeader(target, 0, FRAME_SIZE_LIMIT, 0, 0, STREAM_ID_MAX)
  t.equal(readPayloadSize(target, 0), 2 ** 24 - 1)
  t.equal(readStreamId(target, 5), 2 ** 31 - 1)
  t.equal(FRAME_SIZE_MIN, 2 ** 14)
  t.end()
})

t.test('RFC 9113 §4.1: the reserved bit is ignored on receipt', t => {
  t.equal(readStreamId(Buffer.from('ffffffff', 'hex'), 0), STREAM_ID_MAX)
  t.equal(readStreamId(Buffer.from('80000001', 'hex'), 0), 1)
  t.end()
})

t.test('a 32-bit integer is unsigned and in network order', t => {
  const target = Buffer.alloc(6)
  for (const value of [0, 1, 0x7fff_ffff, 0x8000_0000, 0x0102_0304, 0xffff_ffff]) {
    t.equal(writeUint32(target, 1, value), 5)
    t.equal(readUint32(target, 1), value)
    t.equal(target.readUInt32BE(1), value)
  }
  t.end()
})
