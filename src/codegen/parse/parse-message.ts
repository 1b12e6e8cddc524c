import { camelName } from '../../codec/index.js'
import {
  DescriptorProto,
  FieldDescriptorProto,
  FieldOptions,
  MessageOptions,
  OneofDescriptorProto,
  OneofOptions,
} from '../descriptor/descriptor-table.js'
import { placed } from '../schema/places.js'
import { BaseParser, make } from './parse-base.js'
import { readOption } from './parse-options.js'
import type { Token } from './tokens.js'

const SCALARS: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
}
const GROUP = 10
const MESSAGE = 11
const OPTIONAL = 1
const REQUIRED = 2
const REPEATED = 3
const NUMBER_MAX = 536_870_911

/** Reads messages, with all that is within them. */
export class MessageParser extends BaseParser {
  /** Undefined for proto2. */
  protected syntax: string | undefined

  protected message(start: Token, path: readonly number[]): DescriptorProto {
    const message = placed(make(DescriptorProto), this.tokens.token)
    message.name = this.tokens.word('the name of a message')
    this.messageBody(message, start, path)
    return message
  }

  protected messageBody(message: DescriptorProto, start: Token, path: readonly number[]): void {
    const tokens = this.tokens
    tokens.expect('{')
    this.comment(start, path)
    const optionals: FieldDescriptorProto[] = []
    while (!tokens.is('}')) this.member(message, path, optionals)
    tokens.take()
    // Behind the oneofs that are written down.
    for (const field of optionals) {
      field.oneofIndex = message.oneofDecl.length
      message.oneofDecl.push({ ...make(OneofDescriptorProto), name: `_${field.name}` })
    }
  }

  protected member(
    message: DescriptorProto,
    path: readonly number[],
    optionals: FieldDescriptorProto[],
  ): void {
    const tokens = this.tokens
    if (tokens.skip(';')) return
    const isKeyword = tokens.ahead.kind === 'word'
    if ((tokens.is('export') || tokens.is('local')) && /^(message|enum)$/.test(tokens.ahead.text))
      tokens.take()
    const start = tokens.token
    const { field, nestedType, enumType, oneofDecl, extension } = message
    if (isKeyword && tokens.skip('message')) {
      nestedType.push(this.message(start, [...path, 3, nestedType.length]))
    } else if (isKeyword && tokens.skip('enum')) {
      enumType.push(this.enum(start, [...path, 4, enumType.length]))
    } else if (isKeyword && tokens.skip('oneof')) this.oneof(message, start, path, oneofDecl.length)
    else if (tokens.is('extend') && (isKeyword || tokens.ahead.text === '.')) {
      tokens.take()
      this.extend(extension, nestedType, [...path, 6], [...path, 3])
    } else if (tokens.is('option') && (isKeyword || tokens.ahead.text === '(')) {
      tokens.take()
      message.options = this.option(MessageOptions, message.options)
    } else if (tokens.is('reserved') && tokens.ahead.text !== '.')
      this.reserved(message, NUMBER_MAX, 1)
    else if (tokens.is('extensions') && tokens.ahead.kind === 'number')
      this.extensionRanges(message)
    else {
      const made = this.field(start, [...path, 2, field.length], nestedType, [...path, 3])
      field.push(made)
      if (made.proto3Optional === true) optionals.push(made)
    }
  }

  protected oneof(
    message: DescriptorProto,
    start: Token,
    path: readonly number[],
    index: number,
  ): void {
    const tokens = this.tokens
    const oneof = placed(make(OneofDescriptorProto), tokens.token)
    message.oneofDecl.push(oneof)
    oneof.name = tokens.word('the name of a oneof')
    tokens.expect('{')
    this.comment(start, [...path, 8, index])
    while (!tokens.skip('}')) {
      if (tokens.skip(';')) continue
      if (tokens.is('option') && tokens.ahead.text !== '.') {
        tokens.take()
        oneof.options = this.option(OneofOptions, oneof.options)
        continue
      }
      const place = [...path, 2, message.field.length]
      const field = this.field(tokens.token, place, message.nestedType, [...path, 3])
      field.oneofIndex = index
      message.field.push(field)
    }
  }

  protected field(
    start: Token,
    path: readonly number[],
    nested: DescriptorProto[],
    nestedPath: readonly number[],
  ): FieldDescriptorProto {
    const tokens = this.tokens
    const field = make(FieldDescriptorProto)
    field.label = this.label(field)
    if (tokens.is('group') && tokens.ahead.kind === 'word') {
      this.group(field, start, nested, nestedPath)
      return field
    }
    if (tokens.is('map') && tokens.ahead.text === '<') this.map(field, nested)
    else this.type(field)
    placed(field, tokens.token)
    const name = tokens.word('the name of a field')
    field.name = name
    field.jsonName = camelName(name)
    if (field.typeName === '') {
      field.typeName = mapEntryName(name)
      placed(nested.at(-1)!, start).name = field.typeName
    }
    this.numberAndOptions(field)
    tokens.expect(';')
    this.comment(start, path)
    return field
  }

