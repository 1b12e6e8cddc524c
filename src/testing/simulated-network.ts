import type { Compression } from '../grpc/index.js'
import { checkOptions, describe, type OptionKinds, rangeOf, within } from '../options/index.js'
import type {
  Cancellable,
  RawAddress,
  RawConnectOptions,
  RawListenEvents,
  RawListener,
  RawListenOptions,
  RawSocket,
  Runtime,
} from '../transport/index.js'
import { Random } from './random.js'
import { SimulatedClock } from './simulated-clock.js'
import { type PathConditions, SimulatedSocket, systemError } from './simulated-socket.js'
import { onSimulatedThread } from './simulated-thread.js'

/** Options of a `SimulatedNetwork`. */
export interface SimulatedNetworkOptions {
  /** One seed, one run: the same calls see the same network. */
  readonly seed: number
  /** Of every connection made from now on; see `conditions`. */
  readonly conditions?: Partial<PathConditions>
  /**
   * Addresses of host names; an empty list: the name does not exist. Default: each name is a machine with an address of
   * its own, of 10.0.0.0/8; `localhost` is 127.0.0.1.
   */
  readonly hosts?: Readonly<Record<string, readonly string[]>>
  /** Told of all octets: see `PathObserver`. */
  readonly onOctets?: (from: SimulatedSocket, bytes: Buffer) => void
  /** Told of connections made, refused and lost: for traces. */
  readonly onEvent?: (text: string) => void
  /** Hears of each connection when it is made, before its first octet. */
  readonly onLink?: (link: SimulatedLink) => void
}

const CONDITIONS: OptionKinds<PathConditions> = {
  latencyMs: checkLatency,
  pieceSizeMax: rangeOf(1),
  capacity: rangeOf(1),
}

const KINDS: OptionKinds<SimulatedNetworkOptions> = {
  seed: rangeOf(Number.NEGATIVE_INFINITY),
  conditions: within(CONDITIONS),
  hosts: checkHosts,
  onOctets: 'function',
  onEvent: 'function',
  onLink: 'function',
}

function checkNetworkOptions(options: SimulatedNetworkOptions): void {
  checkOptions('SimulatedNetwork', options, KINDS)
  if (options.seed === undefined) throw new TypeError('SimulatedNetwork needs a seed')
}

function checkLatency(name: string, value: unknown): void {
  const [least, most] = Array.isArray(value) ? (value as unknown[]) : []
  if (typeof least === 'number' && typeof most === 'number' && least >= 0 && least <= most) return
  throw new RangeError(`${name} is ${String(value)}; expected [least, most], both in ms`)
}

