import type { Registry, RegistryNode, RegistryService } from '../../micro/index.js'
import { rangeOf } from '../../options/index.js'
import { isLiteral, parseDialAddress, thrownError } from '../../transport/index.js'
import { checkEngineOptions, type EngineOptions } from '../engine-options.js'
import { EngineRegistry } from '../engine-registry.js'
import type { ServiceSink } from '../followed-services.js'
import { HeardService } from '../heard-service.js'
import type { Outage } from '../outage.js'
import { RegistryErrorCode } from '../registry-error.js'
import { type DnsMessage, type DnsRecord, nameOctets, RecordType } from './dns-message.js'
import { Multicast } from './multicast.js'
import { listRecords, nodeRecords, RECORD_TTL_S, serviceName, toldNodes } from './node-answer.js'

/** Options of `mdnsRegistry`. */
export interface MdnsRegistryOptions extends Omit<EngineOptions, 'timeoutMs'> {
  /** Last part of the names; services of other domains do not see each other. Default: `micro`, go-micro's. */
  readonly domain?: string
  /** IPv4 address of the interface to use. Default: hears all of them, asks on the system's choice. */
  readonly interfaceAddress?: string
  /** How long the first answers may take. Unit: ms. Default: 100, as go-micro. */
  readonly collectMs?: number
  /** How often services that are followed are asked for again; who is silent three times is gone. Unit: ms. Default: 10_000. */
  readonly queryIntervalMs?: number
  /** UDP port. Default: 5353. */
  readonly port?: number
}

/** A registry that needs no engine: services of one link ask and answer for themselves, as go-micro's default. */
export interface MdnsRegistry extends Required<Registry> {
  /** What is known of a service without asking; undefined: nobody asked for it yet. */
  peek(name: string): readonly RegistryService[] | undefined
  /** Says goodbye for what is registered, and ends. */
  close(): Promise<void>
}

const ANNOUNCE_AT_MS = [0, 1_000, 3_000]
/** As go-micro. Unit: ms. */
const COLLECT_MS = 100

/**
 * Creates a registry by multicast DNS.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function mdnsRegistry(options: MdnsRegistryOptions = {}): MdnsRegistry {
  checkEngineOptions<MdnsRegistryOptions>('mdnsRegistry', options, {
    domain: 'string',
    interfaceAddress: 'string',
    collectMs: rangeOf(1),
    queryIntervalMs: rangeOf(10),
    port: rangeOf(1, 65_535),
  } as never)
  return new MdnsRegistryImpl(options)
}

/** A node of ours. */
interface OwnNode {
  readonly service: RegistryService
  readonly node: RegistryNode
  readonly host: string
  readonly port: number
}

class MdnsRegistryImpl extends EngineRegistry implements MdnsRegistry {
  override readonly name = 'mdns'
  readonly #options: MdnsRegistryOptions
  readonly #domain: string
  readonly #own = new Map<string, OwnNode>()
  readonly #heard = new Map<string, HeardService>()
  readonly #outage: Outage
  #multicast: Multicast | undefined

  constructor(options: MdnsRegistryOptions) {
    super(options, options.collectMs ?? COLLECT_MS)
    const { domain = 'micro' } = options
    nameOctets(domain)
    this.#options = options
    this.#domain = domain
    this.#outage = this.outage()
  }

  protected override async put(service: RegistryService): Promise<void> {
    for (const node of service.nodes) {
      const own = await this.#ownNode(service, node)
      const key = `${service.name}/${node.id}`
      const before = this.#own.get(key)
      this.#own.set(key, own)
      const isNew = before === undefined || JSON.stringify(before) !== JSON.stringify(own)
      if (isNew) void this.#announce(key, own)
    }
  }

  protected override async remove(service: RegistryService): Promise<void> {
    for (const { id } of service.nodes) this.#leave(`${service.name}/${id}`)
  }

  /** Asks who is there, then each for its nodes. */
  protected override async list(): Promise<readonly RegistryService[]> {
    const names = new Set<string>()
    const listener = (record: DnsRecord) => {
      const suffix = `.${serviceName('_services', this.#domain)}`
      if (record.target?.endsWith(suffix) === true)
        names.add(record.target.slice(0, -suffix.length))
    }
    this.#listing.add(listener)
    this.#ask('_services')
    await this.pauses.wait(this.#options.collectMs ?? COLLECT_MS)
    this.#listing.delete(listener)
    const all = await Promise.all([...names].map(name => this.getService(name)))
    return all.flat()
  }

  readonly #listing = new Set<(record: DnsRecord) => void>()

  protected override async leave(): Promise<void> {
    for (const key of [...this.#own.keys()]) this.#leave(key)
  }

  protected override async end(): Promise<void> {
    await this.#multicast?.close()
  }

  protected override get address(): string {
    return `224.0.0.251:${this.#options.port ?? 5_353}`
  }

  #link(): Multicast {
    this.#multicast ??= new Multicast({
      interfaceAddress: this.#options.interfaceAddress,
      addresses: this.runtime.interfaceAddresses?.() ?? [],
      port: this.#options.port ?? 5_353,
      onMessage: (message, from) => this.#onMessage(message, from),
      onError: error => {
        this.#outage.failed(this.error(RegistryErrorCode.Unreachable, error.message, error))
      },
    })
    return this.#multicast
  }

