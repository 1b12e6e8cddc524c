import type { MessageType } from '../../codec/index.js'
import {
  type DescriptorProto,
  EnumDescriptorProto,
  EnumOptions,
  EnumValueDescriptorProto,
  EnumValueOptions,
  SourceCodeInfo_Location,
} from '../descriptor/descriptor-table.js'
import { placed } from '../schema/places.js'
import { applyOption, type OptionValue, type ParsedOption, readOption } from './parse-options.js'
import { TokenReader } from './token-reader.js'
import type { Token } from './tokens.js'

/** The largest number of an enum's value. */
const ENUM_MAX = 2_147_483_647
const NOTHING = new Uint8Array(0)

/** A message with nothing in it. */
export function make<T>(type: MessageType<T, never>): T {
  return type.decode(NOTHING)
}

/** What all parts of a parser need: options, comments, enums. */
export class BaseParser {
  protected readonly tokens: TokenReader
  protected readonly locations: SourceCodeInfo_Location[] = []

  constructor(name: string, text: string) {
    this.tokens = new TokenReader(name, text)
  }

  protected option<T>(type: MessageType<T, never>, before: T | undefined): T {
    const option = readOption(this.tokens)
    this.tokens.expect(';')
    return this.apply(type, before, option)
  }

  protected apply<T>(
    type: MessageType<T, never>,
    before: T | undefined,
    { path, value }: ParsedOption,
  ): T {
    const target = before ?? make(type)
    applyOption(this.tokens, type as MessageType, target as Record<string, unknown>, path, value)
    return target
  }

  /** `[deprecated = true, json_name = 'x']`; `own` takes what is no option of the message. */
  protected options<T>(
    type: MessageType<T, never>,
    own: (name: string, value: OptionValue) => boolean,
  ): T | undefined {
    const tokens = this.tokens
    let options: T | undefined
    if (!tokens.skip('[')) return undefined
    do {
      const option = readOption(tokens)
      if (!own(option.path.join('.'), option.value)) options = this.apply(type, options, option)
    } while (tokens.skip(','))
    tokens.expect(']')
    return options
  }

  /** Remembers the comments of what began with `start` and has just ended with its name, or `;` or `{`. */
  protected comment(start: Token, path: readonly number[]): void {
    const { leading } = start
    const { trailing } = this.tokens.token
    if (leading === '' && trailing === '') return
    const location = make(SourceCodeInfo_Location)
    location.path = [...path]
    location.span = [start.line - 1, start.column - 1, start.column]
    if (leading !== '') location.leadingComments = leading
    if (trailing !== '') location.trailingComments = trailing
    this.locations.push(location)
  }

  protected enum(start: Token, path: readonly number[]): EnumDescriptorProto {
    const tokens = this.tokens
    const made = placed(make(EnumDescriptorProto), tokens.token)
    made.name = tokens.word('the name of an enum')
    tokens.expect('{')
    this.comment(start, path)
    while (!tokens.skip('}')) {
      if (tokens.skip(';')) continue
      if (tokens.is('option') && tokens.ahead.text !== '=') {
        tokens.take()
        made.options = this.option(EnumOptions, made.options)
      } else if (tokens.is('reserved') && tokens.ahead.text !== '=') {
        this.reserved(made, ENUM_MAX, 0)
      } else made.value.push(this.enumValue([...path, 2, made.value.length]))
    }
    return made
  }

  protected enumValue(path: readonly number[]): EnumValueDescriptorProto {
    const tokens = this.tokens
    const start = tokens.token
    const value = placed(make(EnumValueDescriptorProto), start)
    value.name = tokens.word('the name of a value')
    tokens.expect('=')
    const { token } = tokens
    value.number = tokens.integer('the number of a value')
    if ((value.number | 0) !== value.number) tokens.fail(`${value.number} is no int32`, token)
    const options = this.options(EnumValueOptions, () => false)
    if (options !== undefined) value.options = options
    tokens.expect(';')
    this.comment(start, path)
    return value
  }

  /**
   * Names and numbers that are not to be used.
   *
   * @param beyond 1 where ranges end before their `end`, as those of messages; 0 where with it
   */
  protected reserved(
    { reservedName, reservedRange }: Pick<DescriptorProto, 'reservedName' | 'reservedRange'>,
    most: number,
    beyond: number,
  ): void {
    const { tokens } = this
    tokens.take()
    do {
      if (tokens.token.kind === 'text') reservedName.push(tokens.text('a name'))
      else if (tokens.token.kind === 'word') reservedName.push(tokens.take().text)
      else {
        const [start, end] = this.range(most)
        reservedRange.push({ start, end: end - 1 + beyond })
      }
    } while (tokens.skip(','))
    tokens.expect(';')
  }

  protected range(most: number): readonly [start: number, end: number] {
    const { tokens } = this
    const start = tokens.integer('a number')
    if (!tokens.skip('to')) return [start, start + 1]
    return [start, (tokens.skip('max') ? most : tokens.integer('a number')) + 1]
  }
}
