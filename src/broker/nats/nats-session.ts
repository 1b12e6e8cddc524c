import type { Message } from '../../transport/index.js'
import type { BrokerError } from '../broker-error.js'
import type { EngineConsumer, EngineSession, EngineSink } from '../engine.js'
import { refused, unconfirmed } from '../engine-errors.js'
import type { BrokerCodec } from '../envelope.js'
import type { NatsConnection, NatsSubscribeOptions } from './nats-library.js'

/** What a session needs to know of its broker. */
export interface NatsSessionParts {
  readonly name: string
  readonly address: string
  readonly codec: BrokerCodec
  /** Runs something behind the I/O of this turn. */
  readonly afterTurn: (run: () => void) => void
}

/** The messages for one topic that wait for the same answer. */
interface Confirmation {
  readonly promise: Promise<void>
  resolve(): void
  reject(error: BrokerError): void
}

/**
 * One connection to NATS. The engine confirms nothing by itself: all that is published before a PING is there when its
 * PONG comes. So messages share one, those of a burst as well as those that come while another is under way.
 */
export class NatsSession implements EngineSession {
  unconfirmed = 0
  unconfirmedSize = 0
  readonly #parts: NatsSessionParts
  readonly #connection: NatsConnection
  readonly #sizeMax: number
  /** By topic: what waits for the PONG that is under way, and for the next one. */
  #flushing: Map<string, Confirmation> | undefined
  #next: Map<string, Confirmation> = new Map()
  #nextCount = 0
  #nextSize = 0
  /** What the engine refused since the last PONG, by subject. */
  readonly #refusals = new Map<string, Error>()
  #isLost = false

  constructor(parts: NatsSessionParts, connection: NatsConnection) {
    this.#parts = parts
    this.#connection = connection
    this.#sizeMax = connection.info?.max_payload ?? Number.POSITIVE_INFINITY
    void this.#watch()
  }

  publish(topic: string, message: Message): Promise<void> {
    const payload = this.#parts.codec.encode(message)
    if (payload.length > this.#sizeMax) {
      const text = `it takes ${payload.length} octets as NATS carries it; max_payload of the server is ${this.#sizeMax}`
      return Promise.reject(refused(this.#parts, `the message for ${topic}`, new RangeError(text)))
    }
    try {
      this.#connection.publish(topic, payload)
    } catch (error) {
      return Promise.reject(
        this.#connection.isClosed()
          ? unconfirmed(this.#parts, topic, error)
          : refused(this.#parts, `the message for ${topic}`, error),
      )
    }
    return this.#confirm(topic, payload.length)
  }

  async subscribe(topic: string, queue: string, sink: EngineSink): Promise<EngineConsumer> {
    const { codec } = this.#parts
    let refusal: Error | undefined
    const options: NatsSubscribeOptions = {
      ...(queue === '' ? {} : { queue }),
      callback: (error, { data, subject }) => {
        if (error !== null) {
          refusal = error
          return
        }
        const octets = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
        let message: Message
        try {
          message = codec.decode(octets)
        } catch (cause) {
          sink.unreadable(subject, data.length, cause)
          return
        }
        sink.deliver(subject, message, data.length, false)
      },
    }
    const subscription = this.#connection.subscribe(topic, options)
    await this.#connection.flush()
    await this.#turnEnd()
    if (refusal !== undefined) throw refused(this.#parts, `to subscribe to ${topic}`, refusal)
    return { stop: () => subscription.drain() }
  }

  async close(): Promise<void> {
    const connection = this.#connection
    try {
      if (!connection.isClosed()) await connection.flush()
    } catch {
      // It has gone: nothing more can be sent.
    }
    this.lost(undefined)
    await connection.close().catch(() => undefined)
  }

  /** The connection is gone: whatever was not confirmed may be there or not. */
  lost(cause: unknown): void {
    this.#isLost = true
    for (const confirmations of [this.#flushing, this.#next]) {
      for (const [topic, { reject }] of confirmations ?? []) {
        reject(unconfirmed(this.#parts, topic, cause))
      }
    }
    this.#next = new Map()
    this.#flushing = undefined
  }

  #confirm(topic: string, size: number): Promise<void> {
    this.unconfirmed++
    this.unconfirmedSize += size
    this.#nextCount++
    this.#nextSize += size
    const known = this.#next.get(topic)
    if (known !== undefined) return known.promise
    const isFirst = this.#next.size === 0
    const confirmation = newConfirmation()
    this.#next.set(topic, confirmation)
    if (isFirst && this.#flushing === undefined) void Promise.resolve().then(() => this.#flush())
    return confirmation.promise
  }

  /** One PING for all that was published up to here. */
  async #flush(): Promise<void> {
    if (this.#flushing !== undefined || this.#next.size === 0 || this.#isLost) return
    const [count, size] = [this.#nextCount, this.#nextSize]
    const flushing = this.#next
    this.#flushing = flushing
    this.#next = new Map()
    this.#nextCount = 0
    this.#nextSize = 0
    try {
      await this.#connection.flush()
      // What the engine refused it says ahead of the PONG, but the library tells it later.
      await this.#turnEnd()
    } catch (error) {
      this.lost(error)
    }
    this.unconfirmed -= count
    this.unconfirmedSize -= size
    if (this.#isLost) return
    for (const [topic, { resolve, reject }] of flushing) {
      const refusal = this.#refusals.get(topic)
      if (refusal === undefined) resolve()
      else reject(refused(this.#parts, `to publish to ${topic}`, refusal))
    }
    this.#refusals.clear()
    this.#flushing = undefined
    void this.#flush()
  }

  #turnEnd(): Promise<void> {
    return new Promise(resolve => this.#parts.afterTurn(resolve))
  }

  async #watch(): Promise<void> {
    try {
      for await (const { type, error } of this.#connection.status()) {
        if (type !== 'error' || error === undefined) continue
        const { operation, subject } = error as { operation?: unknown; subject?: unknown }
        if (operation === 'publish' && typeof subject === 'string') {
          this.#refusals.set(subject, error)
        }
      }
    } catch {
      // It ends with the connection, which is told elsewhere.
    }
  }
}

function newConfirmation(): Confirmation {
  let settle!: Pick<Confirmation, 'resolve' | 'reject'>
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  // Whoever published may have gone on without waiting.
  promise.catch(() => undefined)
  return { promise, ...settle }
}
