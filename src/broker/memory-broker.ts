import type {
  Broker,
  BrokerSubscribeOptions,
  BrokerSubscription,
  Delivery,
  DeliveryHandler,
} from '../micro/index.js'
import { checkOptions, type OptionKinds, withMethods } from '../options/index.js'
import { type Message, nodeRuntime, type Runtime, thrownText } from '../transport/index.js'
import { checkPublish, checkSubscribe } from './broker-arguments.js'
import { BrokerError, BrokerErrorCode } from './broker-error.js'
import { type BrokerLimits, brokerLimits } from './broker-limits.js'
import { closedError } from './engine-link.js'
import { safely } from './engine-options.js'
import { HandlerQueue } from './handler-queue.js'

/** Options of `memoryBroker`. */
export interface MemoryBrokerOptions {
  /** What may wait and run: see `BrokerLimits`. Default: `DEFAULT_BROKER_LIMITS`. */
  readonly limits?: Partial<BrokerLimits>
  /** Called with exceptions of handlers, and with messages that were dropped. Default: a warning of the process. */
  readonly onError?: (error: unknown) => void
  /** Who warns. Default: Node. */
  readonly runtime?: Pick<Runtime, 'warn'>
}

const KINDS: OptionKinds<MemoryBrokerOptions> = {
  limits: (_, value) => void brokerLimits(value as Partial<BrokerLimits>),
  onError: 'function',
  runtime: withMethods([]),
}

/**
 * Creates a broker within this process, for tests and for services in one program. It has queues, and treats its
 * handlers as an engine does: what they throw is told to `onError`, not to the publisher.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker & AsyncDisposable {
  checkOptions('memoryBroker', options, KINDS)
  return new MemoryBroker(options)
}

class MemoryBroker implements Broker, AsyncDisposable {
  readonly name = 'memory'
  readonly address = ''
  readonly #limits: BrokerLimits
  readonly #onError: (error: unknown) => void
  readonly #topics = new Map<string, MemorySubscription[]>()
  /** Whose turn it is, by topic and queue. */
  readonly #turns = new Map<string, number>()
  #isClosed = false

  constructor({ limits, onError, runtime = nodeRuntime }: MemoryBrokerOptions) {
    this.#limits = brokerLimits(limits)
    this.#onError = safely(onError ?? (error => runtime.warn?.(error as Error)))
  }

  async connect(): Promise<boolean> {
    if (this.#isClosed) throw closedError(this)
    return true
  }

  async publish(topic: string, message: Message): Promise<void> {
    checkPublish(topic, message, this.#limits.messageSizeMax)
    if (this.#isClosed) throw closedError(this)
    const { header, body } = message
    const delivery: Delivery = { topic, header, body, redelivered: false }
    for (const each of this.#chosen(topic)) {
      if (!each.handlers.push(delivery, body.length)) this.#onError(this.#full(topic))
    }
  }

  subscribe(
    topic: string,
    handler: DeliveryHandler,
    options: BrokerSubscribeOptions = {},
  ): BrokerSubscription {
    checkSubscribe(topic, handler, options)
    if (this.#isClosed) throw closedError(this)
    const onFailure = options.onError ?? ((error: unknown) => this.#failed(error, topic))
    const handlers = new HandlerQueue(this.#limits, handler, onFailure)
    const subscription = new MemorySubscription(topic, options.queue ?? '', handlers, () =>
      this.#remove(subscription),
    )
    const others = this.#topics.get(topic)
    if (others === undefined) this.#topics.set(topic, [subscription])
    else others.push(subscription)
    return subscription
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const all = [...this.#topics.values()].flat()
    await Promise.all(all.map(each => each.unsubscribe()))
  }

  /** Same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** All that have no queue, and one of each queue. */
  #chosen(topic: string): MemorySubscription[] {
    const chosen: MemorySubscription[] = []
    const queues = new Map<string, MemorySubscription[]>()
    for (const each of this.#topics.get(topic) ?? []) {
      if (each.queue === '') chosen.push(each)
      else queues.set(each.queue, [...(queues.get(each.queue) ?? []), each])
    }
    for (const [queue, members] of queues) {
      const key = `${topic}\n${queue}`
      const turn = this.#turns.get(key) ?? 0
      this.#turns.set(key, turn + 1)
      chosen.push(members[turn % members.length]!)
    }
    return chosen
  }

  #remove(subscription: MemorySubscription): void {
    const { topic, queue } = subscription
    const left = (this.#topics.get(topic) ?? []).filter(each => each !== subscription)
    if (left.length > 0) this.#topics.set(topic, left)
    else this.#topics.delete(topic)
    if (!left.some(each => each.queue === queue)) this.#turns.delete(`${topic}\n${queue}`)
  }

  #failed(error: unknown, topic: string): void {
    const text = `the handler of ${topic} (memory) failed: ${thrownText(error)}`
    this.#onError(new BrokerError(BrokerErrorCode.Handler, '', text, error))
  }

  #full(topic: string): BrokerError {
    const { handlersMax, queueMax, queueSizeMax } = this.#limits
    const text = `a message for ${topic} (memory) was dropped: handlersMax ${handlersMax}, queueMax ${queueMax} and queueSizeMax ${queueSizeMax} are reached`
    return new BrokerError(BrokerErrorCode.Full, '', text)
  }
}

class MemorySubscription implements BrokerSubscription {
  readonly topic: string
  readonly queue: string
  readonly ready: Promise<void> = Promise.resolve()
  readonly handlers: HandlerQueue
  readonly #onEnd: () => void

  constructor(topic: string, queue: string, handlers: HandlerQueue, onEnd: () => void) {
    this.topic = topic
    this.queue = queue
    this.handlers = handlers
    this.#onEnd = onEnd
  }

  async unsubscribe(): Promise<void> {
    this.#onEnd()
    await this.handlers.idle()
  }
}
