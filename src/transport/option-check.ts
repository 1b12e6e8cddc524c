/** What an option may be; `any`: somebody else looks at it. */
export type OptionKind = 'boolean' | 'function' | 'number' | 'object' | 'string' | 'any'

/** Every option that there is: the compiler sees to it that none is missing. */
export type OptionKinds<Options> = Readonly<Record<keyof Options, OptionKind>>

/**
 * @param what The function that was given them: `serve`.
 * @param hints What to say of names that are not options, and are meant well.
 * @throws TypeError naming the option that does not exist, or is of another type.
 */
export function checkOptions<Options extends object>(
  what: string,
  options: Options,
  kinds: OptionKinds<Options>,
  hints: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`the options of ${what} are ${typeName(options)}; expected an object`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(kinds, name)) {
      const near = nearest(Object.keys(kinds), name)
      const meant = near === undefined ? '' : `; did you mean ${near}?`
      const hint = Object.hasOwn(hints, name) ? `; ${hints[name]}` : meant
      throw new TypeError(`${what} has no option ${name}${hint}`)
    }
    const kind = kinds[name as keyof Options]
    if (value !== undefined && !isKind(value, kind)) {
      throw new TypeError(`${name} is ${typeName(value)}; expected ${withArticle(kind)}`)
    }
  }
}

/** The name that was meant: the same in other letters, or with one letter too many, too few or wrong. */
export function nearest(known: readonly string[], name: string): string | undefined {
  const folded = name.toLowerCase()
  return known.find(each => each.toLowerCase() === folded || isNear(each, name))
}

function isNear(known: string, name: string): boolean {
  let start = 0
  while (start < known.length && known[start] === name[start]) start++
  const a = known.slice(start)
  const b = name.slice(start)
  return a.slice(1) === b || a === b.slice(1) || a.slice(1) === b.slice(1)
}

function isKind(value: unknown, kind: OptionKind): boolean {
  if (kind === 'any') return true
  if (kind === 'object') return typeof value === 'object' && value !== null
  return typeof value === kind
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : withArticle(typeof value)
}

function withArticle(type: string): string {
  return type === 'undefined' ? type : `${/^[ao]/.test(type) ? 'an' : 'a'} ${type}`
}
