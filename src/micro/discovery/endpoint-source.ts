import type { Endpoint, Resolver, ResolverListener } from '../../channel/index.js'
import {
  type Cancellable,
  inRootContext,
  type Runtime,
  thrownError,
} from '../../transport/index.js'

/** Who names the endpoints of a client: a registry, a name, or a resolver of the user's. */
export interface EndpointSource {
  /** For errors. */
  readonly name: string
  /** What was said last still holds. */
  readonly isFresh: boolean
  /** Waits for an answer. Rejects with what the source fails with. */
  ask(): Promise<void>
  /** Asks where calls need not wait for it: who fails to answer changes nothing. */
  refresh(): void
  /** An endpoint cannot be reached any more. */
  onLost(): void
  close(): void
}

/** How long a resolver may leave a call without any endpoint. Unit: ms. */
const ANSWER_TIMEOUT_MS = 10_000

/** A call that waits for the first endpoints. */
interface Asking {
  readonly timeout: Cancellable
  resolve(): void
  reject(error: Error): void
}

/** A resolver, which tells of endpoints when it likes, as calls need them. */
export class ResolverSource implements EndpointSource, ResolverListener {
  readonly name: string
  readonly #resolver: Resolver
  readonly #runtime: Pick<Runtime, 'schedule'>
  readonly #onFound: (endpoints: readonly Endpoint[]) => void
  #asking: Asking[] = []
  #isStarted = false
  #isClosed = false
  #hasEndpoints = false
  #lastError: Error | undefined

  constructor(
    resolver: Resolver,
    runtime: Pick<Runtime, 'schedule'>,
    onFound: (endpoints: readonly Endpoint[]) => void,
  ) {
    this.name = resolver.name
    this.#resolver = resolver
    this.#runtime = runtime
    this.#onFound = onFound
  }

  /** It pushes what changes: what it said last holds. */
  get isFresh(): boolean {
    if (this.#hasEndpoints) this.#hint(() => this.#resolver.onCall?.())
    return this.#hasEndpoints
  }

  ask(): Promise<void> {
    const before = this.#lastError
    this.#lastError = undefined
    if (!this.#isStarted) this.#start()
    else if (!this.#look()) this.#lastError ??= before
    if (this.#hasEndpoints) return Promise.resolve()
    if (this.#lastError !== undefined) return Promise.reject(this.#lastError)
    return new Promise((resolve, reject) => {
      const timeout = this.#runtime.schedule(ANSWER_TIMEOUT_MS, () => {
        this.#asking = this.#asking.filter(each => each !== asking)
        reject(new Error(`${this.name} has not been resolved in ${ANSWER_TIMEOUT_MS} ms`))
      })
      timeout.ref()
      const asking: Asking = { timeout, resolve, reject }
      this.#asking.push(asking)
    })
  }

  refresh(): void {
    if (this.#isStarted && !this.#isClosed) this.#look()
  }

  /** False: it cannot be made to look again, so that what it said last is all there is. */
  #look(): boolean {
    const { refresh } = this.#resolver
    return refresh !== undefined && this.#hint(() => refresh.call(this.#resolver))
  }

  onLost(): void {
    this.refresh()
  }

  onEndpoints(endpoints: readonly Endpoint[]): void {
    if (this.#isClosed) return
    if (!Array.isArray(endpoints) || !endpoints.every(isEndpoint)) {
      this.onError(
        new TypeError(`${this.name}: the resolver gave endpoints that are not { id, address }`),
      )
      return
    }
    this.#onFound(endpoints)
    if (endpoints.length === 0) {
      if (!this.#hasEndpoints) this.onError(new Error(`${this.name} has no endpoint`))
      return
    }
    this.#hasEndpoints = true
    this.#lastError = undefined
    this.#settle(({ resolve }) => resolve())
  }

  onError(error: Error): void {
    this.#lastError = thrownError(error)
    if (!this.#hasEndpoints) this.#settle(({ reject }) => reject(this.#lastError!))
  }

  close(): void {
    this.#isClosed = true
    this.#hint(() => this.#resolver.close?.())
    this.#settle(({ reject }) => reject(new Error(`${this.name}: the client was closed`)))
  }

  #start(): void {
    this.#isStarted = true
    try {
      inRootContext(() => this.#resolver.start(this))
    } catch (error) {
      this.onError(thrownError(error))
    }
  }

  #settle(each: (asking: Asking) => void): void {
    for (const asking of this.#asking.splice(0)) {
      asking.timeout.cancel()
      each(asking)
    }
  }

  /** A resolver may fail to take a hint: it says itself what it cannot find. */
  #hint(run: () => void): boolean {
    try {
      run()
      return true
    } catch {
      return false
    }
  }
}

function isEndpoint(value: unknown): boolean {
  const { id, address } = Object(value) as Partial<Endpoint>
  return typeof id === 'string' && typeof address === 'string' && address !== ''
}
