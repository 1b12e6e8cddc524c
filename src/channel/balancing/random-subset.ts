import { checkOptions, type OptionKinds, withMethods } from '../../options/index.js'
import type { Endpoint } from '../names/endpoint.js'
import { Around } from './around.js'
import type { Balancer, Balancing, Candidate } from './balancer.js'
import { leastRequest } from './least-request.js'
import { textHash } from './text-hash.js'

/** Options of `randomSubset`. */
export interface RandomSubsetOptions {
  /** How many endpoints this client connects to. Required. */
  readonly size: number
  /** Whom calls go to among them. Default: `leastRequest()`. */
  readonly balancer?: Balancing
}

const KINDS: OptionKinds<RandomSubsetOptions> = {
  size: (name, value) => {
    if (Number.isInteger(value) && (value as number) > 0) return
    throw new RangeError(`${name} is ${String(value)}; expected a whole number of at least 1`)
  },
  balancer: withMethods(['create'], '; use one like roundRobin()'),
}

/**
 * Creates a balancer that uses only some of the endpoints, others for each client: of thousands of clients and servers not
 * everybody has to be connected to everybody. An endpoint that comes or goes changes one of them at most. gRPC A68.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function randomSubset(options: RandomSubsetOptions): Balancing {
  checkOptions('randomSubset', options, KINDS)
  const { size } = options
  if (size === undefined) throw new TypeError('randomSubset needs size: how many endpoints to use')
  const child = options.balancer ?? leastRequest()
  return {
    ...child,
    name: `randomSubset(${child.name})`,
    create: outside => {
      return new RandomSubset(size, Math.floor(outside.random() * 2 ** 32), child.create(outside))
    },
  }
}

class RandomSubset extends Around {
  readonly #size: number
  readonly #seed: number

  constructor(size: number, seed: number, child: Balancer) {
    super(child)
    this.#size = size
    this.#seed = seed
  }

  override choose(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    let chosen = endpoints
    if (endpoints.length > this.#size) {
      const ranked = endpoints.map(each => ({ each, rank: textHash(each.address, this.#seed) }))
      ranked.sort((a, b) => a.rank - b.rank || (a.each.address < b.each.address ? -1 : 1))
      chosen = ranked.slice(0, this.#size).map(({ each }) => each)
    }
    return super.choose(chosen)
  }

  pick(candidates: readonly Candidate[]): Candidate {
    return this.child.pick(candidates)
  }
}
