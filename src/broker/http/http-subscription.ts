import type {
  BrokerSubscribeOptions,
  BrokerSubscription,
  DeliveryHandler,
  Registry,
} from '../../micro/index.js'
import { type Message, thrownText } from '../../transport/index.js'
import { BrokerError, BrokerErrorCode } from '../broker-error.js'
import { closedError } from '../engine-link.js'
import type { EngineSettings } from '../engine-options.js'
import { HandlerQueue } from '../handler-queue.js'
import { BROADCAST, HTTP_SERVICE, HttpRegistration } from './http-nodes.js'

/** What a subscription needs of its broker. */
export interface HttpSubscriptionParts {
  readonly registry: Registry
  readonly ttlMs: number
  readonly settings: EngineSettings
  readonly isTls: boolean
}

/** One subscription of the http broker: a node in the registry, and a handler for what is posted to it. */
export class HttpSubscription implements BrokerSubscription {
  /** Of its node. */
  readonly id: string
  readonly topic: string
  readonly queue: string
  readonly ready: Promise<void>
  readonly #parts: HttpSubscriptionParts
  readonly #handlers: HandlerQueue
  readonly #onEnd: () => void
  #registration: HttpRegistration | undefined
  #ended: Promise<void> | undefined
  #settleReady!: (error?: unknown) => void

  constructor(
    parts: HttpSubscriptionParts,
    topic: string,
    handler: DeliveryHandler,
    options: BrokerSubscribeOptions,
    onEnd: () => void,
  ) {
    this.#parts = parts
    this.topic = topic
    this.queue = options.queue ?? ''
    this.id = `${topic}-${globalThis.crypto.randomUUID()}`
    this.#onEnd = onEnd
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = error => (error === undefined ? resolve() : reject(error))
    })
    this.ready.catch(() => undefined)
    const { limits } = parts.settings
    const onFailure = options.onError ?? ((error: unknown) => this.#failed(error))
    this.#handlers = new HandlerQueue(limits, handler, onFailure)
  }

  /** Registers, once the broker listens. */
  async begin(listening: Promise<string>): Promise<void> {
    const { registry, ttlMs, settings, isTls } = this.#parts
    try {
      const address = await listening
      if (this.#ended !== undefined) return
      const { runtime, onError } = settings
      const metadata = { broker: 'http', secure: String(isTls), topic: this.topic }
      this.#registration = new HttpRegistration(
        { registry, runtime, ttlMs, onError },
        {
          name: HTTP_SERVICE,
          version: this.queue === '' ? BROADCAST : this.queue,
          metadata: {},
          endpoints: [],
          nodes: [{ id: this.id, address, metadata }],
        },
      )
      await this.#registration.renew()
      this.#settleReady()
    } catch (error) {
      settings.onError(error)
      this.#settleReady(error)
    }
  }

  /** The status of the answer, when the handler has settled. */
  deliver({ header, body }: Message, size: number): Promise<number> {
    const { headerFieldsMax } = this.#parts.settings.limits
    if (header.size > headerFieldsMax) {
      const text = `${header.size} header fields; the limit is headerFieldsMax ${headerFieldsMax}`
      this.unreadable(size, new RangeError(text))
      return Promise.resolve(400)
    }
    const topic = header.get('Micro-Topic')
    // As go-micro: without a topic nobody knows whom it is for.
    if (topic === undefined || this.#ended !== undefined) {
      return Promise.resolve(topic === undefined ? 500 : 404)
    }
    return new Promise(resolve => {
      const delivery = { topic, header, body, redelivered: false }
      const isTaken = this.#handlers.push(delivery, size, failure => {
        resolve(failure === undefined ? 200 : 500)
      })
      if (!isTaken) resolve(503)
    })
  }

  unreadable(size: number, cause: unknown): void {
    const text = `a message of ${size} octets for ${this.topic} (http) cannot be read and was dropped: ${thrownText(cause)}`
    this.#parts.settings.onError(new BrokerError(BrokerErrorCode.Message, '', text, cause))
  }

  unsubscribe(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  /** What waits is not handled any more. */
  abandon(): void {
    this.#handlers.abandon()
  }

  async #end(): Promise<void> {
    this.#settleReady(closedError({ name: 'http', address: '' }))
    await this.#registration?.end()
    await this.#handlers.idle()
    this.#onEnd()
  }

  #failed(error: unknown): void {
    const text = `the handler of ${this.topic} (http) failed: ${thrownText(error)}`
    this.#parts.settings.onError(new BrokerError(BrokerErrorCode.Handler, '', text, error))
  }
}
