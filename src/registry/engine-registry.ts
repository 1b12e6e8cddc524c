import type {
  RegisterOptions,
  Registry,
  RegistryListener,
  RegistryService,
} from '../micro/index.js'
import { checkOptions, rangeOf } from '../options/index.js'
import { nodeRuntime, type Runtime, thrownError } from '../transport/index.js'
import { type EngineOptions, REQUEST_TIMEOUT_MS, SERVICES_MAX } from './engine-options.js'
import { FollowedServices, type ServiceSink } from './followed-services.js'
import { checkNodes } from './names.js'
import { Outage, OutageNews, teller } from './outage.js'
import { Pauses, Unfinished } from './pauses.js'
import { RegistryError, RegistryErrorCode } from './registry-error.js'

/** Faulty records that are remembered, so that each is told once. */
const FAULTS_MAX = 1_000

/**
 * What the registries of all engines have in common: arguments and order of calls, services that are
 * followed, who hears of troubles, and an end that lets what is under way end first.
 */
export abstract class EngineRegistry implements Required<Registry> {
  abstract readonly name: string
  protected readonly runtime: Runtime
  protected readonly timeoutMs: number
  protected readonly pauses: Pauses
  protected readonly news: OutageNews
  readonly #followed: FollowedServices
  readonly #unfinished = new Unfinished()
  readonly #faults = new Set<string>()
  readonly #tell: (error: Error) => void

  /** @param collectMs how long answers are collected, beside `timeoutMs` */
  constructor(options: EngineOptions, collectMs = 0) {
    const { runtime = nodeRuntime, timeoutMs = REQUEST_TIMEOUT_MS } = options
    const { servicesMax = SERVICES_MAX } = options
    this.runtime = runtime
    this.timeoutMs = timeoutMs
    this.pauses = new Pauses(runtime)
    this.#tell = teller(options.onError, runtime)
    this.news = new OutageNews(error => this.told(error))
    const answerMs = timeoutMs + collectMs
    this.#followed = new FollowedServices({
      runtime,
      timeoutMs: answerMs,
      servicesMax,
      follow: (name, sink) => this.follow(name, sink),
      timedOut: name =>
        this.error(RegistryErrorCode.Timeout, `no answer for ${name} in ${answerMs} ms`),
    })
  }

  /** Of the engine, for errors. */
  protected abstract get address(): string
  protected abstract put(service: RegistryService, ttlMs: number | undefined): Promise<void>
  protected abstract remove(service: RegistryService): Promise<void>
  protected abstract list(): Promise<readonly RegistryService[]>
  /** Tells `sink` of a service until the function it returns is called. */
  protected abstract follow(name: string, sink: ServiceSink): () => void
  /** Takes away what is still registered. */
  protected abstract leave(): Promise<void>
  /** Ends the connection. */
  protected abstract end(): Promise<void> | void

  register(service: RegistryService, options: RegisterOptions = {}): Promise<void> {
    return this.#change(service, () => {
      checkOptions<RegisterOptions>('register', options, { ttlMs: rangeOf(1) })
      return this.put(service, options.ttlMs)
    })
  }

  deregister(service: RegistryService): Promise<void> {
    return this.#change(service, () => this.remove(service))
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
    return await this.list()
  }

  watch(onChange: RegistryListener): () => void {
    return this.#followed.watch(onChange)
  }

  async close(): Promise<void> {
    await this.#unfinished.settled()
    if (this.pauses.isClosed) return
    this.#followed.close()
    try {
      await this.leave()
    } catch (error) {
      this.told(thrownError(error))
    }
    this.pauses.close()
    await this.end()
  }

  protected outage(): Outage {
    return new Outage(this.runtime, this.news)
  }

  protected error(code: RegistryErrorCode, text: string, cause?: unknown): RegistryError {
    return new RegistryError(this.name, this.address, code, text, cause)
  }

  protected told(error: Error): void {
    if (!this.pauses.isClosed) this.#tell(error)
  }

  /** A record that cannot be used, told once. */
  protected fault(key: string, error: unknown): void {
    if (this.#faults.has(key)) return
    if (this.#faults.size >= FAULTS_MAX) this.#faults.clear()
    this.#faults.add(key)
    const text = `the record ${key} is passed over: ${thrownError(error).message}`
    this.told(this.error(RegistryErrorCode.Record, text))
  }

  #change(service: RegistryService, work: () => Promise<void>): Promise<void> {
    const checked = async (): Promise<void> => {
      checkNodes(service)
      this.#checkOpen()
      await work()
    }
    return this.#unfinished.track(checked())
  }

  #checkOpen(): void {
    if (this.pauses.isClosed) throw this.error(RegistryErrorCode.Closed, 'the registry is closed')
  }
}
