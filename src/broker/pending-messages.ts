import type { Cancellable, Message } from '../transport/index.js'
import { BrokerError, BrokerErrorCode } from './broker-error.js'
import type { Engine, EngineSession } from './engine.js'
import type { EngineSettings } from './engine-options.js'

interface Pending {
  readonly topic: string
  readonly message: Message
  resolve(sent: Promise<void>): void
  reject(error: unknown): void
  timer: Cancellable | undefined
}

/** Messages that wait for an engine that is away: so many, for so long. */
export class PendingMessages {
  readonly #engine: Engine
  readonly #settings: EngineSettings
  readonly #waiting = new Set<Pending>()
  #size = 0

  constructor(engine: Engine, settings: EngineSettings) {
    this.#engine = engine
    this.#settings = settings
  }

  get count(): number {
    return this.#waiting.size
  }

  /** Rejects when it has waited for `publishTimeoutMs`, or too much waits already. */
  add(topic: string, message: Message): Promise<void> {
    const { limits, publishTimeoutMs, runtime } = this.#settings
    const size = message.body.length
    if (this.count >= limits.pendingMax || this.#size + size > limits.pendingSizeMax) {
      return Promise.reject(this.full(this.count, this.#size))
    }
    return new Promise((resolve, reject) => {
      const pending: Pending = { topic, message, resolve, reject, timer: undefined }
      this.#waiting.add(pending)
      this.#size += size
      if (publishTimeoutMs === Number.POSITIVE_INFINITY) return
      pending.timer = runtime.schedule(publishTimeoutMs, () => {
        this.#take(pending)
        reject(this.#unavailable(topic))
      })
      pending.timer.ref()
    })
  }

  /** The engine is there: everything goes, in order. */
  flush(session: EngineSession): void {
    for (const pending of [...this.#waiting]) {
      this.#take(pending)
      pending.resolve(sendBy(session, pending.topic, pending.message))
    }
  }

  fail(error: unknown): void {
    for (const pending of [...this.#waiting]) {
      this.#take(pending)
      pending.reject(error)
    }
  }

  /** What `publish` fails with when it would be more than may wait. */
  full(count: number, size: number): BrokerError {
    const { name, address } = this.#engine
    const { pendingMax, pendingSizeMax } = this.#settings.limits
    const text =
      `${count} messages of ${size} octets wait for ${name} at ${address}; the limits are pendingMax ${pendingMax} and ` +
      `pendingSizeMax ${pendingSizeMax}: await publish before the next`
    return new BrokerError(BrokerErrorCode.Full, address, text)
  }

  #take(pending: Pending): void {
    if (!this.#waiting.delete(pending)) return
    this.#size -= pending.message.body.length
    pending.timer?.cancel()
  }

  #unavailable(topic: string): BrokerError {
    const { name, address } = this.#engine
    const text =
      `the message for ${topic} has not left: ${name} at ${address} could not be reached in ` +
      `${this.#settings.publishTimeoutMs} ms; is it running, and the address right?`
    return new BrokerError(BrokerErrorCode.Unavailable, address, text)
  }
}

/** What a codec throws is for whoever published. */
export function sendBy(session: EngineSession, topic: string, message: Message): Promise<void> {
  try {
    return session.publish(topic, message)
  } catch (error) {
    return Promise.reject(error)
  }
}
