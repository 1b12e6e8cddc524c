/** Longest delay a timer of Node takes. Unit: ms. */
export const DELAY_MAX_MS = 0x7fff_ffff

/** An option that is a number, and where it may be. */
export type NumberRange<Name extends string> = readonly [name: Name, least: number, most: number]

/** @throws RangeError naming the first option that is out of its range. */
export function checkRanges<Name extends string>(
  options: Readonly<Partial<Record<Name, unknown>>>,
  ranges: readonly NumberRange<Name>[],
): void {
  for (const [name, least, most] of ranges) {
    const value = options[name]
    if (value === undefined) continue
    if (typeof value === 'number' && value >= least && value <= most) continue
    const upTo = most === Number.POSITIVE_INFINITY ? 'or more' : `to ${most}`
    throw new RangeError(`${name} is ${String(value)}; expected ${least} ${upTo}`)
  }
}
