import { DELAY_MAX_MS } from '../options/index.js'
import { BackOff, type Cancellable, type Runtime, thrownText } from '../transport/index.js'
import { BrokerError, BrokerErrorCode } from './broker-error.js'
import type { Engine, EngineSession } from './engine.js'
import type { EngineSettings } from './engine-options.js'

/** Who uses the session, and hears of each. */
export interface SessionUser {
  onSession(session: EngineSession): Promise<void>
  onSessionLost(): void
}

/** The connection to an engine: made when it is needed, and again when it is lost, for as long as it takes. */
export class EngineLink {
  readonly #engine: Engine
  readonly #settings: EngineSettings
  readonly #user: SessionUser
  readonly #backOff: BackOff
  #session: EngineSession | undefined
  /** The first attempt, for all who wait for it. */
  #first: Promise<unknown> | undefined
  #timer: Cancellable | undefined
  /** What `onError` heard last of this outage: it is told once. */
  #toldCode: string | undefined
  #isClosed = false
  /** Of `halt`: an attempt that was begun before counts no more. */
  #turn = 0

  constructor(engine: Engine, settings: EngineSettings, user: SessionUser) {
    this.#engine = engine
    this.#settings = settings
    this.#user = user
    this.#backOff = new BackOff(settings.backOff, () => settings.runtime.random())
  }

  get session(): EngineSession | undefined {
    return this.#session
  }

  /** Begins, unless it has. Resolves with what the first attempt failed with; undefined when connected. */
  async begin(): Promise<unknown> {
    if (this.#session !== undefined) return undefined
    this.#first ??= this.#attempt()
    const failure = await this.#first
    return this.#session === undefined ? failure : undefined
  }

  /** No further attempts, until `begin`. */
  halt(): void {
    this.#turn++
    this.#timer?.cancel()
    this.#timer = undefined
    this.#first = undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.halt()
    const session = this.#session
    this.#session = undefined
    await session?.close()
  }

  async #attempt(): Promise<unknown> {
    const turn = ++this.#turn
    let made: EngineSession | undefined
    try {
      const session = await this.#engine.connect(cause => this.#lost(made, cause))
      made = session
      if (turn !== this.#turn || this.#isClosed) {
        await session.close()
        return this.#closedError()
      }
      this.#connected(session)
      return undefined
    } catch (error) {
      if (turn !== this.#turn || this.#isClosed) return this.#closedError()
      this.#tell(error)
      this.#again()
      return error
    }
  }

  #connected(session: EngineSession): void {
    this.#session = session
    this.#toldCode = undefined
    this.#backOff.reset()
    this.#settings.onState('connected')
    void this.#user.onSession(session)
  }

  #lost(session: EngineSession | undefined, cause: unknown): void {
    if (session === undefined || session !== this.#session) return
    this.#session = undefined
    this.#user.onSessionLost()
    this.#settings.onState('disconnected')
    const { name, address } = this.#engine
    const why = cause === undefined ? '' : `: ${thrownText(cause)}`
    const text = `the connection to ${name} at ${address} was lost${why}; it is made again`
    this.#tell(new BrokerError(BrokerErrorCode.Unavailable, address, text, cause))
    this.#again()
  }

  #again(): void {
    const timer = this.#settings.runtime.schedule(this.#backOff.next(), () => {
      this.#timer = undefined
      this.#first = this.#attempt()
    })
    // As its connection does: a broker keeps its process alive until it is closed.
    timer.ref()
    this.#timer = timer
  }

  #tell(error: unknown): void {
    const code = error instanceof BrokerError ? error.code : 'unknown'
    if (this.#toldCode === code) return
    this.#toldCode = code
    this.#settings.onError(error)
  }

  #closedError(): BrokerError {
    return closedError(this.#engine)
  }
}

/** What is asked of a broker after `close`. */
export function closedError({ name, address }: Pick<Engine, 'name' | 'address'>): BrokerError {
  return new BrokerError(BrokerErrorCode.Closed, address, `the ${name} broker was closed`)
}

/** Settles with `ended`, or when the time is over. */
export function withinGrace(
  ended: Promise<unknown>,
  graceMs: number,
  runtime: Pick<Runtime, 'schedule'>,
): Promise<void> {
  return new Promise(resolve => {
    const timer = runtime.schedule(Math.min(graceMs, DELAY_MAX_MS), resolve)
    timer.ref()
    void ended.then(() => {
      timer.cancel()
      resolve()
    })
  })
}
