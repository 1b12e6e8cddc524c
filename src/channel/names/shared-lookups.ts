import type { Runtime } from '../../transport/index.js'

/** Names whose answer is remembered; the oldest goes first. */
const NAMES_MAX = 1_000
/** How long a name server may think about one question. gRPC: as grpc-go. Unit: ms. */
const TIMEOUT_MS = 30_000

interface Lookup {
  /** When it was asked. */
  readonly at: number
  /** Infinity while it is under way. */
  answeredAt: number
  hosts: readonly string[]
  waiting: LookupListener[]
}

/** Hears one answer. */
export interface LookupListener {
  onHosts(hosts: readonly string[]): void
  onError(error: Error): void
}

/**
 * Look-ups of host names, shared by all that a process has: a thousand clients that lose their connections at once
 * must not ask a thousand times.
 */
export class SharedLookups {
  readonly #runtime: Pick<Runtime, 'lookup' | 'now' | 'schedule'>
  readonly #names = new Map<string, Lookup>()

  constructor(runtime: Pick<Runtime, 'lookup' | 'now' | 'schedule'>) {
    this.#runtime = runtime
  }

  /** The addresses of `host`: those of a question under way, of one answered within `ageMaxMs`, or of a new one. */
  find(host: string, ageMaxMs: number, listener: LookupListener): void {
    const known = this.#names.get(host)
    if (known !== undefined && known.answeredAt === Number.POSITIVE_INFINITY) {
      known.waiting.push(listener)
    } else if (known !== undefined && this.#runtime.now() - known.answeredAt < ageMaxMs) {
      listener.onHosts(known.hosts)
    } else this.#ask(host, listener)
  }

  #ask(host: string, listener: LookupListener): void {
    const lookup: Lookup = {
      at: this.#runtime.now(),
      answeredAt: Number.POSITIVE_INFINITY,
      hosts: [],
      waiting: [listener],
    }
    this.#names.delete(host)
    this.#names.set(host, lookup)
    const [oldest] = this.#names.keys()
    if (this.#names.size > NAMES_MAX && oldest !== undefined) this.#names.delete(oldest)
    const timeout = this.#runtime.schedule(TIMEOUT_MS, () => {
      this.#failed(host, lookup, new Error(`the name server has not answered in ${TIMEOUT_MS} ms`))
    })
    const onHosts = (hosts: readonly string[]): void => {
      timeout.cancel()
      this.#answered(lookup, hosts)
    }
    const onError = (error: unknown): void => {
      timeout.cancel()
      this.#failed(host, lookup, error instanceof Error ? error : new Error(String(error)))
    }
    try {
      const found = this.#runtime.lookup(host)
      if ('then' in found) found.then(onHosts, onError)
      else onHosts(found)
    } catch (error) {
      onError(error)
    }
  }

  #answered(lookup: Lookup, hosts: readonly string[]): void {
    if (lookup.answeredAt !== Number.POSITIVE_INFINITY) return
    lookup.answeredAt = this.#runtime.now()
    lookup.hosts = hosts
    for (const listener of lookup.waiting.splice(0)) listener.onHosts(hosts)
  }

  /** Not remembered: each has its own back-off. */
  #failed(host: string, lookup: Lookup, error: Error): void {
    if (lookup.answeredAt !== Number.POSITIVE_INFINITY) return
    lookup.answeredAt = this.#runtime.now()
    if (this.#names.get(host) === lookup) this.#names.delete(host)
    for (const listener of lookup.waiting.splice(0)) listener.onError(error)
  }
}

/** One for each runtime: simulations share nothing with each other. */
const ALL = new WeakMap<object, SharedLookups>()

/** The look-ups of everybody who has this runtime. */
export function sharedLookups(
  runtime: Pick<Runtime, 'lookup' | 'now' | 'schedule'>,
): SharedLookups {
  const known = ALL.get(runtime)
  if (known !== undefined) return known
  const made = new SharedLookups(runtime)
  ALL.set(runtime, made)
  return made
}
