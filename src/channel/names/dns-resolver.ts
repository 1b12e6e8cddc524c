import { formatAddress, isLiteral, type Runtime } from '../../transport/index.js'
import type { Endpoint } from './endpoint.js'
import type { Resolver, ResolverListener } from './resolver.js'
import { type SharedLookups, sharedLookups } from './shared-lookups.js'

/** Options of a `DnsResolver`. */
export interface DnsResolverOptions {
  readonly host: string
  readonly port: number
  /** How often to look again, though nothing was lost: new servers are seen so. Infinity: never. Unit: ms. */
  readonly refreshMs: number
  /** Calls go to the addresses themselves, not by way of the name: who dials cannot be told them otherwise. */
  readonly isPlain: boolean
  readonly runtime: Pick<Runtime, 'lookup' | 'now' | 'random' | 'schedule'>
}

/** Between two questions about one name, whatever was lost. gRPC: `min_time_between_resolutions`. Unit: ms. */
const AGAIN_MS = 30_000
/** Delays after a failure. gRPC connection-backoff.md. Unit: ms. */
const BACK_OFF = { firstMs: 1_000, factor: 1.6, maxMs: 120_000, jitter: 0.2 }
/** Clients that began together must not ask together for ever. */
const JITTER = 0.1

/**
 * All addresses of a host name, each a server. Asked for again when a connection is lost, thirty seconds after the
 * last question at the earliest, and every `refreshMs` while calls run.
 */
export class DnsResolver implements Resolver {
  readonly name: string
  readonly #options: DnsResolverOptions
  readonly #lookups: SharedLookups
  #listener: ResolverListener | undefined
  #isAsking = false
  /** The next question is not before. */
  #earliestAt = Number.NEGATIVE_INFINITY
  /** It is due then, without a reason. */
  #dueAt = Number.POSITIVE_INFINITY
  #isWanted = false
  #failures = 0
  #lastError: Error | undefined

  constructor(options: DnsResolverOptions) {
    this.#options = options
    this.name = `dns:///${formatAddress(options.host, options.port)}`
    this.#lookups = sharedLookups(options.runtime)
  }

  start(listener: ResolverListener): void {
    this.#listener = listener
    const { host } = this.#options
    // There is nothing to ask, now or later.
    if (isLiteral(host)) listener.onEndpoints([this.#endpoint(host)])
    else this.#ask()
  }

  refresh(): void {
    this.#isWanted = true
    this.onCall()
  }

  /** A call is made: asks if it is time. Failing that, whoever has no endpoint hears once more why. */
  onCall(): void {
    const now = this.#options.runtime.now()
    const isDue = this.#isWanted || this.#failures > 0 || now >= this.#dueAt
    if (!isDue || this.#isAsking || this.#listener === undefined) return
    if (now >= this.#earliestAt) this.#ask()
    else if (this.#lastError !== undefined) this.#listener.onError(this.#lastError)
  }

  close(): void {
    this.#listener = undefined
  }

  #ask(): void {
    const { host, refreshMs } = this.#options
    if (isLiteral(host)) return
    this.#isAsking = true
    this.#isWanted = false
    this.#lookups.find(host, Math.min(AGAIN_MS, refreshMs) / 2, {
      onHosts: hosts => {
        if (hosts.length === 0) this.#failed(new Error(`${host} has no address`))
        else this.#found(hosts)
      },
      onError: error => this.#failed(error),
    })
  }

  #found(hosts: readonly string[]): void {
    const { runtime, refreshMs } = this.#options
    const now = runtime.now()
    this.#isAsking = false
    this.#failures = 0
    this.#lastError = undefined
    this.#earliestAt = now + Math.min(AGAIN_MS, refreshMs)
    this.#dueAt = now + refreshMs * (1 + JITTER * (2 * runtime.random() - 1))
    this.#listener?.onEndpoints([...new Set(hosts)].map(host => this.#endpoint(host)))
  }

  #failed(cause: Error): void {
    const { runtime } = this.#options
    const { firstMs, factor, maxMs, jitter } = BACK_OFF
    const delayMs = Math.min(maxMs, firstMs * factor ** this.#failures++)
    this.#isAsking = false
    this.#earliestAt = runtime.now() + delayMs * (1 + jitter * (2 * runtime.random() - 1))
    this.#lastError = new Error(`${this.name}: the name could not be resolved: ${cause.message}`, {
      cause,
    })
    this.#listener?.onError(this.#lastError)
  }

  #endpoint(ip: string): Endpoint {
    const { host, port, isPlain } = this.#options
    const id = formatAddress(ip, port)
    if (isPlain || ip === host) return { id, address: id }
    return { id, address: formatAddress(host, port), hosts: [ip] }
  }
}
