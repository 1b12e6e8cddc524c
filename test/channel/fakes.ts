import {
  type Balancer,
  type Balancing,
  type Candidate,
  Channel,
  type ChannelOptions,
  type ChannelSession,
  type Endpoint,
  type Picked,
} from '../../src/channel/index.js'
import { Random } from '../../src/testing/index.js'
import type { Cancellable } from '../../src/transport/index.js'

/** A clock that moves when it is told to, and dice from a seed. */
export class Outside {
  readonly #random = new Random(1)
  #now = 1_000
  #timers: { at: number; run: () => void }[] = []
  #later: (() => void)[] = []

  readonly now = (): number => this.#now
  readonly random = (): number => this.#random.next()

  get timerCount(): number {
    return this.#timers.length
  }

  schedule(delayMs: number, run: () => void): Cancellable {
    const timer = { at: this.#now + delayMs, run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter(each => each !== timer)
      },
      ref: () => undefined,
    }
  }

  afterMicrotasks(run: () => void): void {
    this.#later.push(run)
  }

  afterTurn(run: () => void): void {
    this.#later.push(run)
  }

  /** What waits for the end of this turn. */
  settle(): void {
    while (this.#later.length > 0) for (const run of this.#later.splice(0)) run()
  }

  advance(ms: number): void {
    const end = this.#now + ms
    this.settle()
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter(each => each !== due)
      this.#now = due.at
      due.run()
      this.settle()
    }
    this.#now = end
  }
}

/** A session that does what the test says. */
export class FakeSession implements ChannelSession {
  state: ChannelSession['state'] = 'idle'
  lastError: Error | undefined
  connects = 0
  /** PINGs that wait for an answer. */
  readonly pings: (() => void)[] = []
  readonly #watchers = new Set<() => void>()

  get watcherCount(): number {
    return this.#watchers.size
  }

  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange)
    return () => this.#watchers.delete(onChange)
  }

  connect(): Promise<void> {
    this.connects++
    if (this.state === 'idle') this.become('connecting')
    return Promise.resolve()
  }

  ping(onAnswer: () => void): boolean {
    this.pings.push(onAnswer)
    return true
  }

  become(state: ChannelSession['state'], error?: Error): void {
    this.state = state
    this.lastError = error
    for (const watcher of [...this.#watchers]) watcher()
  }
}

export function endpoints(...ids: readonly string[]): Endpoint[] {
  return ids.map(id => ({ id, address: `${id}:1` }))
}

/** A channel over fake sessions. */
export class Rig {
  readonly outside: Outside = new Outside()
  readonly sessions: Map<string, FakeSession> = new Map()
  readonly errors: unknown[] = []
  readonly released: string[] = []
  lostCount = 0
  readonly channel: Channel

  constructor(balancing: Balancing, options: Partial<ChannelOptions> = {}) {
    this.channel = new Channel({
      name: 'shop',
      balancing,
      runtime: this.outside,
      open: ({ id }) => {
        const session = new FakeSession()
        this.sessions.set(id, session)
        return session
      },
      release: ({ id }) => this.released.push(id),
      onLost: () => this.lostCount++,
      onError: error => this.errors.push(error),
      ...options,
    })
  }

  session(id: string): FakeSession {
    return this.sessions.get(id)!
  }

  /** All are connected. */
  connected(...ids: readonly string[]): this {
    this.channel.update(endpoints(...ids))
    for (const id of ids) this.session(id).become('ready')
    return this
  }

  /** Whom the next calls go to, each ended at once. */
  picks(count: number): string[] {
    return Array.from({ length: count }, () => {
      const picked = this.channel.pick()
      picked?.begin()
      picked?.done(undefined)
      return idOf(picked)
    })
  }
}

export function idOf(picked: Picked | undefined): string {
  return picked?.subchannel.endpoint.id ?? 'nobody'
}

/** Candidates for a balancer that is tested alone. */
export function candidates(count: number): { endpoint: Endpoint; pending: number }[] {
  return endpoints(...Array.from({ length: count }, (_, at) => `n${at}`)).map(endpoint => ({
    endpoint,
    pending: 0,
  }))
}

/** How many of `count` picks each candidate gets that ends at once. */
export function shares(
  balancer: Balancer,
  from: readonly Candidate[],
  count: number,
): Map<string, number> {
  const found = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const { id } = balancer.pick(from).endpoint
    found.set(id, (found.get(id) ?? 0) + 1)
  }
  return found
}
