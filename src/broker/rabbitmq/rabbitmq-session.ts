import type { Message } from '../../transport/index.js'
import { Confirmations } from '../confirmations.js'
import type { Engine, EngineConsumer, EngineSession, EngineSink } from '../engine.js'
import { refused } from '../engine-errors.js'
import type {
  AmqpChannel,
  AmqpConfirmChannel,
  AmqpConnection,
  AmqpMessage,
} from './rabbitmq-library.js'

/** How a broker uses its exchange. */
export interface ExchangeOptions {
  readonly exchange: string
  readonly durable: boolean
  readonly requeueOnError: boolean
  /** Messages that the engine sends ahead of their acknowledgement, for each subscription. */
  readonly prefetch: number
}

/** One connection to RabbitMQ: a channel to publish by, and one for each subscription. */
export class RabbitmqSession extends Confirmations implements EngineSession {
  readonly #engine: Engine
  readonly #options: ExchangeOptions
  readonly #connection: AmqpConnection
  readonly #onLost: (cause: unknown) => void
  #publisher!: AmqpConfirmChannel
  #isOver = false

  constructor(
    engine: Engine,
    options: ExchangeOptions,
    connection: AmqpConnection,
    onLost: (cause: unknown) => void,
  ) {
    super(engine)
    this.#engine = engine
    this.#options = options
    this.#connection = connection
    this.#onLost = onLost
    let reason: unknown
    connection.on('error', error => {
      reason = error
    })
    connection.on('close', error => this.#end(error ?? reason))
  }

  /** @throws what the engine says against the exchange */
  async open(): Promise<void> {
    const { exchange, durable } = this.#options
    const channel = await this.#connection.createConfirmChannel()
    // Told by what was under way on it.
    channel.on('error', () => undefined)
    // With its connection it ends as well, which says why right behind it.
    channel.on('close', () => {
      void Promise.resolve().then(() => this.#drop(new Error('the channel was closed')))
    })
    await channel.assertExchange(exchange, 'topic', { durable, autoDelete: false })
    this.#publisher = channel
  }

  publish(topic: string, { header, body }: Message): Promise<void> {
    const { exchange, durable } = this.#options
    const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const options = { headers: Object.fromEntries(header), persistent: durable }
    return this.wait(topic, content.length, done => {
      try {
        this.#publisher.publish(exchange, topic, content, options, error => {
          if (error === null || error === undefined) done()
          // A channel that ends says so of all that was on it: what that means is said where it ends.
          else if (!this.#isOver) done(refused(this.#engine, `the message for ${topic}`, error))
        })
      } catch (error) {
        done(refused(this.#engine, `the message for ${topic}`, error))
      }
    })
  }

  async subscribe(topic: string, queue: string, sink: EngineSink): Promise<EngineConsumer> {
    const { exchange, durable, prefetch } = this.#options
    const channel = await this.#connection.createChannel()
    channel.on('error', () => undefined)
    let isStopped = false
    const state = { unsettled: 0, onSettled: (): void => undefined }
    try {
      const isDurable = durable && queue !== ''
      const made = await channel.assertQueue(queue, {
        durable: isDurable,
        autoDelete: !isDurable,
        exclusive: false,
      })
      await channel.bindQueue(made.queue, exchange, topic)
      await channel.prefetch(prefetch)
      const onMessage = (message: AmqpMessage | null): void => {
        if (message !== null) this.#deliver(channel, message, sink, state)
        else if (!isStopped) void this.#drop(new Error(`the queue of ${topic} was deleted`))
      }
      const { consumerTag } = await channel.consume(made.queue, onMessage, { noAck: false })
      return {
        stop: async () => {
          isStopped = true
          await channel.cancel(consumerTag)
          // Its acknowledgements go by this channel: it is closed behind the last.
          state.onSettled = () => void channel.close().catch(() => undefined)
          if (state.unsettled === 0) state.onSettled()
        },
      }
    } catch (error) {
      throw refused(this.#engine, `to subscribe to ${topic}, queue '${queue}'`, error)
    }
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#connection.close().catch(() => undefined)
    this.lost(undefined)
  }

  #deliver(
    channel: AmqpChannel,
    message: AmqpMessage,
    sink: EngineSink,
    state: { unsettled: number; onSettled(): void },
  ): void {
    const { content, fields } = message
    const { routingKey, redelivered } = fields
    const header = headerOf(message)
    let size = content.length
    for (const [name, value] of header) size += name.length + value.length
    state.unsettled++
    sink.deliver(routingKey, { header, body: content }, size, redelivered, failure => {
      state.unsettled--
      if (this.#isOver) return
      try {
        if (failure === undefined) channel.ack(message)
        else channel.nack(message, false, this.#options.requeueOnError)
      } catch {
        // The channel has gone: the engine delivers it again.
      }
      if (state.unsettled === 0) state.onSettled()
    })
  }

  /** The connection is of no use any more. */
  async #drop(cause: unknown): Promise<void> {
    if (this.#isOver) return
    this.#end(cause)
    await this.#connection.close().catch(() => undefined)
  }

  #end(cause: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.lost(cause)
    this.#onLost(cause)
  }
}

/** Header fields of AMQP may be of any type; of those of go-micro texts are made. */
function headerOf({ properties, fields }: AmqpMessage): Map<string, string> {
  const header = new Map<string, string>()
  for (const [name, value] of Object.entries(properties.headers ?? {})) {
    header.set(name, Buffer.isBuffer(value) ? value.toString() : String(value))
  }
  if ((header.get('Micro-Topic') ?? '') === '') header.set('Micro-Topic', fields.routingKey)
  const { contentType } = properties
  if (typeof contentType === 'string' && !header.has('Content-Type')) {
    header.set('Content-Type', contentType)
  }
  return header
}
