import { Status } from '../../grpc/index.js'
import { describe } from '../../options/index.js'

// Values of a service config: proto3 JSON, with errors that name the place.

export type Fields = Readonly<Record<string, unknown>>

/** proto3 JSON: null is as good as absent. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null
}

export function fieldsOf(place: string, value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new TypeError(`${place}: expected an object, got ${describe(value)}`)
}

export function listOf(place: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new TypeError(`${place}: expected a list, got ${describe(value)}`)
}

export function textOf(place: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${place}: expected a text, got ${describe(value)}`)
}

export function flagOf(place: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${place}: expected true or false, got ${describe(value)}`)
}

/** Numbers may come as texts. */
export function numberOf(place: string, value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && Number.isFinite(number)) return number
  throw new TypeError(`${place}: expected a number, got ${describe(value)}`)
}

export function wholeOf(place: string, value: unknown): number {
  const number = numberOf(place, value)
  if (Number.isInteger(number)) return number
  throw new RangeError(`${place}: expected a whole number, got ${number}`)
}

/** `"1.5s"`, with nine decimals at most. Returns ms. */
export function durationOf(place: string, value: unknown): number {
  const match = typeof value === 'string' ? /^(-?\d{1,12})(\.\d{1,9})?s$/.exec(value) : null
  if (match === null) {
    throw new TypeError(`${place}: expected a duration like "0.5s", got ${describe(value)}`)
  }
  return Number(`${match[1]}${match[2] ?? ''}`) * 1_000
}

export function positiveDurationOf(place: string, value: unknown): number {
  const durationMs = durationOf(place, value)
  if (durationMs > 0) return durationMs
  throw new RangeError(`${place}: expected a duration above 0, got ${describe(value)}`)
}

const STATUSES: ReadonlyMap<string, Status> = new Map(
  Object.entries(Status).map(([name, status]) => [name.toUpperCase(), status]),
)

/** A number, or a name in any case: `UNAVAILABLE`. */
export function statusOf(place: string, value: unknown): Status {
  const known = Object.values(Status) as readonly number[]
  if (typeof value === 'number' && known.includes(value)) return value as Status
  const name = typeof value === 'string' ? value.replaceAll('_', '').toUpperCase() : ''
  const status = STATUSES.get(name)
  if (status !== undefined) return status
  throw new TypeError(
    `${place}: expected a status such as "UNAVAILABLE" or 14, got ${describe(value)}`,
  )
}
