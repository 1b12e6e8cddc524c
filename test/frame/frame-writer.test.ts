import t, { type Test } from 'tap'
import {
  ErrorCode,
  Flag,
  GOAWAY_FRAME_SIZE,
  PING_FRAME_SIZE,
  PRIORITY_FRAME_SIZE,
  RST_STREAM_FRAME_SIZE,
  STREAM_ID_MAX,
  WINDOW_UPDATE_FRAME_SIZE,
  writeContinuation,
  writeData,
  writeDataHeader,
  writeGoaway,
  writeHeaders,
  writePaddedData,
  writePaddedHeaders,
  writePing,
  writePriority,
  writePriorityUpdate,
  writePushPromise,
  writeRstStream,
  writeWindowUpdate,
} from '../../src/frame/index.js'
import { readWhole } from './frames.js'

/** `bytes[2, 5)` is what the tests send: aa bb cc. */
const bytes = Buffer.from('eeeeaabbccee', 'hex')

/** Runs a writer at offset 1 of a dirty target; asserts the wire, the offset and what is read back. */
function writes(
  t: Test,
  write: (target: Buffer, offset: number) => number,
  wire: string,
  description: object,
): void {
  const target = Buffer.alloc(400, 0xee)
  const end = write(target, 1)
  t.equal(target.toString('hex', 1, end), wire)
  t.ok(target.subarray(end).every(octet => octet === 0xee) && target[0] === 0xee, 'nothing beside')
  const { frames, error } = readWhole(target.subarray(1, end))
  t.equal(error, undefined)
  t.equal(frames.length, 1)
  t.match(frames[0], description)
}

t.test('RFC 9113 §6.1: DATA', t => {
  writes(
    t,
    (target, offset) => writeData(target, offset, 5, bytes, 2, 5, false),
    '000003' + '00' + '00' + '00000005' + 'aabbcc',
    { type: 'DATA', streamId: 5, flags: [], payload: 'aabbcc' },
  )
  writes(
    t,
    (target, offset) => writeData(target, offset, STREAM_ID_MAX, bytes, 2, 2, true),
    '000000' + '00' + '01' + '7fffffff',
    { type: 'DATA', streamId: STREAM_ID_MAX, flags: ['END_STREAM'], payloadSize: 0 },
  )
  t.end()
})

t.test('RFC 9113 §6.1: a DATA header whose octets follow from elsewhere', t => {
  const target = Buffer.alloc(9)
  t.equal(writeDataHeader(target, 0, 5, 0x01_02_03, false), 9)
  t.equal(target.toString('hex'), '010203' + '00' + '00' + '00000005')
  t.equal(writeDataHeader(target, 0, 5, 3, true), 9)
  t.equal(target.toString('hex'), '000003' + '00' + '01' + '00000005')
  t.end()
})

t.test('RFC 9113 §6.1: padded DATA; padding is zeroes', t => {
  writes(
    t,
    (target, offset) => writePaddedData(target, offset, 5, bytes, 2, 5, 2, true),
    '000006' + '00' + '09' + '00000005' + '02' + 'aabbcc' + '0000',
    { flags: ['END_STREAM', 'PADDED'], payload: 'aabbcc', payloadSize: 6 },
  )
  writes(
    t,
    (target, offset) => writePaddedData(target, offset, 5, bytes, 2, 5, 0, false),
    '000004' + '00' + '08' + '00000005' + '00' + 'aabbcc',
    { flags: ['PADDED'], payload: 'aabbcc', payloadSize: 4 },
  )
  writes(
    t,
    (target, offset) => writePaddedData(target, offset, 5, bytes, 2, 2, 255, false),
    '000100' + '00' + '08' + '00000005' + 'ff' + '00'.repeat(255),
    { flags: ['PADDED'], payloadSize: 256 },
  )
  t.end()
})

t.test('RFC 9113 §6.2: HEADERS', t => {
  const flags = Flag.EndHeaders | Flag.EndStream
  writes(
    t,
    (target, offset) => writeHeaders(target, offset, 5, bytes, 2, 5, flags),
    '000003' + '01' + '05' + '00000005' + 'aabbcc',
    { type: 'HEADERS', streamId: 5, flags: ['END_STREAM', 'END_HEADERS'], payload: 'aabbcc' },
  )
  t.end()
})

t.test('RFC 9113 §6.2: HEADERS with padding and with priority fields', t => {
  writes(
    t,
    (target, offset) => writePaddedHeaders(target, offset, 5, bytes, 2, 5, Flag.EndHeaders, 1),
    '000005' + '01' + '0c' + '00000005' + '01' + 'aabbcc' + '00',
    { flags: ['END_HEADERS', 'PADDED'], payload: 'aabbcc' },
  )
  const priority = { dependsOn: 3, weight: 256, exclusive: true }
  writes(
    t,
    (target, offset) => writePaddedHeaders(target, offset, 5, bytes, 2, 5, 0, 1, priority),
    '00000a' + '01' + '28' + '00000005' + '01' + '80000003' + 'ff' + 'aabbcc' + '00',
    { flags: ['PADDED', 'PRIORITY'], payload: 'aabbcc', ...priority },
  )
  t.end()
})

