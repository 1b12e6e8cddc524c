import { createClient } from '../../src/index.js'
import {
  type Balancing,
  type Candidate,
  leastRequest,
  type OverloadOptions,
  outlierDetection,
  peakEwma,
  randomSubset,
  roundRobin,
  slowStart,
  weightedRoundRobin,
  zoneFirst,
} from '../../src/micro/index.js'
import { Random, SimulatedNetwork } from '../../src/testing/index.js'
import type { Runtime } from '../../src/transport/index.js'
import { type Blow, FLEET, FleetWorld } from './fleet-world.js'

/** What a seed of a fleet came to. */
export interface FleetResult {
  readonly seed: number
  readonly faults: readonly string[]
  readonly calls: number
  readonly succeeded: number
}

const BLOWS: readonly (readonly Blow[])[] = [
  [],
  ['kill'],
  ['freeze'],
  ['leave'],
  ['lame'],
  ['refuse'],
  ['slow', 'reset'],
  ['kill', 'freeze', 'slow', 'refuse', 'reset', 'leave', 'lame'],
]
/** After which those that last longer than a call's own time have none to blame but the client. Unit: ms. */
const LEARNT_MS = 2_500
const TIMEOUT_MS = 1_000
const SPAN_MS = 8_000

/** What is put around the balancer that is watched; `servers`: how many there are. */
type Around = (balancer: Balancing, servers: number) => Balancing

const AROUND: readonly Around[] = [
  balancer => balancer,
  balancer => balancer,
  balancer => outlierDetection({ balancer, baseEjectionTimeMs: 2_000, maxEjectionTimeMs: 8_000 }),
  balancer => slowStart({ balancer, windowMs: 3_000 }),
  balancer => zoneFirst({ zone: 'a', balancer }),
  // More than half: so many may fall.
  (balancer, servers) => randomSubset({ size: Math.ceil(servers * 0.7) + 1, balancer }),
  (balancer, servers) =>
    outlierDetection({
      balancer: randomSubset({ size: servers, balancer: zoneFirst({ zone: 'b', balancer }) }),
    }),
]

/** Of these only the last may refuse a call of those that are made here. */
const OVERLOADS: readonly (OverloadOptions | undefined)[] = [
  undefined,
  { callsMax: 1_000, queue: true },
  { adaptive: { initial: 1_000, min: 1_000 }, priority: 'x-criticality' },
  { callsMax: 2, queue: { callsMax: 2, waitMaxMs: 20 } },
]

