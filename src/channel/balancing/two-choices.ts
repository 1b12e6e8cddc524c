import type { Candidate } from './balancer.js'

/**
 * The better of two different candidates, drawn at random: nearly as good as the best of all, at the price of two
 * looks. Drawn without replacement, so that among few one that is stuck is not its own rival.
 */
export function betterOfTwo(
  candidates: readonly Candidate[],
  random: () => number,
  load: (candidate: Candidate) => number,
): Candidate {
  const count = candidates.length
  if (count === 1) return candidates[0]!
  const first = Math.floor(random() * count)
  const other = Math.floor(random() * (count - 1))
  const a = candidates[first]!
  const b = candidates[other >= first ? other + 1 : other]!
  return load(b) < load(a) ? b : a
}
