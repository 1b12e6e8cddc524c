import { Kind } from '../../codec/index.js'
import type { FieldNode, MessageNode } from '../schema/nodes.js'
import type { ModuleText } from './module-text.js'
import { nativeType, nativeTypeText } from './native-types.js'

/** The middle of the names of the codec's functions: `readInt32`, `writeInt32`. */
export const FUNCTION_OF: Readonly<Record<number, string>> = {
  [Kind.Double]: 'Double',
  [Kind.Float]: 'Float',
  [Kind.Int64]: 'Int64',
  [Kind.Uint64]: 'Uint64',
  [Kind.Int32]: 'Int32',
  [Kind.Fixed64]: 'Fixed64',
  [Kind.Fixed32]: 'Fixed32',
  [Kind.Bool]: 'Bool',
  [Kind.String]: 'String',
  [Kind.Bytes]: 'Bytes',
  [Kind.Uint32]: 'Uint32',
  [Kind.Enum]: 'Int32',
  [Kind.Sfixed32]: 'Sfixed32',
  [Kind.Sfixed64]: 'Sfixed64',
  [Kind.Sint32]: 'Sint32',
  [Kind.Sint64]: 'Sint64',
}

const FIXED_WIDTH: Readonly<Record<number, number>> = {
  [Kind.Double]: 1,
  [Kind.Fixed64]: 1,
  [Kind.Sfixed64]: 1,
  [Kind.Float]: 5,
  [Kind.Fixed32]: 5,
  [Kind.Sfixed32]: 5,
  [Kind.String]: 2,
  [Kind.Bytes]: 2,
  [Kind.Message]: 2,
}

export function isWide(kind: number): boolean {
  return [Kind.Int64, Kind.Uint64, Kind.Fixed64, Kind.Sfixed64, Kind.Sint64].some(
    each => each === kind,
  )
}

/** The wire type of one value. */
export function wireType(field: FieldNode): number {
  if (field.isDelimited) return 3
  return FIXED_WIDTH[field.kind] ?? 0
}

/** The tag of one value. */
export function tagOf(field: FieldNode): number {
  return ((field.number << 3) | wireType(field)) >>> 0
}

/** The tag of what has its length in front. */
export function packedTag(field: FieldNode): number {
  return ((field.number << 3) | 2) >>> 0
}

/** How 64 bits of a field arrive. */
export function int64Form(module: ModuleText, field: FieldNode): 'bigint' | 'number' | 'string' {
  if (field.jsType === 1) return 'string'
  return field.jsType === 2 ? 'number' : module.options.int64
}

/** The type of one value. `isInit`: of what may be given. */
export function valueType(module: ModuleText, field: FieldNode, isInit: boolean): string {
  const { kind, message } = field
  if (message !== undefined) {
    const native = nativeType(message, module.options)
    if (native !== undefined) return nativeTypeText(module, isInit ? native.init : native.type)
    return module.of(message, isInit ? 'Init' : '', false)
  }
  if (field.enum !== undefined) return enumType(module, field)
  if (kind === Kind.String) return 'string'
  if (kind === Kind.Bool) return 'boolean'
  if (kind === Kind.Bytes) return 'Uint8Array'
  return isWide(kind) ? int64Form(module, field) : 'number'
}

function enumType(module: ModuleText, field: FieldNode): string {
  if (isNullValue(field)) return module.codecType('NullValue')
  return module.of(field.enum!, '', false)
}

/** The one enum that the codec brings along. */
export function isNullValue(field: FieldNode): boolean {
  return field.enum?.fullName === 'google.protobuf.NullValue'
}

/** The type of all that a field holds. */
export function fieldType(module: ModuleText, field: FieldNode, isInit: boolean): string {
  if (field.map !== undefined) {
    const key = isNumberKey(field.map.key) ? 'number' : 'string'
    const value = valueType(module, field.map.value, isInit)
    return `{ ${isInit ? 'readonly ' : ''}[key: ${key}]: ${value} }`
  }
  const value = valueType(module, field, isInit)
  if (!field.isList) return value
  const item = /[ |]/.test(value) ? `(${value})` : value
  return isInit ? `readonly ${item}[]` : `${item}[]`
}

function isNumberKey({ kind }: FieldNode): boolean {
  return kind !== Kind.String && kind !== Kind.Bool && !isWide(kind)
}

/** What a field without presence has when nothing arrived. */
export function zeroText(module: ModuleText, field: FieldNode): string {
  const { kind } = field
  if (field.map !== undefined) return '{}'
  if (field.isList) return '[]'
  if (field.isRequired) return 'undefined as never'
  if (field.hasPresence) return 'undefined'
  return scalarZero(module, field, kind)
}

/** The zero of one value. */
export function scalarZero(
  module: ModuleText,
  field: FieldNode,
  kind: number = field.kind,
): string {
  if (kind === Kind.String) return "''"
  if (kind === Kind.Bool) return 'false'
  if (kind === Kind.Bytes) return 'new Uint8Array(0)'
  if (kind === Kind.Enum) return String(field.enum!.proto.value[0]?.number ?? 0)
  if (!isWide(kind)) return '0'
  const form = int64Form(module, field)
  return form === 'bigint' ? '0n' : form === 'number' ? '0' : "'0'"
}

/** Whether a message type keeps fields that it does not know. */
export function keepsUnknown(module: ModuleText, node: MessageNode): boolean {
  return !node.isHolder && (node.isExtendable || module.options.unknown_fields === 'keep')
}
