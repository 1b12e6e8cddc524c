import { checkNoOptions } from '../../options/index.js'
import type { Balancer, BalancerOutside, Balancing, Candidate } from './balancer.js'
import { betterOfTwo } from './two-choices.js'

/**
 * Creates a balancer that draws two endpoints and takes the one with fewer calls of this client under way. One that
 * is stuck, or slow under load, gets little more. Without load it is a random choice.
 */
export function leastRequest(options?: undefined): Balancing {
  checkNoOptions('leastRequest', options)
  return { name: 'leastRequest', create: outside => new LeastRequest(outside) }
}

class LeastRequest implements Balancer {
  readonly #random: () => number

  constructor({ random }: BalancerOutside) {
    this.#random = random
  }

  pick(candidates: readonly Candidate[]): Candidate {
    return betterOfTwo(candidates, this.#random, pendingOf)
  }
}

function pendingOf({ pending }: Candidate): number {
  return pending
}
