import type { Cancellable, Runtime } from '../runtime/runtime.js'

/** Time a peer gets to read our last words before its socket is destroyed. Unit: ms. */
const LINGER_MS = 1_000
/** How often that time is given to a peer that may still take the last replies: a minute, as for any stalled write. */
const LINGERS_MAX = 60

/** The time a peer has to read what was said last. */
export class Linger {
  readonly #runtime: Runtime
  readonly #mayRead: () => boolean
  readonly #expire: () => void
  #timer: Cancellable | undefined
  #count = 0
  #stopped = false

  /** `mayRead`: whether the peer is given that time again; `expire` is called once it is not. */
  constructor(runtime: Runtime, mayRead: () => boolean, expire: () => void) {
    this.#runtime = runtime
    this.#mayRead = mayRead
    this.#expire = expire
  }

  /** Begins, unless it has begun. */
  arm(): void {
    if (this.#stopped) return
    this.#timer ??= this.#runtime.schedule(LINGER_MS, () => {
      this.#timer = undefined
      if (this.#mayRead() && ++this.#count < LINGERS_MAX) this.arm()
      else this.#expire()
    })
  }

  /** For good: the socket is closed. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
