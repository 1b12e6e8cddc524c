/** The phases of the soak: each has a load of its own, and others' calls beside it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/testing/index.js'
import { Caller, type Protocol } from './caller.js'
import type { Budget, Ledger } from './ledger.js'
import { type CallPlan, drawPlan, ENDINGS, type Ending, type PlanBounds, STALLS } from './plan.js'
import { drawLimits, type Site } from './site.js'

export interface World {
  readonly random: Random
  readonly ledger: Ledger
  readonly budget: Budget
  readonly sites: readonly Site[]
  /** Largest message. Unit: octets. */
  readonly sizeMax: number
  /** All calls that are open together. Unit: octets. */
  readonly octetsMax: number
  readonly burstMax: number
}

type Phase = (world: World) => Promise<void>

export const PHASES: Readonly<Record<string, Phase>> = {
  mixed,
  large,
  burst,
  'stand-still': standStill,
  'mass-cancel': massCancel,
  restart,
}

const PROTOCOLS: readonly Protocol[] = ['grpc', 'mucp']
const WIDTH = 8
const SMALL: PlanBounds = { octetsMax: 65_536, messagesMax: 100 }
const BESIDE_WIDTH = 4
/** A call of others beside what is tried: far above what a busy machine takes, far below a timer of ours. */
const BESIDE_MAX_MS = 8_000
const READY_MAX_MS = 20_000

/** All kinds and endings from all doors, eight at a time. */
async function mixed(world: World): Promise<void> {
  await Promise.all(
    allDoors(world).map(async ([site, protocol]) => {
      const caller = callerOf(world, site, protocol)
      const bounds = { endings: ENDINGS, octetsMax: 1_048_576, messagesMax: 1_000 }
      const plans = drawPlans(
        world,
        world.random.integer(20, Math.min(200, world.burstMax / 10)),
        bounds,
      )
      await inTurn(plans, WIDTH, plan => caller.call(plan))
      await caller.close()
    }),
  )
}

/** A few calls with messages as large as they may be. */
async function large(world: World): Promise<void> {
  const bounds = { octetsMax: world.sizeMax, messagesMax: 20, endings: ENDINGS }
  const plans = drawPlans(world, world.random.integer(1, 4), bounds)
  // One at least is of the largest size, or nearly.
  const octets = world.random.integer(world.sizeMax / 2, world.sizeMax)
  const one = { ...drawPlan(world.random, SMALL), isGzip: false, kind: 'unary' as const }
  plans.push({ ...one, requests: [octets], responses: [world.random.size(world.sizeMax)] })
  await tried(world, caller => Promise.all(plans.map(plan => caller.call(plan))))
}

/** Up to thousands of calls in one tick, with as much to carry as there is room for. */
async function burst(world: World): Promise<void> {
  const count = world.random.integer(world.burstMax / 20, world.burstMax)
  const octetsMax = Math.floor(world.octetsMax / count / 2)
  const plans = drawPlans(world, count, { octetsMax, messagesMax: 10, endings: oftenComplete() })
  await tried(world, caller => Promise.all(plans.map(plan => caller.call(plan))))
}

/** Readers and uploads that stand still until the others are done; a third is given up meanwhile. */
async function standStill(world: World): Promise<void> {
  const count = world.random.integer(2, 200)
  const octetsMax = Math.floor(world.octetsMax / count / 2)
  const bounds = { stalls: STALLS, octetsMax, messagesMax: 600 }
  const endings = ['complete', 'complete', 'cancel'] as const
  const plans = drawPlans(world, count, { ...bounds, endings })
  let open: () => void = () => {}
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const givenUp = new AbortController()
  let stalled: Promise<unknown> = Promise.resolve()
  await tried(
    world,
    async caller => {
      stalled = Promise.all(plans.map(plan => caller.call(plan, { gate, signal: givenUp.signal })))
      await sleep(world.random.integer(50, 300))
      givenUp.abort()
      await sleep(world.random.integer(50, 300))
    },
    true,
    async () => {
      open()
      await stalled
    },
  )
}

