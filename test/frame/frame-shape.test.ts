import t, { type Test } from 'tap'
import { ErrorCode, Flag, FrameType, frameName } from '../../src/frame/index.js'
import { frame, readInPieces, readWhole } from './frames.js'

/** Every frame type with a payload of a right size, and whether it belongs on stream 0. */
const types = [
  { type: FrameType.Data, size: 1, rule: 'RFC 9113 §6.1', onZero: false },
  { type: FrameType.Headers, size: 1, rule: 'RFC 9113 §6.2', onZero: false },
  { type: FrameType.Priority, size: 5, rule: 'RFC 9113 §6.3', onZero: false },
  { type: FrameType.RstStream, size: 4, rule: 'RFC 9113 §6.4', onZero: false },
  { type: FrameType.Settings, size: 6, rule: 'RFC 9113 §6.5', onZero: true },
  { type: FrameType.PushPromise, size: 4, rule: 'RFC 9113 §6.6', onZero: false },
  { type: FrameType.Ping, size: 8, rule: 'RFC 9113 §6.7', onZero: true },
  { type: FrameType.Goaway, size: 8, rule: 'RFC 9113 §6.8', onZero: true },
  { type: FrameType.Continuation, size: 1, rule: 'RFC 9113 §6.10', onZero: false },
  { type: FrameType.PriorityUpdate, size: 5, rule: 'RFC 9218 §7.1', onZero: true },
]

/** Asserts the error, and that the header alone is enough for it. */
function rejects(
  t: Test,
  bytes: Buffer,
  errorCode: ErrorCode,
  rule: string,
  message: string,
): void {
  t.match(readWhole(bytes).error, { errorCode, rule, message }, message)
  t.match(readWhole(bytes.subarray(0, 9)).error, { errorCode, rule, message }, 'by its header')
  t.match(readInPieces(bytes, [4]).error, { errorCode, rule, message }, 'with a header in pieces')
}

function accepts(t: Test, bytes: Buffer, comment: string): void {
  const { frames, error } = readWhole(bytes)
  t.equal(error, undefined, comment)
  t.equal(frames.length, 1)
}

for (const { type, size, rule, onZero } of types) {
  const name = frameName(type)
  const place = onZero ? 'belongs on stream 0' : 'does not belong on stream 0'
  t.test(`${rule}: ${name} ${place}, else PROTOCOL_ERROR`, t => {
    const [right, wrong] = onZero ? [0, 3] : [3, 0]
    const payload = '00000002aabbccdd'.slice(0, 2 * size)
    accepts(t, frame(type, 0, right, payload), name)
    const message = `${name} on stream ${wrong}; expected`
    rejects(t, frame(type, 0, wrong, payload), ErrorCode.ProtocolError, rule, message)
    t.end()
  })
}

t.test('RFC 9113 §6.9: WINDOW_UPDATE belongs on stream 0 and on any other', t => {
  accepts(t, frame(FrameType.WindowUpdate, 0, 0, 4), 'connection')
  accepts(t, frame(FrameType.WindowUpdate, 0, 3, 4), 'stream')
  t.end()
})

