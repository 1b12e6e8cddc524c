const NONE: readonly string[] = Object.freeze([])

/** As RFC 9110 §5.1 has it, in either case. */
const NAME = /^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Lists that need no second look: a server hands one to all its connections. */
const checked: WeakMap<readonly string[], readonly string[]> = new WeakMap()

/**
 * Checks the option `neverIndexed` and returns it in lower case.
 *
 * @throws TypeError naming the option, for what is no list of field names.
 */
export function neverIndexedNames(names: readonly string[] | undefined): readonly string[] {
  if (names === undefined) return NONE
  const known = checked.get(names)
  if (known !== undefined) return known
  if (!Array.isArray(names)) {
    throw new TypeError(`neverIndexed is a ${typeof names}; expected a list of field names`)
  }
  const list = names.map((name: unknown, index) => {
    if (typeof name === 'string' && NAME.test(name)) return name.toLowerCase()
    throw new TypeError(`neverIndexed[${index}] is no name of a header field`)
  })
  checked.set(names, list)
  return list
}
