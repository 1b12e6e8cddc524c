import { Kind } from '../../codec/index.js'
import { access, quote } from '../schema/names.js'
import type { FieldNode, MessageNode, OneofNode } from '../schema/nodes.js'
import { FUNCTION_OF, isNullValue, isWide, keepsUnknown, packedTag, tagOf } from './field-types.js'
import type { ModuleText } from './module-text.js'
import { nativeOf } from './native-types.js'

/** The function that writes the fields of a message. */
export function emitWrite(module: ModuleText, node: MessageNode): void {
  const name = module.nameOf(node)
  const isKeeping = keepsUnknown(module, node)
  const isEmpty = node.fields.length === 0 && !isKeeping
  const writer = module.codecType('Writer')
  const head = isEmpty ? `(_w: ${writer}, _m: ${name}Init)` : `(w: ${writer}, m: ${name}Init)`
  module.block(`export function ${name}$write${head}: void {`, () => {
    const fields = [...node.fields].sort((one, other) => one.number - other.number)
    const done = new Set<OneofNode>()
    for (const field of fields) {
      const { oneof } = field
      if (oneof === undefined) emitField(module, field)
      else if (!done.has(oneof)) {
        done.add(oneof)
        emitOneof(module, oneof)
      }
    }
    if (isKeeping) module.line(`${module.codec('writeUnknown')}(w, m.$unknown)`)
  })
  module.line()
}

function emitField(module: ModuleText, field: FieldNode): void {
  const value = `m${access(field.local)}`
  if (field.map !== undefined) emitMap(module, field, value)
  else if (field.isList) emitList(module, field, value)
  else {
    const condition = conditionOf(module, field, value)
    emitOne(module, field, tagOf(field), value, condition)
  }
}

/** When a single value is written; '' for always: what is required and not there does not fit. */
function conditionOf(module: ModuleText, field: FieldNode, value: string): string {
  if (field.isRequired) return ''
  if (field.hasPresence)
    return isNullAllowed(module, field) ? `${value} !== undefined` : `${value} != null`
  return `${value} != null && ${notZero(module, field, value)}`
}

/** `null` is a value of `google.protobuf.Value`, and "nothing" of all others. */
function isNullAllowed(module: ModuleText, field: FieldNode): boolean {
  return nativeOf(module, field)?.constant === 'ValueType'
}

function notZero(module: ModuleText, { kind }: FieldNode, value: string): string {
  if (kind === Kind.String) return `${value} !== ''`
  if (kind === Kind.Bool) return `${value} !== false`
  if (kind === Kind.Bytes) return `!${module.codec('isEmpty')}(${value})`
  if (kind === Kind.Double || kind === Kind.Float) return `!${module.codec('isZero')}(${value})`
  return isWide(kind) ? `!${module.codec('isZero64')}(${value})` : `${value} !== 0`
}

/** Writes one value with its tag. */
function emitOne(
  module: ModuleText,
  field: FieldNode,
  tag: number,
  value: string,
  condition: string = '',
): void {
  const start = condition === '' ? '' : `if (${condition}) `
  if (field.message === undefined) {
    module.line(`${start}${scalarCall(module, field, tag, value)}`)
    return
  }
  module.block(`${start}{`, () => emitMessage(module, field, tag, value))
}

function scalarCall(module: ModuleText, field: FieldNode, tag: number, value: string): string {
  if (field.enum?.isClosed === true && !isNullValue(field)) {
    const type = module.of(field.enum, '$type', true)
    return `${module.codec('writeClosed')}(w, ${tag}, ${value}, ${type})`
  }
  return `${module.codec(`write${FUNCTION_OF[field.kind]}`)}(w, ${tag}, ${value})`
}

function emitMessage(module: ModuleText, field: FieldNode, tag: number, value: string): void {
  const native = nativeOf(module, field)
  if (native !== undefined) {
    module.line(`const at = ${module.codec('openNative')}(w, ${tag})`)
    module.line(`${module.codec(native.constant)}.write(w, ${value})`)
    module.line(`${module.codec('close')}(w, at)`)
    return
  }
  const write = module.of(field.message!, '$write', true)
  const [open, close] = field.isDelimited ? ['openGroup', 'closeGroup'] : ['open', 'close']
  module.line(`const at = ${module.codec(open)}(w, ${tag}, ${value})`)
  module.line(`${write}(w, ${value})`)
  module.line(`${module.codec(close)}(w, at)`)
}

const PACKED_FUNCTIONS: Readonly<Record<number, string>> = {
  [Kind.Int32]: 'writePackedInt32',
  [Kind.Enum]: 'writePackedInt32',
  [Kind.Uint32]: 'writePackedUint32',
  [Kind.Sint32]: 'writePackedSint32',
  [Kind.Double]: 'writePackedDouble',
}

function emitList(module: ModuleText, field: FieldNode, value: string): void {
  if (field.message !== undefined) {
    const list = module.codec('listOf')
    module.block(`for (const v of ${list}(${value})) {`, () =>
      emitMessage(module, field, tagOf(field), 'v'),
    )
    return
  }
  const isChecked = field.enum?.isClosed === true && !isNullValue(field)
  const list = isChecked
    ? `${module.codec('checkClosed')}(${value}, ${module.of(field.enum!, '$type', true)})`
    : value
  const put = (): string => module.codec(`put${FUNCTION_OF[field.kind]}`)
  if (!field.isPacked) {
    const call = `${module.codec('writeList')}(w, ${tagOf(field)}, ${put()}, ${list})`
    module.line(`if (${value} != null) ${call}`)
    return
  }
  const own = PACKED_FUNCTIONS[field.kind]
  const call =
    own === undefined
      ? `${module.codec('writePacked')}(w, ${packedTag(field)}, ${put()}, ${list})`
      : `${module.codec(own)}(w, ${packedTag(field)}, ${list})`
  module.line(`if (${value} != null) ${call}`)
}

function emitMap(module: ModuleText, field: FieldNode, map: string): void {
  const { key, value } = field.map!
  module.block(`for (const k of ${module.codec('keysOf')}(${map})) {`, () => {
    const isText = key.kind === Kind.String || isWide(key.kind)
    const each = isText ? `${map}![k]!` : `${map}![k as never]!`
    module.line(`const v = ${each}`)
    module.line(`const entry = ${module.codec('openRange')}(w, ${packedTag(field)})`)
    const read = isText
      ? 'k'
      : `${module.codec(key.kind === Kind.Bool ? 'boolKey' : 'numberKey')}(k)`
    emitOne(module, key, tagOf(key), read)
    emitOne(module, { ...value, isDelimited: false }, tagOf({ ...value, isDelimited: false }), 'v')
    module.line(`${module.codec('closeRange')}(w, entry)`)
  })
}

function emitOneof(module: ModuleText, oneof: OneofNode): void {
  const chosen = `m${access(oneof.local)}`
  module.block(`if (${chosen} != null) {`, () => {
    module.line(`const c = ${chosen}`)
    module.block('switch (c.case) {', () => {
      for (const field of oneof.fields) {
        module.block(
          `case ${quote(field.local)}:${field.message === undefined ? '' : ' {'}`,
          () => {
            if (field.message === undefined)
              module.line(scalarCall(module, field, tagOf(field), 'c.value'))
            else emitMessage(module, field, tagOf(field), 'c.value')
            module.line('break')
          },
          field.message === undefined ? '' : '}',
        )
      }
      module.line('default:')
      module.line(`  if ((c as { case?: unknown }).case !== undefined) ${module.codec('unfit')}()`)
    })
  })
}
