/** How much a call matters: `criticalPlus` is the last to be refused, `sheddable` the first. Google SRE, "Handling Overload". */
export const Priority = { CriticalPlus: 0, Critical: 1, SheddablePlus: 2, Sheddable: 3 } as const
export type Priority = (typeof Priority)[keyof typeof Priority]

/** Priorities there are. */
export const PRIORITY_COUNT = 4

const NAMES: ReadonlyMap<string, Priority> = new Map([
  ['critical-plus', Priority.CriticalPlus],
  ['critical', Priority.Critical],
  ['sheddable-plus', Priority.SheddablePlus],
  ['sheddable', Priority.Sheddable],
])

/** Share of the places that calls of a priority may fill: what matters more has places left. */
const PLACES: readonly number[] = [1, 0.9, 0.75, 0.5]

/** What a client says of its call, `CRITICAL_PLUS` or `critical-plus`; anything else is `critical`. */
export function priorityOf(text: string | undefined): Priority {
  if (text === undefined || text.length > 16) return Priority.Critical
  return NAMES.get(text.toLowerCase().replaceAll('_', '-')) ?? Priority.Critical
}

/** How many of `limit` places calls of `priority` may fill: one at least. */
export function placesOf(limit: number, priority: Priority): number {
  return Math.max(1, Math.floor(limit * PLACES[priority]!))
}

/** Which share of the calls of `priority` is refused where `share` of the usual ones is: what matters less goes first. */
export function shedShare(share: number, priority: Priority): number {
  if (priority === Priority.CriticalPlus) return Math.max(0, 2 * share - 1)
  return Math.min(1, share * 2 ** (priority - Priority.Critical))
}
