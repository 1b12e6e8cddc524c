import type { Registry, RegistryService } from '../../micro/index.js'
import { rangeOf } from '../../options/index.js'
import { type ClientTlsOptions, inRootContext, thrownError } from '../../transport/index.js'
import { addressList, checkEngineOptions, type EngineOptions } from '../engine-options.js'
import { EngineRegistry } from '../engine-registry.js'
import type { ServiceSink } from '../followed-services.js'
import { HttpClient } from '../http-client.js'
import { Gate } from '../pauses.js'
import { consulEnvironment } from './environment.js'
import { healthRecords } from './health-entries.js'
import { RegisteredNodes } from './registered-nodes.js'

/** Options of `consulRegistry`. */
export interface ConsulRegistryOptions extends EngineOptions {
  /**
   * Agents, `host:port` or with `https://`; a node must be deregistered where it was registered, so name the
   * local one. Default: environment variable `CONSUL_HTTP_ADDR`, else `MICRO_REGISTRY_ADDRESS`, else `127.0.0.1:8500`.
   */
  readonly address?: string | readonly string[]
  /** ACL token; never logged. Default: environment variable `CONSUL_HTTP_TOKEN`. */
  readonly token?: string
  /** TLS options: `ca`, `cert`, `key` ... Default: as `CONSUL_HTTP_SSL`, `CONSUL_CACERT`, `CONSUL_CLIENT_CERT` and `CONSUL_CLIENT_KEY` say. */
  readonly tls?: ClientTlsOptions
  /** Namespace of Consul Enterprise. Default: environment variable `CONSUL_NAMESPACE`. */
  readonly namespace?: string
  /** Let the agent connect to the server this often, in place of a TTL that the server renews. Unit: ms. Default: none. */
  readonly tcpCheckMs?: number
}

/** How long a blocking query waits for a change. Unit: ms. */
const WAIT_MS = 55_000
/** Consul adds up to a sixteenth of the wait. */
const WAIT_JITTER = 1 / 16
const LISTS_AT_ONCE = 8

/** A registry in Consul, with go-micro's tags. */
export interface ConsulRegistry extends Required<Registry> {
  /** What is known of a service without asking; undefined: nobody asked for it yet, or there was no answer. */
  peek(name: string): readonly RegistryService[] | undefined
  /** Deregisters what is registered, and ends. */
  close(): Promise<void>
}

/**
 * Creates a registry in Consul. Nothing is dialled before it is used.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function consulRegistry(options: ConsulRegistryOptions = {}): ConsulRegistry {
  checkEngineOptions<ConsulRegistryOptions>('consulRegistry', options, {
    address: 'any',
    token: 'string',
    tls: 'object',
    namespace: 'string',
    tcpCheckMs: rangeOf(1_000),
  })
  return new ConsulRegistryImpl(options)
}

class ConsulRegistryImpl extends EngineRegistry implements ConsulRegistry {
  override readonly name = 'consul'
  readonly #client: HttpClient
  readonly #nodes: RegisteredNodes
  readonly #gate = new Gate(LISTS_AT_ONCE)
  readonly #abort = new AbortController()

  constructor(options: ConsulRegistryOptions) {
    super(options)
    const { runtime, timeoutMs } = this
    const environment = consulEnvironment()
    const tls = options.tls ?? environment.tls
    const scheme = tls === undefined ? 'http' : 'https'
    const token = options.token ?? environment.token
    const namespace = options.namespace ?? environment.namespace
    const addresses = addressList('address', options.address, environment.address, '127.0.0.1:8500')
    this.#client = new HttpClient({
      engine: 'consul',
      bases: addresses.map(each => (/^https?:/.test(each) ? each : `${scheme}://${each}`)),
      headers: () => ({
        ...(token === undefined ? {} : { 'X-Consul-Token': token }),
        ...(namespace === undefined ? {} : { 'X-Consul-Namespace': namespace }),
      }),
      tls,
      timeoutMs,
      runtime,
    })
    this.#nodes = new RegisteredNodes({
      client: this.#client,
      pauses: this.pauses,
      runtime,
      tcpCheckMs: options.tcpCheckMs,
      outage: () => this.outage(),
    })
  }

  protected override async put(service: RegistryService, ttlMs: number | undefined): Promise<void> {
    for (const node of service.nodes) await this.#nodes.put(service, node, ttlMs)
  }

  protected override async remove(service: RegistryService): Promise<void> {
    for (const { id } of service.nodes) await this.#nodes.delete(id)
  }

  protected override async list(): Promise<readonly RegistryService[]> {
    const { text } = await this.#client.request('GET', '/v1/catalog/services')
    const names = Object.keys(JSON.parse(text) as object)
    const all = await Promise.all(
      names.map(name => this.#gate.run(async () => [...(await this.#read(name)).records.values()])),
    )
    return all.flat()
  }

  protected override async leave(): Promise<void> {
    // Its checks fail without us.
    await this.#nodes.close().catch(() => undefined)
  }

  protected override end(): void {
    this.#abort.abort()
    this.#client.close()
  }

  protected override get address(): string {
    return this.#client.address
  }

  protected override follow(name: string, sink: ServiceSink): () => void {
    const abort = new AbortController()
    void inRootContext(() => this.#poll(name, sink, abort.signal))
    return () => abort.abort()
  }

  /** Blocking queries, one after the other. Never rejects. */
  async #poll(name: string, sink: ServiceSink, signal: AbortSignal): Promise<void> {
    const outage = this.outage()
    let index = 0
    while (!signal.aborted && !this.pauses.isClosed) {
      try {
        const answer = await (index === 0
          ? this.#gate.run(() => this.#read(name, 0, signal))
          : this.#read(name, index, signal))
        outage.over()
        if (signal.aborted) return
        // One that goes back, or is none, begins anew: so Consul's rules for blocking queries.
        const isOdd = !(answer.index > 0) || answer.index < index
        if (answer.index !== index) sink.all(answer.records)
        index = isOdd ? 0 : answer.index
        if (isOdd && !(await this.pauses.wait(1_000))) return
      } catch (error) {
        if (signal.aborted || this.pauses.isClosed) return
        index = 0
        const fault = this.#client.explain(thrownError(error))
        sink.failed(fault)
        if (!(await this.pauses.wait(outage.failed(fault)))) return
      }
    }
  }

  async #read(
    name: string,
    index = 0,
    signal: AbortSignal = this.#abort.signal,
  ): Promise<{ readonly records: Map<string, RegistryService>; readonly index: number }> {
    const query = index === 0 ? '' : `?index=${index}&wait=${WAIT_MS}ms`
    const waitMs = index === 0 ? 0 : WAIT_MS * (1 + WAIT_JITTER)
    const { text, headers } = await this.#client.request(
      'GET',
      `/v1/health/service/${encodeURIComponent(name)}${query}`,
      { timeoutMs: this.timeoutMs + waitMs, signal },
    )
    return {
      records: healthRecords(name, JSON.parse(text), (key, error) => this.fault(key, error)),
      index: Number(headers['x-consul-index']),
    }
  }
}
