import { type Message, type Peer, peerAt, type Runtime } from '../../transport/index.js'
import type { Broker, BrokerSubscription, Delivery } from '../broker.js'
import type { Context } from '../call/context.js'
import { toMicroError } from '../errors/error-mapping.js'
import { MicroError } from '../errors/micro-error.js'
import { MucpHeader } from '../mucp/header.js'
import type { Event, Subscriptions, TopicListener } from './handlers/events.js'
import {
  NOT_CANCELLED,
  type RunningHandler,
  type RunningHandlers,
} from './handlers/running-handlers.js'
import { MucpContext } from './mucp/context.js'

/** What a server's broker needs of it. */
export interface ServerBrokerParts {
  readonly name: string
  readonly broker: Broker
  readonly subscriptions: Subscriptions
  readonly runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly running: RunningHandlers
  readonly onError: (error: unknown, context: Context | undefined) => void
}

/** A server's subscriptions at a broker: one for each topic and queue that it has handlers for. */
export class ServerBroker implements TopicListener {
  readonly #parts: ServerBrokerParts
  readonly #peer: Peer
  readonly #open = new Map<string, BrokerSubscription>()
  /** Handlers that run, to be told when the grace is over. */
  readonly #events = new Set<BrokerEvent>()
  #state: 'new' | 'starting' | 'open' | 'ended' | 'cut' = 'new'

  constructor(parts: ServerBrokerParts) {
    this.#parts = parts
    this.#peer = peerAt(parts.broker.address)
    parts.subscriptions.listener = this
  }

  /** Connects and subscribes; an engine that is away is waited for behind the back of the server. @throws as `Broker.connect` */
  async start(): Promise<void> {
    this.#state = 'starting'
    const isConnected = await this.#parts.broker.connect()
    if (this.#state !== 'starting') return
    this.#state = 'open'
    for (const [topic, queue] of this.#parts.subscriptions.topics()) this.onTopic(topic, queue)
    if (!isConnected) return
    // Whoever starts may count on what it subscribed to. What the engine refuses has been told.
    await Promise.allSettled([...this.#open.values()].map(each => each.ready))
  }

  onTopic(topic: string, queue: string): void {
    if (this.#state !== 'open') return
    const { broker, onError } = this.#parts
    try {
      const subscription = broker.subscribe(topic, each => this.#deliver(topic, queue, each), {
        ...(queue === '' ? {} : { queue }),
        // The server has told it already, with the context.
        onError: () => undefined,
      })
      subscription.ready.catch(error => {
        if (this.#state === 'open') onError(error, undefined)
      })
      this.#open.set(keyOf(topic, queue), subscription)
    } catch (error) {
      onError(error, undefined)
    }
  }

  onTopicEnd(topic: string, queue: string): void {
    const key = keyOf(topic, queue)
    this.#open
      .get(key)
      ?.unsubscribe()
      .catch(error => this.#parts.onError(error, undefined))
    this.#open.delete(key)
  }

  /** Nothing more is delivered. Settles when what had been is handled. */
  async end(): Promise<void> {
    this.#state = 'ended'
    const all = [...this.#open.values()]
    this.#open.clear()
    await Promise.allSettled(all.map(each => each.unsubscribe()))
  }

  /** The time for it is over: handlers are told, and what waits for them is not acknowledged. */
  cut(): void {
    this.#state = 'cut'
    for (const event of [...this.#events]) event.cancel()
  }

  #deliver(topic: string, queue: string, delivery: Delivery): undefined | Promise<void> {
    if (this.#state === 'cut') throw new MicroError(503, 'the server stopped')
    const { running, runtime, subscriptions } = this.#parts
    const event = new BrokerEvent(delivery, this.#peer, runtime, running)
    let result: undefined | Promise<void>
    try {
      result = subscriptions.deliverPublished(topic, queue, event, event.context)
    } catch (error) {
      throw this.#failed(error, event)
    }
    if (result === undefined) {
      event.context.finish()
      return undefined
    }
    this.#events.add(event)
    running.add(event, runtime.now())
    return result.then(
      () => this.#settled(event),
      error => {
        this.#settled(event)
        throw this.#failed(error, event)
      },
    )
  }

  #settled(event: BrokerEvent): void {
    this.#events.delete(event)
    this.#parts.running.delete(event)
    event.context.finish()
  }

  /** What a publisher in this process may hear of it; any other has gone on. */
  #failed(error: unknown, event: BrokerEvent): MicroError {
    event.context.finish()
    this.#parts.onError(error, event.context)
    return toMicroError(error, this.#parts.name, false)
  }
}

/** One event of a broker on its way through its handlers. */
class BrokerEvent implements Event, RunningHandler {
  readonly topic: string
  readonly contentType: string
  readonly header: ReadonlyMap<string, string>
  readonly body: Uint8Array
  readonly context: MucpContext
  startedAt = 0
  cancelledAt: number = NOT_CANCELLED
  previous: RunningHandler | undefined
  next: RunningHandler | undefined
  readonly #running: RunningHandlers

  constructor(
    message: Delivery,
    peer: Peer,
    runtime: Pick<Runtime, 'now' | 'schedule'>,
    running: RunningHandlers,
  ) {
    const { topic, header, body } = message
    this.topic = topic
    this.contentType = contentTypeOf(message)
    this.header = header
    this.body = body
    this.#running = running
    const about = { service: NO_SERVICE, method: { name: topic } }
    this.context = new MucpContext(
      about,
      message,
      Number.POSITIVE_INFINITY,
      peer,
      runtime,
      'broker',
    )
  }

  cancel(): void {
    this.context.cancel(new MicroError(503, 'the server stopped'))
    this.#running.cancelled(this)
  }

  /** It counts against nobody: the broker bounds how many run. */
  release(): void {}
}

const NO_SERVICE = { name: '' }

/** Names of headers are not always spelt as Go does. */
function contentTypeOf({ header }: Message): string {
  const exact = header.get(MucpHeader.ContentType)
  if (exact !== undefined) return exact
  for (const [name, value] of header) {
    if (name.toLowerCase() === 'content-type') return value
  }
  return ''
}

function keyOf(topic: string, queue: string): string {
  return `${topic}\n${queue}`
}
