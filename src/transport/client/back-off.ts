import { checkOptions, type OptionKinds } from '../../options/index.js'

/**
 * Delays between attempts to connect, as in gRPC connection-backoff.md. A delay counts from the
 * start of the attempt that failed.
 */
export interface BackOffOptions {
  /** Delay after the first failure. Unit: ms. Default: 1_000. */
  readonly initialMs?: number
  /** Factor by which the delay grows with each further failure. Default: 1.6. */
  readonly multiplier?: number
  /** Largest delay. Unit: ms. Default: 120_000. */
  readonly maxMs?: number
  /**
   * Random part of the delay: 0.2 is plus or minus 20 %, so that clients do not reconnect at the
   * same time. Default: 0.2.
   */
  readonly jitter?: number
}

const KINDS: OptionKinds<BackOffOptions> = {
  initialMs: 'number',
  multiplier: 'number',
  maxMs: 'number',
  jitter: 'number',
}

/** Checks the options. @throws TypeError or RangeError naming the option that cannot be used. */
export function checkBackOff(options: BackOffOptions): void {
  checkOptions('backOff', options, KINDS)
  new BackOff(options, () => 0)
}

/** Says how long to wait after each failed attempt. */
export class BackOff {
  readonly #initialMs: number
  readonly #multiplier: number
  readonly #maxMs: number
  readonly #jitter: number
  readonly #random: () => number
  #currentMs: number

  constructor(options: BackOffOptions, random: () => number) {
    this.#initialMs = check('initialMs', options.initialMs ?? 1_000, 0)
    this.#multiplier = check('multiplier', options.multiplier ?? 1.6, 1)
    this.#maxMs = check('maxMs', options.maxMs ?? 120_000, 0)
    this.#jitter = check('jitter', options.jitter ?? 0.2, 0)
    this.#random = random
    this.#currentMs = this.#initialMs
  }

  /** The wait after one more failure, counted from the start of the attempt that failed. Unit: ms. */
  next(): number {
    const baseMs = Math.min(this.#currentMs, this.#maxMs)
    this.#currentMs = Math.min(baseMs * this.#multiplier, this.#maxMs)
    return Math.round(baseMs * (1 + this.#jitter * (2 * this.#random() - 1)))
  }

  /** An attempt has succeeded. */
  reset(): void {
    this.#currentMs = this.#initialMs
  }
}

function check(name: string, value: number, least: number): number {
  if (!(value >= least))
    throw new RangeError(`backOff.${name} is ${value}; expected ${least} or more`)
  return value
}
