import { closeSync, openSync } from 'node:fs'

/** How often it is asked whether a descriptor is left. Unit: ms. */
const INTERVAL_MS = 1_000

type Listener = (error: Error) => void

/**
 * Tells servers when the process or the system has no file descriptor left. Node does not: libuv keeps one aside, with
 * which it accepts sockets and closes them at once, so that clients see a connection that ends without a word. Once a
 * second a descriptor is opened and closed, for all servers together: some 20 µs.
 */
export class DescriptorWatch {
  readonly #listeners: Listener[] = []
  readonly #probe: () => void
  #timer: NodeJS.Timeout | undefined
  #wasTold = false

  /** `probe` throws the system's error when there is none. */
  constructor(probe: () => void) {
    this.#probe = probe
  }

  /** `listener` hears of each time that descriptors run out, until the function that is returned is called. */
  add(listener: Listener): () => void {
    this.#listeners.push(listener)
    this.#timer ??= setInterval(() => this.check(), INTERVAL_MS).unref()
    return () => {
      const index = this.#listeners.indexOf(listener)
      if (index !== -1) this.#listeners.splice(index, 1)
      if (this.#listeners.length > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
      this.#wasTold = false
    }
  }

  check(): void {
    try {
      this.#probe()
      this.#wasTold = false
    } catch (error) {
      if (!isExhausted(error) || this.#wasTold) return
      this.#wasTold = true
      for (const listener of [...this.#listeners]) listener(error)
    }
  }
}

function isExhausted(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EMFILE' || code === 'ENFILE'
}

/** Windows has no such limit, and Deno would ask its user for permission. */
const isWatched = process.platform !== 'win32' && !('deno' in process.versions)

/** The one of this process. */
export const descriptorWatch: DescriptorWatch = new DescriptorWatch(() => {
  if (isWatched) closeSync(openSync('/dev/null', 'r'))
})
