import type { Registry, RegistryService } from '../../micro/index.js'
import type { ClientTlsOptions } from '../../transport/index.js'
import { addressList, checkEngineOptions, type EngineOptions } from '../engine-options.js'
import { EngineRegistry } from '../engine-registry.js'
import type { ServiceSink } from '../followed-services.js'
import { keyPart } from '../names.js'
import { Gate } from '../pauses.js'
import { recordText } from '../record.js'
import { grouped } from '../service-table.js'
import { EtcdClient } from './etcd-client.js'
import { readAll } from './etcd-store.js'
import { FollowedPrefix, type FollowedPrefixParts } from './followed-prefix.js'
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

class EtcdRegistryImpl extends EngineRegistry implements EtcdRegistry {
  override readonly name = 'etcd'
  readonly #client: EtcdClient
  readonly #prefix: string
  readonly #own: OwnKeys
  readonly #parts: Omit<FollowedPrefixParts, 'outage'>

  constructor(options: EtcdRegistryOptions) {
    super(options)
    const { runtime, timeoutMs } = this
    const { ETCD_USERNAME, ETCD_PASSWORD, MICRO_REGISTRY_ADDRESS } = process.env
    this.#prefix = options.prefix ?? PREFIX
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
    const outage = () => this.outage()
    const hub = new WatchHub(this.#client, outage(), this.pauses)
    this.#own = new OwnKeys({ client: this.#client, hub, runtime, pauses: this.pauses, outage })
    this.#parts = {
      client: this.#client,
      hub,
      pauses: this.pauses,
      gate: new Gate(LISTS_AT_ONCE),
      onFault: (key: string, error: unknown) => this.fault(key, error),
    }
  }

  protected override async put(service: RegistryService, ttlMs: number | undefined): Promise<void> {
    for (const node of service.nodes) {
      const key = this.#keyOf(service.name, node.id)
      await this.#own.put(key, recordText(service, [node]), ttlMs)
    }
  }

  protected override async remove(service: RegistryService): Promise<void> {
    for (const node of service.nodes) await this.#own.delete(this.#keyOf(service.name, node.id))
  }

  protected override async list(): Promise<readonly RegistryService[]> {
    const { records } = await readAll(this.#client, this.#prefix, (key, error) =>
      this.fault(key, error),
    )
    return grouped(records.values())
  }

  protected override follow(name: string, sink: ServiceSink): () => void {
    const parts = { ...this.#parts, outage: this.outage() }
    const followed = new FollowedPrefix(parts, name, this.#prefixOf(name), sink)
    return () => followed.end()
  }

  protected override leave(): Promise<void> {
    return this.#own.close()
  }

  protected override end(): Promise<void> {
    return this.#client.close()
  }

  protected override get address(): string {
    return this.#client.address
  }

  #prefixOf(name: string): string {
    return `${this.#prefix}${keyPart(this.name, this.#client.address, 'service', name)}/`
  }

  #keyOf(name: string, id: string): string {
    return this.#prefixOf(name) + keyPart(this.name, this.#client.address, 'the id of node', id)
  }
}

/** As go-micro: a missing port is etcd's. */
function withPort(address: string): string {
  const plain = address.replace(/^https?:\/\//, '').replace(/\/$/, '')
  return /:\d+$/.test(plain) ? plain : `${plain}:${PORT}`
}
