import { FieldError, show } from '../codec/index.js'

/** A JSON value: the JavaScript value of a `google.protobuf.Value`. */
export type JsonValue = null | number | string | boolean | JsonObject | readonly JsonValue[]
/** A JSON object: the JavaScript value of a `google.protobuf.Struct`. */
export type JsonObject = { readonly [name: string]: JsonValue }

/** A well-known type: the JavaScript value it stands for, and the message it is. */
export interface WellKnown {
  /** The message's fields, from what was given. @throws FieldError */
  toFields(value: unknown): Readonly<Record<string, unknown>>
  /** The value, from the fields that arrived. */
  fromFields(fields: Readonly<Record<string, unknown>>): unknown
  /** Whether `null` is a value of its own, and not "nothing". */
  readonly takesNull?: boolean
}

type Fields = Readonly<Record<string, unknown>>

const SECOND_NANOS = 1_000_000_000
const MILLI_NANOS = 1_000_000
/** Timestamps go from year 1 to 9999. Unit: ms. */
const YEAR_1_MS: number = new Date('0001-01-01T00:00:00Z').getTime()
const YEAR_9999_MS: number = new Date('9999-12-31T23:59:59.999Z').getTime()
/** Durations go 10,000 years both ways. Unit: ms. */
const DURATION_MS_MAX = 315_576_000_000 * 1_000

function isFields(value: unknown, ...names: readonly string[]): value is Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  if (ArrayBuffer.isView(value)) return false
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every(key => names.includes(key))
}

const TIMESTAMP: WellKnown = {
  toFields(value) {
    if (value instanceof Date) {
      const ms = value.getTime()
      if (!(ms >= YEAR_1_MS && ms <= YEAR_9999_MS)) {
        throw new FieldError(
          `${Number.isNaN(ms) ? 'an invalid Date' : value.toISOString()} is no Timestamp, which goes from year 1 to 9999`,
        )
      }
      const seconds = Math.floor(ms / 1_000)
      return { seconds, nanos: (ms - seconds * 1_000) * MILLI_NANOS }
    }
    if (isFields(value, 'seconds', 'nanos')) return value
    throw new FieldError(`${show(value)} is no Timestamp: give a Date, or { seconds, nanos }`)
  },
  fromFields: ({ seconds, nanos }) =>
    new Date(Number(seconds) * 1_000 + Math.floor((nanos as number) / MILLI_NANOS)),
}

const DURATION: WellKnown = {
  toFields(value) {
    if (typeof value === 'number') {
      if (!(Math.abs(value) <= DURATION_MS_MAX)) {
        throw new FieldError(`${value} ms is no Duration, which has at most ${DURATION_MS_MAX}`)
      }
      const seconds = Math.trunc(value / 1_000)
      const nanos = Math.round((value - seconds * 1_000) * MILLI_NANOS)
      const carry = Math.abs(nanos) === SECOND_NANOS ? Math.sign(nanos) : 0
      return { seconds: seconds + carry, nanos: nanos - carry * SECOND_NANOS }
    }
    if (isFields(value, 'seconds', 'nanos')) return value
    throw new FieldError(`${show(value)} is no Duration: give milliseconds, or { seconds, nanos }`)
  },
  fromFields: ({ seconds, nanos }) => Number(seconds) * 1_000 + (nanos as number) / MILLI_NANOS,
}

const WRAPPER: WellKnown = {
  toFields: value => (isFields(value, 'value') ? value : { value }),
  fromFields: ({ value }) => value,
}

const STRUCT: WellKnown = {
  toFields(value) {
    if (isPlainObject(value)) return { fields: withoutUndefined(value) }
    throw new FieldError(`${show(value)} is no Struct: give a plain object of JSON values`)
  },
  fromFields: ({ fields }) => fields,
}

const LIST: WellKnown = {
  toFields(value) {
    if (Array.isArray(value)) return { values: value }
    throw new FieldError(`${show(value)} is no ListValue: give an array of JSON values`)
  },
  fromFields: ({ values }) => values,
}

const VALUE: WellKnown = {
  takesNull: true,
  toFields(value) {
    if (value === null) return { nullValue: 0 }
    if (typeof value === 'string') return { stringValue: value }
    if (typeof value === 'boolean') return { boolValue: value }
    if (Array.isArray(value)) return { listValue: value }
    if (isPlainObject(value)) return { structValue: value }
    if (typeof value === 'number' && Number.isFinite(value)) return { numberValue: value }
    throw new FieldError(`${show(value)} is no JSON value`)
  },
  fromFields(fields) {
    const kind = fields['kind'] as string | undefined
    return kind === undefined || kind === 'nullValue' ? null : fields[kind]
  },
}

const FIELD_MASK: WellKnown = {
  toFields(value) {
    if (Array.isArray(value)) return { paths: value }
    if (isFields(value, 'paths')) return value
    throw new FieldError(`${show(value)} is no FieldMask: give an array of paths`)
  },
  fromFields: ({ paths }) => paths,
}

const ANY: WellKnown = {
  toFields(value) {
    if (isFields(value, 'typeUrl', 'value'))
      return { type_url: value['typeUrl'], value: value['value'] }
    if (isFields(value, 'type_url', 'value')) return value
    throw new FieldError(
      `${show(value)} is no Any: give { typeUrl, value }, with the octets of a message`,
    )
  },
  fromFields: fields => ({ typeUrl: fields['type_url'], value: fields['value'] }),
}

const WELL_KNOWN: Readonly<Record<string, WellKnown>> = {
  'google.protobuf.Timestamp': TIMESTAMP,
  'google.protobuf.Duration': DURATION,
  'google.protobuf.Struct': STRUCT,
  'google.protobuf.Value': VALUE,
  'google.protobuf.ListValue': LIST,
  'google.protobuf.FieldMask': FIELD_MASK,
  'google.protobuf.Any': ANY,
  ...Object.fromEntries(
    ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
      name => [`google.protobuf.${name}Value`, WRAPPER],
    ),
  ),
}

/** The conversion of the message type `fullName`; undefined for one that is no well-known type. */
export function wellKnownOf(fullName: string): WellKnown | undefined {
  return Object.hasOwn(WELL_KNOWN, fullName) ? WELL_KNOWN[fullName] : undefined
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** As JSON has it: a name with `undefined` is not there. */
function withoutUndefined(value: Record<string, unknown>): Record<string, unknown> {
  const names = Object.keys(value)
  if (names.every(name => value[name] !== undefined)) return value
  return Object.fromEntries(
    names.filter(name => value[name] !== undefined).map(name => [name, value[name]]),
  )
}
