import type {
  Broker,
  BrokerSubscribeOptions,
  BrokerSubscription,
  DeliveryHandler,
} from '../micro/index.js'
import type { Message } from '../transport/index.js'
import { checkPublish, checkSubscribe } from './broker-arguments.js'
import type { Engine, EngineSession } from './engine.js'
import { closedError, EngineLink, type SessionUser, withinGrace } from './engine-link.js'
import type { EngineSettings } from './engine-options.js'
import { EngineSubscription } from './engine-subscription.js'
import { PendingMessages, sendBy } from './pending-messages.js'

/** What brokers have in common whose engine is a server of its own: they come back, and so do their subscriptions. */
export class EngineBroker implements Broker, SessionUser, AsyncDisposable {
  readonly name: string
  readonly address: string
  readonly #engine: Engine
  readonly #settings: EngineSettings
  readonly #link: EngineLink
  readonly #pending: PendingMessages
  readonly #subscriptions = new Set<EngineSubscription>()
  /** The session that all subscriptions know. */
  #attached: EngineSession | undefined
  #closing: Promise<void> | undefined

  constructor(engine: Engine, settings: EngineSettings) {
    this.name = engine.name
    this.address = engine.address
    this.#engine = engine
    this.#settings = settings
    this.#link = new EngineLink(engine, settings, this)
    this.#pending = new PendingMessages(engine, settings)
  }

  async connect(): Promise<boolean> {
    if (this.#closing !== undefined) throw closedError(this)
    const failure = await this.#link.begin()
    if (failure === undefined) return true
    if (!this.#settings.mustConnect) return false
    if (this.#subscriptions.size === 0 && this.#pending.count === 0) this.#link.halt()
    throw failure
  }

  publish(topic: string, message: Message): Promise<void> {
    try {
      checkPublish(topic, message, this.#settings.limits.messageSizeMax)
      this.#engine.check?.(topic, '')
    } catch (error) {
      return Promise.reject(error)
    }
    if (this.#closing !== undefined) return Promise.reject(closedError(this))
    const { session } = this.#link
    if (session === undefined) void this.#link.begin()
    if (session === undefined || this.#attached !== session) {
      return this.#pending.add(topic, message)
    }
    const { pendingMax, pendingSizeMax } = this.#settings.limits
    const { unconfirmed, unconfirmedSize } = session
    if (unconfirmed >= pendingMax || unconfirmedSize + message.body.length > pendingSizeMax) {
      return Promise.reject(this.#pending.full(unconfirmed, unconfirmedSize))
    }
    return sendBy(session, topic, message)
  }

  subscribe(
    topic: string,
    handler: DeliveryHandler,
    options: BrokerSubscribeOptions = {},
  ): BrokerSubscription {
    checkSubscribe(topic, handler, options)
    this.#engine.check?.(topic, options.queue ?? '')
    if (this.#closing !== undefined) throw closedError(this)
    const parts = { engine: this.#engine, settings: this.#settings }
    const forget = (ended: EngineSubscription): void => void this.#subscriptions.delete(ended)
    const subscription = new EngineSubscription(parts, topic, handler, options, forget)
    this.#subscriptions.add(subscription)
    const { session } = this.#link
    if (session === undefined) void this.#link.begin()
    else void subscription.attach(session)
    return subscription
  }

  /** What waited is published behind the subscriptions: they may be the ones that it is for. */
  async onSession(session: EngineSession): Promise<void> {
    await Promise.all([...this.#subscriptions].map(each => each.attach(session)))
    if (this.#link.session !== session) return
    this.#attached = session
    this.#pending.flush(session)
  }

  onSessionLost(): void {
    this.#attached = undefined
    for (const subscription of this.#subscriptions) subscription.detach()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#pending.fail(closedError(this))
    if (this.#link.session === undefined) this.#link.halt()
    const { closeGraceMs, runtime } = this.#settings
    const open = [...this.#subscriptions]
    const ended = Promise.all(open.map(subscription => subscription.unsubscribe()))
    await withinGrace(ended, closeGraceMs, runtime)
    for (const subscription of open) subscription.abandon()
    await this.#link.close()
  }
}
