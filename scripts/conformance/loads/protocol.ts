import type { Cell } from './plan.js'

/** What a process of the matrix is asked, in one line of JSON each; the same in every language. */
export type Request =
  | ({ readonly do: 'load'; readonly port: number; readonly caFile: string } & Cell)
  | { readonly do: 'stats' }
  | { readonly do: 'usage' }

/** What a client tells of one cell. */
export interface LoadReport {
  /** How many calls ended how: by name of the status; SOURCE: with the error of their source. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly seconds: number
  /** Of small unary calls on the same client meanwhile; 0: not measured. */
  readonly otherP99Ms: number
  /** The longest turn of the event loop, in CPU time. 0: not measured. */
  readonly heldMs: number
  /** Sources that nobody closed. */
  readonly open: number
}

/** What a server tells of all its calls so far. */
export interface ServerStats {
  readonly running: number
  readonly started: number
  /** Ends of requests that came in order. */
  readonly orderly: number
  /** Of these, those with fewer messages than `x-count` says. */
  readonly truncated: number
  readonly corrupt: number
  /** Response iterators that nobody closed. */
  readonly open: number
  readonly heldMs: number
}

/** What is held by a process of ours when it is idle. */
export interface Usage {
  readonly heapOctets: number
  readonly sockets: number
  readonly timers: number
}

/** Messages that a handler must have before its requests may end in order, where they must not end so at all. */
export const NEVER_COUNT = 1_000_000

/** Largest message of either side: the largest of the matrix and some. Unit: octets. */
export const MESSAGE_SIZE_MAX: number = 80 * 1_048_576

/** Windows of cells that are `small`: HTTP/2's own default. Unit: octets. */
export const SMALL_WINDOW = 65_535

/** How long the calls of a cell have before they fail by themselves. Unit: ms. */
export const CALL_TIME_MAX_MS = 50_000

/** When held calls are ended by a signal, a deadline or a kill. Unit: ms. */
export const HELD_MS = 500
