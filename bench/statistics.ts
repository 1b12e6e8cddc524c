/** Middle value; the mean of the middle two of an even number of values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of no values')
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]!
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2
}

/** A median between the extremes of its rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Median and extremes of the rounds. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/**
 * How many times better `own` is than `peer`: the ratio of the medians, between the extremes of the
 * ratios of rounds that ran side by side. A disturbance of the machine that lasts for a round or
 * longer hits both of a pair, so pairs vary less than the figures they are made of.
 */
export function advantage(
  own: readonly number[],
  peer: readonly number[],
  better: 'lower' | 'higher',
): Spread {
  if (own.length !== peer.length) {
    throw new RangeError(`${own.length} rounds cannot be paired with ${peer.length}`)
  }
  const [above, below] = better === 'lower' ? [peer, own] : [own, peer]
  const pairs = above.map((value, round) => value / below[round]!)
  return {
    median: median(above) / median(below),
    min: Math.min(...pairs, median(above) / median(below)),
    max: Math.max(...pairs, median(above) / median(below)),
  }
}
