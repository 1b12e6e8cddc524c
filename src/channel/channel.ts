import { GrpcError, Status } from '../grpc/index.js'
import type { Cancellable, Runtime } from '../transport/index.js'
import type { Balancer, Balancing, Ended } from './balancing/balancer.js'
import { changeSet } from './endpoint-set.js'
import type { Endpoint } from './names/endpoint.js'
import { Picked, type PickOwner } from './picked.js'
import {
  type ChannelSession,
  SLOW_AFTER_MS,
  type Standing,
  Subchannel,
  type SubchannelOwner,
  type WatchHealth,
} from './subchannel.js'
import { unreachableError } from './unreachable.js'
import { type Waiter, Waiters } from './waiters.js'

/** Attempts to connect that a channel makes at the same time. */
const CONNECTING_MAX = 32
const NONE: readonly Subchannel[] = []

/**
 * State of a channel: `ready` when a call can start now, `connecting` while one may soon, `failed` when every endpoint
 * has failed and none is tried just now, `idle` before the first call. gRPC connectivity-semantics-and-api.md.
 */
export type ChannelState = 'idle' | 'connecting' | 'ready' | 'failed' | 'closed'

export interface ChannelOptions {
  /** For errors: what its callers call it. */
  readonly name: string
  readonly balancing: Balancing
  readonly runtime: Pick<Runtime, 'now' | 'random' | 'schedule' | 'afterMicrotasks' | 'afterTurn'>
  /** The connection to an endpoint; undefined: nobody knows of one before a call is made. */
  open(endpoint: Endpoint): ChannelSession | undefined
  /** Calls go only to who says that it is healthy; not for a balancer with one connection, as in gRPC A17. Absent: to who is connected. */
  readonly watchHealth?: WatchHealth | undefined
  /** An endpoint has left, and nothing of this channel runs there any more. */
  release?(endpoint: Endpoint): void
  /** A connection is gone, or cannot be made: whoever names the endpoints may know better by now. */
  onLost?(): void
  /** A balancer threw, or chose what it was not offered. Calls go on without it. */
  onError?(error: unknown): void
}

/** The endpoints of one service, which of them can be used, and whose turn it is. */
export class Channel implements PickOwner, SubchannelOwner {
  readonly runtime: ChannelOptions['runtime']
  readonly watchHealth: WatchHealth | undefined
  readonly #options: ChannelOptions
  readonly #balancer: Balancer
  /** A balancer that wants no times costs no reading of the clock. */
  readonly #isTimed: boolean
  #all: readonly Subchannel[] = NONE
  /** Those a call may go to, and those that nobody has connected yet; made anew after a change. */
  #usable: readonly Subchannel[] = NONE
  #idle: readonly Subchannel[] = NONE
  #isStale = false
  /** The last list had nobody, and was not believed for as long as somebody works. */
  #isEmptied = false
  #connectingCount = 0
  #turn = 0
  readonly #waiters: Waiters
  #pace: Cancellable | undefined
  #state: ChannelState = 'idle'
  readonly #watchers = new Set<(state: ChannelState) => void>()

  constructor(options: ChannelOptions) {
    this.#options = options
    this.runtime = options.runtime
    const isOne = options.balancing.connects === 'first'
    this.watchHealth = isOne ? undefined : options.watchHealth
    // Balancers keep the functions alone; a runtime's may need their object.
    const { runtime } = options
    const outside = { now: () => runtime.now(), random: () => runtime.random() }
    this.#balancer = options.balancing.create(outside)
    this.#isTimed = this.#balancer.onEnd !== undefined
    this.#waiters = new Waiters(options.name, options.runtime)
  }

  get subchannels(): readonly Subchannel[] {
    return this.#all
  }

