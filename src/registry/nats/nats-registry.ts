import type {
  RegisterOptions,
  Registry,
  RegistryListener,
  RegistryService,
} from '../../micro/index.js'
import { checkOptions, oneOf, rangeOf } from '../../options/index.js'
import { type ClientTlsOptions, nodeRuntime, type Runtime } from '../../transport/index.js'
import {
  addressList,
  checkEngineOptions,
  type EngineOptions,
  SERVICES_MAX,
} from '../engine-options.js'
import { FollowedServices, type ServiceSink } from '../followed-services.js'
import { checkNodes } from '../names.js'
import { Outage, OutageNews, teller } from '../outage.js'
import { Pauses } from '../pauses.js'
import { recordText, serviceOf } from '../record.js'
import { RegistryError, RegistryErrorCode } from '../registry-error.js'
import { grouped } from '../service-table.js'
import type { NatsMessage } from './nats-library.js'
import { NatsLink } from './nats-link.js'

/** Options of `natsRegistry`. */
export interface NatsRegistryOptions extends EngineOptions {
  /** Servers, `nats://host:port` or `host:port`. Default: environment variable `MICRO_REGISTRY_ADDRESS`, else `127.0.0.1:4222`. */
  readonly address?: string | readonly string[]
  /** User to authenticate as. Default: that of the address, else environment variable `NATS_USER`. */
  readonly user?: string
  /** The user's password; never logged. Default: that of the address, else environment variable `NATS_PASSWORD`. */
  readonly password?: string
  /** Token, in place of user and password; never logged. Default: environment variable `NATS_TOKEN`. */
  readonly token?: string
  /** TLS options. Default: plain text. */
  readonly tls?: ClientTlsOptions
  /**
   * Whom to talk to: `v5` is go-micro 5.7 and later (`micro.nats.query`), `v4` is its plugin of before
   * (`micro.registry.nats.query`). They do not hear each other; `both` hears and answers both. Default: `both`.
   */
  readonly subjects?: 'v5' | 'v4' | 'both'
  /** How long answers are collected. Unit: ms. Default: 100, as go-micro. */
  readonly collectMs?: number
  /** So many nodes of one version are enough: the answer need not wait for `collectMs`. Default: none. */
  readonly quorum?: number
  /** How often services that are followed are asked for again; who is silent three times is gone. Unit: ms. Default: 10_000. */
  readonly queryIntervalMs?: number
}

const SUBJECTS = {
  v5: [{ query: 'micro.nats.query', watch: 'micro.nats.watch' }],
  v4: [{ query: 'micro.registry.nats.query', watch: 'micro.registry.nats.watch' }],
} as const
/** Rounds of questions that a node may leave unanswered. */
const SILENT_ROUNDS_MAX = 3
/** Nodes that are remembered for each service. Reason: whoever may publish can name any. */
const NODES_MAX = 10_000

/** A registry on NATS without any state on the server: every registry answers for itself. */
export interface NatsRegistry extends Required<Registry> {
  /** What is known of a service without asking; undefined: nobody asked for it yet, or there was no answer. */
  peek(name: string): readonly RegistryService[] | undefined
  /** Says that what is registered is gone, and ends. */
  close(): Promise<void>
}

/**
 * Creates a registry on NATS. It needs the package `@nats-io/transport-node`.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function natsRegistry(options: NatsRegistryOptions = {}): NatsRegistry {
  checkEngineOptions<NatsRegistryOptions>('natsRegistry', options, {
    address: 'any',
    user: 'string',
    password: 'string',
    token: 'string',
    tls: 'object',
    subjects: oneOf('v5', 'v4', 'both'),
    collectMs: rangeOf(1),
    quorum: rangeOf(1),
    queryIntervalMs: rangeOf(10),
  })
  return new NatsRegistryImpl(options)
}

/** A service that is followed, as it is heard. */
interface Heard {
  readonly sink: ServiceSink
  /** The round of questions in which each node was heard last. */
  readonly rounds: Map<string, number>
  round: number
  /** What came before the first answer is given. */
  early: Map<string, RegistryService> | undefined
  /** Enough came. */
  enough: (() => void) | undefined
}

class NatsRegistryImpl implements NatsRegistry {
  readonly name = 'nats'
  readonly #options: NatsRegistryOptions
  readonly #runtime: Runtime
  readonly #subjects: readonly { readonly query: string; readonly watch: string }[]
  readonly #link: NatsLink
  readonly #pauses: Pauses
  readonly #followed: FollowedServices
  /** By id of the node. */
  readonly #own = new Map<string, RegistryService>()
  readonly #heard = new Map<string, Heard>()
  readonly #outage: () => Outage
  #listening: Promise<void> | undefined

