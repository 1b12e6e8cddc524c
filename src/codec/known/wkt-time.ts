import { Kind } from '../message/field-row.js'
import { MessageType } from '../message/message-type.js'
import { FieldError, show } from '../wire/field-error.js'
import {
  leave,
  leaveGroup,
  type Reader,
  readInt32,
  readInt64,
  readTag,
  skip,
} from '../wire/reader.js'
import { wideOf, writeInt32, writeInt64 } from '../wire/write-scalars.js'
import { isGiven, type Writer } from '../wire/writer.js'

// Timestamp and Duration: as values of JavaScript, and exact.

/** A point in time, or a span of it, to the nanosecond. */
export interface ExactTime {
  seconds: bigint
  nanos: number
}

/** What may be given for one. */
export interface ExactTimeInit {
  readonly seconds?: bigint | number | string | undefined
  readonly nanos?: number | undefined
}

const SECOND_NANOS = 1_000_000_000
const MILLI_NANOS = 1_000_000
/** Timestamps go from year 1 to 9999. Unit: s. */
const TIMESTAMP_MIN = -62_135_596_800n
const TIMESTAMP_MAX = 253_402_300_799n
/** Durations go 10,000 years both ways. Unit: s. */
const DURATION_MAX = 315_576_000_000n

function writeExact(w: Writer, value: ExactTimeInit): void {
  const { seconds, nanos } = value
  if (seconds !== undefined && seconds !== null && wideOf(seconds) !== 0n) writeInt64(w, 8, seconds)
  if (nanos !== undefined && nanos !== null && nanos !== 0) writeInt32(w, 16, nanos)
}

function readExact(
  r: Reader,
  end: number,
  before: ExactTime = { seconds: 0n, nanos: 0 },
  group: number = 0,
): ExactTime {
  while (r.at < end) {
    const tag = readTag(r)
    if (tag === 8) before.seconds = readInt64(r)
    else if (tag === 16) before.nanos = readInt32(r)
    else if (tag === group) {
      leaveGroup(r, end)
      return before
    } else skip(r, tag, end)
  }
  leave(r, end, group)
  return before
}

function isExact(value: unknown): value is ExactTimeInit {
  if (!isGiven(value)) return false
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every(key => key === 'seconds' || key === 'nanos')
}

function exactOf(value: ExactTimeInit): ExactTime {
  return { seconds: wideOf(value.seconds ?? 0n), nanos: value.nanos ?? 0 }
}

function refuse(value: unknown, what: string): never {
  throw new FieldError(`${show(value)} is no ${what}`)
}

