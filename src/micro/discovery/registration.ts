import type { Cancellable, Runtime } from '../../transport/index.js'
import type { Registry, RegistryEndpoint, RegistryService } from './registry.js'

/** go-micro's RegisterInterval and RegisterTTL. Unit: ms. */
export const REGISTER_INTERVAL_MS = 30_000
export const REGISTER_TTL_MS = 90_000
/** First pause after a registration that failed; it doubles up to the interval. Unit: ms. */
const RETRY_MS = 1_000
/** Part of a pause that is drawn: servers that lost one engine do not come back to it in one moment. */
const JITTER = 0.4

/** What a server says of itself. */
export interface RegistrationParts {
  readonly name: string
  readonly version: string
  readonly metadata: Readonly<Record<string, string>>
  readonly address: string
  /** The transport's name. */
  readonly transport: string
  /** Native gRPC calls are served as well. */
  readonly native: boolean
  readonly ttlMs: number
  readonly intervalMs: number
  /** A registry that cannot be reached ends the start. */
  readonly isRequired: boolean
  /** Of the moment: services may be handled later. */
  endpoints(): readonly RegistryEndpoint[]
}

/** A server's place in a registry, renewed until it ends. */
export class Registration {
  readonly #registry: Registry
  readonly #runtime: Pick<Runtime, 'schedule' | 'random'>
  readonly #onError: (error: unknown, context: undefined) => void
  readonly #parts: RegistrationParts
  readonly #id: string
  #timer: Cancellable | undefined
  #failures = 0
  #ended = false

  constructor(
    registry: Registry,
    runtime: Pick<Runtime, 'schedule' | 'random'>,
    onError: (error: unknown, context: undefined) => void,
    parts: RegistrationParts,
  ) {
    this.#registry = registry
    this.#runtime = runtime
    this.#onError = onError
    this.#parts = parts
    this.#id = `${parts.name}-${uuid(runtime)}`
  }

  /**
   * Registers; where the registry cannot, later. Rejects with its error when it has to, or when it
   * is a mistake (TypeError, RangeError): no later attempt would mend that.
   */
  async begin(): Promise<void> {
    try {
      await this.#register()
    } catch (error) {
      const isMistake = error instanceof TypeError || error instanceof RangeError
      if (this.#parts.isRequired || isMistake) throw error
      this.#failed(error)
    }
    this.#arm()
  }

  /** The endpoints are others now: whoever asks is to find them. Never rejects. */
  async update(): Promise<void> {
    try {
      await this.#register()
      this.#failures = 0
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Deregisters. Never rejects. */
  async end(): Promise<void> {
    this.#ended = true
    this.#timer?.cancel()
    try {
      await this.#registry.deregister(this.#record())
    } catch (error) {
      this.#onError(error, undefined)
    }
  }

  /** Told once, however long it lasts. */
  #failed(error: unknown): void {
    if (this.#failures === 0) this.#onError(error, undefined)
    this.#failures++
  }

  async #register(): Promise<void> {
    const record = this.#record()
    await this.#registry.register(record, { ttlMs: this.#parts.ttlMs })
    // The server may have stopped meanwhile: then this was one too many.
    if (this.#ended) await this.#registry.deregister(record)
  }

  #record(): RegistryService {
    return recordOf(this.#registry, this.#parts, this.#id)
  }

  #arm(): void {
    if (this.#ended) return
    this.#timer = this.#runtime.schedule(this.#pauseMs(), () => void this.#renew())
  }

  #pauseMs(): number {
    const { intervalMs } = this.#parts
    if (this.#failures === 0) return intervalMs
    const pauseMs = Math.min(intervalMs, RETRY_MS * 2 ** Math.min(this.#failures - 1, 16))
    return pauseMs * (1 - JITTER * this.#runtime.random())
  }

  /** A registry that fails now may work again before the time is up. */
  async #renew(): Promise<void> {
    await this.update()
    this.#arm()
  }
}

function recordOf(registry: Registry, parts: RegistrationParts, id: string): RegistryService {
  const { name, version, metadata, address, transport, native, endpoints } = parts
  return {
    name,
    version,
    metadata: {},
    endpoints: endpoints(),
    nodes: [
      {
        id,
        address,
        metadata: {
          ...metadata,
          // Without it Go's clients fall back to codecs from before go-micro 1.9.
          protocol: 'mucp',
          ...(native ? { grpc: 'true' } : {}),
          server: 'mucp',
          transport,
          registry: registry.name,
        },
      },
    ],
  }
}

/** A UUID of version 4, as Go's servers have; to tell nodes apart, no secret. */
function uuid(runtime: Pick<Runtime, 'random'>): string {
  return '########-####-4###-v###-############'.replace(/[#v]/g, place => {
    const digit = Math.floor(runtime.random() * 16)
    return (place === 'v' ? (digit & 3) | 8 : digit).toString(16)
  })
}
