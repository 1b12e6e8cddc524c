import { GenerateError } from '../schema/generate-options.js'
import { type Token, Tokens } from './tokens.js'

/** Reads tokens with one in hand, and says what was expected where another one stands. */
export class TokenReader {
  readonly file: string
  readonly #tokens: Tokens
  #token: Token
  #ahead: Token | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.#tokens = new Tokens(file, text)
    this.#token = this.#tokens.read()
  }

  /** The one in hand. */
  get token(): Token {
    return this.#token
  }

  /** The one behind it. */
  get ahead(): Token {
    this.#ahead ??= this.#tokens.read()
    return this.#ahead
  }

  /** Takes the one in hand. */
  take(): Token {
    const token = this.#token
    this.#token = this.#ahead ?? this.#tokens.read()
    this.#ahead = undefined
    return token
  }

  is(text: string): boolean {
    return this.#token.text === text && this.#token.kind !== 'text'
  }

  /** Takes the one in hand if it is `text`. */
  skip(text: string): boolean {
    if (!this.is(text)) return false
    this.take()
    return true
  }

  /** @throws GenerateError where another one stands */
  expect(text: string): Token {
    if (this.is(text)) return this.take()
    return this.fail(`expected '${text}'`)
  }

  word(what: string): string {
    if (this.#token.kind === 'word') return this.take().text
    return this.fail(`expected ${what}`)
  }

  /** `shop.v1.Order`, or `.shop.v1.Order`. */
  dotted(what: string): string {
    let name = this.skip('.') ? '.' : ''
    name += this.word(what)
    while (this.skip('.')) name += `.${this.word(what)}`
    return name
  }

  integer(what: string): number {
    const sign = this.skip('-') ? -1 : 1
    const { kind, text } = this.#token
    const isOctal = /^0[0-7]+$/.test(text)
    const number = isOctal ? Number.parseInt(text, 8) : Number(text)
    if (kind !== 'number' || !Number.isInteger(number)) return this.fail(`expected ${what}`)
    this.take()
    return sign * number
  }

  /** Texts one behind the other are one. */
  text(what: string): string {
    if (this.#token.kind !== 'text') return this.fail(`expected ${what} in quotes`)
    let text = ''
    while (this.#token.kind === 'text') text += this.take().text
    return text
  }

  /** @throws GenerateError at the one in hand */
  fail(problem: string, token: Token = this.#token): never {
    const found = token.kind === 'text' ? JSON.stringify(token.text) : `'${token.text}'`
    const what = problem.startsWith('expected') ? `${problem}, found ${found}` : problem
    throw new GenerateError(`${this.file}:${token.line}:${token.column}: ${what}`)
  }
}
