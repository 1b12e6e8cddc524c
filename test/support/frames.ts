/**
 * Frames as octets, right or wrong on purpose. Nothing here comes from `src`:
 * a scripted peer must not share the mistakes of what it tests.
 */

/** Frame types. RFC 9113 §6; 0x10 is PRIORITY_UPDATE (RFC 9218 §7.1). */
export const Type = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
  priorityUpdate: 16,
} as const

/** Error codes. RFC 9113 §7. */
export const Code = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const

/** Settings identifiers. RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1. */
export const SettingId = {
  headerTableSize: 1,
  enablePush: 2,
  concurrentStreamsMax: 3,
  initialWindowSize: 4,
  frameSizeMax: 5,
  headerListSizeMax: 6,
  enableConnectProtocol: 8,
  noRfc7540Priorities: 9,
} as const

export type SettingName = keyof typeof SettingId
export type SettingPairs = readonly (readonly [id: number, value: number])[]

/** What a frame of DATA or HEADERS may carry besides its payload. */
export interface FrameOptions {
  readonly endStream?: boolean
  /** Default true. */
  readonly endHeaders?: boolean
  /** Octets of padding; 0 sets the flag and adds the length octet alone. */
  readonly padding?: number
  /** The deprecated priority fields of HEADERS. RFC 9113 §6.2. */
  readonly dependency?: number
  /** Flags that the frame's type does not define, to be ignored. RFC 9113 §4.1. */
  readonly extraFlags?: number
}

export interface DataOptions extends FrameOptions {
  /** Zero octets. Default 0. */
  readonly size?: number
  /** Instead of `size`. */
  readonly bytes?: Uint8Array | string
}

const PADDED = 0x8
const PRIORITY = 0x20

/** One frame. `declaredSize` is what its header claims, if not the truth. */
function raw(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
  declaredSize: number = payload.length,
): Buffer {
  const frame = Buffer.alloc(9 + payload.length)
  frame.writeUIntBE(declaredSize, 0, 3)
  frame[3] = type
  frame[4] = flags
  frame.writeUInt32BE(streamId >>> 0, 5)
  frame.set(payload, 9)
  return frame
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * i)
  return bytes
}

function flagsOf(options: FrameOptions, priority: boolean): number {
  return (
    (options.endStream === true ? 1 : 0) |
    (options.padding === undefined ? 0 : PADDED) |
    (priority ? PRIORITY : 0) |
    (options.extraFlags ?? 0)
  )
}

function padded(options: FrameOptions, payload: Uint8Array): Buffer {
  if (options.padding === undefined) return Buffer.from(payload)
  return Buffer.concat([Buffer.of(options.padding), payload, Buffer.alloc(options.padding)])
}

function data(streamId: number, options: DataOptions = {}): Buffer {
  const payload =
    options.bytes === undefined ? Buffer.alloc(options.size ?? 0) : Buffer.from(options.bytes)
  return raw(Type.data, flagsOf(options, false), streamId, padded(options, payload))
}

/** HEADERS with a list, encoded as literals, or with a finished block. */
function headers(
  streamId: number,
  list: readonly string[] | Buffer,
  options: FrameOptions = {},
): Buffer {
  const block = Buffer.isBuffer(list) ? list : literalBlock(list as readonly string[])
  const dependency = options.dependency
  const body =
    dependency === undefined ? block : Buffer.concat([uint32(dependency), Buffer.of(15), block])
  const flags = flagsOf(options, dependency !== undefined) | (options.endHeaders === false ? 0 : 4)
  return raw(Type.headers, flags, streamId, padded(options, body))
}

function settings(values: Partial<Record<SettingName, number>> | SettingPairs = {}): Buffer {
  const pairs: SettingPairs = Array.isArray(values)
    ? (values as SettingPairs)
    : Object.entries(values).map(([name, value]) => [SettingId[name as SettingName], value])
  const payload = Buffer.alloc(6 * pairs.length)
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, 6 * i)
    payload.writeUInt32BE(value >>> 0, 6 * i + 2)
  }
  return raw(Type.settings, 0, 0, payload)
}

function ping(payload: string | Uint8Array = '12345678', ack = false): Buffer {
  return raw(Type.ping, ack ? 1 : 0, 0, Buffer.from(payload as string))
}

function settingsAck(): Buffer {
  return raw(Type.settings, 1, 0)
}

function preface(): Buffer {
  return Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
}

function continuation(streamId: number, block: Buffer, endHeaders = true): Buffer {
  return raw(Type.continuation, endHeaders ? 4 : 0, streamId, block)
}

