import { type Cancellable, inRootContext, type Runtime } from '../../transport/index.js'
import type { EndpointSource } from './endpoint-source.js'
import type { Registry, RegistryNode, RegistryService } from './registry.js'
import { usableNodes } from './registry-records.js'

/** How long a registry's answer is good when it cannot say that it changed. Unit: ms. */
const NODES_TTL_MS = 60_000
/** How long a registry may think about a question; then the next call asks anew. Unit: ms. */
const ANSWER_TIMEOUT_MS = 10_000
/** A connection that was lost is a reason to ask, but not for each of a thousand. Unit: ms. */
const ASK_AGAIN_MS = 1_000

/** The nodes of one service as a registry knows them: asked for at the first call, and again when it says that they changed. */
export class RegistryResolver implements EndpointSource {
  readonly name: string
  readonly #registry: Registry
  readonly #service: string
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly #onNodes: (nodes: readonly RegistryNode[]) => void
  readonly #onChange: () => void
  readonly #unwatch: (() => void) | undefined = undefined
  #freshUntil = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined
  /** Grows when the registry changes: an answer asked for before is out of date. */
  #revision = 0
  #isOutdated = false
  #isClosed = false

  /**
   * @param onNodes hears of each answer
   * @param onChange hears that the registry says that there is a change
   */
  constructor(
    registry: Registry,
    service: string,
    runtime: Pick<Runtime, 'now' | 'schedule'>,
    onNodes: (nodes: readonly RegistryNode[]) => void,
    onChange: () => void,
  ) {
    this.name = `the registry ${registry.name}`
    this.#registry = registry
    this.#service = service
    this.#runtime = runtime
    this.#onNodes = onNodes
    this.#onChange = onChange
    const { watch } = registry
    if (watch === undefined) return
    this.#unwatch = inRootContext(() =>
      watch.call(registry, name => {
        if (name === service) this.#changed()
      }),
    )
  }

  /** The last answer still holds. */
  get isFresh(): boolean {
    return this.#runtime.now() < this.#freshUntil
  }

  /** Asks, or waits for the answer that was asked for. Rejects with what the registry fails with. */
  ask(): Promise<void> {
    // The answer is for all calls that wait: it is asked for in the name of none.
    this.#asking ??= inRootContext(() => this.#ask()).finally(() => {
      this.#asking = undefined
      // It changed while it answered: who asks after this is told what is so now.
      if (this.#isOutdated) this.refresh()
    })
    return this.#asking
  }

  /** Asks where calls need not wait for it: who fails to answer changes nothing. */
  refresh(): void {
    if (this.#isClosed || this.#asking !== undefined) return
    void this.ask().catch(() => undefined)
  }

  /** A node cannot be reached any more. Asks, unless that was done just now. */
  onLost(): void {
    if (this.#runtime.now() - this.#askedAt >= ASK_AGAIN_MS) this.refresh()
  }

  close(): void {
    this.#isClosed = true
    this.#unwatch?.()
  }

  #changed(): void {
    this.#revision++
    this.#freshUntil = Number.NEGATIVE_INFINITY
    // Nobody has asked yet: the first call will.
    if (this.#askedAt !== Number.NEGATIVE_INFINITY) this.refresh()
    this.#onChange()
  }

  async #ask(): Promise<void> {
    const revision = this.#revision
    this.#askedAt = this.#runtime.now()
    const nodes = usableNodes(await this.#answer())
    if (this.#isClosed) return
    if (revision === this.#revision) this.#freshUntil = this.#runtime.now() + NODES_TTL_MS
    this.#isOutdated = revision !== this.#revision
    this.#onNodes(nodes)
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
}