  constructor(options: NatsRegistryOptions) {
    const { runtime = nodeRuntime, timeoutMs = 5_000, subjects = 'both' } = options
    const { MICRO_REGISTRY_ADDRESS, NATS_USER, NATS_PASSWORD, NATS_TOKEN } = process.env
    this.#options = options
    this.#runtime = runtime
    this.#subjects = subjects === 'both' ? [...SUBJECTS.v5, ...SUBJECTS.v4] : SUBJECTS[subjects]
    this.#pauses = new Pauses(runtime)
    const tell = teller(options.onError, runtime)
    const news = new OutageNews(error => {
      if (!this.#pauses.isClosed) tell(error)
    })
    this.#outage = () => new Outage(runtime, news)
    const all = addressList('address', options.address, MICRO_REGISTRY_ADDRESS, '127.0.0.1:4222')
    const urls = all.map(each => new URL(/^\w+:\/\//.test(each) ? each : `nats://${each}`))
    const own = urls.find(({ username }) => username !== '')
    this.#link = new NatsLink({
      servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4_222}`),
      user: options.user ?? (own === undefined ? NATS_USER : decodeURIComponent(own.username)),
      password:
        options.password ?? (own === undefined ? NATS_PASSWORD : decodeURIComponent(own.password)),
      token: options.token ?? NATS_TOKEN,
      tls: options.tls,
      timeoutMs,
      onTrouble: error => news.lost(error),
      onBack: () => {
        news.back()
        void this.#again()
      },
    })
    this.#followed = new FollowedServices({
      runtime,
      timeoutMs: timeoutMs + (options.collectMs ?? 100),
      servicesMax: options.servicesMax ?? SERVICES_MAX,
      follow: (name, sink) => this.#follow(name, sink),
      timedOut: name =>
        this.#error(RegistryErrorCode.Timeout, `no answer for ${name} in ${timeoutMs} ms`),
    })
  }

  async register(service: RegistryService, options: RegisterOptions = {}): Promise<void> {
    checkNodes(service)
    checkOptions<RegisterOptions>('register', options, { ttlMs: rangeOf(1) })
    this.#checkOpen()
    for (const node of service.nodes) this.#own.set(node.id, { ...service, nodes: [node] })
    await this.#listen()
    await this.#tell('create', service)
  }

  async deregister(service: RegistryService): Promise<void> {
    checkNodes(service)
    this.#checkOpen()
    for (const { id } of service.nodes) this.#own.delete(id)
    await this.#tell('delete', service)
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
    const found: RegistryService[] = []
    await this.#ask({ Service: null, Action: 'list' }, service => void found.push(service))
    await this.#pauses.wait(this.#options.collectMs ?? 100)
    return grouped(found)
  }

  watch(onChange: RegistryListener): () => void {
    return this.#followed.watch(onChange)
  }

  async close(): Promise<void> {
    if (this.#pauses.isClosed) return
    const own = [...this.#own.values()]
    this.#own.clear()
    if (own.length > 0) {
      await Promise.all(own.map(service => this.#tell('delete', service))).catch(() => undefined)
    }
    this.#followed.close()
    this.#pauses.close()
    await this.#link.close()
  }

  /** Hears questions and changes, from the first use on. */
  async #listen(): Promise<void> {
    this.#listening ??= this.#subscribe()
    try {
      await this.#listening
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }

  async #subscribe(): Promise<void> {
    for (const { query, watch } of this.#subjects) {
      await this.#link.subscribe(query, message => this.#onQuery(message))
      await this.#link.subscribe(watch, message => this.#onChange(message))
    }
    await (await this.#link.connection()).flush()
  }

  /** After a loss: others may have forgotten us, and we have heard nothing. Never rejects. */
  async #again(): Promise<void> {
    if (!(await this.#pauses.wait(this.#runtime.random() * 1_000))) return
    for (const service of this.#own.values())
      await this.#tell('create', service).catch(() => undefined)
    for (const name of this.#heard.keys()) await this.#query(name).catch(() => undefined)
  }

  async #tell(action: string, service: RegistryService): Promise<void> {
    const text = `{"Action":${JSON.stringify(action)},"Service":${recordText(service, service.nodes)}}`
    for (const { watch } of this.#subjects) await this.#link.publish(watch, text)
  }

  #onQuery({ data, reply }: NatsMessage): void {
    if (reply === undefined || reply === '') return
    const asked = parsed(data)
    const wanted = (asked?.['Service'] as { name?: unknown } | null | undefined)?.name
    if (asked?.['Action'] !== 'list' && asked?.['Action'] !== 'get') return
    const own = [...this.#own.values()].filter(
      ({ name }) => asked['Action'] === 'list' || name === wanted,
    )
    for (const service of grouped(own)) {
      void this.#link.publish(reply, recordText(service, service.nodes)).catch(() => undefined)
    }
  }

  #onChange({ data }: NatsMessage): void {
    const told = parsed(data)
    if (told === undefined) return
    let service: RegistryService
    try {
      service = serviceOf(told['Service'])
    } catch {
      // Whatever it is, it is nothing that could be called.
      return
    }
    const heard = this.#heard.get(service.name)
    if (heard === undefined) return
    if (told['Action'] === 'delete') this.#gone(heard, service)
    else this.#found(heard, service)
  }

  #found(heard: Heard, service: RegistryService): void {
    for (const node of service.nodes) {
      if (!heard.rounds.has(node.id) && heard.rounds.size >= NODES_MAX) return
      heard.rounds.set(node.id, heard.round)
      const record = { ...service, nodes: [node] }
      if (heard.early === undefined) heard.sink.set(node.id, record)
      else heard.early.set(node.id, record)
    }
    const { quorum } = this.#options
    if (quorum !== undefined && (heard.early?.size ?? 0) >= quorum) heard.enough?.()
  }

  #gone(heard: Heard, service: RegistryService): void {
    for (const { id } of service.nodes) {
      heard.rounds.delete(id)
      heard.early?.delete(id)
      heard.sink.delete(id)
    }
  }

  #follow(name: string, sink: ServiceSink): () => void {
    const heard: Heard = { sink, rounds: new Map(), round: 0, early: new Map(), enough: undefined }
    this.#heard.set(name, heard)
    void this.#rounds(name, heard)
    return () => void this.#heard.delete(name)
  }

  /** Asks, gives what came, and asks again, while it is followed. Never rejects. */
  async #rounds(name: string, heard: Heard): Promise<void> {
    const { collectMs = 100, queryIntervalMs = 10_000 } = this.#options
    const outage = this.#outage()
    while (this.#heard.get(name) === heard) {
      let pauseMs = queryIntervalMs
      try {
        await this.#listen()
        const enough = new Promise<void>(resolve => {
          heard.enough = resolve
        })
        await this.#query(name)
        outage.over()
        if (heard.early !== undefined) {
          await Promise.race([this.#pauses.wait(collectMs), enough])
          if (this.#pauses.isClosed) return
          const { early } = heard
          heard.early = undefined
          heard.sink.all(early)
        }
        this.#forget(heard)
      } catch (error) {
        const fault = this.#link.explain(error)
        heard.sink.failed(fault)
        pauseMs = outage.failed(fault)
      }
      if (!(await this.#pauses.wait(pauseMs))) return
      heard.round++
    }
  }

  #forget(heard: Heard): void {
    for (const [id, round] of heard.rounds) {
      if (heard.round - round <= SILENT_ROUNDS_MAX) continue
      heard.rounds.delete(id)
      heard.sink.delete(id)
    }
  }

  async #query(name: string): Promise<void> {
    const service = { name, version: '', metadata: null, endpoints: null, nodes: null }
    await this.#ask({ Service: service, Action: 'get' }, answer => {
      const heard = this.#heard.get(name)
      if (heard !== undefined && answer.name === name) this.#found(heard, answer)
    })
  }

  async #ask(question: object, onAnswer: (service: RegistryService) => void): Promise<void> {
    const inbox = await this.#link.inbox()
    const end = await this.#link.subscribe(inbox, ({ data }) => {
      try {
        onAnswer(serviceOf(parsed(data)))
      } catch {
        // Of all who answer, one answers with something else.
      }
    })
    for (const { query } of this.#subjects) {
      await this.#link.publish(query, JSON.stringify(question), inbox)
    }
    // Who is slow is heard as well.
    void this.#pauses.wait((this.#options.collectMs ?? 100) * 10).then(end)
  }

  #error(code: RegistryErrorCode, text: string): RegistryError {
    return new RegistryError(this.name, this.#link.address, code, text)
  }

  #checkOpen(): void {
    if (this.#pauses.isClosed) throw this.#error(RegistryErrorCode.Closed, 'the registry is closed')
  }
}

function parsed(data: Uint8Array): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(data).toString())
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
