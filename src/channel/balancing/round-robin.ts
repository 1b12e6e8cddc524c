import { checkNoOptions } from '../../options/index.js'
import type { Balancer, BalancerOutside, Balancing, Candidate } from './balancer.js'

/** Creates a balancer that takes one endpoint after the other. Each client begins somewhere else, so that many do not march in step. */
export function roundRobin(options?: undefined): Balancing {
  checkNoOptions('roundRobin', options)
  return { name: 'roundRobin', create: outside => new RoundRobin(outside) }
}

class RoundRobin implements Balancer {
  readonly #random: () => number
  #of: readonly Candidate[] | undefined = undefined
  #next = 0

  constructor({ random }: BalancerOutside) {
    this.#random = random
  }

  pick(candidates: readonly Candidate[]): Candidate {
    if (this.#of === undefined) this.#next = Math.floor(this.#random() * candidates.length)
    this.#of = candidates
    // The set may have shrunk.
    if (this.#next >= candidates.length) this.#next = 0
    return candidates[this.#next++]!
  }
}
