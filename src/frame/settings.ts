import { ErrorCode } from './error-code.js'
import { ConnectionError } from './frame-error.js'
import { FRAME_SIZE_LIMIT, FRAME_SIZE_MIN, readUint32 } from './frame-header.js'

/** Identifiers of settings. RFC 9113 §6.5.2; RFC 8441 §3 for 8; RFC 9218 §2.1 for 9. */
export const Setting = {
  HeaderTableSize: 0x1,
  EnablePush: 0x2,
  MaxConcurrentStreams: 0x3,
  InitialWindowSize: 0x4,
  MaxFrameSize: 0x5,
  MaxHeaderListSize: 0x6,
  EnableConnectProtocol: 0x8,
  NoRfc7540Priorities: 0x9,
} as const
export type Setting = (typeof Setting)[keyof typeof Setting]

/** Settings by name; absent ones are not sent. RFC 9113 §6.5.2. */
export interface Settings {
  /** HPACK dynamic table the sender's decoder keeps. Unit: octets. Initially 4096. */
  readonly headerTableSize?: number
  /** Whether the peer may push. Initially true; a server may only send false. */
  readonly enablePush?: boolean
  /** Streams the peer may have open at once. Unit: streams. Initially without limit. */
  readonly concurrentStreamsMax?: number
  /** Flow-control window of each new stream. Unit: octets. Initially 65_535; at most 2^31 - 1. */
  readonly initialWindowSize?: number
  /** Largest frame payload the sender accepts. Unit: octets. Initially 16_384; at most 2^24 - 1. */
  readonly frameSizeMax?: number
  /** Header list the sender accepts: name, value and 32 for each field. Unit: octets. Initially without limit. */
  readonly headerListSizeMax?: number
  /** Extended CONNECT. RFC 8441 §3. Initially false; never goes back to false. */
  readonly enableConnectProtocol?: boolean
  /** The priority signals of RFC 7540 are not used. RFC 9218 §2.1. Initially false. */
  readonly noRfc7540Priorities?: boolean
}

/** Size of one setting: a 16-bit identifier and a 32-bit value. Unit: bytes. RFC 9113 §6.5.1. */
export const SETTING_SIZE = 6

/** Largest flow-control window: 2^31 - 1. Unit: bytes. RFC 9113 §6.9.1. */
export const WINDOW_SIZE_MAX = 0x7fff_ffff

/**
 * Calls `visit` for each setting in the SETTINGS payload `bytes[start, end)`, in order, as RFC 9113
 * §6.5.3 requires. An identifier may occur twice.
 *
 * Unknown identifiers are passed too; the caller ignores them (§6.5.2). The
 * values are not checked: see `checkSetting`. The range is a multiple of six
 * octets, as `FrameReader` has made sure.
 */
export function readSettings(
  bytes: Buffer,
  start: number,
  end: number,
  visit: (id: number, value: number) => void,
): void {
  for (let offset = start; offset < end; offset += SETTING_SIZE) {
    visit((bytes[offset]! << 8) | bytes[offset + 1]!, readUint32(bytes, offset + 2))
  }
}

/**
 * Checks a setting received from the peer. Unknown settings, and settings that allow any value,
 * always pass.
 *
 * What depends on role or history (a server that sends ENABLE_PUSH=1, a value
 * that may not change) is for the connection to check.
 *
 * @throws ConnectionError PROTOCOL_ERROR, or FLOW_CONTROL_ERROR for a window that is too large.
 */
export function checkSetting(id: number, value: number): void {
  switch (id) {
    case Setting.EnablePush:
      checkBoolean(id, value, 'RFC 9113 §6.5.2')
      break
    case Setting.InitialWindowSize:
      if (value <= WINDOW_SIZE_MAX) break
      throw new ConnectionError(
        ErrorCode.FlowControlError,
        'RFC 9113 §6.5.2',
        `SETTINGS_INITIAL_WINDOW_SIZE is ${value}; at most ${WINDOW_SIZE_MAX} is allowed`,
      )
    case Setting.MaxFrameSize:
      if (value >= FRAME_SIZE_MIN && value <= FRAME_SIZE_LIMIT) break
      throw new ConnectionError(
        ErrorCode.ProtocolError,
        'RFC 9113 §6.5.2',
        `SETTINGS_MAX_FRAME_SIZE is ${value}; ${FRAME_SIZE_MIN} to ${FRAME_SIZE_LIMIT} is allowed`,
      )
    case Setting.EnableConnectProtocol:
      checkBoolean(id, value, 'RFC 8441 §3')
      break
    case Setting.NoRfc7540Priorities:
      checkBoolean(id, value, 'RFC 9218 §2.1')
  }
}

function checkBoolean(id: number, value: number, rule: string): void {
  if (value <= 1) return
  throw new ConnectionError(
    ErrorCode.ProtocolError,
    rule,
    `SETTINGS_${settingName(id)} is ${value}; expected 0 or 1`,
  )
}

const NAMES: readonly (string | undefined)[] = [
  undefined,
  'HEADER_TABLE_SIZE',
  'ENABLE_PUSH',
  'MAX_CONCURRENT_STREAMS',
  'INITIAL_WINDOW_SIZE',
  'MAX_FRAME_SIZE',
  'MAX_HEADER_LIST_SIZE',
  undefined,
  'ENABLE_CONNECT_PROTOCOL',
  'NO_RFC7540_PRIORITIES',
]

/**
 * The registered name of a setting without its prefix, such as `MAX_FRAME_SIZE`; `UNKNOWN(0xee)`
 * for an unknown one.
 */
export function settingName(id: number): string {
  return NAMES[id] ?? `UNKNOWN(0x${id.toString(16).padStart(2, '0')})`
}
