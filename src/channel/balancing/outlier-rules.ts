/** The rate below which a success rate is an outlier: so many standard deviations below the mean. gRPC A50. */
export function outlierRate(rates: readonly number[], stdevFactor: number): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length
  return mean - (Math.sqrt(variance) * stdevFactor) / 1_000
}

/** How long the `count`th ejection in a row lasts. gRPC A50. Unit: ms. */
export function ejectionMs(baseMs: number, maxMs: number, count: number): number {
  return Math.min(baseMs * count, Math.max(baseMs, maxMs))
}
