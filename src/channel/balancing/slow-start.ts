import { checkOptions, type OptionKinds, rangeOf, withMethods } from '../../options/index.js'
import { Around } from './around.js'
import type { Balancer, BalancerOutside, Balancing, Candidate } from './balancer.js'
import { leastRequest } from './least-request.js'

/** Options of `slowStart`. */
export interface SlowStartOptions {
  /** Whom calls go to. Default: `leastRequest()`. */
  readonly balancer?: Balancing
  /** How long an endpoint that has just been connected gets less than its share. Unit: ms. Default: 30_000. */
  readonly windowMs?: number
  /** Its share at the beginning. Unit: percent. Default: 10. */
  readonly minPercent?: number
  /** 1: its share grows evenly; more: faster at the beginning. Default: 1. */
  readonly aggression?: number
}

const KINDS: OptionKinds<SlowStartOptions> = {
  balancer: withMethods(['create'], '; use one like roundRobin()'),
  windowMs: rangeOf(1),
  minPercent: rangeOf(1, 100),
  aggression: rangeOf(0.1, 10),
}

/**
 * Creates a balancer that gives endpoints which come to those that work, or come back, a share that grows: their caches and compilers
 * are cold. Those that are there when the client begins get their share at once.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function slowStart(options: SlowStartOptions = {}): Balancing {
  checkOptions('slowStart', options, KINDS)
  const child = options.balancer ?? leastRequest()
  return {
    ...child,
    name: `slowStart(${child.name})`,
    create: outside => new SlowStart(options, child.create(outside), outside),
  }
}

/** The share of its share that an endpoint gets at that age. In 0 to 1. */
export function startShare(
  ageMs: number,
  windowMs: number,
  min: number,
  aggression: number,
): number {
  if (ageMs >= windowMs) return 1
  return Math.max(min, (Math.max(0, ageMs) / windowMs) ** (1 / aggression))
}

class SlowStart extends Around {
  readonly #outside: BalancerOutside
  readonly #windowMs: number
  readonly #min: number
  readonly #aggression: number
  #of: readonly Candidate[] | undefined
  /** Who came a short time ago, and when. */
  readonly #fresh = new Map<Candidate, number>()
  #warm: readonly Candidate[] = []

  constructor(options: SlowStartOptions, child: Balancer, outside: BalancerOutside) {
    super(child)
    this.#outside = outside
    this.#windowMs = options.windowMs ?? 30_000
    this.#min = (options.minPercent ?? 10) / 100
    this.#aggression = options.aggression ?? 1
  }

  pick(candidates: readonly Candidate[]): Candidate {
    if (candidates !== this.#of) this.#compare(candidates)
    const picked = this.child.pick(candidates)
    if (this.#fresh.size === 0) return picked
    const since = this.#fresh.get(picked)
    if (since === undefined) return picked
    const now = this.#outside.now()
    const share = startShare(now - since, this.#windowMs, this.#min, this.#aggression)
    if (share >= 1) {
      this.#fresh.delete(picked)
      this.#warm = candidates.filter(each => !this.#fresh.has(each))
      return picked
    }
    // Where all are cold somebody has to begin.
    if (this.#warm.length === 0 || this.#outside.random() < share) return picked
    return this.child.pick(this.#warm)
  }

  #compare(candidates: readonly Candidate[]): void {
    const before = this.#of
    this.#of = candidates
    const now = this.#outside.now()
    const known = new Set(before)
    const here = new Set(candidates)
    for (const each of this.#fresh.keys()) if (!here.has(each)) this.#fresh.delete(each)
    // Within the first moments connections are made one after the other: nobody is new among them.
    this.#beganAt ??= now
    const isBeginning = now - this.#beganAt < BEGINNING_MS
    for (const each of candidates) {
      if (before !== undefined && !isBeginning && !known.has(each)) this.#fresh.set(each, now)
    }
    this.#warm = candidates.filter(each => !this.#fresh.has(each))
  }

  #beganAt: number | undefined
}

/** Unit: ms. */
const BEGINNING_MS = 1_000
