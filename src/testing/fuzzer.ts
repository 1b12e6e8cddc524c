import { checkOptions, type OptionKinds } from '../options/index.js'
import { minimize } from './minimize.js'
import { type Mutator, OCTET_MUTATORS } from './octet-mutator.js'
import { Random } from './random.js'

/** What to fuzz. */
export interface FuzzTarget {
  readonly name: string
  /** Runs one input. Whatever it throws is a finding. It must not keep `bytes`, nor write to them. */
  readonly fuzz: (bytes: Buffer) => void | Promise<void>
  /** Inputs to begin with. Default: an empty one. */
  readonly seeds?: readonly Buffer[]
  /** Makes an input from nothing, for formats that mutation would take long to arrive at. */
  readonly generate?: (random: Random) => Buffer
  /** Changes beside `OCTET_MUTATORS` that know the format. */
  readonly mutators?: readonly Mutator[]
  /** Longer inputs are cut. Unit: octets. Default: 4_096. */
  readonly sizeMax?: number
}

/** Options of a `Fuzzer`. */
export interface FuzzerOptions {
  /** One seed, the same target, the same inputs: the same run. Default: 1. */
  readonly seed?: number
  /**
   * Counts how often each place of the code was passed; the fuzzer sets it to zero before each
   * run. An input that passes a new place, or one far more often than any before, is kept.
   * Without it the fuzzer goes blind: it mutates what it was given.
   */
  readonly counters?: Uint8Array
  /** Further inputs, such as the ones a former run has kept. */
  readonly corpus?: readonly Buffer[]
  /** Hears of each input that is kept. */
  readonly onKept?: (bytes: Buffer) => void
}

const KINDS: OptionKinds<FuzzerOptions> = {
  seed: 'number',
  counters: 'object',
  corpus: 'array',
  onKept: 'function',
}

/** An input for which the target threw an error. */
export interface Finding {
  readonly bytes: Buffer
  readonly error: unknown
  /** Executions until it was found. */
  readonly runs: number
}

/** Inputs kept at most; the oldest that are no seeds go first. */
const CORPUS_MAX = 4_096
const SIZE_MAX = 4_096
/** Share of the inputs that are generated, where the target can. */
const GENERATED = 0.3
/** Share of the picks that go to the newest inputs. */
const NEWEST = 0.5
const NEWEST_COUNT = 24
const MUTATIONS_MAX = 5
/** Octet mutators are half of the mutations of a format that has its own. */
const FORMAT_MUTATIONS = 0.6

/**
 * A coverage-guided fuzzer: mutates inputs, keeps those that reach something new, and is
 * deterministic by its seed. It has no clock and no files: its caller decides how long it runs and
 * what to keep.
 */
export class Fuzzer {
  readonly #target: FuzzTarget
  readonly #random: Random
  readonly #counters: Uint8Array | undefined
  readonly #words: Uint32Array | undefined
  /** For each counter, the classes of counts seen so far, one bit each. */
  readonly #seen: Uint8Array
  readonly #corpus: Buffer[] = []
  readonly #onKept: ((bytes: Buffer) => void) | undefined
  /** Inputs given that have not been run yet. */
  #pending: Buffer[]
  #runs = 0
  #featureCount = 0

  constructor(target: FuzzTarget, options: FuzzerOptions = {}) {
    checkOptions('Fuzzer', options, KINDS)
    this.#target = target
    this.#random = new Random(options.seed ?? 1)
    this.#counters = options.counters
    if (options.counters !== undefined) {
      const { buffer, byteOffset, length } = options.counters
      if (byteOffset % 4 !== 0 || length % 4 !== 0) {
        throw new RangeError(`counters: ${length} octets at ${byteOffset}; expected multiples of 4`)
      }
      this.#words = new Uint32Array(buffer, byteOffset, length / 4)
    }
    this.#seen = new Uint8Array(options.counters?.length ?? 0)
    this.#onKept = options.onKept
    const seeds = [...(target.seeds ?? []), ...(options.corpus ?? [])]
    this.#pending = (seeds.length === 0 ? [Buffer.alloc(0)] : seeds).slice().reverse()
  }

  /** Executions so far. */
  get runs(): number {
    return this.#runs
  }

