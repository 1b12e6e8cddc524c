import type {
  RegisterOptions,
  Registry,
  RegistryListener,
  RegistryService,
} from '../../micro/index.js'
import { checkOptions, rangeOf } from '../../options/index.js'
import {
  type ClientTlsOptions,
  inRootContext,
  nodeRuntime,
  thrownError,
} from '../../transport/index.js'
import {
  addressList,
  checkEngineOptions,
  type EngineOptions,
  REQUEST_TIMEOUT_MS,
  SERVICES_MAX,
} from '../engine-options.js'
import { FollowedServices, type ServiceSink } from '../followed-services.js'
import { HttpClient } from '../http-client.js'
import { checkNodes } from '../names.js'
import { Outage, OutageNews, teller } from '../outage.js'
import { Gate, Pauses, Unfinished } from '../pauses.js'
import { RegistryError, RegistryErrorCode } from '../registry-error.js'
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

class ConsulRegistryImpl implements ConsulRegistry {
  readonly name = 'consul'
  readonly #client: HttpClient
  readonly #pauses: Pauses
  readonly #unfinished = new Unfinished()
  readonly #followed: FollowedServices
  readonly #nodes: RegisteredNodes
  readonly #timeoutMs: number
  readonly #gate = new Gate(LISTS_AT_ONCE)
  readonly #abort = new AbortController()
  readonly #outage: () => Outage

  constructor(options: ConsulRegistryOptions) {
    const { runtime = nodeRuntime, timeoutMs = REQUEST_TIMEOUT_MS } = options
    const environment = consulEnvironment()
    const tls = options.tls ?? environment.tls
    const scheme = tls === undefined ? 'http' : 'https'
    const token = options.token ?? environment.token
    const namespace = options.namespace ?? environment.namespace
    const addresses = addressList('address', options.address, environment.address, '127.0.0.1:8500')
    this.#timeoutMs = timeoutMs
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
    this.#pauses = new Pauses(runtime)
    const tell = teller(options.onError, runtime)
    const news = new OutageNews(error => {
      if (!this.#pauses.isClosed) tell(error)
    })
    this.#outage = () => new Outage(runtime, news)
    this.#nodes = new RegisteredNodes({
      client: this.#client,
      pauses: this.#pauses,
      runtime,
      tcpCheckMs: options.tcpCheckMs,
      outage: this.#outage,
    })
    this.#followed = new FollowedServices({
      runtime,
      timeoutMs,
      servicesMax: options.servicesMax ?? SERVICES_MAX,
      follow: (name, sink) => this.#follow(name, sink),
      timedOut: name =>
        this.#error(RegistryErrorCode.Timeout, `no answer for ${name} in ${timeoutMs} ms`),
    })
  }

  register(service: RegistryService, options: RegisterOptions = {}): Promise<void> {
    return this.#unfinished.track(this.#register(service, options))
  }

  deregister(service: RegistryService): Promise<void> {
    return this.#unfinished.track(this.#deregister(service))
  }

  async #register(service: RegistryService, options: RegisterOptions): Promise<void> {
    checkNodes(service)
    checkOptions<RegisterOptions>('register', options, { ttlMs: rangeOf(1) })
    this.#checkOpen()
    for (const node of service.nodes) await this.#nodes.put(service, node, options.ttlMs)
  }

  async #deregister(service: RegistryService): Promise<void> {
    checkNodes(service)
    this.#checkOpen()
    for (const { id } of service.nodes) await this.#nodes.delete(id)
  }

  async getService(name: string): Promise<readonly RegistryService[]> {
    this.#checkOpen()
    return await this.#followed.get(name)
  }

  peek(name: string): readonly RegistryService[] | undefined {
    return this.#followed.peek(name)
  }

  async listServices(): Promise<readonly RegistryService[]> {
    this.#checkOpen()
    const { text } = await this.#client.request('GET', '/v1/catalog/services')
    const names = Object.keys(JSON.parse(text) as object)
    const all = await Promise.all(
      names.map(name => this.#gate.run(async () => [...(await this.#read(name)).records.values()])),
    )
    return all.flat()
  }

  watch(onChange: RegistryListener): () => void {
    return this.#followed.watch(onChange)
  }

  async close(): Promise<void> {
    if (this.#pauses.isClosed) return
    await this.#unfinished.settled()
    if (this.#pauses.isClosed) return
    this.#followed.close()
    try {
      await this.#nodes.close()
    } catch {
      // Its checks fail without us.
    }
    this.#pauses.close()
    this.#abort.abort()
    this.#client.close()
  }

  #follow(name: string, sink: ServiceSink): () => void {
    const abort = new AbortController()
    void inRootContext(() => this.#poll(name, sink, abort.signal))
    return () => abort.abort()
  }

  /** Blocking queries, one after the other. Never rejects. */
  async #poll(name: string, sink: ServiceSink, signal: AbortSignal): Promise<void> {
    const outage = this.#outage()
    let index = 0
    while (!signal.aborted && !this.#pauses.isClosed) {
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
        if (isOdd && !(await this.#pauses.wait(1_000))) return
      } catch (error) {
        if (signal.aborted || this.#pauses.isClosed) return
        index = 0
        const fault = this.#client.explain(thrownError(error))
        sink.failed(fault)
        if (!(await this.#pauses.wait(outage.failed(fault)))) return
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
      { timeoutMs: this.#timeoutMs + waitMs, signal },
    )
    return {
      records: healthRecords(name, JSON.parse(text)),
      index: Number(headers['x-consul-index']),
    }
  }

  #error(code: RegistryErrorCode, text: string): RegistryError {
    return new RegistryError(this.name, this.#client.address, code, text)
  }

  #checkOpen(): void {
    if (this.#pauses.isClosed) throw this.#error(RegistryErrorCode.Closed, 'the registry is closed')
  }
}
