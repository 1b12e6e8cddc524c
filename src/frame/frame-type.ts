/**
 * HTTP/2 frame types: the fourth byte of a frame header. RFC 9113 §6; PriorityUpdate: RFC 9218
 * §7.1.
 */
export const FrameType = {
  Data: 0x0,
  Headers: 0x1,
  Priority: 0x2,
  RstStream: 0x3,
  Settings: 0x4,
  PushPromise: 0x5,
  Ping: 0x6,
  Goaway: 0x7,
  WindowUpdate: 0x8,
  Continuation: 0x9,
  PriorityUpdate: 0x10,
} as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

/**
 * Frame flags: the fifth byte of a frame header. RFC 9113 §6.
 *
 * Ack and EndStream are the same bit; the frame type says which is meant.
 * A flag that a type does not define is ignored (§4.1).
 */
export const Flag = {
  EndStream: 0x1,
  Ack: 0x1,
  EndHeaders: 0x4,
  Padded: 0x8,
  Priority: 0x20,
} as const
export type Flag = (typeof Flag)[keyof typeof Flag]

const NAMES: readonly string[] = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
]

/** The RFC's name of a frame type, such as `HEADERS`; `UNKNOWN(0xee)` for an unknown type. */
export function frameName(type: number): string {
  if (type === FrameType.PriorityUpdate) return 'PRIORITY_UPDATE'
  return NAMES[type] ?? `UNKNOWN(0x${type.toString(16).padStart(2, '0')})`
}
