import { GenerateError } from '../schema/generate-options.js'

/** A part of a .proto file. */
export interface Token {
  readonly kind: 'word' | 'number' | 'text' | 'symbol' | 'end'
  /** As it stands there; of a text what it says. */
  readonly text: string
  /** Where it begins. Both begin at 1. */
  readonly line: number
  readonly column: number
  /** The comment that belongs to what begins here. */
  readonly leading: string
  /** The comment that belongs to what ended before. */
  readonly trailing: string
}

interface Comment {
  readonly text: string
  readonly firstLine: number
  readonly lastLine: number
  /** `//` goes on with the next line; a block does not. */
  readonly isBlock: boolean
}

const SPACE = /[ \t\r\f\v\ufeff]+/y
const WORD = /[A-Za-z_]\w*/y
const NUMBER = /0[xX][\da-fA-F]+|(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[fF]?/y
const TEXT = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/y

/** Reads the tokens of one file. */
export class Tokens {
  readonly file: string
  readonly #text: string
  #at = 0
  #line = 1
  #lineStart = 0
  /** The line on which the token before ended. */
  #lastLine = 0

  constructor(file: string, text: string) {
    this.file = file
    this.#text = text
  }

  /** The next one. @throws GenerateError for what no token begins with */
  read(): Token {
    const { trailing, leading } = this.#comments()
    const line = this.#line
    const column = this.#at - this.#lineStart + 1
    const make = (kind: Token['kind'], text: string): Token => {
      this.#lastLine = this.#line
      return { kind, text, line, column, leading, trailing }
    }
    if (this.#at >= this.#text.length) return make('end', 'the end of the file')
    const word = this.#match(WORD)
    if (word !== undefined) return make('word', word)
    const number = this.#match(NUMBER)
    if (number !== undefined) return make('number', number)
    const text = this.#match(TEXT)
    if (text !== undefined) return make('text', unescaped(text.slice(1, -1)))
    const symbol = this.#text[this.#at]!
    if (!'{}[]()<>=;:,.-+/'.includes(symbol)) {
      const what = /["']/.test(symbol)
        ? 'a text without its end'
        : `unexpected ${JSON.stringify(symbol)}`
      throw new GenerateError(`${this.file}:${line}:${column}: ${what}`)
    }
    this.#at++
    return make('symbol', symbol)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  /** What lies ahead of a token: which comment belongs to it, and which to what came before. */
  #comments(): { trailing: string; leading: string } {
    const before = this.#lastLine
    const found = this.#readComments()
    const next = this.#line
    let trailing = ''
    const first = found[0]
    if (first !== undefined && before > 0) {
      const isBeside = first.firstLine === before
      // On the next line it belongs to what came before only when something keeps it from what follows.
      const isBelow =
        first.firstLine === before + 1 && (found.length > 1 || first.lastLine + 1 < next)
      const follows = isBeside ? first.lastLine < next || found.length > 1 : isBelow
      if (follows) {
        trailing = first.text
        found.shift()
      }
    }
    const last = found.at(-1)
    return { trailing, leading: last !== undefined && last.lastLine + 1 >= next ? last.text : '' }
  }

  #readComments(): Comment[] {
    const found: Comment[] = []
    for (;;) {
      this.#match(SPACE)
      if (this.#text[this.#at] === '\n') {
        this.#newLine()
        continue
      }
      const start = this.#text.slice(this.#at, this.#at + 2)
      if (start === '//') this.#lineComment(found)
      else if (start === '/*') found.push(this.#blockComment())
      else return found
    }
  }

  #newLine(): void {
    this.#at++
    this.#line++
    this.#lineStart = this.#at
  }

  /** Lines one below the other are one comment, but for one beside what came before. */
  #lineComment(found: Comment[]): void {
    const end = this.#text.indexOf('\n', this.#at)
    const stop = end < 0 ? this.#text.length : end
    const text = `${this.#text.slice(this.#at + 2, stop).replace(/\r$/, '')}\n`
    this.#at = stop
    const last = found.at(-1)
    const goesOn =
      last !== undefined &&
      !last.isBlock &&
      last.lastLine + 1 === this.#line &&
      !(last.firstLine === this.#lastLine)
    if (goesOn) {
      found.pop()
      found.push({ ...last, text: last.text + text, lastLine: this.#line })
    } else found.push({ text, firstLine: this.#line, lastLine: this.#line, isBlock: false })
  }

  #blockComment(): Comment {
    const firstLine = this.#line
    const end = this.#text.indexOf('*/', this.#at + 2)
    if (end < 0) {
      const column = this.#at - this.#lineStart + 1
      throw new GenerateError(`${this.file}:${firstLine}:${column}: a comment without its end`)
    }
    const raw = this.#text.slice(this.#at + 2, end)
    for (let at = this.#at; at < end; at++) {
      if (this.#text[at] !== '\n') continue
      this.#line++
      this.#lineStart = at + 1
    }
    this.#at = end + 2
    const text = raw.replace(/\r/g, '').replace(/\n[ \t]*\*?/g, '\n')
    return { text, firstLine, lastLine: this.#line, isBlock: true }
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

function unescaped(text: string): string {
  return text.replace(
    /\\(?:[xX]([\da-fA-F]{1,2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|(.))/g,
    (_, hex, short, long, octal, other) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      if (short !== undefined) return String.fromCharCode(Number.parseInt(short, 16))
      if (long !== undefined)
        return String.fromCodePoint(Math.min(Number.parseInt(long, 16), 0x10_ffff))
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255)
      return ESCAPES[other] ?? other
    },
  )
}
