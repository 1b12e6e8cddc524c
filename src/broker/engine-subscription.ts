import type { BrokerSubscribeOptions, BrokerSubscription, DeliveryHandler } from '../micro/index.js'
import { type Message, thrownText } from '../transport/index.js'
import { BrokerError, BrokerErrorCode } from './broker-error.js'
import type { Engine, EngineConsumer, EngineSession, EngineSink } from './engine.js'
import { closedError } from './engine-link.js'
import type { EngineSettings } from './engine-options.js'
import { HandlerQueue, type Settle } from './handler-queue.js'

/** Between two errors of messages that were dropped. Unit: ms. */
const DROPS_INTERVAL_MS = 1_000

/** A subscription that outlives the connections of its broker. */
export class EngineSubscription implements BrokerSubscription, EngineSink {
  readonly topic: string
  readonly queue: string
  readonly ready: Promise<void>
  readonly #engine: Engine
  readonly #settings: EngineSettings
  readonly #handlers: HandlerQueue
  readonly #onEnd: (subscription: EngineSubscription) => void
  #consumer: EngineConsumer | undefined
  #session: EngineSession | undefined
  #ended: Promise<void> | undefined
  #settleReady!: (error?: unknown) => void
  #dropped = 0
  #droppedToldAt = Number.NEGATIVE_INFINITY

  constructor(
    parts: { readonly engine: Engine; readonly settings: EngineSettings },
    topic: string,
    handler: DeliveryHandler,
    options: BrokerSubscribeOptions,
    onEnd: (subscription: EngineSubscription) => void,
  ) {
    this.topic = topic
    this.queue = options.queue ?? ''
    this.#engine = parts.engine
    this.#settings = parts.settings
    this.#onEnd = onEnd
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = error => (error === undefined ? resolve() : reject(error))
    })
    this.ready.catch(() => undefined)
    this.#handlers = new HandlerQueue(
      parts.settings.limits,
      handler,
      options.onError ?? ((error, delivery) => this.#failed(error, delivery.topic)),
    )
  }

  /** The engine is there, or there again. */
  async attach(session: EngineSession): Promise<void> {
    if (this.#ended !== undefined) return
    this.#session = session
    try {
      const consumer = await session.subscribe(this.topic, this.queue, this)
      if (this.#ended !== undefined || this.#session !== session) return await consumer.stop()
      this.#consumer = consumer
      this.#settleReady()
    } catch (error) {
      // Lost meanwhile: the next one is attached to.
      if (this.#session !== session) return
      this.#settings.onError(error)
      this.#settleReady(error)
    }
  }

  detach(): void {
    this.#session = undefined
    this.#consumer = undefined
  }

  deliver(
    topic: string,
    message: Message,
    size: number,
    redelivered: boolean,
    settle?: Settle,
  ): void {
    const { headerFieldsMax, messageSizeMax } = this.#settings.limits
    const { header, body } = message
    if (header.size > headerFieldsMax || size > messageSizeMax) {
      const fault = new RangeError(
        `${size} octets and ${header.size} header fields; the limits are messageSizeMax ${messageSizeMax} and headerFieldsMax ${headerFieldsMax}`,
      )
      settle?.({ error: fault })
      this.unreadable(topic, size, fault)
      return
    }
    const delivery = { topic, header, body, redelivered }
    if (this.#handlers.push(delivery, size, settle)) return
    settle?.({ error: FULL })
    this.#drop()
  }

  unreadable(topic: string, size: number, cause: unknown): void {
    const { name, address } = this.#engine
    const text = `a message of ${size} octets for ${topic}, from ${name} at ${address}, cannot be read and was dropped: ${thrownText(cause)}`
    this.#settings.onError(new BrokerError(BrokerErrorCode.Message, address, text, cause))
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
    const consumer = this.#consumer
    this.detach()
    this.#settleReady(closedError(this.#engine))
    try {
      await consumer?.stop()
    } catch {
      // The connection has gone: nothing more is delivered.
    }
    await this.#handlers.idle()
    this.#onEnd(this)
  }

  #failed(error: unknown, topic: string): void {
    const { name, address } = this.#engine
    const text = `the handler of ${topic} (${name} at ${address}) failed: ${thrownText(error)}`
    this.#settings.onError(new BrokerError(BrokerErrorCode.Handler, address, text, error))
  }

  #drop(): void {
    this.#dropped++
    const now = this.#settings.runtime.now()
    if (now - this.#droppedToldAt < DROPS_INTERVAL_MS) return
    this.#droppedToldAt = now
    const { limits, onError } = this.#settings
    const { name, address } = this.#engine
    const { runningCount, waitingCount, waitingSize } = this.#handlers
    const count = this.#dropped
    this.#dropped = 0
    const text =
      `${count} message${count === 1 ? '' : 's'} for ${this.topic} (${name} at ${address}) dropped: ` +
      `${runningCount} handlers run, ${waitingCount} messages of ${waitingSize} octets wait; the limits are handlersMax ${limits.handlersMax}, ` +
      `queueMax ${limits.queueMax} and queueSizeMax ${limits.queueSizeMax}. Let more subscribers share a queue, or raise handlersMax`
    onError(new BrokerError(BrokerErrorCode.Full, address, text))
  }
}

const FULL = new Error('too many messages wait for their handler')
