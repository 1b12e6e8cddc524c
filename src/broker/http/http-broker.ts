import type {
  Broker,
  BrokerSubscribeOptions,
  BrokerSubscription,
  DeliveryHandler,
  Registry,
  RegistryNode,
} from '../../micro/index.js'
import { type OptionCheck, type OptionKinds, rangeOf, withMethods } from '../../options/index.js'
import { type Message, parseListenAddress, thrownText } from '../../transport/index.js'
import { checkPublish, checkSubscribe } from '../broker-arguments.js'
import { BrokerError, BrokerErrorCode } from '../broker-error.js'
import { closedError, withinGrace } from '../engine-link.js'
import {
  ENGINE_KINDS,
  type EngineOptions,
  type EngineSettings,
  engineSettings,
} from '../engine-options.js'
import { envelopeCodec } from '../envelope.js'
import { HttpListener } from './http-listener.js'
import { BROADCAST, HttpNodes, type TopicNodes } from './http-nodes.js'
import { HttpPoster, type Posted } from './http-poster.js'
import { HttpSubscription } from './http-subscription.js'

/** Options of `httpBroker`. */
export interface HttpBrokerOptions
  extends Omit<EngineOptions, 'mustConnect' | 'connectTimeoutMs' | 'backOff' | 'onState'> {
  /** Where brokers find each other: that of the services, for go-micro. */
  readonly registry: Registry
  /**
   * Address to listen on for messages, from the first `subscribe` on. One of this machine only is of no use to other
   * machines: then `0.0.0.0:0` with `advertise`. Default: `127.0.0.1:0`, as go-micro's.
   */
  readonly address?: string
  /** Address to put in the registry; port 0 stands for the one that it listens on. Default: the address it listens on, or `127.0.0.1` if it listens on every interface. */
  readonly advertise?: string
  /** TLS options as those of Node: `key` and `cert` to listen with, `ca` to trust other nodes. Default: plain text. */
  readonly tls?: object
  /** The registry forgets a subscription that is not renewed for so long; it is, twice in that time. Unit: ms. Default: 60_000, as go-micro's. */
  readonly ttlMs?: number
}

const REGISTRY: OptionCheck = withMethods(['register', 'deregister', 'getService'])

const KINDS: OptionKinds<HttpBrokerOptions> = {
  publishTimeoutMs: ENGINE_KINDS.publishTimeoutMs,
  closeGraceMs: ENGINE_KINDS.closeGraceMs,
  limits: ENGINE_KINDS.limits,
  onError: ENGINE_KINDS.onError,
  runtime: ENGINE_KINDS.runtime,
  registry: REGISTRY,
  address: (_, value) => void parseListenAddress(String(value)),
  advertise: 'string',
  tls: 'object',
  ttlMs: rangeOf(1_000),
}

