import type { Metadata } from '../../grpc/index.js'
import type { Runtime } from '../../transport/index.js'
import type { Endpoint } from '../names/endpoint.js'
import type { Outcome } from './outcome.js'

/** An endpoint as balancers see it: with what this client does there now. */
export interface Candidate {
  readonly endpoint: Endpoint
  /** Calls of this client that have begun there and not ended. */
  readonly pending: number
  /** The balancer that picks may keep here what it knows of the endpoint: quicker than a map. Those around it have maps. */
  known?: unknown
}

/** How one call ended. */
export interface Ended {
  readonly outcome: Outcome
  /** From its start to its end; of a call that answers with a stream, to the first of the answer. Unit: ms. */
  readonly durationMs: number
  /** When. Unit: ms, on the clock of `BalancerOutside`. */
  readonly at: number
  /** The server asked not to be called for so long (`grpc-retry-pushback-ms`). Unit: ms. */
  readonly pushbackMs?: number | undefined
  /** What came with the status. Undefined: nothing did. */
  readonly trailers?: Metadata | undefined
}

/** Chooses the endpoint of each call. It has no clock, no dice and no timer of its own. */
export interface Balancer {
  /**
   * One of `candidates`, of which there is at least one: connected, and none that this call has failed at.
   * The array is the same object for as long as the set is the same.
   */
  pick(candidates: readonly Candidate[]): Candidate
  /**
   * All endpoints there are, connected or not, each time that they change. Returns those that this client is to use: no
   * connection is made to others. Optional: all.
   */
  choose?(endpoints: readonly Endpoint[]): readonly Endpoint[]
  /** A call that was picked has begun. Optional. */
  onBegin?(candidate: Candidate): void
  /** It has ended: once for each `onBegin`. Optional. */
  onEnd?(candidate: Candidate, ended: Ended): void
}

/** What balancers know of the world outside. */
export type BalancerOutside = Pick<Runtime, 'now' | 'random'>

/** A kind of balancer, as an option: each client makes one of its own from it. */
export interface Balancing {
  readonly name: string
  /** `first`: one connection, to the first endpoint that can be reached. Default: `all`. */
  readonly connects?: 'all' | 'first'
  /** `untried`: endpoints without a connection are candidates until an attempt failed or took too long. Default: `connected`. */
  readonly candidates?: 'connected' | 'untried'
  /** Creates the balancer of one client. */
  create(outside: BalancerOutside): Balancer
}
