import type { Broker } from '../../micro/index.js'
import type { OptionKinds } from '../../options/index.js'
import type { Engine, EngineSession } from '../engine.js'
import { EngineBroker } from '../engine-broker.js'
import { noPackage, notAccepted, refused, unreachable } from '../engine-errors.js'
import { ENGINE_KINDS, type EngineOptions, engineSettings } from '../engine-options.js'
import { engineUrl, environment, plainUrl } from '../environment.js'
import { type AmqpConnection, type AmqpConnectOptions, loadAmqp } from './rabbitmq-library.js'
import { type ExchangeOptions, RabbitmqSession } from './rabbitmq-session.js'

/** Options of `rabbitmqBroker`, beside those of every engine. */
export interface RabbitmqBrokerOptions extends EngineOptions {
  /**
   * Address of the server: `amqp://host:port/vhost`, `amqps://` for TLS, or `host:port`. Default: that of the environment
   * variable `RABBITMQ_URL`, `AMQP_URL` or `MICRO_BROKER_ADDRESS`, else `amqp://127.0.0.1:5672`.
   */
  readonly url?: string
  /** User name. Default: that in the address, else `RABBITMQ_DEFAULT_USER`, else `guest`. */
  readonly user?: string
  /** Password. Default: that in the address, else `RABBITMQ_DEFAULT_PASS`, else `guest`. */
  readonly password?: string
  /** TLS options as those of Node: `ca`, `cert`, `key`. Default: those of Node, where the address says `amqps://`. */
  readonly tls?: object
  /** Name of the exchange. Default: `micro`, as go-micro's. */
  readonly exchange?: string
  /** Exchange and named queues outlive a restart of the engine, and so do their messages. All who share them must say the same. Default: false, as go-micro's. */
  readonly durable?: boolean
  /** A message whose handler failed is delivered again, and again, until one succeeds. Default: false: it is dropped, or goes to the queue's dead letter exchange. */
  readonly requeueOnError?: boolean
}

const KINDS: OptionKinds<RabbitmqBrokerOptions> = {
  ...ENGINE_KINDS,
  url: 'string',
  user: 'string',
  password: 'string',
  tls: 'object',
  exchange: 'string',
  durable: 'boolean',
  requeueOnError: 'boolean',
}

const PORTS = { amqp: 5_672, amqps: 5_671 } as const
const WHERE =
  'the options user and password, the address, or RABBITMQ_DEFAULT_USER and RABBITMQ_DEFAULT_PASS'

/** As go-micro's. Unit: s. */
const HEARTBEAT_S = 10

/** Longest routing key and queue name of AMQP 0-9-1. Unit: octets. */
const NAME_SIZE_MAX = 255

/**
 * Creates a broker on RabbitMQ, whose messages go-micro's `broker/rabbitmq` reads and writes. A message is acknowledged
 * when its handler has returned. Topics are routing keys, so a subscription may have `*` and `#`. It needs the
 * package `amqplib`.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function rabbitmqBroker(options: RabbitmqBrokerOptions = {}): Broker & AsyncDisposable {
  const settings = engineSettings('rabbitmqBroker', options, KINDS)
  const exchange: ExchangeOptions = {
    exchange: options.exchange ?? 'micro',
    durable: options.durable ?? false,
    requeueOnError: options.requeueOnError ?? false,
    prefetch: Math.min(settings.limits.handlersMax, 0xffff),
  }
  const engine = new RabbitmqEngine(options, exchange, settings.connectTimeoutMs)
  return new EngineBroker(engine, settings)
}

class RabbitmqEngine implements Engine {
  readonly name = 'rabbitmq'
  readonly address: string
  readonly #exchange: ExchangeOptions
  readonly #connect: AmqpConnectOptions
  readonly #socket: object

  constructor(options: RabbitmqBrokerOptions, exchange: ExchangeOptions, timeout: number) {
    const variables = ['RABBITMQ_URL', 'AMQP_URL', 'MICRO_BROKER_ADDRESS']
    const given = options.url ?? environment(...variables) ?? '127.0.0.1'
    const url = engineUrl('url', given, PORTS)
    this.address = plainUrl(url)
    this.#exchange = exchange
    this.#connect = {
      protocol: options.tls === undefined ? url.protocol : 'amqps',
      hostname: url.host,
      port: url.port,
      username: options.user ?? url.user ?? environment('RABBITMQ_DEFAULT_USER') ?? 'guest',
      password: options.password ?? url.password ?? environment('RABBITMQ_DEFAULT_PASS') ?? 'guest',
      vhost: url.path === '' ? '/' : url.path,
      heartbeat: HEARTBEAT_S,
    }
    this.#socket = { ...options.tls, timeout, clientProperties: { connection_name: 'microwire' } }
  }

  check(topic: string, queue: string): void {
    for (const [what, text] of [
      ['topic', topic],
      ['queue', queue],
    ] as const) {
      const size = Buffer.byteLength(text)
      if (size <= NAME_SIZE_MAX) continue
      throw new RangeError(`the ${what} has ${size} octets; AMQP has at most ${NAME_SIZE_MAX}`)
    }
  }

  async connect(onLost: (cause: unknown) => void): Promise<EngineSession> {
    const library = await loadAmqp().catch(cause => {
      throw noPackage(this, 'amqplib', cause)
    })
    let connection: AmqpConnection
    try {
      connection = await library.connect(this.#connect, this.#socket)
    } catch (error) {
      const isRefused = /ACCESS[-_]REFUSED|\b403\b/.test(String(error))
      throw isRefused ? notAccepted(this, WHERE, error) : unreachable(this, error)
    }
    const session = new RabbitmqSession(this, this.#exchange, connection, onLost)
    try {
      await session.open()
      return session
    } catch (error) {
      await session.close()
      const { exchange, durable } = this.#exchange
      throw refused(this, `the exchange ${exchange} (topic, durable: ${durable})`, error)
    }
  }
}
