import type { Registry, RegistryNode, RegistryService } from '../../micro/index.js'
import type { Cancellable } from '../../transport/index.js'
import type { BrokerRuntime } from '../engine-options.js'

/** The service under which go-micro's http brokers find each other. */
export const HTTP_SERVICE = 'micro.http.broker'

/** Its version where there is no queue: each node gets every message. */
export const BROADCAST = 'ff.http.broadcast'

/** An answer of the registry is used for so long, unless it says that something has changed. Unit: ms. */
const FRESH_MS = 1_000

/** Who listens to a topic. */
export interface TopicNodes {
  readonly broadcast: readonly RegistryNode[]
  /** By queue. */
  readonly queues: ReadonlyMap<string, readonly RegistryNode[]>
}

/** Subscribers of all topics, as the registry has them. */
export class HttpNodes {
  readonly #registry: Registry
  readonly #runtime: BrokerRuntime
  #services: Promise<readonly RegistryService[]> | undefined
  #known: readonly RegistryService[] | undefined
  #at = Number.NEGATIVE_INFINITY
  #unwatch: (() => void) | undefined

  constructor(registry: Registry, runtime: BrokerRuntime) {
    this.#registry = registry
    this.#runtime = runtime
  }

  /** Answers of before are used when the registry cannot be reached. @throws what the registry throws, without one */
  async of(topic: string): Promise<TopicNodes> {
    const broadcast: RegistryNode[] = []
    const queues = new Map<string, RegistryNode[]>()
    for (const { version, nodes } of await this.#all()) {
      const listening = nodes.filter(
        ({ metadata }) => metadata['broker'] === 'http' && metadata['topic'] === topic,
      )
      if (version === BROADCAST) broadcast.push(...listening)
      else if (listening.length > 0) {
        queues.set(version, [...(queues.get(version) ?? []), ...listening])
      }
    }
    return { broadcast, queues }
  }

  close(): void {
    this.#unwatch?.()
    this.#unwatch = undefined
  }

  async #all(): Promise<readonly RegistryService[]> {
    this.#unwatch ??= this.#registry.watch?.(name => {
      if (name === HTTP_SERVICE) this.#services = undefined
    })
    if (this.#runtime.now() - this.#at >= FRESH_MS) this.#services = undefined
    if (this.#services === undefined) {
      this.#at = this.#runtime.now()
      this.#services = this.#registry.getService(HTTP_SERVICE)
    }
    try {
      this.#known = await this.#services
      return this.#known
    } catch (error) {
      this.#services = undefined
      if (this.#known === undefined) throw error
      return this.#known
    }
  }
}

/** One subscription in the registry, renewed until it ends. */
export class HttpRegistration {
  readonly #registry: Registry
  readonly #runtime: BrokerRuntime
  readonly #service: RegistryService
  readonly #ttlMs: number
  readonly #onError: (error: unknown) => void
  #timer: Cancellable | undefined
  #isTold = false
  #isOver = false

  constructor(
    parts: {
      readonly registry: Registry
      readonly runtime: BrokerRuntime
      readonly ttlMs: number
      readonly onError: (error: unknown) => void
    },
    service: RegistryService,
  ) {
    this.#registry = parts.registry
    this.#runtime = parts.runtime
    this.#ttlMs = parts.ttlMs
    this.#onError = parts.onError
    this.#service = service
  }

  /** A registry that is away is told once, and tried again. */
  async renew(): Promise<void> {
    let delayMs = this.#ttlMs / 2
    try {
      await this.#registry.register(this.#service, { ttlMs: this.#ttlMs })
      this.#isTold = false
    } catch (error) {
      delayMs = Math.min(RETRY_MS, delayMs)
      if (!this.#isTold) this.#onError(error)
      this.#isTold = true
    }
    if (this.#isOver) return await this.end()
    // Many that started at once do not come back at once.
    const jittered = delayMs * (0.9 + 0.1 * this.#runtime.random())
    this.#timer = this.#runtime.schedule(jittered, () => void this.renew())
  }

  async end(): Promise<void> {
    this.#isOver = true
    this.#timer?.cancel()
    this.#timer = undefined
    try {
      await this.#registry.deregister(this.#service)
    } catch (error) {
      this.#onError(error)
    }
  }
}

/** Between attempts to register. Unit: ms. */
const RETRY_MS = 2_000
