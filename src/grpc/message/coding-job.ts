import type { Compression } from '../wire/compression.js'

/** Who has a message compressed or inflated: one at a time. */
export interface CodedOwner {
  /** It was not done at once, and now is: `bytes`, or why there are none. Called at the beginning of a turn's end. */
  onCoded(bytes: Buffer | undefined, error: unknown): void
}

/** One message that is compressed or inflated off the thread. */
export class CodingJob {
  /** Undefined once it is not wanted any more. */
  owner: CodedOwner | undefined
  /** What is to be coded; then what it became. */
  bytes: Uint8Array | undefined
  error: unknown = undefined
  /** Octets it may come to, which count until it has ended. */
  readonly reserved: number
  /** Octets it came to, which count until its owner needs it no more. */
  charged = 0
  /** Its owner has given it to the application. */
  isTaken = false
  readonly budget: number
  readonly compression: Compression

  constructor(
    owner: CodedOwner,
    bytes: Uint8Array,
    compression: Compression,
    reserved: number,
    budget: number,
  ) {
    this.owner = owner
    this.bytes = bytes
    this.compression = compression
    this.reserved = reserved
    this.budget = budget
  }
}
