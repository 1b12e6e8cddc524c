import { GrpcError, Status } from '../grpc/index.js'
import {
  type CallTransport,
  type Cancellable,
  inRootContext,
  type Runtime,
  type Transport,
  thrownText,
} from '../transport/index.js'
import { clientClosed } from './client-closing.js'
import { MicroError } from './micro-error.js'
import type { Registry, RegistryNode, RegistryService } from './registry.js'
import { usableNodes } from './registry-records.js'
import type { Selector } from './selector.js'

/** The protocol between a client and a node: `grpc` or `mucp`. */
export type Protocol = 'grpc' | 'mucp'

/** Whether native calls can go over it. */
export function isCallTransport(transport: Transport): transport is CallTransport {
  return 'session' in transport
}

/** Whom one call goes to. */
export interface Target {
  readonly address: string
  readonly protocol: Protocol
  /** The node knows nothing of today's codecs (go-micro before 1.9). */
  readonly legacy: boolean
}

/** How long a registry's answer is good when it cannot say that it changed. Unit: ms. */
const NODES_TTL_MS = 60_000

/** How soon a call that waits for a node asks again. Unit: ms. */
const NODES_RETRY_MS = 1_000

/** How long a registry may think about a question; then the next call asks anew. Unit: ms. */
const ANSWER_TIMEOUT_MS = 10_000

/** Turns a service's name into an address, one for each call. */
export class TargetFinder {
  readonly #registry: Registry
  readonly #selector: Selector
  readonly #service: string
  readonly #protocol: Protocol | undefined
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly #isNative: boolean
  readonly #unwatch: (() => void) | undefined = undefined
  /** Calls that wait for a change. */
  readonly #waiting = new Set<() => void>()
  #nodes: readonly RegistryNode[] = []
  #freshUntil = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined
  #closed = false
  /** Grows when the registry changes: an answer asked for before is out of date. */
  #revision = 0

  constructor(
    registry: Registry,
    selector: Selector,
    service: string,
    protocol: Protocol | undefined,
    runtime: Pick<Runtime, 'now' | 'schedule'>,
    isNative: boolean,
  ) {
    this.#isNative = isNative
    this.#registry = registry
    this.#selector = selector
    this.#service = service
    this.#protocol = protocol
    this.#runtime = runtime
    const { watch } = registry
    if (watch === undefined) return
    this.#unwatch = inRootContext(() => {
      return watch.call(registry, name => {
        if (name !== service) return
        this.#revision++
        this.#freshUntil = Number.NEGATIVE_INFINITY
        for (const wake of [...this.#waiting]) wake()
      })
    })
  }

  /**
   * The next call's target; a promise when the registry has to be asked.
   *
   * @throws GrpcError UNAVAILABLE, or for a mucp client MicroError 500, when nobody serves the service: nothing was sent
   */
  find(): Target | Promise<Target> {
    if (this.#runtime.now() < this.#freshUntil && this.#nodes.length > 0) return this.#select()
    return this.#findAnew()
  }

  /** As `find`, when the registry has changed, or after a pause. @throws GrpcError CANCELLED once it is closed, which nobody need wait for */
  async findLater(): Promise<Target> {
    if (!this.#closed) await this.#change()
    if (this.#closed) throw clientClosed('grpc', true)
    return this.find()
  }

  async #change(): Promise<void> {
    await new Promise<void>(resolve => {
      const wake = (): void => {
        timeout.cancel()
        this.#waiting.delete(wake)
        resolve()
      }
      const timeout = this.#runtime.schedule(NODES_RETRY_MS, wake)
      // Whoever waits keeps the process alive.
      timeout.ref()
      this.#waiting.add(wake)
    })
  }

  close(): void {
    this.#closed = true
    for (const wake of [...this.#waiting]) wake()
    this.#unwatch?.()
  }

  async #findAnew(): Promise<Target> {
    // The answer is for all calls that wait: it is asked for in the name of none.
    this.#asking ??= inRootContext(() => this.#ask()).finally(() => {
      this.#asking = undefined
    })
    await this.#asking
    return this.#select()
  }

  async #ask(): Promise<void> {
    const revision = this.#revision
    let nodes: readonly RegistryNode[]
    try {
      nodes = usableNodes(await this.#answer())
    } catch (cause) {
      const text = thrownText(cause)
      throw this.#error(`error selecting ${this.#service} node: ${text}`, cause)
    }
    this.#nodes = nodes
    if (revision === this.#revision) this.#freshUntil = this.#runtime.now() + NODES_TTL_MS
  }

  /** Without a limit one question that hangs would hold up every call to come. */
  async #answer(): Promise<readonly RegistryService[]> {
    let timeout: Cancellable | undefined
    const late = new Promise<never>((_, reject) => {
      timeout = this.#runtime.schedule(ANSWER_TIMEOUT_MS, () => {
        reject(new Error(`the registry has not answered in ${ANSWER_TIMEOUT_MS} ms`))
      })
    })
    try {
      return await Promise.race([this.#registry.getService(this.#service), late])
    } finally {
      timeout?.cancel()
    }
  }

  #select(): Target {
    if (this.#nodes.length === 0) {
      const text = `service ${this.#service}: not found`
      throw this.#error(
        this.#isNative
          ? `${text}; the registry ${this.#registry.name} has no node of it: is it started, and registered under this name?`
          : text,
      )
    }
    const node = this.#selector.select(this.#service, this.#nodes) as RegistryNode | undefined
    if (node === undefined) {
      throw this.#error(
        `selector ${this.#selector.name} chose none of ${this.#nodes.length} nodes of ${this.#service}`,
      )
    }
    return targetOf(node, this.#protocol)
  }

  /** Natively as any server that cannot be reached; go-micro reports it as 500 from `go.micro.client`. */
  #error(text: string, cause?: unknown): GrpcError | MicroError {
    const options = { unprocessed: true, cause }
    return this.#isNative
      ? new GrpcError(Status.Unavailable, text, { origin: 'local', ...options })
      : MicroError.internal(text, { id: 'go.micro.client', ...options })
  }
}

/** What a node says of itself, unless the client insists on a protocol. */
function targetOf(node: RegistryNode, wanted: Protocol | undefined): Target {
  const { protocol, grpc } = node.metadata
  const native = protocol === 'grpc' || grpc === 'true'
  return {
    address: node.address,
    protocol: wanted ?? (native ? 'grpc' : 'mucp'),
    legacy: protocol === undefined,
  }
}

/** Tells who was chosen, at once or when it is known. */
export function tellTarget(
  found: Target | Promise<Target>,
  onTarget: (target: Target) => void,
): Target | Promise<Target> {
  if (found instanceof Promise) return found.then(target => tellTarget(target, onTarget))
  onTarget(found)
  return found
}

/** A fixed address. */
export function targetAt(address: string, protocol: Protocol | undefined): Target {
  return { address, protocol: protocol ?? 'grpc', legacy: false }
}
