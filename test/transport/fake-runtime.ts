import type {
  Cancellable,
  RawConnectOptions,
  RawListenEvents,
  RawListener,
  RawListenOptions,
  RawSocket,
  Runtime,
} from '../../src/transport/runtime/runtime.js'

interface Timeout {
  readonly at: number
  readonly run: () => void
  cancelled: boolean
  kept: boolean
}

/** A runtime in which nothing happens by itself: time, turns and sockets move when the test says so. */
export class FakeRuntime implements Runtime {
  time = 1_000
  randomValue = 0.5
  timeouts: Timeout[] = []
  microtasks: (() => void)[] = []
  turns: (() => void)[] = []
  /** Sockets that were asked for by `connect`. */
  dialled: { options: RawConnectOptions; socket: FakeSocket; ready: () => void }[] = []
  events: RawListenEvents | undefined
  taken: Set<number> = new Set<number>()
  /** What every name resolves to. */
  hosts: readonly string[] | Promise<readonly string[]> = ['192.0.2.1']

  now(): number {
    return this.time
  }

  schedule(delayMs: number, run: () => void): Cancellable {
    const timeout: Timeout = { at: this.time + delayMs, run, cancelled: false, kept: false }
    this.timeouts.push(timeout)
    return {
      cancel: () => {
        timeout.cancelled = true
      },
      ref: () => {
        timeout.kept = true
      },
    }
  }

  /** Timeouts that still wait. */
  get pending(): Timeout[] {
    this.timeouts = this.timeouts.filter(timeout => !timeout.cancelled)
    return this.timeouts
  }

  afterMicrotasks(run: () => void): void {
    this.microtasks.push(run)
  }

  afterTurn(run: () => void): void {
    this.turns.push(run)
  }

  random(): number {
    return this.randomValue
  }

  connect(options: RawConnectOptions, ready: () => void): RawSocket {
    const socket = new FakeSocket()
    this.dialled.push({ options, socket, ready })
    return socket
  }

  async listen(options: RawListenOptions, events: RawListenEvents): Promise<RawListener> {
    const port = options.port === 0 ? 4_000 : (options.port ?? 0)
    if (this.taken.has(port)) {
      throw Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' })
    }
    this.taken.add(port)
    this.events = events
    return { host: options.host ?? '::', port, close: () => void this.taken.delete(port) }
  }

  lookup(): readonly string[] | Promise<readonly string[]> {
    return this.hosts
  }

  /** The microtasks of this turn, and what waits for their end. */
  runMicrotasks(): void {
    for (const run of this.microtasks.splice(0)) run()
  }

  /** The end of this turn. */
  runTurn(): void {
    this.runMicrotasks()
    for (const run of this.turns.splice(0)) run()
  }

  /** Turns until nothing is left to do. */
  settle(): void {
    for (let i = 0; i < 1_000 && this.turns.length + this.microtasks.length > 0; i++) this.runTurn()
  }

  /** Lets time pass; timeouts run in order. */
  advance(ms: number): void {
    const end = this.time + ms
    for (;;) {
      const due = this.pending.filter(timeout => timeout.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.time = Math.max(this.time, due.at)
      due.cancelled = true
      due.run()
    }
    this.time = end
  }
}

type Listener = (value?: never) => void

/** A socket whose kernel is the test: it takes at once what is written, until `capacity` is used up. */
export class FakeSocket implements RawSocket {
  written: Buffer[] = []
  /** Octets the kernel takes before what is written stays in our memory. */
  capacity: number = Number.POSITIVE_INFINITY
  writableLength = 0
  destroyed = false
  ended = false
  paused = false
  corked = 0
  alpnProtocol: string | false | null = null
  localAddress = '127.0.0.1'
  localPort = 4_000
  remoteAddress: string | undefined = '127.0.0.1'
  remotePort = 50_000
  readonly #listeners = new Map<string, Listener[]>()

  write(bytes: Uint8Array): boolean {
    this.written.push(Buffer.from(bytes))
    const taken = Math.min(this.capacity, bytes.length)
    this.capacity -= taken
    this.writableLength += bytes.length - taken
    return this.writableLength === 0
  }

  cork(): void {
    this.corked++
  }

  uncork(): void {
    this.corked--
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('close')
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  on(event: string, listener: (value: never) => void): void {
    const listeners = this.#listeners.get(event) ?? []
    listeners.push(listener as Listener)
    this.#listeners.set(event, listeners)
  }

  emit(event: string, value?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never)
  }

  /** Octets from the peer, overwritten once they have been handled: nobody may keep them. */
  receives(bytes: Buffer): void {
    if (this.paused) throw new Error('data on a paused socket')
    const chunk = Buffer.from(bytes)
    this.emit('data', chunk)
    chunk.fill(0xee)
  }

  /** The kernel takes all that waits. */
  drain(): void {
    this.writableLength = 0
    this.emit('drain')
  }

  /** All that was written so far; forgotten then. */
  take(): Buffer {
    return Buffer.concat(this.written.splice(0))
  }
}
