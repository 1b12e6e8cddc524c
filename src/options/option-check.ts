import { describe } from './describe.js'
import { checkRanges } from './number-range.js'

/** Refuses a value. @throws TypeError or RangeError naming the option */
export type OptionCheck = (name: string, value: unknown) => void

/** What an option may be; `any`: somebody else looks at it. */
export type OptionKind =
  | 'array'
  | 'boolean'
  | 'function'
  | 'number'
  | 'object'
  | 'string'
  | 'any'
  | OptionCheck

/** Every option that there is: the compiler sees to it that none is missing. */
export type OptionKinds<Options> = Readonly<Record<keyof Options, OptionKind>>

/**
 * @param what The function that was given them: `serve`.
 * @param hints What to say of names that are not options, and are meant well.
 * @throws TypeError naming the option that does not exist, or is of another type; as the checks of `kinds`.
 */
export function checkOptions<Options extends object>(
  what: string,
  options: Options,
  kinds: OptionKinds<Options>,
  hints: Readonly<Record<string, string>> = {},
): void {
  checkEach(what, options, kinds, hints, '')
}

/** @param prefix Ahead of each name in the texts, where the options are within an option. */
function checkEach<Options extends object>(
  what: string,
  options: Options,
  kinds: OptionKinds<Options>,
  hints: Readonly<Record<string, string>>,
  prefix: string,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const subject = prefix === '' ? `the options of ${what} are` : `${what} is`
    throw new TypeError(`${subject} ${typeName(options)}; expected an object`)
  }
  // Each connection passes here four times: pairs of names and values would cost it a list for each option.
  for (const name of Object.keys(options)) {
    const value: unknown = options[name as keyof Options]
    if (!Object.hasOwn(kinds, name)) {
      throw unknownOption(what, kinds, name, Object.hasOwn(hints, name) ? hints[name] : undefined)
    }
    if (value === undefined) continue
    const kind = kinds[name as keyof Options]
    if (typeof kind === 'function') kind(prefix + name, value)
    else if (!isKind(value, kind)) {
      throw new TypeError(`${prefix}${name} is ${typeName(value)}; expected ${withArticle(kind)}`)
    }
  }
}

/**
 * Refuses options that are given to a function that takes none. What is no plain object is no mistake: the function may
 * be somebody's listener, and get an event.
 *
 * @throws TypeError naming what was given
 */
export function checkNoOptions(what: string, given: unknown): void {
  if (typeof given !== 'object' || given === null) return
  if (Object.getPrototypeOf(given) !== Object.prototype) return
  const [name] = Object.keys(given)
  if (name !== undefined) throw new TypeError(`${what} takes no options; it was given ${name}`)
}

/** A check for one of a few texts. */
export function oneOf(...known: readonly string[]): OptionCheck {
  return (name, value) => {
    if (known.includes(value as string)) return
    throw new TypeError(`${name} must be ${listed(known)}, got ${describe(value)}`)
  }
}

/**
 * A check for what has all of these methods.
 *
 * @param cure What to say to one whose object has not.
 */
export function withMethods(methods: readonly string[], cure = ''): OptionCheck {
  return (name, value) => {
    const missing = firstMissing(methods, value as Readonly<Record<string, unknown>> | null)
    if (missing === undefined) return
    throw new TypeError(`${name} must have the method ${missing}, got ${describe(value)}${cure}`)
  }
}

function firstMissing(
  methods: readonly string[],
  object: Readonly<Record<string, unknown>> | null,
): string | undefined {
  for (const method of methods) if (typeof object?.[method] !== 'function') return method
  return undefined
}

/** A check for an option that has options of its own. */
export function within<Options extends object>(kinds: OptionKinds<Options>): OptionCheck {
  return (name, value) => checkEach(name, value as Options, kinds, {}, `${name}.`)
}

function listed(names: readonly string[]): string {
  return [names.slice(0, -1).join(', '), ...names.slice(-1)].filter(Boolean).join(' or ')
}

/** A check for a number within bounds. */
export function rangeOf(least: number, most: number = Number.POSITIVE_INFINITY): OptionCheck {
  return (name, value) => {
    if (typeof value !== 'number') {
      throw new TypeError(`${name} is ${typeName(value)}; expected a number`)
    }
    checkRanges({ [name]: value }, [[name, least, most]])
  }
}

/** The error of a name that is no option. Default of `hint`: the name that was meant, else all that there are. */
export function unknownOption(what: string, kinds: object, name: string, hint?: string): TypeError {
  const known = Object.keys(kinds)
  const near = nearest(known, name)
  const meant = near === undefined ? `it has ${known.join(', ')}` : `did you mean ${near}?`
  return new TypeError(`${what} has no option ${name}; ${hint ?? meant}`)
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

function isKind(value: unknown, kind: Exclude<OptionKind, OptionCheck>): boolean {
  if (kind === 'any') return true
  if (kind === 'array') return Array.isArray(value)
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === kind
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : withArticle(typeof value)
}

function withArticle(type: string): string {
  return type === 'undefined' ? type : `${/^[ao]/.test(type) ? 'an' : 'a'} ${type}`
}
