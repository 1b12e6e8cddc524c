/** What a well-known type is in TypeScript: as it arrives, and as it may be given. */
export interface WellKnownType {
  readonly received: string
  readonly given: string
}

/** Wrapped types, in TypeScript; 64-bit integers are what the schema's option says. */
const WRAPPED: Readonly<Record<string, string>> = {
  Double: 'number',
  Float: 'number',
  Int32: 'number',
  UInt32: 'number',
  Bool: 'boolean',
  String: 'string',
  Bytes: 'Uint8Array',
}

const TIME_PARTS = '{ seconds?: bigint | number | string; nanos?: number }'
const NO_TYPES: ReadonlyMap<string, WellKnownType> = new Map()

/** Types of what protobuf/well-known.ts converts, by full name with a dot in front; none where they stay as they are. */
export function wellKnownTypes(
  form: 'native' | 'raw',
  int64: string,
): ReadonlyMap<string, WellKnownType> {
  if (form === 'raw') return NO_TYPES
  const types: [name: string, received: string, given: string][] = [
    ['Timestamp', 'Date', `Date | ${TIME_PARTS}`],
    ['Duration', 'number', `number | ${TIME_PARTS}`],
    ['Struct', 'JsonObject', 'JsonObject'],
    ['Value', 'JsonValue', 'JsonValue'],
    ['ListValue', 'JsonValue[]', 'readonly JsonValue[]'],
    ['FieldMask', 'string[]', 'readonly string[]'],
    ['Any', '{ typeUrl: string; value: Uint8Array }', '{ typeUrl: string; value?: Uint8Array }'],
    ['Int64Value', int64, 'bigint | number | string'],
    ['UInt64Value', int64, 'bigint | number | string'],
  ]
  for (const [name, type] of Object.entries(WRAPPED)) types.push([`${name}Value`, type, type])
  return new Map(
    types.map(([name, received, given]) => [`.google.protobuf.${name}`, { received, given }]),
  )
}
