import type {
  RegisterOptions,
  Registry,
  RegistryListener,
  RegistryNode,
  RegistryService,
} from '../../micro/index.js'
import { rangeOf } from '../../options/index.js'
import {
  isLiteral,
  nodeRuntime,
  parseDialAddress,
  type Runtime,
  thrownError,
} from '../../transport/index.js'
import { checkEngineOptions, type EngineOptions, SERVICES_MAX } from '../engine-options.js'
import { FollowedServices, type ServiceSink } from '../followed-services.js'
import { checkNodes } from '../names.js'
import { Outage, OutageNews, teller } from '../outage.js'
import { Pauses } from '../pauses.js'
import { RegistryError, RegistryErrorCode } from '../registry-error.js'
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
/** Rounds of questions that a node may leave unanswered. */
const SILENT_ROUNDS_MAX = 3
/** Nodes that are remembered for each service. Reason: anybody on the link can announce. */
const NODES_MAX = 10_000

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

/** A service that is followed, as it is heard. */
interface Heard {
  readonly sink: ServiceSink
  /** The round of questions in which each node was heard last. */
  readonly rounds: Map<string, number>
  round: number
  /** What came before the first answer is given. */
  early: Map<string, RegistryService> | undefined
}

class MdnsRegistryImpl implements MdnsRegistry {
  readonly name = 'mdns'
  readonly #options: MdnsRegistryOptions
  readonly #runtime: Runtime
  readonly #domain: string
  readonly #pauses: Pauses
  readonly #followed: FollowedServices
  readonly #own = new Map<string, OwnNode>()
  readonly #heard = new Map<string, Heard>()
  readonly #outage: Outage
  #multicast: Multicast | undefined

