import { checkOptions, type OptionKinds, rangeOf, withMethods } from '../../options/index.js'
import type { Endpoint } from '../names/endpoint.js'
import { Around } from './around.js'
import type { Balancer, BalancerOutside, Balancing, Candidate } from './balancer.js'
import { leastRequest } from './least-request.js'

/** Options of `zoneFirst`. */
export interface ZoneFirstOptions {
  /** Where this client is: metadata `zone` of nodes that are near. Required. */
  readonly zone: string
  /** Whom calls go to within a zone. Default: `leastRequest()`. */
  readonly balancer?: Balancing
  /** While fewer of the near ones are connected, a part of the calls goes elsewhere, as large as what is missing. Unit: percent. Default: 70. */
  readonly spillBelowPercent?: number
}

const KINDS: OptionKinds<ZoneFirstOptions> = {
  zone: 'string',
  balancer: withMethods(['create'], '; use one like roundRobin()'),
  spillBelowPercent: rangeOf(1, 100),
}

/**
 * Creates a balancer that stays in its own zone while enough of it works, and sends the rest elsewhere when it does not.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function zoneFirst(options: ZoneFirstOptions): Balancing {
  checkOptions('zoneFirst', options, KINDS)
  if (options.zone === undefined || options.zone === '') {
    throw new TypeError('zoneFirst needs zone: where this client is')
  }
  const child = options.balancer ?? leastRequest()
  return {
    ...child,
    name: `zoneFirst(${child.name})`,
    create: outside => new ZoneFirst(options, child.create(outside), outside),
  }
}

class ZoneFirst extends Around {
  readonly #outside: BalancerOutside
  readonly #zone: string
  readonly #spillBelow: number
  #nearCount = 0
  #of: readonly Candidate[] | undefined
  #near: readonly Candidate[] = []
  #far: readonly Candidate[] = []
  /** Share of the calls that stays. */
  #share = 1

  constructor(options: ZoneFirstOptions, child: Balancer, outside: BalancerOutside) {
    super(child)
    this.#outside = outside
    this.#zone = options.zone
    this.#spillBelow = (options.spillBelowPercent ?? 70) / 100
  }

  override choose(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    this.#nearCount = endpoints.filter(({ zone }) => zone === this.#zone).length
    this.#of = undefined
    return super.choose(endpoints)
  }

  pick(candidates: readonly Candidate[]): Candidate {
    if (candidates !== this.#of) this.#sort(candidates)
    if (this.#near.length === 0) return this.child.pick(candidates)
    const stays = this.#far.length === 0 || this.#share >= 1 || this.#outside.random() < this.#share
    return this.child.pick(stays ? this.#near : this.#far)
  }

  #sort(candidates: readonly Candidate[]): void {
    this.#of = candidates
    this.#near = candidates.filter(({ endpoint }) => endpoint.zone === this.#zone)
    this.#far = candidates.filter(({ endpoint }) => endpoint.zone !== this.#zone)
    this.#share = this.#near.length / Math.max(1, this.#nearCount) / this.#spillBelow
  }
}
