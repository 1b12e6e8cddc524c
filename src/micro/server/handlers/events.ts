import { describe, withMethods } from '../../../options/index.js'
import type { Context } from '../../call/context.js'
import { composeHandler, type Middleware } from '../../call/middleware.js'
import { MicroError } from '../../errors/micro-error.js'
import { asBuffer } from '../../mucp/as-buffer.js'
import { jsonCodec, type TypedCodec } from '../../service/codec.js'

/** A message for a topic (`Micro-Topic`). */
export interface Event {
  readonly topic: string
  readonly contentType: string
  /** Everything the publisher put in the header. */
  readonly header: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

/** Handles the events of a topic. An exception is reported to the publisher. */
export type EventHandler<T> = (message: T, event: Event) => void | Promise<void>

interface Subscription {
  readonly handler: EventHandler<never>
  readonly codec: TypedCodec<unknown>
  readonly chain: readonly Middleware[]
}

/** Who listens to what. */
export class Subscriptions {
  readonly #handlers = new Map<string, Subscription[]>()

  /** Returns how to end it. @param chain the middleware around the handler, the first outermost */
  add<T>(
    topic: string,
    handler: EventHandler<T>,
    codec: TypedCodec<T> | undefined,
    chain: readonly Middleware[],
  ): () => void {
    if (typeof topic !== 'string' || topic === '') {
      throw new TypeError(`topic must be a text, got ${describe(topic)}`)
    }
    if (typeof handler !== 'function') {
      throw new TypeError(`handler of topic ${topic} must be a function, got ${typeof handler}`)
    }
    if (codec !== undefined) withMethods(['encode', 'decode'])('codec', codec)
    const entry = { handler: handler as EventHandler<never>, codec: codec ?? jsonCodec(), chain }
    const entries = this.#handlers.get(topic) ?? []
    entries.push(entry as Subscription)
    this.#handlers.set(topic, entries)
    return () => {
      const index = entries.indexOf(entry as Subscription)
      if (index >= 0) entries.splice(index, 1)
    }
  }

  /**
   * Runs the topic's handlers, all of them, one after the other, each within its middleware.
   *
   * @throws the first exception of a handler or of middleware; MicroError 400 for a body its codec cannot read
   */
  async deliver(event: Event, context: Context): Promise<void> {
    const failures: unknown[] = []
    for (const { handler, codec, chain } of [...(this.#handlers.get(event.topic) ?? [])]) {
      try {
        const body = asBuffer(event.body)
        const run = composeHandler(chain, 'event', message => handler(message as never, event))
        await run(decode(codec, body, event.topic), context)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}

function decode(codec: TypedCodec<unknown>, body: Buffer, topic: string): unknown {
  try {
    return codec.decode(body, 0, body.length)
  } catch (cause) {
    throw MicroError.badRequest(`cannot read the event of ${topic}`, { cause })
  }
}
