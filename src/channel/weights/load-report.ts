/** Trailer in which a server says how busy it is. gRPC A51. */
export const LOAD_REPORT_NAME = 'endpoint-load-metrics-bin'

/** What a server says of itself: `xds.data.orca.v3.OrcaLoadReport`, as far as weights go by it. */
export interface LoadReport {
  /** 0 to 1; more when it is overloaded. */
  readonly cpuUtilization: number
  /** The server's own measure of how busy it is; 0: none. */
  readonly applicationUtilization: number
  /** Calls a second. */
  readonly callsPerSecond: number
  /** Failures a second. */
  readonly errorsPerSecond: number
}

const CPU = 1
const RPS = 6
const EPS = 7
const APPLICATION = 9

/** Reads a report; undefined: it is none. What is not known is passed over. */
export function readLoadReport(bytes: Uint8Array): LoadReport | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found = new Map<number, number>()
  let at = 0
  while (at < bytes.length) {
    const [tag, afterTag] = varint(bytes, at)
    const size = sizeOf(tag & 7, bytes, afterTag)
    if (afterTag < 0 || size < 0 || afterTag + size > bytes.length) return undefined
    if ((tag & 7) === 1) found.set(tag >>> 3, view.getFloat64(afterTag, true))
    at = afterTag + size
  }
  const field = (number: number): number => {
    const value = found.get(number) ?? 0
    return Number.isFinite(value) && value > 0 ? value : 0
  }
  return {
    cpuUtilization: field(CPU),
    applicationUtilization: field(APPLICATION),
    callsPerSecond: field(RPS),
    errorsPerSecond: field(EPS),
  }
}

/** The octets of a report. */
export function writeLoadReport(report: LoadReport): Buffer {
  const fields: readonly (readonly [number, number])[] = [
    [CPU, report.cpuUtilization],
    [RPS, report.callsPerSecond],
    [EPS, report.errorsPerSecond],
    [APPLICATION, report.applicationUtilization],
  ]
  const bytes = Buffer.alloc(fields.length * 9)
  let at = 0
  for (const [number, value] of fields) {
    if (!(value > 0)) continue
    at = bytes.writeUInt8((number << 3) | 1, at)
    at = bytes.writeDoubleLE(value, at)
  }
  return bytes.subarray(0, at)
}

/** Value, and the offset after it; -1: it does not end. */
function varint(bytes: Uint8Array, at: number): readonly [number, number] {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const octet = bytes[at++]
    if (octet === undefined) return [0, -1]
    value |= (octet & 0x7f) << shift
    if (octet < 0x80) return [value >>> 0, at]
  }
  return [0, -1]
}

/** Of a field's value, from `at` on; -1: it is of no known kind. */
function sizeOf(wireType: number, bytes: Uint8Array, at: number): number {
  if (at < 0) return -1
  if (wireType === 1) return 8
  if (wireType === 5) return 4
  if (wireType === 2) {
    const [size, start] = varint(bytes, at)
    return start < 0 ? -1 : start - at + size
  }
  if (wireType !== 0) return -1
  let end = at
  while ((bytes[end] ?? 0) >= 0x80 && end - at < 10) end++
  return end - at + 1
}
