/** How long things last. */
export interface Pace {
  readonly kind: 'smoke' | 'quick' | 'full'
  readonly rounds: number
  readonly warmUpSeconds: number
  readonly roundSeconds: number
}

/** Everything once, as little of it as possible: whether it runs, not how fast. */
export const SMOKE: Pace = { kind: 'smoke', rounds: 1, warmUpSeconds: 0, roundSeconds: 0.02 }

/** Five short rounds: the whole of a suite within minutes. */
export const QUICK: Pace = { kind: 'quick', rounds: 5, warmUpSeconds: 1, roundSeconds: 0.5 }

/** What published figures are made with. */
export const FULL: Pace = { kind: 'full', rounds: 9, warmUpSeconds: 4, roundSeconds: 2 }

/**
 * Warms up with doubling amounts of work, beginning with `first` units, until it has lasted long
 * enough. `run` answers how many seconds it took. Returns how many units fill a round, from `first`
 * to `most`.
 */
export async function warmUp(
  run: (units: number) => Promise<number>,
  pace: Pace,
  first: number,
  most: number,
): Promise<number> {
  let spent = 0
  for (let units = first; ; units = Math.min(most, units * 2)) {
    const seconds = await run(units)
    spent += seconds
    if (spent < pace.warmUpSeconds) continue
    const fitting = Math.round((units / seconds) * pace.roundSeconds)
    return Math.max(first, Math.min(most, fitting))
  }
}
