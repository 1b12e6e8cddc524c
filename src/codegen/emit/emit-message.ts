import { camelName, FieldFlag, Kind } from '../../codec/index.js'
import { quote } from '../schema/names.js'
import type { FieldNode, MessageNode } from '../schema/nodes.js'
import { emitRead } from './emit-read.js'
import { emitMessageTypes } from './emit-types.js'
import { emitWrite } from './emit-write.js'
import { int64Form, isNullValue, isWide } from './field-types.js'
import type { ModuleText } from './module-text.js'
import { nativeOf } from './native-types.js'

/** All of a message: types, codec, and the table that ProtoJSON and errors go by. */
export function emitMessage(module: ModuleText, node: MessageNode): void {
  const name = module.nameOf(node)
  emitMessageTypes(module, node)
  emitWrite(module, node)
  emitRead(module, node)
  module.comment(node.path, node.isDeprecated)
  const type = `${module.codec('MessageType')}<${name}, ${name}Init>`
  module.block(
    `export const ${name}: ${type} = /*@__PURE__*/ new ${type}(`,
    () => {
      module.line(`${quote(node.fullName)},`)
      module.line(`${name}$write,`)
      module.line(`${name}$read,`)
      if (node.fields.length === 0) module.line('() => [],')
      else {
        module.block(
          '() => [',
          () => {
            for (const field of node.fields) module.line(`${rowText(module, field)},`)
          },
          '],',
        )
      }
    },
    ')',
  )
  module.line()
}

/** A `FieldRow` of the codec. */
export function rowText(module: ModuleText, field: FieldNode): string {
  const value = field.map?.value ?? field
  const parts = [String(field.number), quote(field.name), String(value.kind)]
  const flags = flagsOf(module, field)
  const type = typeText(module, value)
  const more = moreText(field)
  if (flags !== 0 || type !== '' || more !== '') parts.push(String(flags))
  if (type !== '' || more !== '') parts.push(type === '' ? 'undefined' : type)
  if (more !== '') parts.push(more)
  return `[${parts.join(', ')}]`
}

function flagsOf(module: ModuleText, field: FieldNode): number {
  const value = field.map?.value ?? field
  let flags = 0
  if (field.map !== undefined) flags += FieldFlag.Map + (field.map.key.kind << 8)
  else if (field.isList) flags += FieldFlag.List
  else if (field.isRequired) flags += FieldFlag.Required
  else if (field.hasPresence && field.oneof === undefined && field.message === undefined) {
    flags += FieldFlag.Presence
  }
  if (isWide(value.kind)) {
    const form = int64Form(module, value)
    if (form === 'number') flags += FieldFlag.Int64Number
    if (form === 'string') flags += FieldFlag.Int64String
  }
  return flags
}

function typeText(module: ModuleText, value: FieldNode): string {
  if (value.message !== undefined) {
    const native = nativeOf(module, value)
    return native === undefined ? module.of(value.message, '', true) : module.codec(native.constant)
  }
  if (value.kind !== Kind.Enum) return ''
  return isNullValue(value)
    ? module.codec('NULL_VALUE_TYPE')
    : module.of(value.enum!, '$type', true)
}

/** What does not follow from the name. */
function moreText(field: FieldNode): string {
  const more: string[] = []
  const usual = camelName(field.name)
  if (field.oneof !== undefined) more.push(`oneof: ${quote(field.oneof.local)}`)
  if (field.json !== usual) more.push(`json: ${quote(field.json)}`)
  if (field.local !== usual) more.push(`local: ${quote(field.local)}`)
  return more.length === 0 ? '' : `{ ${more.join(', ')} }`
}
