import t, { type Test } from 'tap'
import { ErrorCode, Flag, FrameType, STREAM_ID_MAX } from '../../src/frame/index.js'
import { frame, payloadOf, readInPieces, readOne, readWhole } from './frames.js'

function rejects(t: Test, bytes: Buffer, rule: string, message: string): void {
  const expected = { errorCode: ErrorCode.ProtocolError, rule, message }
  t.match(readWhole(bytes).error, expected, message)
  t.match(readInPieces(bytes, [9]).error, expected, 'in pieces')
}

t.test('RFC 9113 §6.1: padding and its length are taken off DATA', t => {
  const padded = readOne(frame(FrameType.Data, Flag.Padded | Flag.EndStream, 1, '02aabb0000'))
  t.equal(payloadOf(padded), 'aabb')
  t.equal(padded.payloadSize, 5, 'flow control counts all of it (§6.9.1)')

  const zero = readOne(frame(FrameType.Data, Flag.Padded, 1, '00aabb'))
  t.equal(payloadOf(zero), 'aabb')
  const onlyPadding = readOne(frame(FrameType.Data, Flag.Padded, 1, '020000'))
  t.equal(onlyPadding.start, onlyPadding.end)
  t.equal(onlyPadding.payloadSize, 3)
  const plain = readOne(frame(FrameType.Data, 0, 1, '02aabb0000'))
  t.equal(payloadOf(plain), '02aabb0000', 'no flag, no padding')
  t.end()
})

t.test('RFC 9113 §6.1: 255 octets of padding may fill the frame', t => {
  const full = frame(FrameType.Data, Flag.Padded, 1, 'ff' + '00'.repeat(255))
  const reader = readOne(full)
  t.equal(payloadOf(reader), '')
  t.equal(reader.payloadSize, 256)
  const short = frame(FrameType.Data, Flag.Padded, 1, 'ff' + '00'.repeat(254))
  rejects(t, short, 'RFC 9113 §6.1', 'DATA of 255 octets has 255 of padding; 254 fit')
  t.end()
})

t.test('RFC 9113 §6.1: padding as long as the payload of DATA is a PROTOCOL_ERROR', t => {
  rejects(t, frame(FrameType.Data, Flag.Padded, 1, '01'), 'RFC 9113 §6.1', '1 of padding; 0 fit')
  rejects(t, frame(FrameType.Data, Flag.Padded, 1, '04aaaaaa'), 'RFC 9113 §6.1', '3 fit')
  t.end()
})

t.test('RFC 9113 §6.2: padding and priority fields are taken off HEADERS', t => {
  const both = readOne(
    frame(FrameType.Headers, Flag.Padded | Flag.Priority, 3, '01' + '8000000b0f' + 'aabb' + '00'),
  )
  t.equal(payloadOf(both), 'aabb')
  t.equal(both.dependsOn, 11, 'without the exclusive bit')
  t.equal(both.bytes.toString('hex', both.start - 5, both.start), '8000000b0f')
  t.equal(both.payloadSize, 9)

  const padded = readOne(frame(FrameType.Headers, Flag.Padded, 3, '01aabb00'))
  t.equal(payloadOf(padded), 'aabb')
  t.equal(padded.dependsOn, -1)
  const priority = readOne(frame(FrameType.Headers, Flag.Priority, 3, '000000030f'))
  t.equal(payloadOf(priority), '')
  t.equal(priority.dependsOn, 3, 'a stream that depends on itself is for the caller to refuse')
  t.end()
})

t.test('RFC 9113 §6.2: padding must leave room for the priority fields of HEADERS', t => {
  const flags = Flag.Padded | Flag.Priority
  t.equal(readOne(frame(FrameType.Headers, flags, 3, '02' + '000000010f' + '0000')).dependsOn, 1)
  const long = frame(FrameType.Headers, flags, 3, '03' + '000000010f' + '0000')
  rejects(t, long, 'RFC 9113 §6.2', 'HEADERS of 8 octets has 3 of padding; 2 fit')
  rejects(t, frame(FrameType.Headers, Flag.Padded, 3, '01'), 'RFC 9113 §6.2', '0 fit')
  t.end()
})

t.test('RFC 9113 §6.3: PRIORITY says what the stream depends on', t => {
  const reader = readOne(frame(FrameType.Priority, 0, 9, 'ffffffff07'))
  t.equal(reader.dependsOn, STREAM_ID_MAX)
  t.equal(reader.fault, ErrorCode.NoError)
  t.equal(reader.bytes.toString('hex', reader.start - 5, reader.start), 'ffffffff07')
  t.end()
})

t.test('RFC 9113 §6.3: PRIORITY of a wrong size is an error of its stream, thus a value', t => {
  for (const size of [0, 1, 4, 6, 300]) {
    const wrong = frame(FrameType.Priority, 0, 9, size)
    const after = frame(FrameType.Data, 0, 9, 'aa')
    for (const cuts of [[], [9], [5], [9 + (size >> 1)]]) {
      const { frames, error } = readInPieces(Buffer.concat([wrong, after]), cuts)
      t.equal(error, undefined)
      t.match(frames[0], { type: 'PRIORITY', payloadSize: size, fault: 'FRAME_SIZE_ERROR' })
      t.notHas(frames[0], { dependsOn: 0 })
      t.match(frames[1], { type: 'DATA', payload: 'aa' }, 'and the next frame is whole')
      t.notHas(frames[1], { fault: 'FRAME_SIZE_ERROR' })
    }
  }
  t.end()
})

