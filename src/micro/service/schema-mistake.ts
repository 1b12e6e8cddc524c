/** What protobufjs says of a mistake, and where in the text to look: the words in groups of the pattern. */
interface Kind {
  readonly pattern: RegExp
  /** Of what is there twice the second one is meant. */
  readonly nth: number
}

const KINDS: readonly Kind[] = [
  { pattern: /^no such type: \.?(?<argument>[\w.]+)/, nth: 1 },
  { pattern: /^no such .*'(?<word>[\w.]+)' in \w+ \.?(?<scope>[\w.]+)/, nth: 1 },
  { pattern: /^duplicate name '(?<declared>\w+)' in (?:Namespace|Root)/, nth: 2 },
  { pattern: /^duplicate name '(?<field>\w+)' in (?:Namespace|Root)/, nth: 2 },
  { pattern: /^duplicate name '(?<word>\w+)' in \w+ \.?(?<scope>[\w.]+)/, nth: 2 },
  { pattern: /^duplicate id (?<number>-?\d+) in \w+ \.?(?<scope>[\w.]+)/, nth: 2 },
  { pattern: /^id (?<number>-?\d+) is reserved in \w+ \.?(?<scope>[\w.]+)/, nth: 1 },
  { pattern: /^name '(?<field>\w+)' is reserved in \w+ \.?(?<scope>[\w.]+)/, nth: 1 },
  { pattern: /^Unknown edition: (?<word>\w+)/, nth: 1 },
  { pattern: /^(?<scope>[\w.]+)\.(?<field>\w+): /, nth: 1 },
]

/** The text of a file of the schema. */
export interface SchemaText {
  readonly file: string
  readonly text: string
}

/**
 * Adds file and line to what protobufjs says of a mistake, where it has not: it knows lines only while it
 * reads tokens, and its tokens no file.
 *
 * @param texts files in which the mistake may be
 */
export function withPlace(problem: string, texts: readonly SchemaText[]): string {
  if (/\(.+, line \d+\)$/.test(problem)) return problem
  const bare = /^(.*) \(line (\d+)\)$/s.exec(problem)
  if (bare !== null) {
    const [, what, line] = bare
    return texts.length === 1 ? `${what} (${texts[0]!.file}, line ${line})` : problem
  }
  for (const { pattern, nth } of KINDS) {
    const groups = pattern.exec(problem)?.groups
    if (groups === undefined) continue
    for (const { file, text } of texts) {
      const line = lineOf(text, groups, nth)
      if (line !== undefined) return `${problem} (${file}, line ${line})`
    }
  }
  return texts.length === 1 ? `${problem} (${texts[0]!.file})` : problem
}

/** protobufjs passes over what has this name, without a word. */
const DROPPED = '__proto__'

/** @throws Error for names that protobufjs would leave out of the schema */
export function refuseDropped(texts: readonly SchemaText[]): void {
  for (const { file, text } of texts) {
    const line = text.includes(DROPPED) ? lineOf(text, { word: DROPPED }, 1) : undefined
    if (line === undefined) continue
    const what = `what is named ${DROPPED} cannot be loaded: protobufjs leaves it out`
    throw new Error(`${what}; rename it, or use microwire generate (${file}, line ${line})`)
  }
}

function lineOf(
  text: string,
  groups: Readonly<Record<string, string | undefined>>,
  nth: number,
): number | undefined {
  const code = withoutComments(text)
  const outer = groups['scope']?.split('.').at(-1)
  const start = outer === undefined ? 0 : code.search(scopePattern(outer))
  if (start < 0) return undefined
  const found = [...code.slice(start).matchAll(wanted(groups))]
  const at = found[nth - 1]
  return at === undefined ? undefined : code.slice(0, start + at.index).split('\n').length
}

function scopePattern(name: string): RegExp {
  return new RegExp(`\\b(?:message|group|enum|service|extend)\\s+[\\w.]*\\b${name}\\b`, 'g')
}

function wanted(groups: Readonly<Record<string, string | undefined>>): RegExp {
  const { number, field, argument, declared, word } = groups
  if (number !== undefined) return new RegExp(`=\\s*${number}\\b`, 'g')
  if (field !== undefined) return new RegExp(`\\b${asWritten(field)}\\s*=`, 'g')
  if (declared !== undefined) return scopePattern(declared)
  const name = asWritten(argument ?? word!)
  return new RegExp(argument === undefined ? `\\b${name}\\b` : `\\b${name}\\s*\\)`, 'g')
}

/** protobufjs says `lineCount` of `line_count`. */
function asWritten(name: string): string {
  const camel = /(?<=[a-z\d])[A-Z]/g
  return name.replaceAll('.', '\\.').replace(camel, at => `_?[${at.toLowerCase()}${at}]`)
}

/** Spaces in their place, so that lines stay; texts stay as they are. */
function withoutComments(text: string): string {
  const pattern = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return text.replace(pattern, part => (part.startsWith('/') ? part.replace(/[^\n]/g, ' ') : part))
}