  get state(): ChannelState {
    if (this.#state !== 'closed') this.#state = this.#stateNow()
    return this.#state
  }

  /** Calls that have begun and not ended. */
  get pendingCount(): number {
    return this.#all.reduce((sum, { pending }) => sum + pending, 0)
  }

  /** Calls that wait for a connection. */
  get waitingCount(): number {
    return this.#waiters.count
  }

  now(): number {
    return this.#isTimed ? this.runtime.now() : 0
  }

  /** Calls `onState` after each change. Returns how to stop. */
  watch(onState: (state: ChannelState) => void): () => void {
    this.#watchers.add(onState)
    return () => this.#watchers.delete(onState)
  }

  /**
   * The endpoints from now on. An empty list takes nothing from whoever works: a resolver that has lost its memory is
   * likelier than a service that has none and yet answers.
   */
  update(endpoints: readonly Endpoint[]): void {
    if (this.#state === 'closed') return
    this.#isEmptied = endpoints.length === 0 && this.#all.some(isWorking)
    if (this.#isEmptied) return
    const make = (endpoint: Endpoint) =>
      new Subchannel(endpoint, this.#options.open(endpoint), this)
    const chosen = this.#ordered(this.#chosen(endpoints))
    const { all, added, removed } = changeSet(this.#all, chosen, make)
    this.#all = all
    this.#connectingCount += added.filter(({ standing }) => standing === 'connecting').length
    for (const subchannel of removed) {
      if (subchannel.standing === 'connecting') this.#connectingCount--
      subchannel.remove()
      if (subchannel.pending === 0) this.#options.release?.(subchannel.endpoint)
    }
    this.#changed()
  }

  /** The endpoint of the next call; undefined while none is connected: `wait` for one. */
  pick(): Picked | undefined {
    if (this.#isStale) this.#sort()
    if (this.#idle.length > 0) this.#connectNext()
    let usable = this.#usable
    if (usable.length === 0) {
      const fallback = this.#fallback()
      if (fallback === NONE) return undefined
      usable = fallback
    }
    return new Picked(this.#choose(usable), this)
  }

  /**
   * The endpoint of another attempt: one that is not among `tried` if any can be used, else whichever is left. There is
   * always one, unless the channel has none at all; the attempt then waits in its session, if need be.
   */
  pickAgain(tried: readonly Subchannel[]): Picked | undefined {
    if (this.#isStale) this.#sort()
    if (this.#idle.length > 0) this.#connectNext()
    const others = (list: readonly Subchannel[]) => list.filter(each => !tried.includes(each))
    const isHopeful = ({ standing }: Subchannel) => standing !== 'failed'
    for (const list of [others(this.#usable), this.#usable, others(this.#all.filter(isHopeful))]) {
      if (list.length > 0) return new Picked(this.#choose(list), this)
    }
    const left = others(this.#all).concat(this.#all)[0]
    return left === undefined ? undefined : new Picked(left, this)
  }

  /** Whether `pickAgain` would name one that is connected and not among `tried`. */
  hasOther(tried: readonly Subchannel[]): boolean {
    if (this.#isStale) this.#sort()
    return this.#usable.some(each => !tried.includes(each))
  }

  /** Waits until an endpoint is connected, or none can be. Returns how to wait no more. */
  wait(waiter: Waiter): () => void {
    const leave = this.#waiters.add(waiter)
    this.#advance()
    return leave
  }

  /** Connects to the endpoints, as their balancer has it, without a call. */
  connect(): void {
    if (this.#isStale) this.#sort()
    for (const _ of this.#idle) this.#connectNext()
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#pace?.cancel()
    for (const subchannel of this.#all) subchannel.remove()
    const text = `${this.#options.name}: the client was closed`
    this.#waiters.fail(() => new GrpcError(Status.Cancelled, text, { unprocessed: true }), true)
    this.#all = NONE
    this.#sort()
    this.#tell('closed')
  }

  /** For picks alone. */
  onBegin(subchannel: Subchannel): void {
    subchannel.pending++
    if (subchannel.isTried) this.#isStale = true
    if (this.#balancer.onBegin === undefined) return
    try {
      this.#balancer.onBegin(subchannel)
    } catch (error) {
      this.#options.onError?.(error)
    }
  }

  /** For picks alone. */
  onEnd(subchannel: Subchannel, ended: Ended, error: Error | undefined): void {
    subchannel.pending--
    if (subchannel.isTried) this.#isStale = true
    const { outcome } = ended
    if (outcome === 'ok') subchannel.onAlive()
    else if (outcome === 'late') subchannel.onLate()
    else if (outcome === 'unreached' && error !== undefined) subchannel.onUnreachable(error)
    if (this.#isTimed) this.#tellBalancer(subchannel, ended)
    if (subchannel.isRemoved && subchannel.pending === 0) {
      this.#options.release?.(subchannel.endpoint)
    }
  }

  /** For picks alone: nobody waits there until time is up, so nobody would find out that nobody is at home. */
  onOvertaken(subchannel: Subchannel): void {
    subchannel.onLate()
  }

  /** For subchannels alone. */
  onStanding(subchannel: Subchannel, before: Standing): void {
    const { standing } = subchannel
    if (before !== standing) {
      if (before === 'connecting') this.#connectingCount--
      if (standing === 'connecting') this.#connectingCount++
      if (before === 'ready' || standing === 'failed') this.#options.onLost?.()
    }
    if (this.#isEmptied && !this.#all.some(isWorking)) this.update([])
    else this.#changed()
  }

  #changed(): void {
    this.#isStale = true
    if (this.#waiters.count > 0) this.#advance()
    if (this.#watchers.size === 0) return
    const before = this.#state
    const state = this.state
    if (state !== before) this.#tell(state)
  }

  #tell(state: ChannelState): void {
    for (const watcher of [...this.#watchers]) this.#guard(() => watcher(state))
  }

  #stateNow(): ChannelState {
    if (this.#isStale) this.#sort()
    if (this.#usable.length > 0) return 'ready'
    if (this.#all.some(({ standing }) => standing === 'connecting')) return 'connecting'
    const failed = this.#all.filter(({ standing }) => standing === 'failed').length
    return this.#all.length > 0 && failed === this.#all.length ? 'failed' : 'idle'
  }

  /** Who can be used, and who can be connected. */
  #sort(): void {
    this.#isStale = false
    const { connects, candidates } = this.#options.balancing
    const ready = this.#all.filter(({ standing }) => standing === 'ready')
    this.#idle = this.#all.filter(({ standing }) => standing === 'idle')
    if (connects === 'first') {
      this.#usable = ready.slice(0, 1)
      if (ready.length > 0) this.#idle = NONE
      return
    }
    this.#usable = this.#all.filter(candidates === 'untried' ? isOpen : isWell)
    // Better one that is silent than none.
    if (this.#usable.length === 0) this.#usable = ready
  }

  /** Where no endpoint is connected: one alone has a session in which its calls wait, and those without session are tried. */
  #fallback(): readonly Subchannel[] {
    if (this.#all.length === 1) return this.#all
    const blind = this.#all.filter(({ session }) => session === undefined)
    return blind.length > 0 ? blind : NONE
  }

  #choose(candidates: readonly Subchannel[]): Subchannel {
    if (candidates.length === 1 && this.#options.balancing.candidates !== 'untried') {
      return candidates[0]!
    }
    try {
      const chosen = this.#balancer.pick(candidates)
      if (chosen instanceof Subchannel && chosen.belongsTo(this)) return chosen
      throw new TypeError(
        `the balancer ${this.#options.balancing.name} chose none of the ${candidates.length} endpoints it was given`,
      )
    } catch (error) {
      this.#options.onError?.(error)
      return candidates[this.#turn++ % candidates.length]!
    }
  }

  #chosen(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    if (this.#balancer.choose === undefined) return endpoints
    try {
      return this.#balancer.choose(endpoints)
    } catch (error) {
      this.#options.onError?.(error)
      return endpoints
    }
  }

  #tellBalancer(subchannel: Subchannel, ended: Ended): void {
    try {
      this.#balancer.onEnd!(subchannel, ended)
    } catch (error) {
      this.#options.onError?.(error)
    }
  }

  /** Many clients that connect in the same order would all begin with the same endpoint. */
  #ordered(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    const { balancing } = this.#options
    if (balancing.connects === 'first' || balancing.candidates === 'untried') return endpoints
    const shuffled = [...endpoints]
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = Math.floor(this.runtime.random() * (i + 1))
      const other = shuffled[j]!
      shuffled[j] = shuffled[i]!
      shuffled[i] = other
    }
    return shuffled
  }

  /** One more connection: a channel with few calls has few. */
  #connectNext(): void {
    const isFirst = this.#options.balancing.connects === 'first'
    if (this.#connectingCount >= (isFirst ? 1 : CONNECTING_MAX)) return
    this.#idle.find(({ standing }) => standing === 'idle')?.connect()
  }

  /** Lets calls that wait go on, or tells them that nobody is left; else sees to it that one more endpoint is tried. */
  #advance(): void {
    if (this.#isStale) this.#sort()
    if (this.#usable.length > 0) {
      this.#rest()
      this.#waiters.serve(() => this.pick())
      return
    }
    if (this.#waiters.count === 0) return this.#rest()
    if (this.#connectingCount === 0) this.#idle[0]?.connect()
    if (this.#all.length > 0 && this.#all.every(({ standing }) => standing === 'failed')) {
      this.#waiters.fail(() => unreachableError(this.#options.name, this.#all), false)
    }
    if (this.#waiters.count === 0) return this.#rest()
    this.#pace ??= this.#paced()
  }

  /** While calls wait, another endpoint is tried beside those that have not answered. Keeps the process alive. */
  #paced(): Cancellable {
    const pace = this.runtime.schedule(SLOW_AFTER_MS, () => {
      this.#pace = undefined
      if (this.#isStale) this.#sort()
      if (this.#connectingCount < CONNECTING_MAX) this.#idle[0]?.connect()
      this.#advance()
    })
    pace.ref()
    return pace
  }

  #rest(): void {
    this.#pace?.cancel()
    this.#pace = undefined
  }

  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#options.onError?.(error)
    }
  }
}

/** Connected; what has no session is only thought to be. */
function isWorking({ standing, session }: Subchannel): boolean {
  return standing === 'ready' && session !== undefined
}

/** After a failure that only a call can make good, there is one call at a time. */
function isWell({ standing, isSuspect, isTried, pending }: Subchannel): boolean {
  return standing === 'ready' && !isSuspect && (!isTried || pending === 0)
}

/** Connected, or nothing speaks against it yet. */
function isOpen(subchannel: Subchannel): boolean {
  const { standing, isTried } = subchannel
  return isWell(subchannel) || (!isTried && (standing === 'idle' || standing === 'connecting'))
}
