/** A message type as go-micro's registries tell it. */
export interface MessageShape {
  readonly name: string
  /** In Go's words. */
  readonly type: string
  readonly values: readonly MessageShape[] | null
}

/**
 * What is read of a type that protobufjs has parsed. Its own types are not named: they would stand in the published
 * declarations, and then nobody could compile without the package.
 */
interface ParsedShape {
  readonly name: string
  readonly fieldsArray: readonly ParsedField[]
}

interface ParsedField {
  readonly name: string
  readonly type: string
  readonly map: boolean
  readonly repeated: boolean
  readonly resolvedType: { readonly name: string } | null
}

/** Levels that go-micro tells: a record is read by everybody, and few look at this part. */
const DEPTH_MAX = 3
/** Fields told of one message. Reason: as above. */
const FIELDS_MAX = 64

const GO_TYPES: Readonly<Record<string, string>> = {
  double: 'float64',
  float: 'float32',
  sint32: 'int32',
  sfixed32: 'int32',
  fixed32: 'uint32',
  sint64: 'int64',
  sfixed64: 'int64',
  fixed64: 'uint64',
  bytes: '[]uint8',
}

/** The shape of a message type, as deep as Go tells it. */
export function messageShape(type: ParsedShape, name: string = type.name, depth = 1): MessageShape {
  const isDeeper = depth < DEPTH_MAX
  const values = isDeeper
    ? type.fieldsArray.slice(0, FIELDS_MAX).map(field => fieldShape(field, depth))
    : []
  return { name, type: type.name, values: values.length === 0 ? null : values }
}

function fieldShape(field: ParsedField, depth: number): MessageShape {
  const { name, resolvedType } = field
  if (field.map) return { name, type: 'map', values: null }
  if (field.repeated) {
    const element = resolvedType?.name ?? GO_TYPES[field.type] ?? field.type
    return { name, type: `[]${element}`, values: null }
  }
  if (resolvedType !== null && 'fieldsArray' in resolvedType) {
    return messageShape(resolvedType as ParsedShape, name, depth + 1)
  }
  return { name, type: resolvedType?.name ?? GO_TYPES[field.type] ?? field.type, values: null }
}
