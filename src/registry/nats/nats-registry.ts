import type { Registry, RegistryService } from '../../micro/index.js'
import { oneOf, rangeOf } from '../../options/index.js'
import type { ClientTlsOptions } from '../../transport/index.js'
import { addressList, checkEngineOptions, type EngineOptions } from '../engine-options.js'
import { EngineRegistry } from '../engine-registry.js'
import type { ServiceSink } from '../followed-services.js'
import { HeardService } from '../heard-service.js'
import { recordText, serviceOf } from '../record.js'
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
/** As go-micro. Unit: ms. */
const COLLECT_MS = 100

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

/** A service that is followed. */
interface Followed {
  readonly heard: HeardService
  /** Enough came. */
  enough: (() => void) | undefined
}

class NatsRegistryImpl extends EngineRegistry implements NatsRegistry {
  override readonly name = 'nats'
  readonly #options: NatsRegistryOptions
  readonly #subjects: readonly { readonly query: string; readonly watch: string }[]
  readonly #link: NatsLink
  /** By id of the node. */
  readonly #own = new Map<string, RegistryService>()
  readonly #heard = new Map<string, Followed>()
  #listening: Promise<void> | undefined

  constructor(options: NatsRegistryOptions) {
    super(options, options.collectMs ?? COLLECT_MS)
    const { subjects = 'both' } = options
    const { MICRO_REGISTRY_ADDRESS, NATS_USER, NATS_PASSWORD, NATS_TOKEN } = process.env
    this.#options = options
    this.#subjects = subjects === 'both' ? [...SUBJECTS.v5, ...SUBJECTS.v4] : SUBJECTS[subjects]
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
      timeoutMs: this.timeoutMs,
      onTrouble: error => this.news.lost(error),
      onBack: () => {
        this.news.back()
        void this.#again()
      },
    })
  }

  protected override async put(service: RegistryService): Promise<void> {
    for (const node of service.nodes) this.#own.set(node.id, { ...service, nodes: [node] })
    await this.#listen()
    await this.#tell('create', service)
  }

  protected override async remove(service: RegistryService): Promise<void> {
    for (const { id } of service.nodes) this.#own.delete(id)
    await this.#tell('delete', service)
  }

  protected override async list(): Promise<readonly RegistryService[]> {
    const found: RegistryService[] = []
    await this.#ask({ Service: null, Action: 'list' }, service => void found.push(service))
    await this.pauses.wait(this.#options.collectMs ?? COLLECT_MS)
    return grouped(found)
  }

  protected override async leave(): Promise<void> {
    const own = [...this.#own.values()]
    this.#own.clear()
    await Promise.all(own.map(service => this.#tell('delete', service))).catch(() => undefined)
  }

  protected override end(): Promise<void> {
    return this.#link.close()
  }

  protected override get address(): string {
    return this.#link.address
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
    if (!(await this.pauses.wait(this.runtime.random() * 1_000))) return
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
    const followed = this.#heard.get(service.name)
    if (followed === undefined) return
    if (told['Action'] !== 'delete') this.#found(followed, service)
    else for (const { id } of service.nodes) followed.heard.delete(id)
  }

  #found({ heard, enough }: Followed, service: RegistryService): void {
    for (const node of service.nodes) heard.set(node.id, { ...service, nodes: [node] })
    const { quorum } = this.#options
    if (quorum !== undefined && (heard.earlyCount ?? 0) >= quorum) enough?.()
  }

  protected override follow(name: string, sink: ServiceSink): () => void {
    const followed: Followed = { heard: new HeardService(sink), enough: undefined }
    this.#heard.set(name, followed)
    void this.#rounds(name, followed)
    return () => void this.#heard.delete(name)
  }

  /** Asks, gives what came, and asks again, while it is followed. Never rejects. */
  async #rounds(name: string, followed: Followed): Promise<void> {
    const { collectMs = COLLECT_MS, queryIntervalMs = 10_000 } = this.#options
    const { heard } = followed
    const outage = this.outage()
    while (this.#heard.get(name) === followed) {
      let pauseMs = queryIntervalMs
      try {
        await this.#listen()
        const enough = new Promise<void>(resolve => {
          followed.enough = resolve
        })
        await this.#query(name)
        outage.over()
        if (heard.earlyCount === undefined) heard.asked()
        else {
          await Promise.race([this.pauses.wait(collectMs), enough])
          if (this.pauses.isClosed) return
          heard.answer()
        }
      } catch (error) {
        const fault = this.#link.explain(error)
        heard.failed(fault)
        pauseMs = outage.failed(fault)
      }
      if (!(await this.pauses.wait(pauseMs))) return
    }
  }

  async #query(name: string): Promise<void> {
    const service = { name, version: '', metadata: null, endpoints: null, nodes: null }
    await this.#ask({ Service: service, Action: 'get' }, answer => {
      const followed = this.#heard.get(name)
      if (followed !== undefined && answer.name === name) this.#found(followed, answer)
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
    void this.pauses.wait((this.#options.collectMs ?? COLLECT_MS) * 10).then(end)
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
