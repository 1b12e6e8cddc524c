import { Kind } from '../../codec/index.js'
import { quote, quoteProperty } from '../schema/names.js'
import type { EnumNode, FieldNode, MessageNode, OneofNode } from '../schema/nodes.js'
import { fieldType, keepsUnknown, valueType } from './field-types.js'
import type { ModuleText } from './module-text.js'

/** An enum: its values, their union, and what ProtoJSON needs. */
export function emitEnum(module: ModuleText, node: EnumNode): void {
  const name = module.nameOf(node)
  const values = node.proto.value
  module.comment(node.path, node.isDeprecated)
  module.block(
    `export const ${name} = {`,
    () => {
      values.forEach((value, index) => {
        module.comment([...node.path, 2, index], value.options?.deprecated === true)
        module.line(`${quoteProperty(value.name ?? '')}: ${value.number ?? 0},`)
      })
    },
    '} as const',
  )
  module.comment(node.path, node.isDeprecated)
  const union = `(typeof ${name})[keyof typeof ${name}]`
  // An open enum may hold any number.
  module.line(`export type ${name} = ${node.isClosed ? union : `${union} | (number & {})`}`)
  const type = `{ typeName: ${quote(node.fullName)}, values: ${name}, isClosed: ${node.isClosed} }`
  module.line(`export const ${name}$type: ${module.codecType('EnumType')} = ${type}`)
  module.line()
}

/** What arrives, and what may be given. */
export function emitMessageTypes(module: ModuleText, node: MessageNode): void {
  emitInterface(module, node, false)
  emitInterface(module, node, true)
}

function emitInterface(module: ModuleText, node: MessageNode, isInit: boolean): void {
  const name = module.nameOf(node) + (isInit ? 'Init' : '')
  if (isInit) module.line(`/** What may be given for a ${module.nameOf(node)}. */`)
  else module.comment(node.path, node.isDeprecated)
  module.block(`export interface ${name} {`, () => {
    for (const field of node.fields) {
      if (field.oneof === undefined) emitProperty(module, field, isInit)
      else if (field.oneof.fields[0] === field) emitOneof(module, field.oneof, isInit)
    }
    if (!keepsUnknown(module, node)) return
    module.line('/** Fields that the schema does not know. */')
    const readonly = isInit ? 'readonly ' : ''
    module.line(`${readonly}$unknown?: ${module.codecType('UnknownFields')} | undefined`)
  })
  module.line()
}

function emitProperty(module: ModuleText, field: FieldNode, isInit: boolean): void {
  module.comment(field.path, field.isDeprecated, defaultText(field))
  const type = fieldType(module, field, isInit)
  const isOptional = field.isRequired ? false : isInit || field.hasPresence
  const name = quoteProperty(field.local)
  const readonly = isInit ? 'readonly ' : ''
  module.line(`${readonly}${name}${isOptional ? `?: ${type} | undefined` : `: ${type}`}`)
}

function defaultText(field: FieldNode): readonly string[] {
  const { defaultValue } = field.proto
  if (defaultValue === undefined) return []
  const isFloat = field.kind === Kind.Double || field.kind === Kind.Float
  // `9e+09` and `9e9` are one number.
  if (isFloat && Number.isFinite(Number(defaultValue))) {
    return [`Where it is not given: ${Number(defaultValue)}.`]
  }
  const text = defaultValue.replaceAll('*/', '*\u200b/').replace(/[\r\n]+/g, ' ')
  return [`Where it is not given: ${text === '' ? "''" : text}.`]
}

function emitOneof(module: ModuleText, oneof: OneofNode, isInit: boolean): void {
  module.comment(oneof.path, false)
  const readonly = isInit ? 'readonly ' : ''
  module.block(
    `${readonly}${quoteProperty(oneof.local)}?:`,
    () => {
      for (const field of oneof.fields) {
        module.comment(field.path, field.isDeprecated)
        const type = valueType(module, field, isInit)
        const one = `${readonly}case: ${quote(field.local)}; ${readonly}value: ${type}`
        module.line(`| { ${one} }`)
      }
      module.line('| undefined')
    },
    '',
  )
}
