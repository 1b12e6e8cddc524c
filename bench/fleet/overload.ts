import type { OverloadOptions } from '../../src/micro/index.js'
import { type Caller, load, microwire, type Print, percentile, type Run } from './callers.js'
import { Fleet } from './servers.js'

/** Calls that the server can do at a time, and how long each takes: 200 a second. */
const CAPACITY = 4
const DELAY_MS = 20
const PER_SECOND = (CAPACITY * 1_000) / DELAY_MS
const TIMEOUT_MS = 1_000
const TIMES = 10

/** Ten times as many calls as one server can do, whether or not they are answered. */
export async function overloaded(seconds: number, print: Print): Promise<void> {
  print(
    `\noffered ${TIMES} times the capacity (${PER_SECOND} calls a second), deadline 1 s, for ${seconds} s`,
  )
  const kinds: [string, OverloadOptions | undefined][] = [
    ['no limit', undefined],
    ['callsMax: 6', { callsMax: 6 }],
    ['adaptive', { adaptive: true }],
    ['adaptive with a queue', { adaptive: true, queue: true }],
  ]
  for (const [name, overload] of kinds) {
    const kind = overload === undefined ? { capacity: CAPACITY } : { capacity: CAPACITY, overload }
    const fleet = await Fleet.start(1, DELAY_MS, kind)
    const caller = microwire(name, fleet.ports)
    const calm = await load(caller, 2, 3_000, TIMEOUT_MS)
    const run = await offered(caller, PER_SECOND * TIMES, seconds * 1_000)
    const half = run.calls.filter(({ at, ok }) => ok && at >= (seconds * 1_000) / 2)
    const goodput = half.length / (seconds / 2) / PER_SECOND
    await new Promise(resolve => setTimeout(resolve, 1_000))
    const after = await load(caller, 2, 1_000, TIMEOUT_MS)
    const [before, p99, later] = [calm, { calls: half }, after].map(each => percentile(each, 0.99))
    print(
      `  ${caller.name}: goodput ${(goodput * 100).toFixed(0)} % of capacity, p99 of answers ${p99!.toFixed(0)} ms (calm ${before!.toFixed(0)}); a second later p99 ${later!.toFixed(0)} ms, ${after.calls.filter(({ ok }) => !ok).length} failed`,
    )
    await caller.close()
    await fleet.close()
  }
}

/** Calls at a rate, however they fare. */
async function offered(caller: Caller, perSecond: number, forMs: number): Promise<Run> {
  const run: Run = { calls: [] }
  const start = performance.now()
  const all: Promise<void>[] = []
  const one = async (at: number): Promise<void> => {
    const ok = await caller.call(TIMEOUT_MS).then(
      () => true,
      () => false,
    )
    run.calls.push({ at, ms: performance.now() - start - at, ok })
  }
  for (;;) {
    const at = performance.now() - start
    if (at >= forMs) break
    while (all.length < (at * perSecond) / 1_000) all.push(one(at))
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  await Promise.all(all)
  return run
}
