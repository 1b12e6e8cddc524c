import type { HeaderList, TimerWheel } from '../../connection/index.js'
import type { ClientCall, WaitingPlace } from '../../grpc/index.js'
import { errorListener } from '../errors/error-listener.js'
import { closedError, fullError, unavailableError } from '../errors/session-errors.js'
import { TransportError, TransportErrorCode } from '../errors/transport-error.js'
import { nodeRuntime } from '../node/node-runtime.js'
import { type Address, formatAddress, parseDialAddress } from '../runtime/address.js'
import type { Cancellable, ClientTlsOptions, Runtime } from '../runtime/runtime.js'
import { TimerHost } from '../runtime/timer-host.js'
import { checkTlsUpdate } from '../tls/tls-options.js'
import { BackOff } from './back-off.js'
import type { CallSession } from './call-session.js'
import { ConnectWaiters, type SessionConnectOptions } from './connect-waiters.js'
import { Link, type LinkOwner } from './link.js'
import { Replacements } from './replacements.js'
import { type RestingSocket, RestingSockets } from './resting-sockets.js'
import {
  checkSessionOptions,
  type SessionOptions,
  type StartOptions,
  sessionLimits,
} from './session-options.js'
import { Watched } from './session-state.js'
import { StartTurns } from './start-turns.js'
import { WaitingCalls } from './waiting-calls.js'
import { WaitingWatch } from './waiting-watch.js'

const CONNECT_TIMEOUT_MS = 20_000
const WAITING_CALLS_MAX = 100_000
const WAITING_WARNING_MS = 10_000

/**
 * Creates a session to `address`. It connects at the first call, or at once with `eager`. A lost
 * connection is replaced at the next call.
 *
 * A session keeps the process alive while it connects or a call runs or waits, not while it is idle: see `keepProcessAlive`.
 *
 * @throws TypeError when the address is not understood; RangeError for an option out of range.
 */
export function connect(address: string, options: SessionOptions = {}): Session {
  return new Session(address, options)
}

/** A client's connection to one server, replaced when it is lost, and the calls waiting for it. */
export class Session extends Watched implements CallSession, LinkOwner, WaitingPlace {
  readonly address: string
  readonly #where: Address
  readonly #runtime: Runtime
  readonly #timers: TimerHost
  readonly #ownsTimers: boolean
  readonly #options: SessionOptions
  readonly #onError: ((error: unknown) => void) | undefined
  /** What connections use from now on: of the start, or of the last update. */
  #tls: ClientTlsOptions | undefined
  readonly #backOff: BackOff
  readonly #replacements: Replacements
  readonly #waiting: WaitingCalls
  readonly #watch: WaitingWatch
  /** The newest connection, and older ones that complete their calls. */
  readonly #links = new Set<Link>()
  #current: Link | undefined
  #attemptAt = 0
  /** When that attempt had succeeded or failed; Infinity while it is under way. */
  #attemptEndAt = 0
  #lastError: Error | undefined
  #retry: Cancellable | undefined
  /** `waiting`, though the server answers: it has sent connections away before they were of use. */
  #isPause = false
  readonly #resting = new RestingSockets()
  /** Grows when the server complains about PINGs. gRPC A8. */
  #keepaliveFactor = 1
  readonly #connecting: ConnectWaiters
  #onEmpty: (() => void) | undefined
  readonly #starts: StartTurns
  #closing: Promise<void> | undefined

  constructor(address: string, options: SessionOptions = {}) {
    super()
    checkSessionOptions(options)
    this.address = address
    this.#where = parseDialAddress(address)
    this.#options = options
    this.#tls = options.tls
    this.#onError = errorListener('onError', options.onError)
    this.#runtime = options.runtime ?? nodeRuntime
    this.#ownsTimers = options.timers === undefined
    this.#timers = options.timers ?? new TimerHost(this.#runtime)
    this.#backOff = new BackOff(options.backOff ?? {}, () => this.#runtime.random())
    this.#replacements = new Replacements(this.#backOff)
    this.#connecting = new ConnectWaiters(this.#runtime)
    this.#starts = new StartTurns(this.#runtime, () => this.#startWaiting())
    this.#waiting = new WaitingCalls(this.#runtime, options.waitingCallsMax ?? WAITING_CALLS_MAX)
    const warningMs = options.waitingWarningMs ?? WAITING_WARNING_MS
    this.#watch = new WaitingWatch(this.#runtime, this, warningMs, this.#onError)
    if (options.eager === true) this.#connect()
  }

  get connected(): boolean {
    return this.state === 'ready'
  }

  /** What requests call the server: `:authority`. RFC 9113 §8.3.1. */
  get authority(): string {
    const tls = this.#tls
    if (tls?.servername !== undefined && tls.servername !== '') return tls.servername
    const { host, path, port } = this.#where
    return path === undefined ? formatAddress(host ?? 'localhost', port) : 'localhost'
  }

