import type { Contest, Outcome } from './contest.js'
import type { Pace } from './pace.js'
import type { PeerSet } from './peers.js'

/** What a suite has to hand. */
export interface Bench {
  readonly pace: Pace
  readonly peers: PeerSet
  /** Prints one line. */
  note(text: string): void
  /** Runs a contest, unless it was not asked for; prints its table and keeps its rows. */
  run(contest: Contest): Promise<Outcome | undefined>
}

/** A named set of contests. */
export type Suite = (bench: Bench) => Promise<void>
