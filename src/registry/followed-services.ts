import type { RegistryChange, RegistryListener, RegistryService } from '../micro/index.js'
import type { Cancellable, Runtime } from '../transport/index.js'
import { thrownError } from '../transport/index.js'
import { ServiceTable } from './service-table.js'

/** What an engine tells of one service while it follows it. */
export interface ServiceSink {
  /** All records that there are now, by the engine's key. */
  all(records: ReadonlyMap<string, RegistryService>): void
  set(key: string, record: RegistryService): void
  delete(key: string): void
  /** It cannot tell at the moment, and tries again by itself. */
  failed(error: unknown): void
}

/** Follows a service until the function that it returns is called. */
export type Follow = (name: string, sink: ServiceSink) => () => void

export interface FollowedOptions {
  readonly follow: Follow
  readonly runtime: Pick<Runtime, 'schedule'>
  /** How long the first answer may take. Unit: ms. */
  readonly timeoutMs: number
  /** Services that are followed at once; the one that nobody asked for the longest makes room. */
  readonly servicesMax: number
  /** The error of a first answer that does not come. */
  timedOut(name: string): Error
}

/** A service that was asked for. */
interface Followed {
  readonly table: ServiceTable
  hasAnswer: boolean
  error: Error | undefined
  waiting: { readonly done: () => void; readonly timer: Cancellable }[]
  stop: () => void
}

/**
 * The services that were asked for, followed from then on: the cache of an engine. An answer is there at
 * once, the last good one while the engine is away; nothing that calls do makes requests to the engine.
 */
export class FollowedServices {
  readonly #options: FollowedOptions
  /** The one asked for last is the last. */
  readonly #services = new Map<string, Followed>()
  readonly #listeners = new Set<RegistryListener>()

  constructor(options: FollowedOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#services.size
  }

  /** What is known of a service without waiting; undefined: nothing yet. */
  peek(name: string): readonly RegistryService[] | undefined {
    const followed = this.#services.get(name)
    return followed?.hasAnswer === true ? followed.table.services : undefined
  }

  /** What is known of a service, or the first answer. Rejects where there is none. */
  async get(name: string): Promise<readonly RegistryService[]> {
    const followed = this.#followed(name)
    if (!followed.hasAnswer) await this.#answer(followed)
    if (followed.hasAnswer) return followed.table.services
    throw followed.error ?? this.#options.timedOut(name)
  }

  watch(listener: RegistryListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    for (const followed of this.#services.values()) this.#end(followed)
    this.#services.clear()
    this.#listeners.clear()
  }

  #followed(name: string): Followed {
    const known = this.#services.get(name)
    if (known !== undefined) return known
    if (this.#services.size >= this.#options.servicesMax) this.#makeRoom()
    const followed: Followed = {
      table: new ServiceTable(name),
      hasAnswer: false,
      error: undefined,
      waiting: [],
      stop: () => undefined,
    }
    this.#services.set(name, followed)
    followed.stop = this.#options.follow(name, this.#sink(name, followed))
    return followed
  }

  #makeRoom(): void {
    const [name, followed] = this.#services.entries().next().value!
    this.#services.delete(name)
    this.#end(followed)
  }

  #end(followed: Followed): void {
    followed.stop()
    settle(followed)
  }

  #sink(name: string, followed: Followed): ServiceSink {
    const changed = (change: RegistryChange | undefined) => {
      if (change !== undefined) this.#tell(name, change)
    }
    return {
      all: records => {
        const changes = followed.table.replace(records)
        followed.hasAnswer = true
        followed.error = undefined
        settle(followed)
        for (const change of changes) changed(change)
      },
      set: (key, record) => changed(followed.table.set(key, record)),
      delete: key => changed(followed.table.delete(key)),
      failed: error => {
        followed.error = thrownError(error)
        settle(followed)
      },
    }
  }

  #answer(followed: Followed): Promise<void> {
    followed.error = undefined
    return new Promise(resolve => {
      const timer = this.#options.runtime.schedule(this.#options.timeoutMs, resolve)
      timer.ref()
      followed.waiting.push({ done: resolve, timer })
    })
  }

  #tell(name: string, change: RegistryChange): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(name, change)
      } catch {
        // Who listens badly is no reason for the others to hear nothing.
      }
    }
  }
}

function settle(followed: Followed): void {
  for (const { done, timer } of followed.waiting.splice(0)) {
    timer.cancel()
    done()
  }
}
