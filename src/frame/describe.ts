import { errorCodeName } from './error-code.js'
import type { Frame } from './frame.js'
import { Flag, FrameType, frameName } from './frame-type.js'
import { readSettings, settingName } from './settings.js'

/**
 * One frame as a plain object, for logs and tests. Fields that its type does not have are absent.
 */
export interface FrameDescription {
  /** Name of the type, such as `HEADERS`. */
  readonly type: string
  readonly streamId: number
  /** Names of the flags that are set and defined for the type, such as `END_STREAM`. */
  readonly flags: readonly string[]
  /** Whole payload with padding and prefixes. Unit: octets. */
  readonly payloadSize: number
  /** What the frame carries, in hex: DATA, fragments, PING octets. Absent when empty. */
  readonly payload?: string
  /** Entries of SETTINGS in the order sent: name and value. */
  readonly settings?: readonly (readonly [string, number])[]
  readonly errorCode?: string
  readonly lastStreamId?: number
  /** Debug data of GOAWAY, read as UTF-8. */
  readonly debug?: string
  readonly windowIncrement?: number
  readonly promisedStreamId?: number
  readonly prioritizedStreamId?: number
  /** Priority field value of PRIORITY_UPDATE. */
  readonly priority?: string
  readonly dependsOn?: number
  /** 1 to 256. */
  readonly weight?: number
  readonly exclusive?: boolean
  /** The error of the stream that the frame causes by its shape. */
  readonly fault?: string
}

/** Copies `frame`, usually the current frame of a `FrameReader`, into a readable object. */
export function describeFrame(frame: Frame): FrameDescription {
  const { type, streamId, payloadSize, fault } = frame
  return {
    type: frameName(type),
    streamId,
    flags: flagNames(type, frame.flags),
    payloadSize,
    ...describeFields(frame),
    ...(frame.dependsOn < 0 ? {} : describePriority(frame)),
    ...(fault === 0 ? {} : { fault: errorCodeName(fault) }),
  }
}

/**
 * Describes a frame in one line for logs, such as `HEADERS stream 1 42 octets END_HEADERS`.
 */
export function summarizeFrame(
  type: number,
  flags: number,
  streamId: number,
  size: number,
): string {
  const name = frameName(type).padEnd(15)
  const stream = `stream ${streamId}`.padEnd(10)
  const octets = `${size} octets`.padStart(12)
  return `${name} ${stream} ${octets}  ${flagNames(type, flags).join(' ')}`.trimEnd()
}

function describeFields(frame: Frame): Partial<FrameDescription> {
  const { bytes, start, end } = frame
  switch (frame.type) {
    case FrameType.Settings:
      return { settings: settingEntries(bytes, start, end) }
    case FrameType.RstStream:
      return { errorCode: errorCodeName(frame.errorCode) }
    case FrameType.WindowUpdate:
      return { windowIncrement: frame.windowIncrement }
    case FrameType.Goaway: {
      const errorCode = errorCodeName(frame.errorCode)
      const debug = start === end ? {} : { debug: bytes.toString('utf8', start, end) }
      return { lastStreamId: frame.lastStreamId, errorCode, ...debug }
    }
    case FrameType.PriorityUpdate: {
      const priority = bytes.toString('latin1', start, end)
      return { prioritizedStreamId: frame.prioritizedStreamId, priority }
    }
    case FrameType.PushPromise:
      return { promisedStreamId: frame.promisedStreamId, ...describePayload(frame) }
    default:
      return describePayload(frame)
  }
}

function describePayload({ bytes, start, end }: Frame): Partial<FrameDescription> {
  return start === end ? {} : { payload: bytes.toString('hex', start, end) }
}

function describePriority({ bytes, start, dependsOn }: Frame): Partial<FrameDescription> {
  return { dependsOn, weight: bytes[start - 1]! + 1, exclusive: bytes[start - 5]! >= 0x80 }
}

function settingEntries(bytes: Buffer, start: number, end: number): [string, number][] {
  const entries: [string, number][] = []
  readSettings(bytes, start, end, (id, value) => entries.push([settingName(id), value]))
  return entries
}

/** Which flags each type defines, lowest bit first. RFC 9113 §6. */
const FLAG_NAMES: ReadonlyMap<number, readonly (readonly [number, string])[]> = new Map([
  [
    FrameType.Data,
    [
      [Flag.EndStream, 'END_STREAM'],
      [Flag.Padded, 'PADDED'],
    ],
  ],
  [
    FrameType.Headers,
    [
      [Flag.EndStream, 'END_STREAM'],
      [Flag.EndHeaders, 'END_HEADERS'],
      [Flag.Padded, 'PADDED'],
      [Flag.Priority, 'PRIORITY'],
    ],
  ],
  [FrameType.Settings, [[Flag.Ack, 'ACK']]],
  [
    FrameType.PushPromise,
    [
      [Flag.EndHeaders, 'END_HEADERS'],
      [Flag.Padded, 'PADDED'],
    ],
  ],
  [FrameType.Ping, [[Flag.Ack, 'ACK']]],
  [FrameType.Continuation, [[Flag.EndHeaders, 'END_HEADERS']]],
])

function flagNames(type: number, flags: number): string[] {
  const names: string[] = []
  for (const [flag, name] of FLAG_NAMES.get(type) ?? []) {
    if ((flags & flag) !== 0) names.push(name)
  }
  return names
}
