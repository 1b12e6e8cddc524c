import { checkOptions, describe, type OptionKinds } from '../../../options/index.js'
import { isThenable } from '../../async/thenable.js'
import type { Context } from '../../call/context.js'
import { type AnyHandler, composeHandler, type Middleware } from '../../call/middleware.js'
import { checkText } from '../../call/option-checks.js'
import type { CodecChoice } from '../../service/codec.js'
import { EventDecoder } from './event-body.js'

/** A message for a topic (`Micro-Topic`). */
export interface Event {
  readonly topic: string
  readonly contentType: string
  /** Everything the publisher put in the header. */
  readonly header: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

/** Handles the events of a topic. An exception is reported to the publisher, where there is a way to. */
export type EventHandler<T> = (message: T, event: Event) => void | Promise<void>

/** Options of `server.subscribe`. */
export interface SubscribeOptions<T = unknown> {
  /**
   * How messages are read: of several codecs, the one that the event's `Content-Type` names. Default: JSON, and
   * octets as they are.
   */
  readonly codec?: CodecChoice<T>
  /**
   * Of a server with a broker: each event goes to one subscriber of those with the same queue, on whichever server
   * they are. Default: all get it.
   */
  readonly queue?: string
}

const KINDS: OptionKinds<SubscribeOptions<unknown>> = { codec: 'any', queue: checkText }

/** One handler of a topic. */
export interface Subscription {
  readonly topic: string
  readonly queue: string
  readonly decoder: EventDecoder
  readonly run: (message: unknown, event: Event, context: Context) => unknown
}

/** Hears of topics and queues that get their first handler, or lose the last one. */
export interface TopicListener {
  onTopic(topic: string, queue: string): void
  onTopicEnd(topic: string, queue: string): void
}

/** Who listens to what. */
export class Subscriptions {
  /** Where events come from beside the server's own sockets. */
  listener: TopicListener | undefined
  readonly #handlers = new Map<string, Subscription[]>()

  /** Returns how to end it. @param chain the middleware around the handler, the first outermost */
  add<T>(
    topic: string,
    handler: EventHandler<T>,
    choice: CodecChoice<T> | SubscribeOptions<T> | undefined,
    chain: readonly Middleware[],
  ): () => void {
    if (typeof topic !== 'string' || topic === '') {
      throw new TypeError(`topic must be a text, got ${describe(topic)}`)
    }
    if (typeof handler !== 'function') {
      throw new TypeError(`handler of topic ${topic} must be a function, got ${typeof handler}`)
    }
    const { codec, queue = '' } = optionsOf(choice)
    const decoder = new EventDecoder(codec as CodecChoice<never> | undefined)
    const entry = { topic, queue, decoder, run: runner(handler as EventHandler<unknown>, chain) }
    const entries = this.#handlers.get(topic) ?? []
    const isFirst = !entries.some(each => each.queue === queue)
    entries.push(entry)
    this.#handlers.set(topic, entries)
    if (isFirst) this.listener?.onTopic(topic, queue)
    return () => this.#remove(entry, entries)
  }

  /** Topics and queues that have a handler. */
  topics(): [topic: string, queue: string][] {
    const found: [string, string][] = []
    for (const [topic, entries] of this.#handlers) {
      for (const queue of new Set(entries.map(each => each.queue))) found.push([topic, queue])
    }
    return found
  }

  /**
   * Runs the topic's handlers, all of them, one after the other, each within its middleware, for an event that came
   * over a transport.
   *
   * @throws the first exception of a handler or of middleware; MicroError 400 for a body its codec cannot read
   */
  async deliver(event: Event, context: Context): Promise<void> {
    const failures: unknown[] = []
    for (const { decoder, run } of [...(this.#handlers.get(event.topic) ?? [])]) {
      try {
        await run(decoder.decodeDirect(event), event, context)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /**
   * As `deliver`, for an event that a broker delivered to a queue of a topic; a topic may be a pattern of its engine.
   * Without a promise when no handler gave one.
   *
   * @throws as `deliver`, and MicroError 415 for a content type without a codec
   */
  deliverPublished(
    topic: string,
    queue: string,
    event: Event,
    context: Context,
  ): undefined | Promise<void> {
    const entries = this.#handlers.get(topic) ?? []
    const [only] = entries
    if (entries.length === 1 && only!.queue === queue) {
      const result = only!.run(only!.decoder.decodePublished(event), event, context)
      return isThenable(result) ? Promise.resolve(result as PromiseLike<void>) : undefined
    }
    return this.#deliverEach(
      entries.filter(each => each.queue === queue),
      event,
      context,
    )
  }

  async #deliverEach(
    entries: readonly Subscription[],
    event: Event,
    context: Context,
  ): Promise<void> {
    const failures: unknown[] = []
    for (const { decoder, run } of entries) {
      try {
        await run(decoder.decodePublished(event), event, context)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  #remove(entry: Subscription, entries: Subscription[]): void {
    const index = entries.indexOf(entry)
    if (index < 0) return
    entries.splice(index, 1)
    const { topic, queue } = entry
    if (entries.length === 0 && this.#handlers.get(topic) === entries) this.#handlers.delete(topic)
    if (!entries.some(each => each.queue === queue)) this.listener?.onTopicEnd(topic, queue)
  }
}

/** The handler within its middleware; what the chain hands on is the message, and the event is the same for all. */
function runner(
  handler: EventHandler<unknown>,
  chain: readonly Middleware[],
): (message: unknown, event: Event, context: Context) => unknown {
  if (chain.length === 0) return (message, event) => handler(message, event)
  return (message, event, context) => {
    const inner: AnyHandler = changed => handler(changed, event)
    return composeHandler(chain, 'event', inner)(message, context)
  }
}

/** A codec alone is the older form. */
function optionsOf<T>(
  choice: CodecChoice<T> | SubscribeOptions<T> | undefined,
): SubscribeOptions<T> {
  if (choice === undefined) return {}
  if (Array.isArray(choice)) return { codec: choice }
  if ('decode' in Object(choice) || 'encode' in Object(choice)) {
    return { codec: choice as CodecChoice<T> }
  }
  const options = choice as SubscribeOptions<T>
  checkOptions('subscribe', options as SubscribeOptions<unknown>, KINDS)
  return options
}