  /** Inputs kept. */
  get corpusSize(): number {
    return this.#corpus.length
  }

  /** What was reached: places of the code, each counted once for each class of how often. */
  get featureCount(): number {
    return this.#featureCount
  }

  /** Runs `count` more inputs; stops at the first finding and returns it. */
  async run(count: number): Promise<Finding | undefined> {
    for (let i = 0; i < count; i++) {
      const bytes = this.#nextInput()
      this.#counters?.fill(0)
      this.#runs++
      try {
        const result = this.#target.fuzz(bytes)
        if (result !== undefined) await result
      } catch (error) {
        return { bytes, error, runs: this.#runs }
      }
      if (this.#reachedNew()) this.#keep(bytes)
    }
    return undefined
  }

  /** A smaller input that fails in the same way. */
  async minimize(finding: Finding, runsMax?: number): Promise<Buffer> {
    const kind = failureKind(finding.error)
    const fails = async (bytes: Buffer): Promise<boolean> => {
      try {
        await this.#target.fuzz(bytes)
        return false
      } catch (error) {
        return failureKind(error) === kind
      }
    }
    // What depends on former runs does not fail again: it is reported as it was.
    return (await fails(finding.bytes)) ? minimize(finding.bytes, fails, runsMax) : finding.bytes
  }

  #nextInput(): Buffer {
    const pending = this.#pending.pop()
    if (pending !== undefined) {
      if (this.#corpus.length === 0 || this.#counters === undefined) this.#corpus.push(pending)
      return pending
    }
    const random = this.#random
    const { generate } = this.#target
    const sizeMax = this.#target.sizeMax ?? SIZE_MAX
    let bytes = generate !== undefined && random.chance(GENERATED) ? generate(random) : this.#pick()
    const mutations = random.integer(generate === undefined ? 1 : 0, MUTATIONS_MAX)
    for (let i = 0; i < mutations; i++) bytes = this.#pickMutator()(bytes, random, this.#pick())
    return bytes.length > sizeMax ? bytes.subarray(0, sizeMax) : bytes
  }

  #pick(): Buffer {
    const random = this.#random
    const corpus = this.#corpus
    const newest = random.chance(NEWEST) ? Math.max(0, corpus.length - NEWEST_COUNT) : 0
    return corpus[random.integer(newest, corpus.length - 1)]!
  }

  #pickMutator(): Mutator {
    const { mutators } = this.#target
    const isOfFormat = mutators !== undefined && this.#random.chance(FORMAT_MUTATIONS)
    return this.#random.pick(isOfFormat ? mutators : OCTET_MUTATORS)
  }

  #keep(bytes: Buffer): void {
    if (this.#corpus.at(-1) === bytes) return
    const kept = Buffer.from(bytes)
    if (this.#corpus.length >= CORPUS_MAX) this.#corpus.splice(CORPUS_MAX >>> 1, 1)
    this.#corpus.push(kept)
    this.#onKept?.(kept)
  }

  #reachedNew(): boolean {
    const words = this.#words
    const counters = this.#counters
    if (words === undefined || counters === undefined) return false
    let isNew = false
    for (let word = 0; word < words.length; word++) {
      if (words[word] === 0) continue
      for (let at = word * 4; at < word * 4 + 4; at++) {
        const feature = COUNT_CLASS[counters[at]!]!
        if ((feature & ~this.#seen[at]!) === 0) continue
        this.#seen[at]! |= feature
        this.#featureCount++
        isNew = true
      }
    }
    return isNew
  }
}

/** 1, 2, 3, 4-7, 8-15, 16-31, 32-127 and more: one bit for each class of counts. */
const COUNT_CLASS: Uint8Array = Uint8Array.from({ length: 256 }, (_, count) => {
  if (count < 4) return count === 0 ? 0 : 1 << (count - 1)
  if (count < 8) return 8
  if (count < 16) return 16
  if (count < 32) return 32
  return count < 128 ? 64 : 128
})

/**
 * What stays the same when a failing input is minimised: the name of the error, and its text
 * without numbers.
 */
export function failureKind(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const [text = ''] = error.message.split('\n', 1)
  return `${error.name}: ${text.replace(/0x[0-9a-f]+|\d+/g, '#').slice(0, 120)}`
}