  constructor(options: MdnsRegistryOptions) {
    const { runtime = nodeRuntime, domain = 'micro' } = options
    nameOctets(domain)
    this.#options = options
    this.#runtime = runtime
    this.#domain = domain
    this.#pauses = new Pauses(runtime)
    const tell = teller(options.onError, runtime)
    this.#outage = new Outage(runtime, new OutageNews(tell))
    this.#followed = new FollowedServices({
      runtime,
      timeoutMs: (options.collectMs ?? 100) + 5_000,
      servicesMax: options.servicesMax ?? SERVICES_MAX,
      follow: (name, sink) => this.#follow(name, sink),
      timedOut: name => this.#error(RegistryErrorCode.Timeout, `no answer for ${name}`),
    })
  }

  async register(service: RegistryService, _options: RegisterOptions = {}): Promise<void> {
    checkNodes(service)
    this.#checkOpen()
    for (const node of service.nodes) {
      const own = await this.#ownNode(service, node)
      const key = `${service.name}/${node.id}`
      const before = this.#own.get(key)
      this.#own.set(key, own)
      const isNew = before === undefined || JSON.stringify(before) !== JSON.stringify(own)
      if (isNew) void this.#announce(key, own)
    }
  }

  async deregister(service: RegistryService): Promise<void> {
    checkNodes(service)
    this.#checkOpen()
    for (const { id } of service.nodes) this.#leave(`${service.name}/${id}`)
  }

  async getService(name: string): Promise<readonly RegistryService[]> {
    this.#checkOpen()
    return await this.#followed.get(name)
  }

  peek(name: string): readonly RegistryService[] | undefined {
    return this.#followed.peek(name)
  }

  /** Asks who is there, then each for its nodes. */
  async listServices(): Promise<readonly RegistryService[]> {
    this.#checkOpen()
    const names = new Set<string>()
    const listener = (record: DnsRecord) => {
      const suffix = `.${serviceName('_services', this.#domain)}`
      if (record.target?.endsWith(suffix) === true)
        names.add(record.target.slice(0, -suffix.length))
    }
    this.#listing.add(listener)
    this.#ask('_services')
    await this.#pauses.wait(this.#options.collectMs ?? 100)
    this.#listing.delete(listener)
    const all = await Promise.all([...names].map(name => this.getService(name)))
    return all.flat()
  }

  readonly #listing = new Set<(record: DnsRecord) => void>()

  watch(onChange: RegistryListener): () => void {
    return this.#followed.watch(onChange)
  }

  async close(): Promise<void> {
    if (this.#pauses.isClosed) return
    for (const key of [...this.#own.keys()]) this.#leave(key)
    this.#followed.close()
    this.#pauses.close()
    await this.#multicast?.close()
  }

  #link(): Multicast {
    this.#multicast ??= new Multicast({
      interfaceAddress: this.#options.interfaceAddress,
      addresses: this.#runtime.interfaceAddresses?.() ?? [],
      port: this.#options.port ?? 5_353,
      onMessage: (message, from) => this.#onMessage(message, from),
      onError: error => {
        this.#outage.failed(this.#error(RegistryErrorCode.Unreachable, error.message, error))
      },
    })
    return this.#multicast
  }

  async #ownNode(service: RegistryService, node: RegistryNode): Promise<OwnNode> {
    const { host = '127.0.0.1', port = 0 } = parseDialAddress(node.address)
    const found = isLiteral(host) ? [host] : await this.#runtime.lookup(host)
    const own = { service, node, host: found[0] ?? '127.0.0.1', port }
    // What cannot be told is refused here, not when somebody asks.
    nameOctets(`${node.id}.${serviceName(service.name, this.#domain)}`)
    return own
  }

  async #announce(key: string, own: OwnNode): Promise<void> {
    let before = 0
    for (const at of ANNOUNCE_AT_MS) {
      if (at > before && !(await this.#pauses.wait(at - before))) return
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
    const id = Math.floor(this.#runtime.random() * 0x10000)
    const questions = [{ name: serviceName(service, this.#domain), type: RecordType.Ptr }]
    this.#send({ id, isResponse: false, questions, records: [] })
  }

  #send(message: DnsMessage, to?: { readonly address: string; readonly port: number }): void {
    try {
      this.#link().send(message, to)
    } catch (error) {
      const { message: text } = thrownError(error)
      this.#outage.failed(this.#error(RegistryErrorCode.Record, text, error))
    }
  }

  #follow(name: string, sink: ServiceSink): () => void {
    const heard: Heard = { sink, rounds: new Map(), round: 0, early: new Map() }
    this.#heard.set(name, heard)
    void this.#rounds(name, heard)
    return () => void this.#heard.delete(name)
  }

  /** Asks, gives what came, and asks again, while it is followed. Never rejects. */
  async #rounds(name: string, heard: Heard): Promise<void> {
    const { collectMs = 100, queryIntervalMs = 10_000 } = this.#options
    this.#ask(name)
    if (!(await this.#pauses.wait(collectMs))) return
    const { early } = heard
    heard.early = undefined
    heard.sink.all(early ?? new Map())
    while (this.#heard.get(name) === heard) {
      if (!(await this.#pauses.wait(queryIntervalMs))) return
      heard.round++
      for (const [key, round] of heard.rounds) {
        if (heard.round - round <= SILENT_ROUNDS_MAX) continue
        heard.rounds.delete(key)
        heard.sink.delete(key)
      }
      this.#ask(name)
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
      for (const { key, record } of toldNodes(records, this.#domain)) this.#told(key, record)
    } catch {
      // Others' records share the link; a broken one is passed over.
    }
  }

  #told(key: string, record: RegistryService | undefined): void {
    const heard = this.#heard.get(record?.name ?? key.slice(0, key.lastIndexOf('/')))
    if (heard === undefined) return
    if (record === undefined) {
      heard.rounds.delete(key)
      heard.early?.delete(key)
      heard.sink.delete(key)
    } else if (heard.rounds.has(key) || heard.rounds.size < NODES_MAX) {
      heard.rounds.set(key, heard.round)
      if (heard.early === undefined) heard.sink.set(key, record)
      else heard.early.set(key, record)
    }
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

  #error(code: RegistryErrorCode, text: string, cause?: unknown): RegistryError {
    return new RegistryError(
      this.name,
      `224.0.0.251:${this.#options.port ?? 5_353}`,
      code,
      text,
      cause,
    )
  }

  #checkOpen(): void {
    if (this.#pauses.isClosed) throw this.#error(RegistryErrorCode.Closed, 'the registry is closed')
  }
}
