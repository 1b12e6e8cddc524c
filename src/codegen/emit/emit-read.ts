import { Kind } from '../../codec/index.js'
import { access, quote, quoteProperty } from '../schema/names.js'
import type { FieldNode, MessageNode } from '../schema/nodes.js'
import {
  FUNCTION_OF,
  int64Form,
  isNullValue,
  isWide,
  keepsUnknown,
  packedTag,
  scalarZero,
  tagOf,
  valueType,
  zeroText,
} from './field-types.js'
import type { ModuleText } from './module-text.js'
import { nativeOf } from './native-types.js'

/** The function that reads a message. */
export function emitRead(module: ModuleText, node: MessageNode): void {
  const name = module.nameOf(node)
  const isKeeping = keepsUnknown(module, node)
  const head = `(r: ${module.codecType('Reader')}, end: number, before?: ${name}, group: number = 0): ${name}`
  module.block(`export function ${name}$read${head} {`, () => {
    emitZero(module, node, isKeeping)
    module.block('while (r.at < end) {', () => {
      module.line(`const tag = ${module.codec('readTag')}(r)`)
      module.block('switch (tag) {', () => {
        for (const field of node.fields) emitField(module, field, isKeeping)
        module.line('default:')
        module.block(
          '  if (tag === group) {',
          () => {
            module.line(`  ${module.codec('leaveGroup')}(r, end)`)
            module.line('  return m')
          },
          '  }',
        )
        module.line(
          isKeeping
            ? `  m.$unknown = ${module.codec('keep')}(r, tag, end, m.$unknown)`
            : `  ${module.codec('skip')}(r, tag, end)`,
        )
      })
    })
    module.line(`${module.codec('leave')}(r, end, group)`)
    module.line('return m')
  })
  module.line()
}

/** A message with nothing in it. All properties are there from the beginning, in one order: V8 then knows them. */
function emitZero(module: ModuleText, node: MessageNode, isKeeping: boolean): void {
  const properties: string[] = []
  for (const field of node.fields) {
    const { oneof } = field
    if (oneof === undefined)
      properties.push(`${quoteProperty(field.local)}: ${zeroText(module, field)}`)
    else if (oneof.fields[0] === field) properties.push(`${quoteProperty(oneof.local)}: undefined`)
  }
  if (isKeeping) properties.push('$unknown: undefined')
  const name = module.nameOf(node)
  const flat = properties.join(', ')
  if (properties.length === 0) module.line(`const m: ${name} = before ?? {}`)
  else if (flat.length < 70) module.line(`const m: ${name} = before ?? { ${flat} }`)
  else {
    module.block(`const m: ${name} = before ?? {`, () => {
      for (const property of properties) module.line(`${property},`)
    })
  }
}

function emitField(module: ModuleText, field: FieldNode, isKeeping: boolean): void {
  const target = `m${access(field.local)}`
  if (field.map !== undefined) emitMap(module, field, target, isKeeping)
  else if (field.isList) emitList(module, field, target, isKeeping)
  else if (isClosed(field)) emitClosed(module, field, isKeeping, v => assignment(field, v))
  else {
    module.line(`case ${tagOf(field)}:`)
    const before = beforeOf(field, target)
    const [start, value, end] = readText(module, field, before)
    if (start !== '') module.line(`  ${start}`)
    module.line(`  ${assignment(field, value)}`)
    if (end !== '') module.line(`  ${end}`)
    module.line('  break')
  }
}

function isClosed(field: FieldNode): boolean {
  return field.enum?.isClosed === true && !isNullValue(field)
}

function assignment(field: FieldNode, value: string): string {
  const { oneof } = field
  if (oneof === undefined) return `m${access(field.local)} = ${value}`
  return `m${access(oneof.local)} = { case: ${quote(field.local)}, value: ${value} }`
}

/** What a message that comes in parts is merged with. */
function beforeOf({ oneof, local, message }: FieldNode, target: string): string {
  if (message === undefined) return ''
  if (oneof === undefined) return target
  const chosen = `m${access(oneof.local)}`
  return `${chosen}?.case === ${quote(local)} ? ${chosen}.value : undefined`
}