/**
 * Creates go-micro's default broker: it posts each message to the nodes that have subscribed, which it finds in a registry.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function httpBroker(options: HttpBrokerOptions): Broker & AsyncDisposable {
  const settings = engineSettings<HttpBrokerOptions>('httpBroker', options, KINDS)
  REGISTRY('registry', options.registry)
  return new HttpBroker(options, settings)
}

class HttpBroker implements Broker, AsyncDisposable {
  readonly name = 'http'
  address = ''
  readonly #options: HttpBrokerOptions
  readonly #settings: EngineSettings
  readonly #nodes: HttpNodes
  readonly #poster: HttpPoster
  readonly #listener: HttpListener
  readonly #subscriptions = new Map<string, HttpSubscription>()
  #listening: Promise<string> | undefined
  #pending = 0
  #pendingSize = 0
  #closing: Promise<void> | undefined

  constructor(options: HttpBrokerOptions, settings: EngineSettings) {
    this.#options = options
    this.#settings = settings
    this.#nodes = new HttpNodes(options.registry, settings.runtime)
    this.#poster = new HttpPoster(options.tls, settings.publishTimeoutMs)
    // In base64, with its header.
    const sizeMax = Math.ceil((settings.limits.messageSizeMax * 4) / 3) + HEADER_SIZE_MAX
    this.#listener = new HttpListener(options.tls, sizeMax, (id, body) => this.#onPost(id, body))
  }

  async connect(): Promise<boolean> {
    if (this.#closing !== undefined) throw closedError(this)
    return true
  }

  async publish(topic: string, message: Message): Promise<void> {
    const { limits } = this.#settings
    checkPublish(topic, message, limits.messageSizeMax)
    if (this.#closing !== undefined) throw closedError(this)
    const size = message.body.length
    if (this.#pending >= limits.pendingMax || this.#pendingSize + size > limits.pendingSizeMax) {
      throw this.#full()
    }
    this.#pending++
    this.#pendingSize += size
    try {
      await this.#post(topic, message)
    } finally {
      this.#pending--
      this.#pendingSize -= size
    }
  }

  subscribe(
    topic: string,
    handler: DeliveryHandler,
    options: BrokerSubscribeOptions = {},
  ): BrokerSubscription {
    checkSubscribe(topic, handler, options)
    if (options.queue === BROADCAST) throw new TypeError(`queue ${BROADCAST} stands for none`)
    if (this.#closing !== undefined) throw closedError(this)
    const { registry, tls, ttlMs = TTL_MS } = this.#options
    const subscription = new HttpSubscription(
      { registry, ttlMs, settings: this.#settings, isTls: tls !== undefined },
      topic,
      handler,
      options,
      () => this.#subscriptions.delete(subscription.id),
    )
    this.#subscriptions.set(subscription.id, subscription)
    this.#listening ??= this.#listen()
    void subscription.begin(this.#listening)
    return subscription
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #listen(): Promise<string> {
    const given = this.#options.address ?? '127.0.0.1:0'
    const { host, port } = parseListenAddress(given) as { host: string; port: number }
    try {
      const real = await this.#listener.listen(host, port)
      const known = /^(?:0\.0\.0\.0|::|)$/.test(host) ? '127.0.0.1' : host
      const own = `${known.includes(':') ? `[${known}]` : known}:${real}`
      this.address = (this.#options.advertise ?? own).replace(/:0$/, `:${real}`)
      return this.address
    } catch (cause) {
      this.#listening = undefined
      const text = `the http broker cannot listen on ${given}: ${thrownText(cause)}`
      throw new BrokerError(BrokerErrorCode.Unavailable, given, text, cause)
    }
  }

  async #onPost(id: string, body: Buffer): Promise<number> {
    const subscription = this.#subscriptions.get(id)
    if (subscription === undefined) return 404
    let message: Message
    try {
      message = envelopeCodec.decode(body)
    } catch (cause) {
      subscription.unreadable(body.length, cause)
      return 400
    }
    return await subscription.deliver(message, body.length)
  }

  /** To every node that has no queue, and to one of each queue. */
  async #post(topic: string, message: Message): Promise<void> {
    let nodes: TopicNodes
    try {
      nodes = await this.#nodes.of(topic)
    } catch (cause) {
      const { name } = this.#options.registry
      const text = `the message for ${topic} has not left: the registry ${name} does not say who listens: ${thrownText(cause)}`
      throw new BrokerError(BrokerErrorCode.Unavailable, name, text, cause)
    }
    const header = new Map(message.header).set('Micro-Topic', topic)
    const body = Buffer.from(envelopeCodec.encode({ header, body: message.body }))
    const groups = [...nodes.broadcast.map(node => [node]), ...nodes.queues.values()]
    const posted = await Promise.all(groups.map(group => this.#postToOne(group, body)))
    const lost = posted.filter(each => each !== undefined)
    if (lost.length === 0) return
    const [first] = lost
    // Some have it: to publish it again would be to have them handle it twice.
    if (lost.length === posted.length) throw first
    for (const error of lost) this.#settings.onError(error)
  }

  /** The next one, where one could not be reached. */
  async #postToOne(group: readonly RegistryNode[], body: Buffer): Promise<BrokerError | undefined> {
    const left = [...group]
    let node: RegistryNode
    let posted: Posted
    do {
      const at = Math.floor(this.#settings.runtime.random() * left.length)
      node = left.splice(at, 1)[0]!
      posted = await this.#poster.post(node, body)
      if (posted.kind === 'taken') return undefined
    } while (posted.kind === 'unreached' && left.length > 0)
    const { error, kind } = posted
    const isUnreached = kind === 'unreached'
    const code = isUnreached ? BrokerErrorCode.Unavailable : BrokerErrorCode.Lost
    const tried = group.length - left.length
    const rest = isUnreached ? '' : '; its handler may have run'
    const text = `the node ${node.id} at ${node.address} has not taken a message (${tried} of ${group.length} nodes tried): ${error.message}${rest}`
    return new BrokerError(code, node.address, text, error)
  }

  #full(): BrokerError {
    const { pendingMax, pendingSizeMax } = this.#settings.limits
    const text =
      `${this.#pending} messages of ${this.#pendingSize} octets are on their way; the limits are pendingMax ${pendingMax} and ` +
      `pendingSizeMax ${pendingSizeMax}: await publish before the next`
    return new BrokerError(BrokerErrorCode.Full, this.address, text)
  }

  async #close(): Promise<void> {
    const open = [...this.#subscriptions.values()]
    const { closeGraceMs, runtime } = this.#settings
    await withinGrace(Promise.all(open.map(each => each.unsubscribe())), closeGraceMs, runtime)
    for (const each of open) each.abandon()
    this.#nodes.close()
    this.#poster.close()
    if (this.#listening !== undefined) await this.#listener.close()
  }
}

/** Of a header, within an envelope. Unit: octets. */
const HEADER_SIZE_MAX = 131_072

/** As go-micro's. Unit: ms. */
const TTL_MS = 60_000