  /** `:scheme` of requests. */
  get scheme(): 'http' | 'https' {
    return this.#tls === undefined ? 'http' : 'https'
  }

  /** Why there is no connection, after an attempt that failed. */
  get lastError(): Error | undefined {
    return this.#lastError
  }

  /** Sockets that are open: one, and those that complete their calls after a GOAWAY. */
  get connectionCount(): number {
    return this.#links.size
  }

  /** Calls that wait for a connection or for room. */
  get waitingCount(): number {
    return this.#waiting.count
  }

  /** How many calls the server takes at once; undefined without a connection. */
  get streamsMax(): number | undefined {
    return this.#current?.connection?.openStreamsMax
  }

  /** The wheel that deadlines of calls run on. */
  get timers(): TimerWheel {
    return this.#timers.wheel
  }

  now(): number {
    return this.#runtime.now()
  }

  start(call: ClientCall, headers: HeaderList, options?: StartOptions): void {
    const waitForReady = options?.waitForReady === true
    const connection = this.#current?.connection
    if (this.state === 'ready' && connection?.canOpen === true && this.#waiting.count === 0) {
      // The last thing the connection heard may be long ago; the deadline counts from now.
      connection.setNow(this.#runtime.now())
      call.start(this.#current!.connector, connection, headers)
    } else if (this.state === 'closed') {
      call.cancel(closedError(this.address))
    } else if (this.state === 'waiting' && !waitForReady && !this.#isPause) {
      call.waitAt(this, this.#runtime.now())
      call.cancel(unavailableError(this.address, this.#lastError))
    } else if (this.#waiting.add(call, headers, waitForReady)) {
      call.waitAt(this, this.#runtime.now())
      if (this.state === 'idle') this.#connect()
      else if (this.state === 'ready') this.#waitForRoom(this.#current!)
      // A call that waits keeps the process alive.
      else if (this.state === 'waiting') this.#retry?.ref()
    } else {
      call.cancel(fullError(this.address, this.#waiting.count))
    }
    this.#timers.arm()
  }

  /** Asks the server for a sign of life: `onAnswer` is called with its PING, never when the connection ends first. False: there is no connection. */
  ping(onAnswer: () => void): boolean {
    const connection = this.state === 'ready' ? this.#current?.connection : undefined
    connection?.ping(onAnswer)
    return connection !== undefined
  }

  /** For the link alone. */
  connectingMs(from: number, until: number): number {
    return Math.max(0, Math.min(until, this.#attemptEndAt) - Math.max(from, this.#attemptAt))
  }

  /**
   * Connections from now on use these options, and nothing of those before: another certificate, another authority.
   * Whatever was set has to be named again, `undefined` takes it away. The one that is open, or being made, lives on until it is lost or told to go.
   *
   * @throws TypeError or RangeError naming the option that is missing or cannot be used, and the old ones stay; TypeError
   * for a session without TLS, and for another `servername`, which requests are made with.
   */
  updateTls(tls: ClientTlsOptions): void {
    if (this.#tls === undefined) {
      throw new TypeError(
        `the session to ${this.address} was made without tls; give tls to connect to update it later`,
      )
    }
    checkTlsUpdate('client', this.#tls, tls)
    this.#tls = tls
  }

  /**
   * Settles when connected; starts to connect if need be. Rejects with `TransportError` when the attempt fails, or at once
   * while the next one waits for its time, unless `waitForReady` is set; with the reason of an aborted signal.
   */
  async connect(options: SessionConnectOptions = {}): Promise<void> {
    this.#connecting.check(options)
    if (this.state === 'ready') return
    if (this.state === 'closed') throw closedError(this.address)
    if (this.state === 'waiting') {
      if (options.waitForReady !== true) throw this.#lastError!
      this.#retry?.ref()
    }
    const connected = this.#connecting.wait(options)
    if (this.state === 'idle') this.#connect()
    await connected
  }

  /**
   * Ends the session: calls that wait or run end with CANCELLED.
   * Settles when no socket and no timer is left. Never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.enter('closed')
    this.#current = undefined
    this.#watch.stop()
    this.#retry?.cancel()
    this.#retry = undefined
    const text = `${this.address}: the session was closed`
    const error = new TransportError(TransportErrorCode.Closed, this.address, text)
    this.#waiting.fail(() => closedError(this.address), true)
    this.#connecting.settle(error, true)
    this.onTurnEnd()
    for (const link of [...this.#links]) link.close(closedError(this.address))
    if (this.#links.size > 0) {
      await new Promise<void>(resolve => {
        this.#onEmpty = resolve
      })
    }
    if (this.#ownsTimers) this.#timers.close()
  }

  /** For the link alone. */
  onReady(link: Link): void {
    if (link !== this.#current) return
    this.enter('ready')
    this.#attemptEndAt = this.#runtime.now()
    this.#lastError = undefined
    this.#connecting.settle(undefined, true)
    this.#startWaiting()
  }

  /** For the link alone. */
  onCapacity(link: Link): void {
    if (link === this.#current) this.#startWaiting()
  }

  /** For the link alone. */
  onRetired(link: Link, cause: Error): void {
    if (link !== this.#current) return
    const wasReady = this.state === 'ready'
    this.#current = undefined
    const hasServed = link.connection?.hasServed === true
    const livedMs = this.#runtime.now() - this.#attemptEndAt
    if (wasReady && this.#replacements.mayFollow(hasServed, livedMs)) {
      this.enter('idle')
      if (this.#waiting.count > 0 || this.#options.eager === true) this.#connect()
      return
    }
    this.#onFailed(cause, wasReady && this.#replacements.mayWait(cause))
  }

  /** For the link alone. */
  onGone(link: Link): void {
    this.#links.delete(link)
    if (this.#links.size === 0) this.#onEmpty?.()
  }

  /** For the link alone. */
  onTooManyPings(): void {
    this.#keepaliveFactor *= 2
  }

  /** For micro's sockets alone: one waits in a pool, or no more. */
  rest(socket: RestingSocket, isResting: boolean): void {
    this.#resting.set(socket, isResting, this.state === 'ready' ? this.#waiting.count : 0)
    this.#current?.wakeHold()
  }

  /** For the link alone: calls, and whoever waits for `close`, keep the process alive; a connection does not. */
  onTurnEnd(): void {
    if (this.#options.keepProcessAlive === true) return
    const isHeld = this.#isBusy
    for (const link of this.#links) link.hold(isHeld)
  }

  get #isBusy(): boolean {
    if (this.state === 'closed' || this.#waiting.count > 0) return true
    let streamCount = -this.#resting.count
    for (const link of this.#links) streamCount += link.streamCount
    return streamCount > 0
  }

  /** For the link alone. */
  onHandlerError(error: unknown): void {
    if (this.#onError !== undefined) this.#onError(error)
    else {
      this.#runtime.afterTurn(() => {
        throw error
      })
    }
  }

  #connect(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.enter('connecting')
    this.#attemptAt = this.#runtime.now()
    this.#attemptEndAt = Number.POSITIVE_INFINITY
    const { observer, connectTimeoutMs, neverIndexed } = this.#options
    const link = new Link(
      {
        runtime: this.#runtime,
        timers: this.#timers,
        address: this.#where,
        hosts: this.#options.hosts,
        proxy: this.#options.proxy,
        tls: this.#tls,
        limits: sessionLimits(this.#options, this.#keepaliveFactor),
        observer,
        neverIndexed,
        memory: this.#options.memory,
        connectTimeoutMs: connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      },
      this,
    )
    this.#links.add(link)
    this.#current = link
  }

  /** The attempt failed: impatient calls hear why, unless `isPause`; the others and eager sessions wait for the next one. */
  #onFailed(cause: Error, isPause: boolean): void {
    this.#lastError = cause
    this.#isPause = isPause
    this.enter('waiting')
    this.#attemptEndAt = this.#runtime.now()
    const elapsedMs = this.#attemptEndAt - this.#attemptAt
    const delayMs = Math.max(0, this.#backOff.next() - elapsedMs)
    this.#retry = this.#runtime.schedule(delayMs, () => this.#onRetry())
    this.#connecting.settle(cause, false)
    if (!isPause) this.#waiting.fail(() => unavailableError(this.address, cause), false)
    if (this.#isAwaited) this.#retry?.ref()
  }

  /** A call, or somebody without one, waits for the next attempt. */
  get #isAwaited(): boolean {
    return this.#waiting.count > 0 || this.#connecting.arePatient
  }

  #onRetry(): void {
    this.#retry = undefined
    if (this.#isAwaited || this.#options.eager === true) this.#connect()
    else this.enter('idle')
  }

  #startWaiting(): void {
    const link = this.#current
    const connection = link?.connection
    if (link === undefined || connection === undefined || this.#waiting.count === 0) return
    if (!this.#starts.mayStart()) return
    connection.setNow(this.#runtime.now())
    const isSpent = this.#waiting.start(
      () => link === this.#current && link.ready && connection.canOpen,
      (call, headers) => {
        try {
          call.start(link.connector, connection, headers)
        } catch (error) {
          // Its receiver threw: those behind it still have to start.
          this.onHandlerError(error)
        }
      },
      this.#starts.budget(connection.limits),
    )
    if (isSpent) this.#starts.arm()
    this.#watch.progress()
    if (this.#waiting.count > 0) this.#waitForRoom(link)
  }

  #waitForRoom(link: Link): void {
    this.#watch.begin()
    this.#resting.yield(this.#waiting.count)
    link.wakeHold()
    link.leaveWhenExhausted()
  }
}
