import type { Cancellable, Runtime } from '../../transport/index.js'
import type { Registry, RegistryService } from './registry.js'

/** go-micro's RegisterInterval and RegisterTTL. Unit: ms. */
const INTERVAL_MS = 30_000
const TTL_MS = 90_000

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
  /** Of the moment: services may be handled later. */
  endpoints(): readonly string[]
}

/** A server's place in a registry, renewed until it ends. */
export class Registration {
  readonly #registry: Registry
  readonly #runtime: Pick<Runtime, 'schedule' | 'random'>
  readonly #onError: (error: unknown, context: undefined) => void
  readonly #parts: RegistrationParts
  readonly #unique: string
  #timer: Cancellable | undefined
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
    this.#unique = randomHex(runtime)
  }

  /** Registers. Rejects with the registry's error. */
  async begin(): Promise<void> {
    await this.#register()
    this.#arm()
  }

  /** The endpoints are others now: whoever asks is to find them. Never rejects. */
  async update(): Promise<void> {
    try {
      await this.#register()
    } catch (error) {
      this.#onError(error, undefined)
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

  async #register(): Promise<void> {
    const record = this.#record()
    await this.#registry.register(record, { ttlMs: TTL_MS })
    // The server may have stopped meanwhile: then this was one too many.
    if (this.#ended) await this.#registry.deregister(record)
  }

  #record(): RegistryService {
    return recordOf(this.#registry, this.#parts, this.#unique)
  }

  #arm(): void {
    if (this.#ended) return
    this.#timer = this.#runtime.schedule(INTERVAL_MS, () => void this.#renew())
  }

  /** A registry that fails now may work again before the time is up. */
  async #renew(): Promise<void> {
    await this.update()
    this.#arm()
  }
}

function recordOf(registry: Registry, parts: RegistrationParts, unique: string): RegistryService {
  const { name, version, metadata, address, transport, native, endpoints } = parts
  return {
    name,
    version,
    metadata: {},
    endpoints: endpoints().map(endpoint => ({ name: endpoint, metadata: {} })),
    nodes: [
      {
        id: `${name}-${unique}`,
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

/** 128 bits, to tell nodes apart; no secret. */
function randomHex(runtime: Pick<Runtime, 'random'>): string {
  let text = ''
  while (text.length < 32)
    text += Math.floor(runtime.random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')
  return text
}