t.test('RFC 9113 §6.4: RST_STREAM has an error code of 32 bits, known or not', t => {
  t.equal(readOne(frame(FrameType.RstStream, 0, 1, '00000008')).errorCode, ErrorCode.Cancel)
  t.equal(readOne(frame(FrameType.RstStream, 0, 1, 'fffffffe')).errorCode, 0xffff_fffe)
  t.end()
})

t.test('RFC 9113 §6.5, §6.7, §6.10: SETTINGS, PING and CONTINUATION keep their payload', t => {
  t.equal(payloadOf(readOne(frame(FrameType.Settings, 0, 0, '000100000002'))), '000100000002')
  t.equal(payloadOf(readOne(frame(FrameType.Ping, 0, 0, '0102030405060708'))), '0102030405060708')
  t.equal(payloadOf(readOne(frame(FrameType.Continuation, 0, 1, 'aabb'))), 'aabb')
  t.end()
})

t.test('RFC 9113 §6.6: PUSH_PROMISE names the promised stream', t => {
  const reader = readOne(
    frame(FrameType.PushPromise, Flag.Padded, 1, '01' + '80000002' + 'aa' + '00'),
  )
  t.equal(reader.promisedStreamId, 2, 'without the reserved bit')
  t.equal(payloadOf(reader), 'aa')
  t.equal(payloadOf(readOne(frame(FrameType.PushPromise, 0, 1, '00000002aabb'))), 'aabb')
  t.end()
})

t.test('RFC 9113 §6.6: padding must leave room for the promised stream', t => {
  const long = frame(FrameType.PushPromise, Flag.Padded, 1, '02' + '00000002' + '00')
  rejects(t, long, 'RFC 9113 §6.6', 'PUSH_PROMISE of 6 octets has 2 of padding; 1 fit')
  t.end()
})

t.test('RFC 9113 §5.1.1, §6.6: a promised stream is even and not 0', t => {
  for (const [payload, streamId] of [
    ['00000000', 0],
    ['80000000', 0],
    ['00000001', 1],
    ['ffffffff', STREAM_ID_MAX],
  ]) {
    const message = `PUSH_PROMISE promises stream ${streamId}; expected an even one`
    rejects(t, frame(FrameType.PushPromise, 0, 1, payload), 'RFC 9113 §6.6', message)
  }
  t.end()
})

t.test('RFC 9113 §6.8: GOAWAY has a last stream, an error code and perhaps debug data', t => {
  const reader = readOne(frame(FrameType.Goaway, 0, 0, 'ffffffff' + 'fffffffe' + 'aabb'))
  t.equal(reader.lastStreamId, STREAM_ID_MAX, 'without the reserved bit')
  t.equal(reader.errorCode, 0xffff_fffe)
  t.equal(payloadOf(reader), 'aabb')
  t.equal(payloadOf(readOne(frame(FrameType.Goaway, 0, 0, 8))), '')
  t.end()
})

t.test('RFC 9113 §6.9: the increment of WINDOW_UPDATE has 31 bits; 0 is for the caller', t => {
  t.equal(readOne(frame(FrameType.WindowUpdate, 0, 0, 'ffffffff')).windowIncrement, 0x7fff_ffff)
  t.equal(readOne(frame(FrameType.WindowUpdate, 0, 1, '80000000')).windowIncrement, 0)
  t.end()
})

t.test('RFC 9218 §7.1: PRIORITY_UPDATE names a stream and has a field value', t => {
  const reader = readOne(frame(FrameType.PriorityUpdate, 0, 0, '80000005' + '753d31'))
  t.equal(reader.prioritizedStreamId, 5)
  t.equal(payloadOf(reader), '753d31')
  t.equal(payloadOf(readOne(frame(FrameType.PriorityUpdate, 0, 0, '00000005'))), '')
  const zero = frame(FrameType.PriorityUpdate, 0, 0, '80000000753d31')
  rejects(t, zero, 'RFC 9218 §7.1', 'PRIORITY_UPDATE names stream 0')
  t.end()
})

t.test('frames without a payload to carry have an empty range', t => {
  for (const bytes of [
    frame(FrameType.Priority, 0, 1, 5),
    frame(FrameType.RstStream, 0, 1, 4),
    frame(FrameType.WindowUpdate, 0, 1, 4),
    frame(0xee, 0, 1, 4),
  ]) {
    t.equal(payloadOf(readOne(bytes)), '')
  }
  t.end()
})

t.test('dependsOn and fault hold for every frame, whatever came before', t => {
  const { frames } = readWhole(
    Buffer.concat([
      frame(FrameType.Headers, Flag.Priority, 3, '0000000100'),
      frame(FrameType.Headers, 0, 5),
      frame(FrameType.Priority, 0, 5, '0000000300'),
      frame(FrameType.Data, 0, 5),
      frame(FrameType.Priority, 0, 5, 3),
      frame(FrameType.Ping, 0, 0, 8),
    ]),
  )
  t.same(
    frames.map(({ dependsOn, fault }) => [dependsOn, fault]),
    [
      [1, undefined],
      [undefined, undefined],
      [3, undefined],
      [undefined, undefined],
      [undefined, 'FRAME_SIZE_ERROR'],
      [undefined, undefined],
    ],
  )
  t.end()
})