  async #ownNode(service: RegistryService, node: RegistryNode): Promise<OwnNode> {
    const { host = '127.0.0.1', port = 0 } = parseDialAddress(node.address)
    const found = isLiteral(host) ? [host] : await this.runtime.lookup(host)
    const own = { service, node, host: found[0] ?? '127.0.0.1', port }
    // What cannot be told is refused here, not when somebody asks.
    nameOctets(`${node.id}.${serviceName(service.name, this.#domain)}`)
    return own
  }

  async #announce(key: string, own: OwnNode): Promise<void> {
    let before = 0
    for (const at of ANNOUNCE_AT_MS) {
      if (at > before && !(await this.pauses.wait(at - before))) return
      before = at
      if (this.#own.get(key) !== own) return
      this.#tellOf(own)
    }
  }

  #leave(key: string): void {
    const own = this.#own.get(key)
    if (own === undefined) return
    this.#own.delete(key)
    this.#tellOf(own, 0)
  }

  #tellOf({ service, node, host, port }: OwnNode, ttl: number = RECORD_TTL_S): void {
    const records = nodeRecords(service, node, host, port, this.#domain, ttl)
    this.#send({ id: 0, isResponse: true, questions: [], records })
  }

  #ask(service: string): void {
    const id = Math.floor(this.runtime.random() * 0x10000)
    const questions = [{ name: serviceName(service, this.#domain), type: RecordType.Ptr }]
    this.#send({ id, isResponse: false, questions, records: [] })
  }

  #send(message: DnsMessage, to?: { readonly address: string; readonly port: number }): void {
    try {
      this.#link().send(message, to)
    } catch (error) {
      const { message: text } = thrownError(error)
      this.#outage.failed(this.error(RegistryErrorCode.Record, text, error))
    }
  }

  protected override follow(name: string, sink: ServiceSink): () => void {
    const heard = new HeardService(sink)
    this.#heard.set(name, heard)
    void this.#rounds(name, heard)
    return () => void this.#heard.delete(name)
  }

  /** Asks, gives what came, and asks again, while it is followed. Never rejects. */
  async #rounds(name: string, heard: HeardService): Promise<void> {
    const { collectMs = COLLECT_MS, queryIntervalMs = 10_000 } = this.#options
    this.#ask(name)
    if (!(await this.pauses.wait(collectMs))) return
    heard.answer()
    while (this.#heard.get(name) === heard) {
      if (!(await this.pauses.wait(queryIntervalMs))) return
      this.#ask(name)
      heard.asked()
    }
  }

  #onMessage(
    { isResponse, questions, records, id }: DnsMessage,
    from: { readonly address: string; readonly port: number },
  ): void {
    if (!isResponse) {
      for (const question of questions) this.#answer(id, question.name, from)
      return
    }
    this.#outage.over()
    for (const record of records) for (const listener of this.#listing) listener(record)
    try {
      for (const { key, record } of toldNodes(records, this.#domain)) this.#heardOf(key, record)
    } catch {
      // Others' records share the link; a broken one is passed over.
    }
  }

  #heardOf(key: string, record: RegistryService | undefined): void {
    const heard = this.#heard.get(record?.name ?? key.slice(0, key.lastIndexOf('/')))
    if (heard === undefined) return
    if (record === undefined) heard.delete(key)
    else heard.set(key, record)
  }

  /** To the asker alone, with its question, one message for each node: all of it is what Go needs. */
  #answer(
    id: number,
    name: string,
    from: { readonly address: string; readonly port: number },
  ): void {
    const questions = [{ name, type: RecordType.Ptr }]
    const ptr = (target: string) => ({ name, type: RecordType.Ptr, ttl: RECORD_TTL_S, target })
    const services = new Set<string>()
    for (const { service, node, host, port } of this.#own.values()) {
      const instance = `${node.id}.${serviceName(service.name, this.#domain)}`
      if (name === serviceName('_services', this.#domain) && !services.has(service.name)) {
        services.add(service.name)
        const target = `${service.name}.${serviceName('_services', this.#domain)}`
        const records = [ptr(target), ...listRecords(target)]
        this.#send({ id, isResponse: true, questions, records }, from)
      }
      if (name !== serviceName(service.name, this.#domain) && name !== instance) continue
      const records = nodeRecords(service, node, host, port, this.#domain)
      this.#send({ id, isResponse: true, questions, records: [ptr(instance), ...records] }, from)
    }
  }
}
