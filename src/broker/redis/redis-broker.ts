import type { Broker } from '../../micro/index.js'
import { type OptionKinds, withMethods } from '../../options/index.js'
import type { Message } from '../../transport/index.js'
import { Confirmations } from '../confirmations.js'
import type { Engine, EngineConsumer, EngineSession, EngineSink } from '../engine.js'
import { EngineBroker } from '../engine-broker.js'
import { noPackage, notAccepted, refused, unreachable } from '../engine-errors.js'
import { ENGINE_KINDS, type EngineOptions, engineSettings } from '../engine-options.js'
import { type BrokerCodec, envelopeCodec } from '../envelope.js'
import { engineUrl, environment, plainUrl } from '../environment.js'
import {
  loadRedis,
  type RedisClient,
  type RedisConnectOptions,
  type RedisLibrary,
  type RedisListener,
} from './redis-library.js'

/** Options of `redisBroker`, beside those of every engine. */
export interface RedisBrokerOptions extends EngineOptions {
  /**
   * Address of the server: `redis://host:port`, `rediss://host:port` for TLS, or `host:port`. Default: that of the
   * environment variable `REDIS_URL` or `MICRO_BROKER_ADDRESS`, else `redis://127.0.0.1:6379`.
   */
  readonly url?: string
  /** User name. Default: that in the address, else `REDIS_USERNAME`. */
  readonly user?: string
  /** Password. Default: that in the address, else `REDIS_PASSWORD`. */
  readonly password?: string
  /** TLS options as those of Node: `ca`, `cert`, `key`. Default: where the address says `rediss://`, the CAs of the system. */
  readonly tls?: object
  /** How messages travel. Default: `envelopeCodec`, as go-micro's. */
  readonly codec?: BrokerCodec
}

const KINDS: OptionKinds<RedisBrokerOptions> = {
  ...ENGINE_KINDS,
  url: 'string',
  user: 'string',
  password: 'string',
  tls: 'object',
  codec: withMethods(['encode', 'decode']),
}

const PORTS = { redis: 6_379, rediss: 6_379 } as const
const WHERE = 'the options user and password, the address, or REDIS_USERNAME and REDIS_PASSWORD'

/** Between two looks whether the server is there. Unit: ms. */
const PING_INTERVAL_MS = 20_000

/**
 * Creates a broker on Redis's publish and subscribe, whose messages go-micro's `broker/redis` reads and writes. It has no
 * queue groups: every subscriber gets all. It needs the package `redis`.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function redisBroker(options: RedisBrokerOptions = {}): Broker & AsyncDisposable {
  const settings = engineSettings('redisBroker', options, KINDS)
  return new EngineBroker(new RedisEngine(options, settings.connectTimeoutMs), settings)
}

class RedisEngine implements Engine {
  readonly name = 'redis'
  readonly address: string
  readonly #codec: BrokerCodec
  readonly #connect: RedisConnectOptions

  constructor(options: RedisBrokerOptions, connectTimeout: number) {
    const given = options.url ?? environment('REDIS_URL', 'MICRO_BROKER_ADDRESS') ?? '127.0.0.1'
    const url = engineUrl('url', given, PORTS)
    this.address = plainUrl(url)
    this.#codec = options.codec ?? envelopeCodec
    const username = options.user ?? url.user ?? environment('REDIS_USERNAME')
    const password = options.password ?? url.password ?? environment('REDIS_PASSWORD')
    const isTls = options.tls !== undefined || url.protocol === 'rediss'
    const { host, port } = url
    this.#connect = {
      socket: {
        host,
        port,
        ...(isTls ? { ...options.tls, tls: true } : {}),
        connectTimeout,
        // The broker comes back by itself, with what it had subscribed to.
        reconnectStrategy: false,
      },
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      name: 'microwire',
      disableOfflineQueue: true,
      maintNotifications: 'disabled',
      pingInterval: PING_INTERVAL_MS,
    }
  }

  check(_topic: string, queue: string): void {
    if (queue === '') return
    throw new TypeError(
      `queue '${queue}': Redis has no queue groups, every subscriber gets all messages; use NATS, RabbitMQ or HTTP`,
    )
  }

  async connect(onLost: (cause: unknown) => void): Promise<EngineSession> {
    const library = await loadRedis().catch(cause => {
      throw noPackage(this, 'redis', cause)
    })
    const session = new RedisSession(this, this.#codec, onLost)
    try {
      // A connection that has subscribed to something can do nothing else.
      await Promise.all([
        session.open('publisher', library, this.#connect),
        session.open('subscriber', library, this.#connect),
      ])
      return session
    } catch (error) {
      session.abandon()
      const isRefused = /\b(?:WRONGPASS|NOAUTH|NOPERM)\b|invalid password|ERR AUTH/i.test(
        String(error),
      )
      throw isRefused ? notAccepted(this, WHERE, error) : unreachable(this, error)
    }
  }
}

class RedisSession extends Confirmations implements EngineSession {
  readonly #engine: Engine
  readonly #codec: BrokerCodec
  readonly #onLost: (cause: unknown) => void
  readonly #clients = new Map<string, RedisClient>()
  #isOver = false
  #isOpen = false

  constructor(engine: Engine, codec: BrokerCodec, onLost: (cause: unknown) => void) {
    super(engine)
    this.#engine = engine
    this.#codec = codec
    this.#onLost = onLost
  }

  async open(what: string, library: RedisLibrary, options: RedisConnectOptions): Promise<void> {
    const client = library.createClient(options)
    this.#clients.set(what, client)
    client.on('error', error => this.#end(error))
    client.on('end', () => this.#end(undefined))
    client.on('terminated', cause => this.#end(cause))
    await client.connect()
    this.#isOpen = this.#clients.size === 2
  }

  /** What came of an attempt that failed. */
  abandon(): void {
    this.#isOver = true
    for (const client of this.#clients.values()) destroy(client)
  }

  publish(topic: string, message: Message): Promise<void> {
    const payload = asBuffer(this.#codec.encode(message))
    return this.wait(topic, payload.length, done => {
      this.#clients
        .get('publisher')!
        .publish(topic, payload)
        .then(
          () => done(),
          error => {
            // What the connection's end means is said where it ends.
            if (this.#isOver) this.lost(error)
            else done(refused(this.#engine, `the message for ${topic}`, error))
          },
        )
    })
  }

  async subscribe(topic: string, _queue: string, sink: EngineSink): Promise<EngineConsumer> {
    const client = this.#clients.get('subscriber')!
    const listener: RedisListener = octets => {
      let message: Message
      try {
        message = this.#codec.decode(octets)
      } catch (cause) {
        sink.unreadable(topic, octets.length, cause)
        return
      }
      sink.deliver(topic, message, octets.length, false)
    }
    await client.subscribe(topic, listener, true).catch(error => {
      throw refused(this.#engine, `to subscribe to ${topic}`, error)
    })
    return { stop: () => client.unsubscribe(topic, listener, true) }
  }

  async close(): Promise<void> {
    this.#isOver = true
    for (const client of this.#clients.values()) {
      await client.close().catch(() => destroy(client))
    }
    this.lost(undefined)
  }

  #end(cause: unknown): void {
    if (this.#isOver || !this.#isOpen) return
    this.abandon()
    this.lost(cause)
    this.#onLost(cause)
  }
}

function destroy(client: RedisClient): void {
  try {
    client.destroy()
  } catch {
    // It had not been open.
  }
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}
