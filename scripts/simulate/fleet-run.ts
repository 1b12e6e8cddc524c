import { runFleetSeed } from './fleet-seed.js'

/** Seeds of fleets, one after the other, until `failuresMax` have failed. True when none has. */
export async function runFleetSeeds(
  first: number,
  count: number,
  failuresMax: number,
): Promise<boolean> {
  const startedAt = performance.now()
  let failures = 0
  let calls = 0
  let succeeded = 0
  let seed = first
  for (; seed < first + count && failures < failuresMax; seed++) {
    const result = await runFleetSeed(seed)
    calls += result.calls
    succeeded += result.succeeded
    if (result.faults.length === 0) continue
    failures++
    console.log(`seed ${seed} FAILED`)
    for (const fault of result.faults) console.log(`  ${fault}`)
    console.log(`  replay: npm run simulate -- fleet --seed ${seed}`)
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(
    `${seed - first} fleets, ${calls} calls (${succeeded} succeeded) in ${seconds} s; ${failures} failed`,
  )
  return failures === 0
}