const HEDGING = {
  methodConfig: [
    {
      name: [{}],
      hedgingPolicy: {
        maxAttempts: 3,
        hedgingDelay: '0.03s',
        nonFatalStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
}

/** All that a seed decides. */
function planOf(seed: number) {
  const random = new Random(seed)
  const blows = random.pick(BLOWS)
  return {
    random,
    blows,
    servers: random.chance(0.05) ? random.integer(20, 50) : random.integer(3, 8),
    balancing: random.pick([leastRequest(), roundRobin(), peakEwma(), weightedRoundRobin()]),
    protocol: random.chance(0.75) ? ('grpc' as const) : ('mucp' as const),
    retries: random.pick([0, 2]),
    calls: random.integer(100, 250),
    /** Everybody refuses: what the retry budget is for. */
    isOutage: blows.includes('refuse') && random.chance(0.5),
    around: random.pick(AROUND),
    overload: random.pick(OVERLOADS),
    hedges: random.chance(0.2),
  }
}

type FleetPlan = ReturnType<typeof planOf>

/** A balancer that is watched: what it is given, and whether each begin has its end. */
class Watched {
  readonly seen = new Set<Candidate>()
  running = 0
  readonly faults: string[] = []

  around(balancing: Balancing): Balancing {
    return {
      ...balancing,
      create: outside => {
        const inner = balancing.create(outside)
        return {
          pick: candidates => {
            for (const each of candidates) this.#look(each)
            return inner.pick(candidates)
          },
          onBegin: candidate => {
            this.running++
            this.seen.add(candidate)
            inner.onBegin?.(candidate)
          },
          onEnd: (candidate, ended) => {
            if (--this.running < 0) this.faults.push('a call has ended twice')
            inner.onEnd?.(candidate, ended)
          },
        }
      },
    }
  }

  #look(candidate: Candidate): void {
    const { session } = candidate as { session?: { state: string } }
    if (session !== undefined && session.state !== 'ready') {
      this.faults.push(`an endpoint was offered whose session is ${session.state}`)
    }
  }
}

/** One run of a fleet: servers come, go, freeze and refuse under load; what must hold all the same. */
export async function runFleetSeed(seed: number): Promise<FleetResult> {
  const plan = planOf(seed)
  const network = new SimulatedNetwork({ seed, conditions: { latencyMs: [1, 2] } })
  const world = new FleetWorld(network, plan.overload)
  const watched = new Watched()
  const outcomes: Outcome[] = []
  const faults: string[] = []
  // A balancer that throws is passed over, and the process is warned.
  const warn = (error: Error): void => {
    if (error.message.startsWith('the balancer')) watched.faults.push(error.message)
  }
  const runtime: Runtime = Object.assign(network, { warn })
  await network.clock.run(
    (async () => {
      for (let at = 0; at < plan.servers; at++) await world.join()
      const client = createClient({
        registry: world.registry,
        service: 'fleet',
        runtime,
        protocol: plan.protocol,
        retries: plan.retries,
        retryBudget: { ratio: 0.2, perSecond: 1 },
        balancer: plan.around(watched.around(plan.balancing), plan.servers),
        ...(plan.hedges ? { serviceConfig: HEDGING } : {}),
      })
      const { call } = client.bind(FLEET)
      const one = async (id: number, startMs: number): Promise<void> => {
        await network.clock.sleep(startMs)
        const at = network.now()
        const error = await call(id, { timeoutMs: TIMEOUT_MS }).then(
          () => undefined,
          (reason: unknown) => reason as Error,
        )
        outcomes.push({ id, at, tookMs: network.now() - at, error })
      }
      for (let id = 0; id < 10; id++) await one(id, 1)
      strike(plan, world)
      const starts = Array.from({ length: plan.calls }, () => plan.random.integer(0, SPAN_MS))
      await Promise.all(starts.map((startMs, at) => one(at + 10, startMs)))
      faults.push(...judge(plan, world, outcomes))
      world.heal()
      await world.join()
      await network.clock.sleep(200_000)
      const before = outcomes.length
      for (let at = 0; at < 20; at++) await one(100_000 + at, 1)
      const lost = outcomes.slice(before).filter(({ error }) => error !== undefined)
      // The first may still meet what nobody has looked at since.
      if (lost.length > 2)
        faults.push(`${lost.length} of 20 calls failed after all was well: ${lost.at(-1)!.error}`)
      await client.close()
      // What was cut takes its time to settle.
      await network.clock.sleep(5_000)
      if (world.counted !== 0)
        faults.push(`servers count ${world.counted} calls as running or waiting at the end`)
      await world.close()
    })(),
    3_600_000,
  )
  if (watched.running !== 0) faults.push(`${watched.running} calls count as running at the end`)
  const counted = [...watched.seen].filter(({ pending }) => pending !== 0).length
  if (counted > 0) faults.push(`${counted} endpoints count calls that have ended`)
  faults.push(...new Set(watched.faults))
  const succeeded = outcomes.filter(({ error }) => error === undefined).length
  return { seed, faults, calls: outcomes.length, succeeded }
}

interface Outcome {
  readonly id: number
  readonly at: number
  readonly tookMs: number
  readonly error: Error | undefined
}

/** Blows fall on some, never on all but in an outage. */
function strike(plan: FleetPlan, world: FleetWorld): void {
  const { random, blows, isOutage } = plan
  if (blows.length === 0) return
  const most = isOutage ? world.members.length : Math.ceil(world.members.length / 2)
  for (const member of world.members.slice(0, isOutage ? most : random.integer(1, most))) {
    const blow = isOutage ? 'refuse' : random.pick(blows)
    world.network.schedule(isOutage ? 0 : random.integer(0, SPAN_MS / 2), () =>
      world.strike(member, blow),
    )
  }
}

/** What must hold for the calls under the blows. */
function judge(plan: FleetPlan, world: FleetWorld, outcomes: readonly Outcome[]): string[] {
  const { blows, retries, isOutage } = plan
  const faults: string[] = []
  const late = outcomes.filter(({ tookMs }) => tookMs > TIMEOUT_MS + 10)
  if (late.length > 0) faults.push(`a call took ${late[0]!.tookMs} ms of ${TIMEOUT_MS}`)
  const failed = outcomes.filter(({ error }) => error !== undefined).sort((a, b) => a.at - b.at)
  const isGentle = blows.length === 1 && (blows[0] === 'leave' || blows[0] === 'lame')
  const isTight = plan.overload?.callsMax === 2
  const isHarmless = !isTight && (blows.length === 0 || isGentle)
  if (isHarmless && failed.length > 0)
    faults.push(`no harm was done, and a call failed: ${failed[0]!.error}`)
  const lastHit = Math.max(...world.members.map(({ hitAt }) => hitAt).filter(Number.isFinite), 0)
  if (blows.length === 1 && blows[0] === 'kill' && !isTight) {
    const begun = failed.filter(({ at }) => at > lastHit + 5)
    if (begun.length > 0)
      faults.push(
        `${begun.length} calls failed that began after the last server was killed: ${begun[0]!.error}`,
      )
  }
  if (blows.length === 1 && blows[0] === 'freeze' && plan.protocol === 'grpc' && !isTight) {
    // Nobody knows of a server that is frozen before a call went there, and one of another zone has few.
    const learntAt = new Map<string, number>()
    const begun = failed.filter(({ at, error }) => {
      const { address = '' } = error as { readonly address?: string }
      if (!learntAt.has(address)) learntAt.set(address, at + LEARNT_MS)
      return at > Math.max(lastHit + LEARNT_MS, learntAt.get(address)!)
    })
    if (begun.length > 0)
      faults.push(
        `${begun.length} calls went to a server that had not answered for ${LEARNT_MS} ms`,
      )
  }
  const attempts = world.members.reduce((sum, { calls }) => sum + calls.length, 0)
  const most = outcomes.length * 1.2 + 10 + (SPAN_MS / 1_000) * 1 + 5
  if (attempts > most)
    faults.push(`${attempts} attempts of ${outcomes.length} calls, at most ${most}`)
  const isOnce = retries === 0 && !(plan.hedges && plan.protocol === 'grpc')
  if (isOnce && attempts > outcomes.length) faults.push('a call was handled twice without retries')
  // A hedge may go where the first attempt hangs, while nobody else is connected.
  if (!isOutage && !plan.hedges) {
    for (const { calls } of world.members) {
      const twice = calls.filter((id, at) => calls.indexOf(id) !== at)
      if (twice.length > 0)
        faults.push(`call ${twice[0]} came twice to the same server though others were there`)
    }
  }
  return faults
}
