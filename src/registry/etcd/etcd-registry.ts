import type {
  RegisterOptions,
  Registry,
  RegistryListener,
  RegistryService,
} from '../../micro/index.js'
import { checkOptions, rangeOf } from '../../options/index.js'
import { type ClientTlsOptions, nodeRuntime, thrownError } from '../../transport/index.js'
import {
  addressList,
  checkEngineOptions,
  type EngineOptions,
  REQUEST_TIMEOUT_MS,
  SERVICES_MAX,
} from '../engine-options.js'
import { FollowedServices } from '../followed-services.js'
import { checkNodes, keyPart } from '../names.js'
import { Outage, OutageNews, teller } from '../outage.js'
import { Gate, Pauses, Unfinished } from '../pauses.js'
import { recordText } from '../record.js'
import { RegistryError, RegistryErrorCode } from '../registry-error.js'
import { grouped } from '../service-table.js'
import { EtcdClient } from './etcd-client.js'
import { readAll } from './etcd-store.js'
import { FollowedPrefix } from './followed-prefix.js'
import { OwnKeys } from './own-keys.js'
import { WatchHub } from './watch-hub.js'

/** Options of `etcdRegistry`. */
export interface EtcdRegistryOptions extends EngineOptions {
  /**
   * Members of the cluster, `host:port`, as a list or with commas. Default: environment variable
   * `MICRO_REGISTRY_ADDRESS`, else `127.0.0.1:2379`.
   */
  readonly address?: string | readonly string[]
  /** User to authenticate as. Default: environment variable `ETCD_USERNAME`; without it no authentication. */
  readonly username?: string
  /** The user's password; never logged. Default: environment variable `ETCD_PASSWORD`. */
  readonly password?: string
  /** TLS options: `ca`, `cert`, `key` ... `{}` trusts the CAs of the system. Default: plain text. */
  readonly tls?: ClientTlsOptions
  /** Ahead of all keys. Services of other prefixes do not see each other. Default: `/micro/registry/`, go-micro's. */
  readonly prefix?: string
}

/** Lists that are read at once after a loss. */
const LISTS_AT_ONCE = 8
/** Faulty records that are remembered, so that each is told once. */
const FAULTS_MAX = 1_000
const PREFIX = '/micro/registry/'
const PORT = 2379

/** A registry in etcd (v3), with go-micro's keys and records. */
export interface EtcdRegistry extends Required<Registry> {
  /** What is known of a service without asking; undefined: nobody asked for it yet, or there was no answer. */
  peek(name: string): readonly RegistryService[] | undefined
  /** Gives its leases back, with what was registered, and ends. */
  close(): Promise<void>
}

/**
 * Creates a registry in etcd. Nothing is dialled before it is used.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function etcdRegistry(options: EtcdRegistryOptions = {}): EtcdRegistry {
  checkEngineOptions<EtcdRegistryOptions>('etcdRegistry', options, {
    address: 'any',
    username: 'string',
    password: 'string',
    tls: 'object',
    prefix: checkPrefix,
  })
  return new EtcdRegistryImpl(options)
}

function checkPrefix(name: string, value: unknown): void {
  if (typeof value === 'string' && /^\/.*\/$/.test(value)) return
  throw new TypeError(`${name} must begin and end with /, such as ${PREFIX}`)
}

class EtcdRegistryImpl implements EtcdRegistry {
  readonly name = 'etcd'
  readonly #client: EtcdClient
  readonly #prefix: string
  readonly #pauses: Pauses
  readonly #unfinished = new Unfinished()
  readonly #followed: FollowedServices
  readonly #own: OwnKeys
  readonly #faults = new Set<string>()
  readonly #tell: (error: Error) => void

  constructor(options: EtcdRegistryOptions) {
    const { runtime = nodeRuntime, timeoutMs = REQUEST_TIMEOUT_MS } = options
    const { ETCD_USERNAME, ETCD_PASSWORD, MICRO_REGISTRY_ADDRESS } = process.env
    this.#prefix = options.prefix ?? PREFIX
    this.#tell = teller(options.onError, runtime)
    this.#client = new EtcdClient({
      addresses: addressList(
        'address',
        options.address,
        MICRO_REGISTRY_ADDRESS,
        `127.0.0.1:${PORT}`,
      ).map(withPort),
      username: options.username ?? ETCD_USERNAME,
      password: options.password ?? ETCD_PASSWORD,
      tls: options.tls,
      timeoutMs,
      runtime,
    })
    this.#pauses = new Pauses(runtime)
    const news = new OutageNews(error => this.#told(error))
    const outage = () => new Outage(runtime, news)
    const hub = new WatchHub(this.#client, outage(), this.#pauses)
    this.#own = new OwnKeys({ client: this.#client, hub, runtime, pauses: this.#pauses, outage })
    const parts = {
      client: this.#client,
      hub,
      pauses: this.#pauses,
      gate: new Gate(LISTS_AT_ONCE),
      onFault: (key: string, error: unknown) => this.#fault(key, error),
    }
    this.#followed = new FollowedServices({
      runtime,
      timeoutMs,
      servicesMax: options.servicesMax ?? SERVICES_MAX,
      follow: (name, sink) => {
        const followed = new FollowedPrefix(
          { ...parts, outage: outage() },
          name,
          this.#prefixOf(name),
          sink,
        )
        return () => followed.end()
      },
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
    for (const node of service.nodes) {
      const key = this.#keyOf(service.name, node.id)
      await this.#own.put(key, recordText(service, [node]), options.ttlMs)
    }
  }

  async #deregister(service: RegistryService): Promise<void> {
    checkNodes(service)
    this.#checkOpen()
    for (const node of service.nodes) await this.#own.delete(this.#keyOf(service.name, node.id))
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
    const { records } = await readAll(this.#client, this.#prefix, (key, error) =>
      this.#fault(key, error),
    )
    return grouped(records.values())
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
      await this.#own.close()
    } catch (error) {
      this.#told(thrownError(error))
    }
    this.#pauses.close()
    await this.#client.close()
  }

  #prefixOf(name: string): string {
    return `${this.#prefix}${keyPart(this.name, this.#client.address, 'service', name)}/`
  }

  #keyOf(name: string, id: string): string {
    return this.#prefixOf(name) + keyPart(this.name, this.#client.address, 'the id of node', id)
  }

  /** A record that cannot be used, told once. */
  #fault(key: string, error: unknown): void {
    if (this.#faults.has(key)) return
    if (this.#faults.size >= FAULTS_MAX) this.#faults.clear()
    this.#faults.add(key)
    const text = `the record ${key} is passed over: ${thrownError(error).message}`
    this.#told(this.#error(RegistryErrorCode.Record, text))
  }

  #error(code: RegistryErrorCode, text: string): RegistryError {
    return new RegistryError(this.name, this.#client.address, code, text)
  }

  #told(error: Error): void {
    if (!this.#pauses.isClosed) this.#tell(error)
  }

  #checkOpen(): void {
    if (this.#pauses.isClosed) throw this.#error(RegistryErrorCode.Closed, 'the registry is closed')
  }
}

/** As go-micro: a missing port is etcd's. */
function withPort(address: string): string {
  const plain = address.replace(/^https?:\/\//, '').replace(/\/$/, '')
  return /:\d+$/.test(plain) ? plain : `${plain}:${PORT}`
}