/** Digits behind the point, as far as they are needed: none, 3, 6 or 9. */
function fraction(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.replace(/(000){1,2}$/, '')}`
}

function timestampToJson(value: ExactTimeInit): string {
  const { seconds, nanos } = exactOf(value)
  const isInRange = seconds >= TIMESTAMP_MIN && seconds <= TIMESTAMP_MAX
  if (!isInRange || !(nanos >= 0 && nanos < SECOND_NANOS)) {
    throw new FieldError(
      `${seconds} s and ${nanos} ns are no Timestamp, which goes from year 1 to 9999`,
    )
  }
  return `${new Date(Number(seconds) * 1_000).toISOString().slice(0, 19)}${fraction(nanos)}Z`
}

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/

function timestampFromJson(json: unknown): ExactTime {
  const found = typeof json === 'string' ? RFC3339.exec(json) : null
  if (found === null) return refuse(json, 'Timestamp: give text as of RFC 3339')
  const [, year, month, day, hour, minute, second, digits = '', zone] = found
  const text = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
  const ms = Date.parse(text)
  // Date takes the 31st of February for a day of March.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== text.slice(0, 19)) {
    return refuse(json, 'Timestamp: there is no such day or time')
  }
  let seconds = BigInt(ms / 1_000)
  if (zone !== 'Z') {
    const sign = zone!.startsWith('-') ? 1n : -1n
    seconds += sign * (BigInt(zone!.slice(1, 3)) * 3_600n + BigInt(zone!.slice(4)) * 60n)
  }
  if (seconds < TIMESTAMP_MIN || seconds > TIMESTAMP_MAX)
    refuse(json, 'Timestamp from year 1 to 9999')
  return { seconds, nanos: Number(digits.padEnd(9, '0')) }
}

function durationToJson(value: ExactTimeInit): string {
  const { seconds, nanos } = exactOf(value)
  const isOneSign = !(seconds > 0n && nanos < 0) && !(seconds < 0n && nanos > 0)
  const isInRange = seconds >= -DURATION_MAX && seconds <= DURATION_MAX
  if (!isOneSign || !isInRange || Math.abs(nanos) >= SECOND_NANOS) {
    throw new FieldError(`${seconds} s and ${nanos} ns are no Duration`)
  }
  const sign = seconds < 0n || nanos < 0 ? '-' : ''
  const whole = seconds < 0n ? -seconds : seconds
  return `${sign}${whole}${fraction(Math.abs(nanos))}s`
}

const SECONDS = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/

function durationFromJson(json: unknown): ExactTime {
  const found = typeof json === 'string' ? SECONDS.exec(json) : null
  if (found === null) return refuse(json, 'Duration: give text as 1.5s')
  const [, sign, whole, digits = ''] = found
  const seconds = BigInt(whole!)
  if (seconds > DURATION_MAX) refuse(json, 'Duration of at most 10,000 years')
  const nanos = Number(digits.padEnd(9, '0'))
  return sign === '-' ? { seconds: -seconds, nanos: nanos === 0 ? 0 : -nanos } : { seconds, nanos }
}

const ROWS = [
  [1, 'seconds', Kind.Int64],
  [2, 'nanos', Kind.Int32],
] as const

function writeExactOnly(what: string): (w: Writer, value: ExactTimeInit) => void {
  return (w, value) => {
    if (!isGiven(value)) refuse(value, `${what}: give { seconds, nanos }`)
    writeExact(w, value)
  }
}

/** `google.protobuf.Timestamp` to the nanosecond. */
export const ExactTimestamp: MessageType<ExactTime, ExactTimeInit> = /*@__PURE__*/ new MessageType<
  ExactTime,
  ExactTimeInit
>('google.protobuf.Timestamp', /*@__PURE__*/ writeExactOnly('Timestamp'), readExact, () => ROWS, {
  to: timestampToJson,
  from: timestampFromJson,
})

/** `google.protobuf.Duration` to the nanosecond. */
export const ExactDuration: MessageType<ExactTime, ExactTimeInit> = /*@__PURE__*/ new MessageType<
  ExactTime,
  ExactTimeInit
>('google.protobuf.Duration', /*@__PURE__*/ writeExactOnly('Duration'), readExact, () => ROWS, {
  to: durationToJson,
  from: durationFromJson,
})

/** A Date, or what is exact already. */
function exactDate(value: Date | ExactTimeInit): ExactTimeInit {
  if (isExact(value)) return value
  if (!(value instanceof Date))
    return refuse(value, 'Timestamp: give a Date, or { seconds, nanos }')
  const ms = value.getTime()
  const seconds = Math.floor(ms / 1_000)
  if (!(seconds >= TIMESTAMP_MIN && seconds <= TIMESTAMP_MAX)) {
    const text = Number.isNaN(ms) ? 'an invalid Date' : value.toISOString()
    throw new FieldError(`${text} is no Timestamp, which goes from year 1 to 9999`)
  }
  return { seconds, nanos: (ms - seconds * 1_000) * MILLI_NANOS }
}

function dateOf({ seconds, nanos }: ExactTime): Date {
  return new Date(Number(seconds) * 1_000 + Math.floor(nanos / MILLI_NANOS))
}

/** `google.protobuf.Timestamp` as a Date, which has milliseconds: what is finer is cut off. */
export const DateTimestamp: MessageType<Date, Date | ExactTimeInit> = /*@__PURE__*/ new MessageType<
  Date,
  Date | ExactTimeInit
>(
  'google.protobuf.Timestamp',
  (w, value) => writeExact(w, exactDate(value)),
  (r, end, before, group) => {
    const known = before === undefined ? undefined : exactOf(exactDate(before))
    return dateOf(readExact(r, end, known, group))
  },
  () => ROWS,
  {
    to: (value: Date | ExactTimeInit) => timestampToJson(exactDate(value)),
    from: json => dateOf(timestampFromJson(json)),
  },
)

/** Milliseconds, or what is exact already. */
function exactMs(value: number | ExactTimeInit): ExactTimeInit {
  if (isExact(value)) return value
  if (typeof value !== 'number')
    return refuse(value, 'Duration: give milliseconds, or { seconds, nanos }')
  if (!(Math.abs(value) <= Number(DURATION_MAX) * 1_000)) {
    throw new FieldError(`${value} ms is no Duration, which has at most ${DURATION_MAX}000`)
  }
  const seconds = Math.trunc(value / 1_000)
  const nanos = Math.round((value - seconds * 1_000) * MILLI_NANOS)
  const carry = Math.abs(nanos) === SECOND_NANOS ? Math.sign(nanos) : 0
  return { seconds: seconds + carry, nanos: nanos - carry * SECOND_NANOS }
}

function msOf({ seconds, nanos }: ExactTime): number {
  return Number(seconds) * 1_000 + nanos / MILLI_NANOS
}

/** `google.protobuf.Duration` as milliseconds, with a fraction. */
export const MsDuration: MessageType<number, number | ExactTimeInit> =
  /*@__PURE__*/ new MessageType<number, number | ExactTimeInit>(
    'google.protobuf.Duration',
    (w, value) => writeExact(w, exactMs(value)),
    (r, end, before, group) => {
      const known = before === undefined ? undefined : exactOf(exactMs(before))
      return msOf(readExact(r, end, known, group))
    },
    () => ROWS,
    {
      to: (value: number | ExactTimeInit) => durationToJson(exactMs(value)),
      from: json => msOf(durationFromJson(json)),
    },
  )