/** How one value is read: what comes before, the value, what comes after. */
function readText(
  module: ModuleText,
  field: FieldNode,
  before: string = '',
  end: string = 'end',
): [string, string, string] {
  const { kind } = field
  if (field.message === undefined) return ['', scalarText(module, field, kind, end), '']
  const native = nativeOf(module, field)
  const read =
    native === undefined
      ? module.of(field.message, '$read', true)
      : `${module.codec(native.constant)}.read`
  if (field.isDelimited) {
    const group = tagOf(field) + 1
    const known = before === '' ? 'undefined' : before
    return ['', `${read}(r, ${module.codec('enterGroup')}(r, ${end}), ${known}, ${group})`, '']
  }
  const known = before === '' ? '' : `, ${before}`
  return ['', `${read}(r, ${module.codec('enter')}(r, ${end})${known})`, '']
}

function scalarText(module: ModuleText, field: FieldNode, kind: number, end: string): string {
  if (kind === Kind.String) {
    return `${module.codec(field.isLooseText ? 'readLooseString' : 'readString')}(r, ${end})`
  }
  if (kind === Kind.Bytes) return `${module.codec('readBytes')}(r, ${end})`
  const read = `read${FUNCTION_OF[kind]}`
  const cast =
    field.enum === undefined || field.enum.isClosed === false
      ? ''
      : ` as ${valueType(module, field, false)}`
  if (!isWide(kind)) return `${module.codec(read)}(r)${isNullValue(field) ? ' as 0' : cast}`
  const form = int64Form(module, field)
  if (form === 'bigint') return `${module.codec(read)}(r)`
  if (form === 'string') return `String(${module.codec(read)}(r))`
  if (kind === Kind.Int64 || kind === Kind.Uint64) return `${module.codec(`${read}Number`)}(r)`
  return `Number(${module.codec(read)}(r))`
}

/** Values of a closed enum that are none of its own are as unknown as a field. */
function emitClosed(
  module: ModuleText,
  field: FieldNode,
  isKeeping: boolean,
  put: (value: string) => string,
): void {
  const type = module.of(field.enum!, '$type', true)
  module.block(`case ${tagOf(field)}: {`, () => {
    module.line(`const v = ${module.codec('readInt32')}(r)`)
    const cast = `v as ${valueType(module, field, false)}`
    module.line(`if (${module.codec('hasValue')}(${type}, v)) ${put(cast)}`)
    if (isKeeping) module.line(`else m.$unknown = ${keepValue(module, tagOf(field))}`)
    module.line('break')
  })
}

function keepValue(module: ModuleText, tag: number): string {
  return `${module.codec('keepValue')}(m.$unknown, ${tag}, v)`
}

const PACKED_FUNCTIONS: Readonly<Record<number, string>> = {
  [Kind.Int32]: 'readPackedInt32',
  [Kind.Enum]: 'readPackedInt32',
  [Kind.Uint32]: 'readPackedUint32',
  [Kind.Sint32]: 'readPackedSint32',
  [Kind.Double]: 'readPackedDouble',
}

function emitList(module: ModuleText, field: FieldNode, list: string, isKeeping: boolean): void {
  const canBePacked =
    field.message === undefined && field.kind !== Kind.String && field.kind !== Kind.Bytes
  if (isClosed(field)) {
    emitClosed(module, field, isKeeping, v => `${list}.push(${v})`)
    emitClosedRun(module, field, list, isKeeping)
    return
  }
  module.line(`case ${tagOf(field)}:`)
  module.line(`  ${list}.push(${readText(module, field)[1]})`)
  module.line('  break')
  if (!canBePacked) return
  module.line(`case ${packedTag(field)}:`)
  const own = isNullValue(field) ? undefined : PACKED_FUNCTIONS[field.kind]
  module.line(
    `  ${own === undefined ? runOf(module, field, list) : `${module.codec(own)}(r, end, ${list})`}`,
  )
  module.line('  break')
}

