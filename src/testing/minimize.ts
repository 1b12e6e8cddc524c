/**
 * Finds a smaller input for which `fails` still returns true: removes halves, then ever smaller
 * pieces down to single bytes, then sets bytes to zero. `fails(bytes)` must be true; it is called
 * at most `runsMax` times (default 2_000).
 */
export async function minimize(
  bytes: Buffer,
  fails: (bytes: Buffer) => boolean | Promise<boolean>,
  runsMax = 2_000,
): Promise<Buffer> {
  let best = bytes
  let runs = 0
  const holds = async (candidate: Buffer): Promise<boolean> => {
    if (runs >= runsMax) return false
    runs++
    return fails(candidate)
  }
  for (let size = Math.ceil(best.length / 2); size >= 1; ) {
    const before = best.length
    for (let start = 0; start < best.length && runs < runsMax; ) {
      const candidate = Buffer.concat([best.subarray(0, start), best.subarray(start + size)])
      if (candidate.length < best.length && (await holds(candidate))) best = candidate
      else start += size
    }
    // Removing one piece may make another one superfluous: the same size again.
    if (best.length === before) size = size === 1 ? 0 : Math.ceil(size / 2)
    if (runs >= runsMax) break
  }
  for (let at = 0; at < best.length && runs < runsMax; at++) {
    if (best[at] === 0) continue
    const candidate = Buffer.from(best)
    candidate[at] = 0
    if (await holds(candidate)) best = candidate
  }
  return Buffer.from(best)
}
