import { type AnyMessageType, type FieldInfo, Kind } from '../../codec/index.js'
import type { TokenReader } from './token-reader.js'

type Fields = Record<string, unknown>

/** The value of an option as it stands there. `isWord`: a name without quotes. */
export type OptionValue =
  | { readonly kind: 'text' | 'word'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'message'; readonly fields: readonly (readonly [string, OptionValue])[] }
  | { readonly kind: 'list'; readonly values: readonly OptionValue[] }

/** An option: `features.field_presence = IMPLICIT`. Names of extensions have parentheses. */
export interface ParsedOption {
  readonly path: readonly string[]
  readonly value: OptionValue
}

/** Reads an option up to what follows its value. */
export function readOption(tokens: TokenReader): ParsedOption {
  const path: string[] = []
  do {
    if (tokens.skip('(')) {
      path.push(`(${tokens.dotted('the name of an option')})`)
      tokens.expect(')')
    } else path.push(tokens.word('the name of an option'))
  } while (tokens.skip('.'))
  tokens.expect('=')
  return { path, value: readValue(tokens) }
}

function readValue(tokens: TokenReader): OptionValue {
  if (tokens.is('{') || tokens.is('<')) return readAggregate(tokens)
  if (tokens.skip('[')) {
    const values: OptionValue[] = []
    while (!tokens.skip(']')) {
      values.push(readValue(tokens))
      tokens.skip(',')
    }
    return { kind: 'list', values }
  }
  if (tokens.token.kind === 'text') return { kind: 'text', text: tokens.text('a value') }
  const sign = tokens.skip('-') ? '-' : tokens.skip('+') ? '' : ''
  const { kind } = tokens.token
  if (kind === 'number') return { kind, text: sign + tokens.take().text }
  if (kind !== 'word') return tokens.fail('expected a value')
  const text = sign + tokens.take().text
  return { kind: /^-?(inf|nan)$/.test(text) ? 'number' : 'word', text }
}

/** Text format: `{ name: value, other { ... } }`. */
function readAggregate(tokens: TokenReader): OptionValue {
  const close = tokens.take().text === '<' ? '>' : '}'
  const fields: [string, OptionValue][] = []
  while (!tokens.skip(close)) {
    let name: string
    if (tokens.skip('[')) {
      name = tokens.dotted('a name')
      while (tokens.skip('/')) name += `/${tokens.dotted('a name')}`
      tokens.expect(']')
      name = `(${name})`
    } else name = tokens.word('the name of a field')
    tokens.skip(':')
    fields.push([name, readValue(tokens)])
    if (!tokens.skip(',')) tokens.skip(';')
  }
  return { kind: 'message', fields }
}

/**
 * Sets an option in the message that holds options of its kind. Those of extensions are passed over: what
 * they mean is known to who made them.
 */
export function applyOption(
  tokens: TokenReader,
  type: AnyMessageType,
  target: Fields,
  path: readonly string[],
  value: OptionValue,
): void {
  const [name = '', ...rest] = path
  if (name.startsWith('(')) return
  const field = type.fields.find(each => each.name === name)
  if (field === undefined) return tokens.fail(`there is no option ${name}`)
  if (rest.length > 0 || value.kind === 'message') {
    applyWithin(tokens, field, target, rest, value)
    return
  }
  if (value.kind === 'list') {
    for (const each of value.values) applyOption(tokens, type, target, path, each)
    return
  }
  const single = scalarOf(tokens, field, value)
  if (field.isList) (target[field.local] as unknown[]).push(single)
  else target[field.local] = single
}

function applyWithin(
  tokens: TokenReader,
  field: FieldInfo,
  target: Fields,
  rest: readonly string[],
  value: OptionValue,
): void {
  const { message, local } = field
  if (message === undefined) return tokens.fail(`the option ${field.name} has no fields`)
  const before = field.isList ? undefined : (target[local] as Fields | undefined)
  const inner = before ?? (message.decode(new Uint8Array(0)) as Fields)
  if (field.isList) (target[local] as unknown[]).push(inner)
  else target[local] = inner
  if (rest.length > 0) applyOption(tokens, message, inner, rest, value)
  else if (value.kind === 'message') {
    for (const [name, each] of value.fields) applyOption(tokens, message, inner, [name], each)
  }
}

function scalarOf(tokens: TokenReader, field: FieldInfo, value: OptionValue): unknown {
  const { kind, enumType, name } = field
  const text = 'text' in value ? value.text : ''
  if (enumType !== undefined) {
    if (Object.hasOwn(enumType.values, text)) return enumType.values[text]
    const names = Object.keys(enumType.values).join(', ')
    return tokens.fail(`${text} is no value of the option ${name}, which has ${names}`)
  }
  if (kind === Kind.Bool) {
    if (text === 'true' || text === 'false') return text === 'true'
    return tokens.fail(`the option ${name} is true or false`)
  }
  if (kind === Kind.String) {
    return value.kind === 'text' ? text : tokens.fail(`the option ${name} has a value in quotes`)
  }
  if (kind === Kind.Bytes) return new TextEncoder().encode(text)
  const number = Number(text)
  if (Number.isNaN(number)) return tokens.fail(`the option ${name} is a number`)
  return kind === Kind.Int64 || kind === Kind.Uint64 ? BigInt(number) : number
}