  protected label(field: FieldDescriptorProto): FieldDescriptorProto['label'] {
    const tokens = this.tokens
    const isLabel = tokens.ahead.kind === 'word' || tokens.ahead.text === '.'
    if (isLabel && tokens.is('repeated')) {
      tokens.take()
      return REPEATED
    }
    if (isLabel && tokens.is('required')) {
      if (this.syntax !== undefined) tokens.fail('only proto2 has required fields')
      tokens.take()
      return REQUIRED
    }
    if (isLabel && tokens.is('optional')) {
      if (this.syntax === 'editions') tokens.fail('with editions, fields have no label optional')
      tokens.take()
      if (this.syntax === 'proto3') field.proto3Optional = true
    }
    return OPTIONAL
  }

  protected type(field: FieldDescriptorProto): void {
    const tokens = this.tokens
    const name = tokens.dotted('the type of a field')
    const scalar = Object.hasOwn(SCALARS, name) ? SCALARS[name] : undefined
    if (scalar === undefined) field.typeName = name
    else field.type = scalar as NonNullable<FieldDescriptorProto['type']>
  }

  protected map(field: FieldDescriptorProto, nested: DescriptorProto[]): void {
    const tokens = this.tokens
    tokens.take()
    tokens.expect('<')
    const entry = make(DescriptorProto)
    entry.options = { ...make(MessageOptions), mapEntry: true }
    for (const [index, name] of ['key', 'value'].entries()) {
      if (index === 1) tokens.expect(',')
      const part = make(FieldDescriptorProto)
      part.name = name
      part.jsonName = name
      part.number = index + 1
      part.label = OPTIONAL
      const { token } = tokens
      this.type(part)
      const isKey = index === 0
      if (isKey && (part.type === undefined || [1, 2, 12].includes(part.type))) {
        tokens.fail('the key of a map is an integer, a bool or a string', token)
      }
      entry.field.push(part)
    }
    tokens.expect('>')
    field.label = REPEATED
    field.type = MESSAGE
    // Known with the field's name.
    field.typeName = ''
    nested.push(entry)
  }

  protected group(
    field: FieldDescriptorProto,
    start: Token,
    nested: DescriptorProto[],
    nestedPath: readonly number[],
  ): void {
    const tokens = this.tokens
    tokens.take()
    placed(field, tokens.token)
    const message = placed(make(DescriptorProto), tokens.token)
    message.name = tokens.word('the name of a group')
    field.name = message.name.toLowerCase()
    field.jsonName = camelName(field.name)
    field.type = GROUP
    field.typeName = message.name
    this.numberAndOptions(field)
    nested.push(message)
    this.messageBody(message, start, [...nestedPath, nested.length - 1])
  }

  protected numberAndOptions(field: FieldDescriptorProto): void {
    const tokens = this.tokens
    tokens.expect('=')
    const { token } = tokens
    const number = tokens.integer('the number of a field')
    if (number < 1 || number > NUMBER_MAX || (number >= 19_000 && number < 20_000)) {
      tokens.fail(
        `${number} is no number for a field: 1 to ${NUMBER_MAX} are, without 19000 to 19999`,
        token,
      )
    }
    field.number = number
    const options = this.options(FieldOptions, (name, value) => {
      if (name === 'json_name' && 'text' in value) field.jsonName = value.text
      else if (name === 'default' && 'text' in value) field.defaultValue = value.text
      else return false
      return true
    })
    if (options !== undefined) field.options = options
  }

  protected extend(
    extensions: FieldDescriptorProto[],
    nested: DescriptorProto[],
    path: readonly number[],
    nestedPath: readonly number[],
  ): void {
    const tokens = this.tokens
    const extendee = tokens.dotted('what is extended')
    tokens.expect('{')
    while (!tokens.skip('}')) {
      if (tokens.skip(';')) continue
      const field = this.field(tokens.token, [...path, extensions.length], nested, nestedPath)
      field.extendee = extendee
      extensions.push(field)
    }
  }

  protected extensionRanges(message: DescriptorProto): void {
    const tokens = this.tokens
    tokens.take()
    do {
      const [start, end] = this.range(NUMBER_MAX)
      message.extensionRange.push({ start, end, options: undefined })
    } while (tokens.skip(','))
    if (tokens.skip('[')) {
      do readOption(tokens)
      while (tokens.skip(','))
      tokens.expect(']')
    }
    tokens.expect(';')
  }
}

/** `line_count` has entries of `LineCountEntry`. */
function mapEntryName(name: string): string {
  const camel = camelName(name)
  return `${camel.slice(0, 1).toUpperCase()}${camel.slice(1)}Entry`
}
