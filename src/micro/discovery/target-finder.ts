import {
  type Balancing,
  Channel,
  type ChannelSession,
  HealthWatcher,
  leastRequest,
  textOf,
  type WatchHealth,
} from '../../channel/index.js'
import { GrpcError, Status } from '../../grpc/index.js'
import {
  type CallSession,
  type CallTransport,
  type Runtime,
  thrownText,
} from '../../transport/index.js'
import { clientClosed } from '../errors/client-closed.js'
import { MicroError } from '../errors/micro-error.js'
import type { Protocol } from '../protocol.js'
import { CallRoute } from './call-route.js'
import type { EndpointSource } from './endpoint-source.js'
import type { NodeEndpoint } from './node-endpoint.js'
import type { Selector } from './selector.js'
import { selectorBalancing } from './selector-balancing.js'
import type { Target } from './target.js'

/** How soon a call that waits for a node asks again. Unit: ms. */
const NODES_RETRY_MS = 1_000

/** What a finder is made of. */
export interface TargetFinderOptions {
  /** What is called: a service's name, or that of a resolver. */
  readonly name: string
  /** `onEndpoints` hears of each answer, `onChange` that there is another one to be had. */
  readonly source: (
    onEndpoints: (endpoints: readonly NodeEndpoint[]) => void,
    onChange: () => void,
  ) => EndpointSource
  /** The text of a call for which the source has nobody. */
  readonly nobody: string
  /** What a call waits for that has no answer. */
  readonly unanswered: string
  /** Ahead of what the source failed with. */
  readonly failed: string
  readonly protocol: Protocol | undefined
  readonly runtime: Runtime
  /** Carries native calls; undefined: all calls are mucp. */
  readonly transport: CallTransport | undefined
  readonly selector?: Selector | undefined
  readonly balancer?: Balancing | undefined
  /** Native calls go only to servers that say of this service that it is healthy. Undefined: to all that are connected. */
  readonly healthService?: string | undefined
  /** A node has left, and no call of this client runs there. */
  readonly onReleased: (endpoint: NodeEndpoint) => void
}

/** Turns a service's name into an endpoint, one for each call. */
export class TargetFinder {
  readonly #options: TargetFinderOptions
  readonly #source: EndpointSource
  readonly #channel: Channel
  /** Calls that wait for a change. */
  readonly #waiting = new Set<() => void>()
  /** How calls that wait for a connection wait no more. */
  readonly #leaving = new WeakMap<Promise<Target>, () => void>()
  #isAnswered = false
  #isClosed = false

  constructor(options: TargetFinderOptions) {
    this.#options = options
    const { name, runtime, selector } = options
    this.#channel = new Channel({
      name,
      balancing:
        selector === undefined
          ? (options.balancer ?? leastRequest())
          : selectorBalancing(selector, name, text => this.#error(text)),
      runtime,
      open: endpoint => this.#session(endpoint as NodeEndpoint),
      watchHealth: watcherOf(options),
      release: endpoint => options.onReleased(endpoint as NodeEndpoint),
      onLost: () => this.#source.onLost(),
      onError: error => {
        // A selector may mean it: there is none that it wants to be called.
        if (selector !== undefined) throw error
        const text = `the balancer of ${name} failed: ${thrownText(error)}`
        runtime.warn?.(new Error(text, { cause: error }))
      },
    })
    this.#source = options.source(
      endpoints => {
        this.#isAnswered = true
        this.#channel.update(endpoints)
      },
      () => this.#wake(),
    )
  }

  /**
   * The next call's target; a promise when the registry has to be asked, or a connection to be waited for.
   *
   * @throws GrpcError UNAVAILABLE, or for a mucp client MicroError 500, when nobody serves the service: nothing was sent
   */
  find(): Target | Promise<Target> {
    const channel = this.#channel
    if (!this.#source.isFresh) {
      if (channel.state !== 'ready') return this.#findAnew()
      // What is known works: the answer is for the calls after this one.
      this.#source.refresh()
    } else if (channel.subchannels.length === 0) return this.#findAnew()
    return this.#pick()
  }

  /** As `find`, when the registry has changed, or after a pause. @throws GrpcError CANCELLED once it is closed, which nobody need wait for */
  async findLater(): Promise<Target> {
    if (!this.#isClosed) await this.#change()
    if (this.#isClosed) throw clientClosed('grpc', true)
    return this.find()
  }

  async #change(): Promise<void> {
    await new Promise<void>(resolve => {
      const wake = (): void => {
        timeout.cancel()
        this.#waiting.delete(wake)
        resolve()
      }
      const timeout = this.#options.runtime.schedule(NODES_RETRY_MS, wake)
      // Whoever waits keeps the process alive.
      timeout.ref()
      this.#waiting.add(wake)
    })
  }

  /** The call that waits for `found` has given up. */
  leave(found: Promise<Target>): void {
    this.#leaving.get(found)?.()
  }

  /** What calls wait for that have no target, for the error of one that ran out of time. */
  get obstacle(): string {
    const { subchannels } = this.#channel
    if (!this.#isAnswered || subchannels.length === 0) return this.#options.unanswered
    return `no connection in time: ${subchannels.slice(0, 8).map(textOf).join('; ')}`
  }

  close(): void {
    this.#isClosed = true
    this.#wake()
    this.#source.close()
    this.#channel.close()
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  async #findAnew(): Promise<Target> {
    try {
      await this.#source.ask()
    } catch (cause) {
      // Old nodes are better than none.
      if (this.#channel.subchannels.length === 0) {
        throw this.#error(`${this.#options.failed}${thrownText(cause)}`, cause)
      }
    }
    return this.#pick()
  }

  #pick(): Target | Promise<Target> {
    const channel = this.#channel
    if (channel.subchannels.length === 0) throw this.#error(this.#options.nobody)
    const picked = channel.pick()
    return picked === undefined ? this.#wait() : new CallRoute(channel, picked)
  }

  #wait(): Promise<Target> {
    let leave = (): void => undefined
    const found = new Promise<Target>((resolve, reject) => {
      leave = this.#channel.wait({
        isPatient: false,
        onPick: picked => resolve(new CallRoute(this.#channel, picked)),
        onFailed: reject,
      })
    })
    this.#leaving.set(found, leave)
    return found
  }

  /** Who speaks mucp has sockets of their own, of which nobody knows before a call. */
  #session({ address, hosts, protocol }: NodeEndpoint): ChannelSession | undefined {
    const { transport } = this.#options
    if (transport === undefined || protocol !== 'grpc') return undefined
    const session: object = transport.session(address, hosts)
    // Of another transport it may be one that cannot be watched.
    return 'watch' in session && 'ping' in session ? (session as ChannelSession) : undefined
  }

  get #isNative(): boolean {
    return this.#options.transport !== undefined && this.#options.protocol !== 'mucp'
  }

  /** Natively as any server that cannot be reached; go-micro reports it as 500 from `go.micro.client`. */
  #error(text: string, cause?: unknown): GrpcError | MicroError {
    const options = { unprocessed: true, cause }
    return this.#isNative
      ? new GrpcError(Status.Unavailable, text, { origin: 'local', ...options })
      : MicroError.internal(text, { id: 'go.micro.client', ...options })
  }
}

function watcherOf({
  healthService: service,
  runtime,
}: TargetFinderOptions): WatchHealth | undefined {
  if (service === undefined) return undefined
  return (session, onHealth) => {
    const watch = new HealthWatcher(session as unknown as CallSession, {
      service,
      runtime,
      onHealth,
    })
    watch.start()
    return () => watch.stop()
  }
}
