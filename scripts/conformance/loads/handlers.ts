import { check, pattern } from './pattern.js'
import type { ServerStats } from './protocol.js'
import { Source, sources } from './source.js'

/** What handlers know of their call, whoever serves it. */
export interface LoadContext {
  readonly header: (name: string) => string
  /** Aborts when the call is over for its client. */
  readonly signal: AbortSignal
}

/** Counts what the handlers of a server see. */
export class LoadHandlers {
  #running = 0
  #started = 0
  #orderly = 0
  #truncated = 0
  #corrupt = 0

  stats(heldMs: number): ServerStats {
    const counts = { running: this.#running, started: this.#started, orderly: this.#orderly }
    return {
      ...counts,
      truncated: this.#truncated,
      corrupt: this.#corrupt,
      open: sources.open,
      heldMs,
    }
  }

  async unary(request: Uint8Array, context: LoadContext): Promise<Uint8Array> {
    this.#begin()
    try {
      const size = Number(context.header('x-size'))
      this.#check(request, 0, size)
      if (context.header('x-hold') === '1') await cancelled(context.signal)
      return pattern(0, size)
    } finally {
      this.#running--
    }
  }

  async upload(requests: AsyncIterable<Uint8Array>, context: LoadContext): Promise<Uint8Array> {
    this.#begin()
    try {
      const size = Number(context.header('x-size'))
      let count = 0
      for await (const request of requests) this.#check(request, count++, size)
      this.#ended(count, context)
      const reply = Buffer.alloc(4)
      reply.writeUInt32BE(count)
      return reply
    } finally {
      this.#running--
    }
  }

  /** Its own iterator, so that it is seen whether somebody closes it. */
  download(context: LoadContext): Source {
    this.#started++
    const size = Number(context.header('x-size'))
    const holds = context.header('x-hold') === '1'
    const count = holds ? 1 : Number(context.header('x-count'))
    return new Source(count, holds ? 'waits' : 'ends', index => pattern(index, size))
  }

  async *bidi(
    requests: AsyncIterable<Uint8Array>,
    context: LoadContext,
  ): AsyncGenerator<Uint8Array> {
    this.#begin()
    try {
      const size = Number(context.header('x-size'))
      let count = 0
      for await (const request of requests) {
        this.#check(request, count++, size)
        yield request
      }
      this.#ended(count, context)
    } finally {
      this.#running--
    }
  }

  #begin(): void {
    this.#started++
    this.#running++
  }

  #check(message: Uint8Array, index: number, size: number): void {
    try {
      check(message, index, size)
    } catch (error) {
      this.#corrupt++
      throw error
    }
  }

  #ended(count: number, context: LoadContext): void {
    this.#orderly++
    if (count !== Number(context.header('x-count'))) this.#truncated++
  }
}

function cancelled(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
