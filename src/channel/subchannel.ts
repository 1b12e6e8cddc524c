import type { Cancellable, Runtime } from '../transport/index.js'
import type { Candidate } from './balancing/balancer.js'
import type { Endpoint } from './names/endpoint.js'

/**
 * `ready`: takes calls; `idle`: nobody has asked for a connection; `failed`: the last attempt failed, the next one has
 * to wait.
 */
export type Standing = 'ready' | 'idle' | 'connecting' | 'failed'

/** What a channel needs of the connection to one endpoint; a `Session` has it. */
export interface ChannelSession {
  readonly state: 'idle' | 'connecting' | 'ready' | 'waiting' | 'closed'
  readonly lastError: Error | undefined
  /** Calls `onChange` after each change of `state`. Returns how to stop. */
  watch(onChange: () => void): () => void
  /** Starts to connect. */
  connect(): Promise<void>
  /** Asks the server for a sign of life. False: there is no connection that could ask. */
  ping(onAnswer: () => void): boolean
}

/** Watches the health of whoever is connected; undefined is healthy. Returns how to stop. */
export type WatchHealth = (
  session: ChannelSession,
  onHealth: (error: Error | undefined) => void,
) => () => void

/** What a subchannel tells its channel. */
export interface SubchannelOwner {
  readonly runtime: Pick<Runtime, 'now' | 'random' | 'schedule' | 'afterMicrotasks'>
  onStanding(subchannel: Subchannel, before: Standing): void
  /** Undefined: who is connected is healthy. */
  readonly watchHealth: WatchHealth | undefined
}

const STANDINGS = {
  idle: 'idle',
  connecting: 'connecting',
  ready: 'ready',
  waiting: 'failed',
  closed: 'failed',
} as const

/** First delay after a failure, its growth and its end, where no session has its own. Unit: ms. */
const BACK_OFF = { firstMs: 1_000, factor: 1.6, maxMs: 120_000, jitter: 0.2 }
/** An attempt that takes longer is no longer waited for while another endpoint is there. RFC 8305 §5. Unit: ms. */
export const SLOW_AFTER_MS = 250
/** Signs of life asked for without a call that went well in between: servers count them. gRPC A8. */
const PINGS_MAX = 2
const PING_AGAIN_MS = 300_000

/** What is known of the health of one connection. */
interface Health {
  stop: () => void
  isKnown: boolean
  error: Error | undefined
}

/** One endpoint of a channel: whether it can be used, and what runs there. */
export class Subchannel implements Candidate {
  endpoint: Endpoint
  pending = 0
  known: unknown = undefined
  readonly session: ChannelSession | undefined
  readonly #owner: SubchannelOwner
  readonly #unwatch: (() => void) | undefined
  /** Of the connection there is; undefined: none is watched. */
  #health: Health | undefined
  #standing: Standing
  /** An attempt has failed, or took too long, since the last connection. Where there is no session: since the last call that went well. */
  isTried = false
  /** Was asked for a sign of life, and has not given any. */
  isSuspect = false
  #lastError: Error | undefined
  #failures = 0
  #timer: Cancellable | undefined
  #pings = 0
  #pingedAt = Number.NEGATIVE_INFINITY
  isRemoved = false

  /** Without a session it counts as connected until a call says otherwise. */
  constructor(endpoint: Endpoint, session: ChannelSession | undefined, owner: SubchannelOwner) {
    this.endpoint = endpoint
    this.session = session
    this.#owner = owner
    this.#standing = session === undefined ? 'ready' : this.#standingOf(session)
    this.#unwatch = session?.watch(() => this.#onState())
  }

  get standing(): Standing {
    return this.#standing
  }

  /** Why it cannot be used. */
  get lastError(): Error | undefined {
    if (this.session === undefined) return this.#lastError
    return this.#health?.error ?? this.session.lastError
  }