/** Hundreds of calls behind one signal. */
async function massCancel(world: World): Promise<void> {
  const count = world.random.integer(world.burstMax / 25, world.burstMax / 3)
  const octetsMax = Math.floor(world.octetsMax / count / 2)
  const bounds = { octetsMax, messagesMax: 1_000, stalls: STALLS }
  const plans = drawPlans(world, count, { ...bounds, endings: ['cancel'] })
  const abort = new AbortController()
  await tried(
    world,
    async caller => {
      const around = { gate: aborted(abort.signal), signal: abort.signal }
      const calls = Promise.all(plans.map(plan => caller.call(plan, around)))
      await sleep(world.random.integer(0, 200))
      abort.abort()
      await calls
    },
    true,
  )
}

/** A server stops under load and comes back at its port: calls fail or are whole, and the next ones succeed. */
async function restart(world: World): Promise<void> {
  const { random } = world
  const site = random.pick(world.sites)
  const callers = PROTOCOLS.map(protocol => callerOf(world, site, protocol))
  const bounds = { endings: ENDINGS, octetsMax: 1_048_576, messagesMax: 200 }
  let state: 'up' | 'down' | 'over' = 'up'
  const loads = callers.flatMap(caller =>
    Array.from({ length: 4 * WIDTH }, async () => {
      while (state !== 'over') {
        await caller.call(drawPlan(random, bounds), { mayFail: true })
        if (state === 'down') await sleep(50)
      }
    }),
  )
  await sleep(random.integer(50, 500))
  state = 'down'
  await site.restart(random.pick([0, 50, 2_000]), drawLimits(random))
  await sleep(random.integer(0, 500))
  state = 'over'
  await Promise.all(loads)
  await Promise.all(callers.map(caller => readyAgain(world, caller)))
  await Promise.all(callers.map(caller => caller.close()))
}

async function readyAgain(world: World, caller: Caller): Promise<void> {
  const until = performance.now() + READY_MAX_MS
  for (;;) {
    const plan = drawPlan(world.random, SMALL)
    const { isWhole } = await caller.call(plan, { mayFail: true, waitForReady: true })
    if (isWhole) return
    if (performance.now() > until) {
      return world.ledger.found('failed', `no call succeeds ${READY_MAX_MS} ms after a restart`)
    }
    await sleep(100)
  }
}

/** Runs `load` on one client while others' calls on the same client go on; `after`: what may only happen when they are done. */
async function tried(
  world: World,
  load: (caller: Caller) => Promise<unknown>,
  isIsolated = false,
  after?: () => Promise<void>,
): Promise<void> {
  const [site, protocol] = world.random.pick(allDoors(world))
  const caller = callerOf(world, site, protocol)
  let isOver = false
  const beside = Array.from({ length: BESIDE_WIDTH }, async () => {
    do {
      const plan = drawPlan(world.random, SMALL)
      const { ms } = await caller.call(plan)
      if (ms > world.ledger.slowestMs) world.ledger.slowestMs = ms
      // In a burst they queue behind thousands; who stands still or gives up is in nobody's way.
      if (isIsolated && ms > BESIDE_MAX_MS) {
        world.ledger.found('slow', `a call beside the load took ${Math.round(ms)} ms`, plan)
      }
    } while (!isOver)
  })
  await load(caller)
  isOver = true
  await Promise.all(beside)
  await after?.()
  await caller.close()
}

function allDoors(world: World): [Site, Protocol][] {
  return world.sites.flatMap(site => PROTOCOLS.map((each): [Site, Protocol] => [site, each]))
}

function callerOf(world: World, site: Site, protocol: Protocol): Caller {
  world.ledger.place = world.ledger.place.replace(
    / \(.*|$/,
    ` (${protocol}${site.identity === undefined ? '' : ', TLS'})`,
  )
  return new Caller(site, protocol, drawLimits(world.random), world.ledger, world.budget)
}

function drawPlans(world: World, count: number, bounds: PlanBounds): CallPlan[] {
  return Array.from({ length: count }, () => drawPlan(world.random, bounds))
}

function oftenComplete(): readonly Ending[] {
  return [...Array.from({ length: 12 }, () => 'complete' as const), ...ENDINGS]
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

async function inTurn(
  plans: readonly CallPlan[],
  width: number,
  each: (plan: CallPlan) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < plans.length) await each(plans[next++]!)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
