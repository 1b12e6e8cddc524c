import type { RegistryService } from '../micro/index.js'
import type { ServiceSink } from './followed-services.js'

/** Questions that a node may leave unanswered. */
const SILENT_QUESTIONS_MAX = 3
/** Nodes that are remembered for each service. Reason: whoever can send may name any. */
const NODES_MAX = 10_000

/** A service that is followed by asking again and again, where nobody but its nodes knows of them. */
export class HeardService {
  readonly #sink: ServiceSink
  /** The question after which each node was heard last. */
  readonly #heardAt = new Map<string, number>()
  #question = 0
  /** What came before the first answer is given. */
  #early: Map<string, RegistryService> | undefined = new Map()

  constructor(sink: ServiceSink) {
    this.#sink = sink
  }

  /** Nodes that wait for the first answer; undefined once that is given. */
  get earlyCount(): number | undefined {
    return this.#early?.size
  }

  set(key: string, record: RegistryService): void {
    if (!this.#heardAt.has(key) && this.#heardAt.size >= NODES_MAX) return
    this.#heardAt.set(key, this.#question)
    if (this.#early === undefined) this.#sink.set(key, record)
    else this.#early.set(key, record)
  }

  delete(key: string): void {
    this.#heardAt.delete(key)
    this.#early?.delete(key)
    this.#sink.delete(key)
  }

  /** The first answer: all that came so far. */
  answer(): void {
    const early = this.#early
    this.#early = undefined
    if (early !== undefined) this.#sink.all(early)
  }

  failed(error: Error): void {
    this.#sink.failed(error)
  }

  /** Another question was sent. Who left as many unanswered as may be is gone; those that could not be sent do not count. */
  asked(): void {
    this.#question++
    for (const [key, heardAt] of this.#heardAt) {
      if (this.#question - heardAt > SILENT_QUESTIONS_MAX) this.delete(key)
    }
  }
}
