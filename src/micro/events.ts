import { asBuffer } from './as-buffer.js'
import { jsonCodec, type TypedCodec } from './codec.js'
import { MicroError } from './micro-error.js'

/** A message for a topic (`Micro-Topic`). */
export interface Event {
  readonly topic: string
  readonly contentType: string
  /** Everything the publisher put in the header. */
  readonly header: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

/** Hears of the events of a topic. The publisher learns of an exception. */
export type EventHandler<T> = (message: T, event: Event) => void | Promise<void>

/** Who listens to what. */
export class Subscriptions {
  readonly #handlers = new Map<
    string,
    { handler: EventHandler<never>; codec: TypedCodec<unknown> }[]
  >()

  /** Returns how to end it. */
  add<T>(topic: string, handler: EventHandler<T>, codec: TypedCodec<T> | undefined): () => void {
    if (typeof topic !== 'string' || topic === '') {
      throw new TypeError(`topic must be a text, got '${String(topic)}'`)
    }
    if (typeof handler !== 'function') {
      throw new TypeError(`handler of topic ${topic} must be a function, got ${typeof handler}`)
    }
    const entry = { handler: handler as EventHandler<never>, codec: codec ?? jsonCodec() }
    const entries = this.#handlers.get(topic) ?? []
    entries.push(entry as (typeof entries)[number])
    this.#handlers.set(topic, entries)
    return () => {
      const index = entries.indexOf(entry as (typeof entries)[number])
      if (index >= 0) entries.splice(index, 1)
    }
  }

  /**
   * Runs the topic's handlers, all of them, one after the other.
   *
   * @throws the first exception of a handler; MicroError 400 for a body its codec cannot read
   */
  async deliver(event: Event): Promise<void> {
    const failures: unknown[] = []
    for (const { handler, codec } of [...(this.#handlers.get(event.topic) ?? [])]) {
      try {
        const body = asBuffer(event.body)
        await handler(decode(codec, body, event.topic) as never, event)
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
    const text = cause instanceof Error ? cause.message : String(cause)
    throw MicroError.badRequest(`cannot read the event of ${topic}: ${text}`, { cause })
  }
}
