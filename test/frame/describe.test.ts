import t from 'tap'
import { describeFrame, Flag, FrameType, summarizeFrame } from '../../src/frame/index.js'
import { frame, readOne } from './frames.js'

t.test('describeFrame says of each type what it has, and nothing else', t => {
  const cases: [Buffer, object][] = [
    [
      frame(FrameType.Data, 0x9, 1, '01aa00'),
      { type: 'DATA', streamId: 1, flags: ['END_STREAM', 'PADDED'], payloadSize: 3, payload: 'aa' },
    ],
    [
      frame(FrameType.Headers, 0xff, 1, '01' + '8000000307' + 'aa' + '00'),
      {
        type: 'HEADERS',
        streamId: 1,
        flags: ['END_STREAM', 'END_HEADERS', 'PADDED', 'PRIORITY'],
        payloadSize: 8,
        payload: 'aa',
        dependsOn: 3,
        weight: 8,
        exclusive: true,
      },
    ],
    [
      frame(FrameType.Priority, 0, 1, '00000003ff'),
      {
        type: 'PRIORITY',
        streamId: 1,
        flags: [],
        payloadSize: 5,
        dependsOn: 3,
        weight: 256,
        exclusive: false,
      },
    ],
    [
      frame(FrameType.Priority, 0, 1, '00'),
      { type: 'PRIORITY', streamId: 1, flags: [], payloadSize: 1, fault: 'FRAME_SIZE_ERROR' },
    ],
    [
      frame(FrameType.RstStream, 0, 1, '00000008'),
      { type: 'RST_STREAM', streamId: 1, flags: [], payloadSize: 4, errorCode: 'CANCEL' },
    ],
    [
      frame(FrameType.Settings, 0, 0, '000400000002' + 'abcd00000001'),
      {
        type: 'SETTINGS',
        streamId: 0,
        flags: [],
        payloadSize: 12,
        settings: [
          ['INITIAL_WINDOW_SIZE', 2],
          ['UNKNOWN(0xabcd)', 1],
        ],
      },
    ],
    [
      frame(FrameType.Settings, Flag.Ack, 0),
      { type: 'SETTINGS', streamId: 0, flags: ['ACK'], payloadSize: 0, settings: [] },
    ],
    [
      frame(FrameType.PushPromise, 0x4, 1, '00000002' + 'aa'),
      {
        type: 'PUSH_PROMISE',
        streamId: 1,
        flags: ['END_HEADERS'],
        payloadSize: 5,
        promisedStreamId: 2,
        payload: 'aa',
      },
    ],
    [
      frame(FrameType.Ping, Flag.Ack, 0, '0102030405060708'),
      { type: 'PING', streamId: 0, flags: ['ACK'], payloadSize: 8, payload: '0102030405060708' },
    ],
    [
      frame(FrameType.Goaway, 0, 0, '00000003' + '0000000b' + '627965'),
      {
        type: 'GOAWAY',
        streamId: 0,
        flags: [],
        payloadSize: 11,
        lastStreamId: 3,
        errorCode: 'ENHANCE_YOUR_CALM',
        debug: 'bye',
      },
    ],
    [
      frame(FrameType.Goaway, 0, 0, 8),
      {
        type: 'GOAWAY',
        streamId: 0,
        flags: [],
        payloadSize: 8,
        lastStreamId: 0,
        errorCode: 'NO_ERROR',
      },
    ],
    [
      frame(FrameType.WindowUpdate, 0, 1, '00000007'),
      { type: 'WINDOW_UPDATE', streamId: 1, flags: [], payloadSize: 4, windowIncrement: 7 },
    ],
    [
      frame(FrameType.Continuation, 0x4, 1, 'aabb'),
      {
        type: 'CONTINUATION',
        streamId: 1,
        flags: ['END_HEADERS'],
        payloadSize: 2,
        payload: 'aabb',
      },
    ],
    [
      frame(FrameType.PriorityUpdate, 0, 0, '00000005' + '753d31'),
      {
        type: 'PRIORITY_UPDATE',
        streamId: 0,
        flags: [],
        payloadSize: 7,
        prioritizedStreamId: 5,
        priority: 'u=1',
      },
    ],
    [frame(0xee, 0xff, 1, 4), { type: 'UNKNOWN(0xee)', streamId: 1, flags: [], payloadSize: 4 }],
  ]
  for (const [bytes, wanted] of cases) t.strictSame(describeFrame(readOne(bytes)), wanted)
  t.end()
})

t.test('describeFrame keeps nothing of the borrowed bytes', t => {
  const bytes = frame(FrameType.Data, 0, 1, 'aabb')
  const description = describeFrame(readOne(bytes))
  bytes.fill(0)
  t.equal(description.payload, 'aabb')
  t.end()
})

t.test('summarizeFrame makes lines that stand under one another', t => {
  t.equal(
    summarizeFrame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 1, 42),
    'HEADERS         stream 1      42 octets  END_STREAM END_HEADERS',
  )
  t.equal(
    summarizeFrame(FrameType.PriorityUpdate, 0, 0, 16_384),
    'PRIORITY_UPDATE stream 0   16384 octets',
  )
  t.equal(
    summarizeFrame(FrameType.Ping, Flag.Ack, 0, 8),
    'PING            stream 0       8 octets  ACK',
  )
  t.end()
})
