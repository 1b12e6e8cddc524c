import {
  FRAME_HEADER_SIZE,
  FRAME_SIZE_LIMIT,
  FRAME_SIZE_MIN,
  writeFrameHeader,
  writeUint32,
} from './frame-header.js'
import { Flag, FrameType } from './frame-type.js'
import { SETTING_SIZE, Setting, type Settings, WINDOW_SIZE_MAX } from './settings.js'

/** Size of a SETTINGS frame with every known setting, header included. Unit: bytes. */
export const SETTINGS_FRAME_SIZE_MAX: number = FRAME_HEADER_SIZE + 8 * SETTING_SIZE

/** Size of a SETTINGS frame with ACK: just a header. Unit: bytes. */
export const SETTINGS_ACK_FRAME_SIZE: number = FRAME_HEADER_SIZE

const UINT32_MAX = 0xffff_ffff

/**
 * Writes SETTINGS at `offset` and returns the offset after it. At most SETTINGS_FRAME_SIZE_MAX
 * bytes. RFC 9113 §6.5.
 *
 * @throws RangeError when a value is not one that RFC 9113 §6.5.2 allows.
 */
export function writeSettings(target: Buffer, offset: number, settings: Settings): number {
  const { headerTableSize, enablePush, concurrentStreamsMax, initialWindowSize } = settings
  const { frameSizeMax, headerListSizeMax, enableConnectProtocol, noRfc7540Priorities } = settings
  check('headerTableSize', headerTableSize, 0, UINT32_MAX)
  check('concurrentStreamsMax', concurrentStreamsMax, 0, UINT32_MAX)
  check('initialWindowSize', initialWindowSize, 0, WINDOW_SIZE_MAX)
  check('frameSizeMax', frameSizeMax, FRAME_SIZE_MIN, FRAME_SIZE_LIMIT)
  check('headerListSizeMax', headerListSizeMax, 0, UINT32_MAX)

  const payload = offset + FRAME_HEADER_SIZE
  let at = payload
  at = writeSetting(target, at, Setting.HeaderTableSize, headerTableSize)
  at = writeSetting(target, at, Setting.EnablePush, enablePush)
  at = writeSetting(target, at, Setting.MaxConcurrentStreams, concurrentStreamsMax)
  at = writeSetting(target, at, Setting.InitialWindowSize, initialWindowSize)
  at = writeSetting(target, at, Setting.MaxFrameSize, frameSizeMax)
  at = writeSetting(target, at, Setting.MaxHeaderListSize, headerListSizeMax)
  at = writeSetting(target, at, Setting.EnableConnectProtocol, enableConnectProtocol)
  at = writeSetting(target, at, Setting.NoRfc7540Priorities, noRfc7540Priorities)
  writeFrameHeader(target, offset, at - payload, FrameType.Settings, 0, 0)
  return at
}

/** Writes SETTINGS with ACK at `offset` and returns the offset after it. RFC 9113 §6.5.3. */
export function writeSettingsAck(target: Buffer, offset: number): number {
  return writeFrameHeader(target, offset, 0, FrameType.Settings, Flag.Ack, 0)
}

/**
 * Writes one entry of a SETTINGS payload, without checks, and returns the offset after it. Writes
 * nothing for undefined.
 */
export function writeSetting(
  target: Buffer,
  offset: number,
  id: number,
  value: number | boolean | undefined,
): number {
  if (value === undefined) return offset
  target[offset] = id >>> 8
  target[offset + 1] = id
  return writeUint32(target, offset + 2, Number(value))
}

function check(name: keyof Settings, value: number | undefined, min: number, max: number): void {
  if (value === undefined) return
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new RangeError(`settings.${name} is ${value}; ${min} to ${max} is allowed`)
}