function priority(streamId: number, dependency = 0): Buffer {
  return raw(Type.priority, 0, streamId, Buffer.concat([uint32(dependency), Buffer.of(15)]))
}

function rstStream(streamId: number, errorCode: number): Buffer {
  return raw(Type.rstStream, 0, streamId, uint32(errorCode))
}

function pushPromise(streamId: number, promisedId: number, list: readonly string[]): Buffer {
  return raw(Type.pushPromise, 4, streamId, Buffer.concat([uint32(promisedId), literalBlock(list)]))
}

function goaway(lastStreamId: number, errorCode: number, debug = ''): Buffer {
  const payload = Buffer.concat([uint32(lastStreamId, errorCode), Buffer.from(debug, 'latin1')])
  return raw(Type.goaway, 0, 0, payload)
}

function windowUpdate(streamId: number, increment: number): Buffer {
  return raw(Type.windowUpdate, 0, streamId, uint32(increment))
}

/** RFC 9218 §7.1. */
function priorityUpdate(streamId: number, value = 'u=1'): Buffer {
  return raw(Type.priorityUpdate, 0, 0, Buffer.concat([uint32(streamId), Buffer.from(value)]))
}

/** One builder for each frame type. */
export const frames: {
  readonly raw: typeof raw
  readonly data: typeof data
  readonly headers: typeof headers
  readonly continuation: typeof continuation
  readonly priority: typeof priority
  readonly rstStream: typeof rstStream
  readonly settings: typeof settings
  readonly settingsAck: typeof settingsAck
  readonly pushPromise: typeof pushPromise
  readonly ping: typeof ping
  readonly goaway: typeof goaway
  readonly windowUpdate: typeof windowUpdate
  readonly priorityUpdate: typeof priorityUpdate
  readonly preface: typeof preface
} = {
  raw,
  data,
  headers,
  continuation,
  priority,
  rstStream,
  settings,
  settingsAck,
  pushPromise,
  ping,
  goaway,
  windowUpdate,
  priorityUpdate,
  preface,
}

/** An HPACK integer. RFC 7541 §5.1. */
export function integer(value: number, prefixBits: number, pattern = 0): Buffer {
  const prefixMax = 2 ** prefixBits - 1
  if (value < prefixMax) return Buffer.of(pattern | value)
  const octets = [pattern | prefixMax]
  let rest = value - prefixMax
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) | 128)
  octets.push(rest)
  return Buffer.from(octets)
}

function string(text: string): Buffer {
  return Buffer.concat([integer(text.length, 7), Buffer.from(text, 'latin1')])
}

/** A header block of raw literals that leave the dynamic table alone. RFC 7541 §6.2.2. */
export function literalBlock(list: readonly string[]): Buffer {
  return literals(list, 0x00)
}

/** The same, each field entering the dynamic table. RFC 7541 §6.2.1. */
export function insertingBlock(list: readonly string[]): Buffer {
  return literals(list, 0x40)
}

function literals(list: readonly string[], pattern: number): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i < list.length; i += 2) {
    parts.push(Buffer.of(pattern), string(list[i]!), string(list[i + 1]!))
  }
  return Buffer.concat(parts)
}

/** A dynamic table size update. RFC 7541 §6.3. */
export function tableSizeUpdate(size: number): Buffer {
  return integer(size, 5, 0x20)
}

/** An indexed field. RFC 7541 §6.1; 62 is the newest entry of the dynamic table. */
export function indexed(index: number): Buffer {
  return integer(index, 7, 0x80)
}

/** A POST as gRPC sends it. */
export const REQUEST: readonly string[] = [
  ':method',
  'POST',
  ':scheme',
  'http',
  ':path',
  '/greeter.Greeter/Hello',
  ':authority',
  'localhost:50051',
  'te',
  'trailers',
]

/** The first half of a response. */
export const RESPONSE: readonly string[] = [':status', '200', 'content-type', 'application/grpc']

/** Fields behind the body. */
export const TRAILERS: readonly string[] = ['grpc-status', '0']

/** `REQUEST` with fields added behind it. */
export function requestWith(...fields: string[]): string[] {
  return [...REQUEST, ...fields]
}

/** `REQUEST` with one field replaced, or left out when `value` is undefined. */
export function requestBut(name: string, value: string | undefined): string[] {
  const list: string[] = []
  for (let i = 0; i < REQUEST.length; i += 2) {
    if (REQUEST[i] !== name) list.push(REQUEST[i]!, REQUEST[i + 1]!)
    else if (value !== undefined) list.push(name, value)
  }
  return list
}

/** Octets that are all zero, for bodies. Never written to. */
export const zeros: Buffer = Buffer.alloc(1 << 20)