  /** Starts to connect, when the session is done with whatever it tells now. What comes of it is heard by watching. */
  connect(): void {
    const { session } = this
    if (session === undefined || this.#standing !== 'idle') return
    this.#become('connecting')
    this.#owner.runtime.afterMicrotasks(() => {
      if (this.isRemoved) return
      session.connect().catch(() => undefined)
      this.#onState()
    })
  }

  belongsTo(owner: SubchannelOwner): boolean {
    return this.#owner === owner
  }

  /** A call has heard from it. */
  onAlive(): void {
    this.#pings = 0
    this.#failures = 0
    if (this.session === undefined && (this.isTried || this.#standing !== 'ready')) {
      this.isTried = false
      this.#become('ready')
    }
    this.#clear()
  }

  /** A call could not reach it, or its connection broke: without a session that is all one learns. */
  onUnreachable(error: Error): void {
    if (this.session !== undefined || this.#standing === 'failed' || this.isRemoved) return
    this.#lastError = error
    const { runtime } = this.#owner
    const { firstMs, factor, maxMs, jitter } = BACK_OFF
    const baseMs = Math.min(maxMs, firstMs * factor ** this.#failures++)
    const delayMs = baseMs * (1 + jitter * (2 * runtime.random() - 1))
    this.#become('failed')
    this.#timer = runtime.schedule(delayMs, () => this.#become('ready'))
  }

  /** A call ran out of time there: is anybody at home? PING is answered by whoever runs, however slow its handlers are. */
  onLate(): void {
    const { session } = this
    if (session === undefined || this.isSuspect || this.#standing !== 'ready') return
    const now = this.#owner.runtime.now()
    if (this.#pings >= PINGS_MAX && now - this.#pingedAt < PING_AGAIN_MS) return
    this.isSuspect = true
    if (session.ping(() => this.#clear())) {
      this.#pings++
      this.#pingedAt = now
      this.#owner.onStanding(this, this.#standing)
    } else this.isSuspect = false
  }

  remove(): void {
    this.isRemoved = true
    this.#timer?.cancel()
    this.#unwatch?.()
    this.#leaveHealth()
  }

  #clear(): void {
    if (!this.isSuspect) return
    this.isSuspect = false
    if (!this.isRemoved) this.#owner.onStanding(this, this.#standing)
  }

  #onState(): void {
    if (this.isRemoved) return
    const standing = this.#standingOf(this.session!)
    if (standing !== this.#standing) this.#become(standing)
  }

  /** Who is connected has to say that it is healthy, if that is asked for. gRPC A17. */
  #standingOf(session: ChannelSession): Standing {
    const standing = STANDINGS[session.state]
    const { watchHealth } = this.#owner
    if (standing !== 'ready') this.#leaveHealth()
    if (standing !== 'ready' || watchHealth === undefined) return standing
    this.#health ??= this.#begunHealth(watchHealth, session)
    if (!this.#health.isKnown) return 'connecting'
    return this.#health.error === undefined ? 'ready' : 'failed'
  }

  #begunHealth(watchHealth: WatchHealth, session: ChannelSession): Health {
    const health: Health = {
      stop: () => undefined,
      isKnown: false,
      error: undefined,
    }
    const onHealth = (error: Error | undefined): void => {
      if (this.#health !== health) return
      health.isKnown = true
      health.error = error
      this.#onState()
    }
    // A session is not to be acted on while it tells of its state.
    this.#owner.runtime.afterMicrotasks(() => {
      if (this.#health === health) health.stop = watchHealth(session, onHealth)
    })
    return health
  }

  #leaveHealth(): void {
    const health = this.#health
    this.#health = undefined
    health?.stop()
  }

  #become(standing: Standing): void {
    const before = this.#standing
    this.#standing = standing
    this.isSuspect = false
    this.#timer?.cancel()
    this.#timer = undefined
    if (standing === 'failed') this.isTried = true
    else if (standing === 'ready' && this.session !== undefined) this.isTried = false
    else if (standing === 'connecting') this.#watchAttempt()
    this.#owner.onStanding(this, before)
  }

  #watchAttempt(): void {
    this.#timer = this.#owner.runtime.schedule(SLOW_AFTER_MS, () => {
      this.isTried = true
      this.#owner.onStanding(this, this.#standing)
    })
  }
}