t.test('RFC 9113 §6.3: PRIORITY', t => {
  const priority = { dependsOn: STREAM_ID_MAX, weight: 1, exclusive: false }
  writes(
    t,
    (target, offset) => writePriority(target, offset, 5, priority),
    '000005' + '02' + '00' + '00000005' + '7fffffff' + '00',
    { type: 'PRIORITY', ...priority },
  )
  t.equal(writePriority(Buffer.alloc(20), 0, 5, priority), PRIORITY_FRAME_SIZE)
  t.end()
})

t.test('RFC 9113 §6.4: RST_STREAM', t => {
  writes(
    t,
    (target, offset) => writeRstStream(target, offset, 5, ErrorCode.Cancel),
    '000004' + '03' + '00' + '00000005' + '00000008',
    { type: 'RST_STREAM', errorCode: 'CANCEL' },
  )
  writes(
    t,
    (target, offset) => writeRstStream(target, offset, 5, 0xffff_ffff),
    '000004' + '03' + '00' + '00000005' + 'ffffffff',
    { errorCode: 'UNKNOWN(0xffffffff)' },
  )
  t.equal(writeRstStream(Buffer.alloc(20), 0, 5, 0), RST_STREAM_FRAME_SIZE)
  t.end()
})

t.test('RFC 9113 §6.6: PUSH_PROMISE', t => {
  writes(
    t,
    (target, offset) => writePushPromise(target, offset, 5, 2, bytes, 2, 5, Flag.EndHeaders),
    '000007' + '05' + '04' + '00000005' + '00000002' + 'aabbcc',
    { type: 'PUSH_PROMISE', promisedStreamId: 2, flags: ['END_HEADERS'], payload: 'aabbcc' },
  )
  t.end()
})

t.test('RFC 9113 §6.7: PING', t => {
  const opaque = Buffer.from('ee0102030405060708ee', 'hex')
  writes(
    t,
    (target, offset) => writePing(target, offset, opaque, 1, false),
    '000008' + '06' + '00' + '00000000' + '0102030405060708',
    { type: 'PING', flags: [], payload: '0102030405060708' },
  )
  writes(
    t,
    (target, offset) => writePing(target, offset, opaque, 1, true),
    '000008' + '06' + '01' + '00000000' + '0102030405060708',
    { flags: ['ACK'] },
  )
  t.equal(writePing(Buffer.alloc(20), 0, opaque, 0, true), PING_FRAME_SIZE)
  t.end()
})

t.test('RFC 9113 §6.8: GOAWAY', t => {
  writes(
    t,
    (target, offset) => writeGoaway(target, offset, STREAM_ID_MAX, ErrorCode.NoError),
    '000008' + '07' + '00' + '00000000' + '7fffffff' + '00000000',
    { type: 'GOAWAY', lastStreamId: STREAM_ID_MAX, errorCode: 'NO_ERROR' },
  )
  writes(
    t,
    (target, offset) => writeGoaway(target, offset, 3, ErrorCode.ProtocolError, Buffer.from('bye')),
    '00000b' + '07' + '00' + '00000000' + '00000003' + '00000001' + '627965',
    { lastStreamId: 3, errorCode: 'PROTOCOL_ERROR', debug: 'bye' },
  )
  t.equal(writeGoaway(Buffer.alloc(20), 0, 3, 0), GOAWAY_FRAME_SIZE)
  t.end()
})

t.test('RFC 9113 §6.9: WINDOW_UPDATE', t => {
  writes(
    t,
    (target, offset) => writeWindowUpdate(target, offset, 0, 0x7fff_ffff),
    '000004' + '08' + '00' + '00000000' + '7fffffff',
    { type: 'WINDOW_UPDATE', streamId: 0, windowIncrement: 0x7fff_ffff },
  )
  t.equal(writeWindowUpdate(Buffer.alloc(20), 0, 5, 1), WINDOW_UPDATE_FRAME_SIZE)
  t.end()
})

t.test('RFC 9113 §6.10: CONTINUATION', t => {
  writes(
    t,
    (target, offset) => writeContinuation(target, offset, 5, bytes, 2, 5, Flag.EndHeaders),
    '000003' + '09' + '04' + '00000005' + 'aabbcc',
    { type: 'CONTINUATION', flags: ['END_HEADERS'], payload: 'aabbcc' },
  )
  t.end()
})

t.test('RFC 9218 §7.1: PRIORITY_UPDATE', t => {
  writes(
    t,
    (target, offset) => writePriorityUpdate(target, offset, 5, 'u=1, i'),
    '00000a' + '10' + '00' + '00000000' + '00000005' + '753d312c2069',
    { type: 'PRIORITY_UPDATE', prioritizedStreamId: 5, priority: 'u=1, i' },
  )
  t.end()
})
