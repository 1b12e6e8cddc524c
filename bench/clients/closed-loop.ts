/**
 * Makes `calls` calls with `inFlight` of them under way at any time.
 * Resolves to the seconds they took; rejects as soon as one fails.
 */
export async function closedLoop(
  calls: number,
  inFlight: number,
  call: () => Promise<void>,
): Promise<number> {
  let left = calls
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await call()
    }
  }
  const begin = performance.now()
  await Promise.all(Array.from({ length: Math.min(inFlight, calls) }, worker))
  return (performance.now() - begin) / 1_000
}
