import type { Endpoint } from '../names/endpoint.js'
import type { Balancer, Candidate, Ended } from './balancer.js'

/** A balancer around another: it passes on what it hears. What the inner one does not listen to costs nothing. */
export abstract class Around implements Balancer {
  protected readonly child: Balancer
  declare onBegin?: (candidate: Candidate) => void
  declare onEnd?: (candidate: Candidate, ended: Ended) => void

  constructor(child: Balancer) {
    this.child = child
    if (child.onBegin !== undefined) this.onBegin = each => child.onBegin!(each)
    if (child.onEnd !== undefined) this.onEnd = (each, ended) => child.onEnd!(each, ended)
  }

  abstract pick(candidates: readonly Candidate[]): Candidate

  choose(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    return this.child.choose?.(endpoints) ?? endpoints
  }
}