/** Every rule about sizes: flags, sizes that pass, sizes that do not, and what was expected. */
const sizes = [
  { type: FrameType.Data, flags: 0, good: [0, 1], bad: [], wanted: '' },
  { type: FrameType.Data, flags: Flag.Padded, good: [1], bad: [0], wanted: 'at least 1' },
  { type: FrameType.Headers, flags: 0, good: [0, 1], bad: [], wanted: '' },
  { type: FrameType.Headers, flags: Flag.Padded, good: [1], bad: [0], wanted: 'at least 1' },
  { type: FrameType.Headers, flags: Flag.Priority, good: [5], bad: [0, 4], wanted: 'at least 5' },
  { type: FrameType.Headers, flags: 0x28, good: [6], bad: [0, 1, 5], wanted: 'at least 6' },
  { type: FrameType.RstStream, flags: 0, good: [4], bad: [0, 3, 5, 8], wanted: '4' },
  {
    type: FrameType.Settings,
    flags: 0,
    good: [0, 6, 12],
    bad: [1, 5, 7],
    wanted: 'a multiple of 6',
  },
  { type: FrameType.Settings, flags: Flag.Ack, good: [0], bad: [1, 6], wanted: '0 with ACK' },
  { type: FrameType.PushPromise, flags: 0, good: [], bad: [0, 3], wanted: 'at least 4' },
  { type: FrameType.PushPromise, flags: Flag.Padded, good: [], bad: [0, 4], wanted: 'at least 5' },
  { type: FrameType.Ping, flags: 0, good: [8], bad: [0, 7, 9], wanted: '8' },
  { type: FrameType.Ping, flags: Flag.Ack, good: [8], bad: [0, 7, 9], wanted: '8' },
  { type: FrameType.Goaway, flags: 0, good: [8, 9], bad: [0, 4, 7], wanted: 'at least 8' },
  { type: FrameType.WindowUpdate, flags: 0, good: [4], bad: [0, 3, 5], wanted: '4' },
  { type: FrameType.Continuation, flags: 0, good: [0, 1], bad: [], wanted: '' },
  { type: FrameType.PriorityUpdate, flags: 0, good: [], bad: [0, 3], wanted: 'at least 4' },
]

const rules = new Map<number, string>(types.map(({ type, rule }) => [type, rule]))
rules.set(FrameType.WindowUpdate, 'RFC 9113 §6.9')
const onZero = new Set<number>(types.filter(row => row.onZero).map(row => row.type))

for (const { type, flags, good, bad, wanted } of sizes) {
  const rule = rules.get(type) ?? ''
  const name = `${frameName(type)} with flags 0x${flags.toString(16)}`
  const wrong = bad.length === 0 ? 'any size' : `${wanted} octets, else FRAME_SIZE_ERROR`
  t.test(`${rule}: the size of ${name}: ${wrong}`, t => {
    const streamId = onZero.has(type) ? 0 : 3
    for (const size of good) accepts(t, frame(type, flags, streamId, size), `${size} octets`)
    for (const size of bad) {
      const message = `${frameName(type)} payload is ${size} octets; expected ${wanted}`
      rejects(t, frame(type, flags, streamId, size), ErrorCode.FrameSizeError, rule, message)
    }
    t.end()
  })
}

t.test('RFC 9113 §4.1: flags that a type does not define are ignored', t => {
  accepts(t, frame(FrameType.RstStream, 0xff, 3, 4), 'RST_STREAM')
  accepts(t, frame(FrameType.WindowUpdate, 0xff, 3, 4), 'WINDOW_UPDATE')
  accepts(t, frame(FrameType.Ping, 0xfe, 0, 8), 'PING')
  accepts(t, frame(FrameType.Settings, 0xfe, 0, 6), 'SETTINGS')
  accepts(t, frame(FrameType.Data, Flag.Priority, 3, 1), 'DATA has no PRIORITY flag')
  accepts(t, frame(FrameType.Continuation, Flag.Padded | Flag.Priority, 3, 0), 'CONTINUATION')
  t.end()
})

t.test('RFC 9113 §5.5: unknown types of any size on any stream pass', t => {
  for (const type of [0x0a, 0x0c, 0x0f, 0x11, 0x20, 0x24, 0xee, 0xff]) {
    accepts(t, frame(type, 0xff, 0, 0), frameName(type))
    accepts(t, frame(type, 0xff, 3, 7), frameName(type))
  }
  t.end()
})

t.test(
  'RFC 9113 §4.1: the reserved bit of a stream identifier does not make stream 0 another',
  t => {
    const ping = frame(FrameType.Ping, 0, 0, 8)
    ping[5] = 0x80
    accepts(t, ping, 'PING')
    const data = frame(FrameType.Data, 0, 0, 1)
    data[5] = 0x80
    t.match(readWhole(data).error, { errorCode: ErrorCode.ProtocolError })
    t.end()
  },
)