function checkHosts(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} is ${describe(value)}; expected { name: ['10.0.0.1'] }`)
  }
  for (const [host, addresses] of Object.entries(value)) {
    if (Array.isArray(addresses) && addresses.every(each => typeof each === 'string')) continue
    throw new TypeError(`${name}.${host} is ${describe(addresses)}; expected a list of addresses`)
  }
}

/** A connection between two simulated sockets. */
export interface SimulatedLink {
  readonly id: number
  readonly client: SimulatedSocket
  readonly server: SimulatedSocket
}

const ADDRESS = '127.0.0.1'
const EPHEMERAL_PORT = 40_000

/** Hosts that stand for every address. */
const EVERYWHERE = [undefined, '::', '0.0.0.0'] as const

/** The n-th machine of the network. */
function machineAddress(n: number): string {
  return `10.${(n >> 16) & 0xff}.${(n >> 8) & 0xff}.${n & 0xff}`
}

function placeOf(
  path: string | undefined,
  host: string | undefined,
  port: number | undefined,
): string {
  return path ?? `${host ?? ''}|${port}`
}

/**
 * A network in memory with a virtual clock: a `Runtime` for any number of clients and servers in
 * one process, with the faults of a real network. Plain text only.
 */
export class SimulatedNetwork implements Runtime {
  readonly clock: SimulatedClock = new SimulatedClock()
  /** For the test's own choices as well: they become part of the run. */
  readonly choices: Random
  /** Used for new connections; may be changed at any time. */
  readonly conditions: PathConditions
  readonly #random: Random
  readonly #network: Random
  readonly #options: SimulatedNetworkOptions
  /** By `placeOf`. */
  readonly #listeners = new Map<string, RawListenEvents>()
  /** Addresses of names that were looked up. */
  readonly #hosts: Map<string, readonly string[]>
  #links: SimulatedLink[] = []
  #linkId = 0
  #portNext = EPHEMERAL_PORT
  #reachable = true

  constructor(options: SimulatedNetworkOptions) {
    checkNetworkOptions(options)
    this.#options = options
    this.#hosts = new Map(Object.entries(options.hosts ?? {}))
    this.choices = new Random(options.seed)
    this.#random = new Random(options.seed ^ 0x5eed_0001)
    this.#network = new Random(options.seed ^ 0x5eed_0002)
    this.conditions = {
      latencyMs: [0, 3],
      pieceSizeMax: 16_384,
      capacity: 262_144,
      ...options.conditions,
    }
  }

  /** Threads take their time, of the virtual one: the same in each run. */
  readonly offThread = (compression: Compression): Compression =>
    onSimulatedThread(compression, this.clock, this.#random)

  /** Connections of which at least one end is open. */
  get links(): readonly SimulatedLink[] {
    this.#links = this.#links.filter(({ client, server }) => !client.closed || !server.closed)
    return this.#links
  }

  /** Ends of connections that are open. */
  get socketCount(): number {
    return this.links.reduce(
      (sum, { client, server }) => sum + Number(!client.closed) + Number(!server.closed),
      0,
    )
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  /** Whether new connections can be made; a server that cannot be reached does not answer at all. */
  setReachable(reachable: boolean): void {
    this.#reachable = reachable
  }

  /** Both ends hear ECONNRESET; what is under way is lost. */
  reset(link: SimulatedLink): void {
    this.#tell(`link ${link.id} reset`)
    link.client.hold(Number.POSITIVE_INFINITY)
    link.server.hold(Number.POSITIVE_INFINITY)
    link.client.fail('ECONNRESET')
    link.server.fail('ECONNRESET')
  }

  /** Nothing arrives for `ms`; then everything does. */
  stall(link: SimulatedLink, ms: number): void {
    this.#tell(`link ${link.id} stalls for ${ms} ms`)
    link.client.hold(ms)
    link.server.hold(ms)
  }

  /** Octets of this end vanish from now on, and nobody is told: a cable is cut, or half of one. */
  swallow(link: SimulatedLink, from: 'client' | 'server'): void {
    this.#tell(`link ${link.id} swallows what the ${from} sends`)
    link[from].hold(Number.POSITIVE_INFINITY)
  }

  now(): number {
    return this.clock.now()
  }

  schedule(delayMs: number, run: () => void): Cancellable {
    return this.clock.schedule(delayMs, run)
  }

  afterMicrotasks(run: () => void): void {
    this.clock.afterMicrotasks(run)
  }

  afterTurn(run: () => void): void {
    this.clock.afterTurn(run)
  }

  random(): number {
    return this.#random.next()
  }

  connect(options: RawConnectOptions, onReady: () => void): RawSocket {
    if (options.tls !== undefined) throw new TypeError('a simulated network has no TLS')
    const port = options.port ?? 0
    const own = this.#portNext++
    const id = this.#linkId++
    const tools = this.#tools()
    const from = [ADDRESS, own] as const
    const to = [options.host ?? ADDRESS, port] as const
    const client = new SimulatedSocket(`${id}.client`, from, to, this.conditions, tools)
    if (!this.#reachable) {
      this.#tell(`link ${id} to port ${port} gets no answer`)
      return client
    }
    const [least, most] = this.conditions.latencyMs
    this.clock.schedule(this.#network.integer(least, most), () => {
      if (client.destroyed) return
      const events = this.#listenerAt(options)
      if (events === undefined) {
        this.#tell(`link ${id} to port ${port} refused`)
        client.fail('ECONNREFUSED')
        return
      }
      const server = new SimulatedSocket(`${id}.server`, to, from, this.conditions, tools)
      client.peer = server
      server.peer = client
      const link = { id, client, server }
      this.#links.push(link)
      this.#options.onLink?.(link)
      this.#tell(`link ${id} to port ${port} connected`)
      onReady()
      client.start()
      this.clock.schedule(this.#network.integer(0, most), () => {
        // Reset before it was accepted: the system tells nobody.
        if (server.destroyed) return
        events.onSocket(server)
        server.start()
      })
    })
    return client
  }

  async listen(options: RawListenOptions, events: RawListenEvents): Promise<RawListener> {
    if (options.tls !== undefined) throw new TypeError('a simulated network has no TLS')
    const port = options.port === undefined || options.port === 0 ? this.#portNext++ : options.port
    const place = placeOf(options.path, options.host, port)
    if (this.#isTaken(options, port)) throw systemError('EADDRINUSE', 'listen')
    this.#listeners.set(place, events)
    this.#tell(`listening on port ${port}`)
    return {
      host: options.host ?? ADDRESS,
      port,
      close: () => {
        if (this.#listeners.get(place) === events) this.#listeners.delete(place)
        this.#tell(`port ${port} closed`)
      },
    }
  }

  /** As `Runtime.lend`. */
  lend(socket: RawSocket, onOctets: (bytes: Buffer, size: number) => void): boolean {
    if (!(socket instanceof SimulatedSocket)) return false
    socket.lend(onOctets)
    return true
  }

  lookup(host: string): readonly string[] {
    if (host === 'localhost') return [ADDRESS]
    const known = this.#hosts.get(host) ?? [machineAddress(this.#hosts.size + 1)]
    this.#hosts.set(host, known)
    if (known.length === 0) throw systemError('ENOTFOUND', 'getaddrinfo')
    return known
  }

  /** Who listens at an address, or at every address. */
  #listenerAt({ path, host, port }: RawAddress): RawListenEvents | undefined {
    const places = [host, ...EVERYWHERE].map(each => placeOf(path, each, port))
    return places.map(place => this.#listeners.get(place)).find(each => each !== undefined)
  }

  #isTaken({ path, host }: RawAddress, port: number): boolean {
    if (this.#listenerAt({ path, host, port }) !== undefined) return true
    const isEverywhere = path === undefined && EVERYWHERE.some(each => each === host)
    return isEverywhere && [...this.#listeners.keys()].some(place => place.endsWith(`|${port}`))
  }

  #tools(): {
    clock: SimulatedClock
    random: Random
    observer: { onOctets(from: SimulatedSocket, bytes: Buffer): void }
  } {
    const onOctets = this.#options.onOctets ?? (() => {})
    return { clock: this.clock, random: this.#network, observer: { onOctets } }
  }

  #tell(text: string): void {
    this.#options.onEvent?.(text)
  }
}