/** A run of values, by a function of the codec as it is where they need no other form. */
function runOf(module: ModuleText, field: FieldNode, list: string): string {
  const isPlain =
    !isNullValue(field) && (!isWide(field.kind) || int64Form(module, field) === 'bigint')
  const read = isPlain
    ? module.codec(`read${FUNCTION_OF[field.kind]}`)
    : `r => ${scalarText(module, field, field.kind, 'end')}`
  return `${module.codec('readPacked')}(r, end, ${list}, ${read})`
}

function emitClosedRun(
  module: ModuleText,
  field: FieldNode,
  list: string,
  isKeeping: boolean,
): void {
  const type = module.of(field.enum!, '$type', true)
  const read = `${module.codec('readPacked')}(r, end, [], ${module.codec('readInt32')})`
  module.line(`case ${packedTag(field)}:`)
  module.block(
    `  for (const v of ${read}) {`,
    () => {
      const cast = `v as ${valueType(module, field, false)}`
      module.line(`  if (${module.codec('hasValue')}(${type}, v)) ${list}.push(${cast})`)
      if (isKeeping) module.line(`  else m.$unknown = ${keepValue(module, tagOf(field))}`)
    },
    '  }',
  )
  module.line('  break')
}

function emitMap(module: ModuleText, field: FieldNode, map: string, isKeeping: boolean): void {
  const { key } = field.map!
  const value = { ...field.map!.value, isDelimited: false }
  const closed = isClosed(value)
  module.block(`case ${packedTag(field)}: {`, () => {
    if (closed && isKeeping) module.line('const start = r.at')
    module.line(`const last = ${module.codec('enter')}(r, end)`)
    module.line(
      `let k: ${valueType(module, { ...key, jsType: 0 }, false)} = ${scalarZero(module, key)}`,
    )
    emitEntryValue(module, value)
    module.block('while (r.at < last) {', () => {
      module.line(`const tag = ${module.codec('readTag')}(r)`)
      module.line(`if (tag === ${tagOf(key)}) k = ${scalarText(module, key, key.kind, 'last')}`)
      const read = readText(module, value, value.message === undefined ? '' : 'v', 'last')[1]
      module.line(`else if (tag === ${tagOf(value)}) v = ${read}`)
      module.line(`else ${module.codec('skip')}(r, tag, last)`)
    })
    module.line(`${module.codec('leave')}(r, last, 0)`)
    emitEntryEnd(module, field, value, map, isKeeping)
    module.line('break')
  })
}

function emitEntryValue(module: ModuleText, value: FieldNode): void {
  const type = valueType(module, value, false)
  if (value.message !== undefined) module.line(`let v: ${type} | undefined`)
  else module.line(`let v: ${type} = ${scalarZero(module, value)}`)
}

/** A message that did not come is there all the same, with nothing in it. */
function emitEntryEnd(
  module: ModuleText,
  field: FieldNode,
  value: FieldNode,
  map: string,
  isKeeping: boolean,
): void {
  const { key } = field.map!
  const isText = key.kind === Kind.String || (!isWide(key.kind) && key.kind !== Kind.Bool)
  const name = isText ? 'k' : 'String(k)'
  const set = (text: string): string => `${module.codec('setEntry')}(${map}, ${name}, ${text})`
  if (value.message !== undefined) {
    const native = nativeOf(module, value)
    const read =
      native === undefined
        ? module.of(value.message, '$read', true)
        : `${module.codec(native.constant)}.read`
    module.line(`if (v === undefined) {`)
    module.line(`  r.depth--`)
    module.line(`  v = ${read}(r, r.at)`)
    module.line(`}`)
    module.line(set('v'))
    return
  }
  if (!isClosed(value)) return module.line(set('v'))
  const type = module.of(value.enum!, '$type', true)
  module.line(`if (${module.codec('hasValue')}(${type}, v)) ${set('v')}`)
  if (!isKeeping) return
  module.line(`else m.$unknown = ${module.codec('keepSpan')}(m.$unknown, tag, r, start)`)
}
