import { readFile } from 'node:fs/promises'
import type { Broker } from '../../micro/index.js'
import { type OptionKinds, withMethods } from '../../options/index.js'
import { nodeRuntime } from '../../transport/index.js'
import type { Engine, EngineSession } from '../engine.js'
import { EngineBroker } from '../engine-broker.js'
import { noPackage, notAccepted, unreachable } from '../engine-errors.js'
import {
  type BrokerRuntime,
  ENGINE_KINDS,
  type EngineOptions,
  engineSettings,
} from '../engine-options.js'
import { type BrokerCodec, envelopeCodec } from '../envelope.js'
import { engineUrl, environment, plainUrl } from '../environment.js'
import { loadNats, type NatsConnectOptions, type NatsLibrary } from './nats-library.js'
import { NatsSession } from './nats-session.js'

/** Options of `natsBroker`, beside those of every engine. */
export interface NatsBrokerOptions extends EngineOptions {
  /**
   * Addresses of the servers: `nats://host:port`, `tls://host:port`, or `host:port`. Default: those of the environment
   * variable `NATS_URL` or `MICRO_BROKER_ADDRESS` (with commas), else `nats://127.0.0.1:4222`.
   */
  readonly servers?: string | readonly string[]
  /** User name. Default: that in the address, else `NATS_USER`. */
  readonly user?: string
  /** Password. Default: that in the address, else `NATS_PASSWORD`. */
  readonly password?: string
  /** Token, in place of user and password. Default: `NATS_TOKEN`. */
  readonly token?: string
  /** Text of a `.creds` file: a user's JWT and its nkey. Default: that of the file that `NATS_CREDS` names. */
  readonly credentials?: string
  /** TLS: `ca`, `cert`, `key`, `handshakeFirst`; `{}` trusts the CAs of the system. Default: where an address says `tls://`. */
  readonly tls?: object
  /** Name of the connection, as `nats server report` shows it. Default: `microwire`. */
  readonly clientName?: string
  /** How messages travel. Default: `envelopeCodec`, as go-micro's. */
  readonly codec?: BrokerCodec
}

const KINDS: OptionKinds<NatsBrokerOptions> = {
  ...ENGINE_KINDS,
  servers: 'any',
  user: 'string',
  password: 'string',
  token: 'string',
  credentials: 'string',
  tls: 'object',
  clientName: 'string',
  codec: withMethods(['encode', 'decode']),
}

const PORTS = { nats: 4_222, tls: 4_222 } as const

const WHERE =
  'the options user, password, token and credentials, the address, or NATS_USER, NATS_PASSWORD, NATS_TOKEN and NATS_CREDS'

/** Between two looks whether the server is there; after two without an answer it is not. Unit: ms. */
const PING_INTERVAL_MS = 20_000

/**
 * Creates a broker on NATS, whose messages go-micro's `broker/nats` reads and writes. Topics are subjects, so a
 * subscription may have `*` and `>`. It needs the package `@nats-io/transport-node`.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function natsBroker(options: NatsBrokerOptions = {}): Broker & AsyncDisposable {
  const settings = engineSettings('natsBroker', options, KINDS)
  const engine = new NatsEngine(options, settings.connectTimeoutMs, options.runtime ?? nodeRuntime)
  return new EngineBroker(engine, settings)
}

class NatsEngine implements Engine {
  readonly name = 'nats'
  readonly address: string
  readonly #options: NatsBrokerOptions
  readonly #connect: Omit<NatsConnectOptions, 'authenticator'>
  readonly #runtime: BrokerRuntime
  /** The topic that was looked at last: most publishers have one. */
  #checked: string | undefined

  constructor(options: NatsBrokerOptions, timeout: number, runtime: BrokerRuntime) {
    this.#options = options
    this.#runtime = runtime
    const urls = serversOf(options).map(text => engineUrl('servers', text, PORTS))
    this.address = urls.map(plainUrl).join(',')
    const user = options.user ?? urls[0]!.user ?? environment('NATS_USER')
    const pass = options.password ?? urls[0]!.password ?? environment('NATS_PASSWORD')
    const token = options.token ?? (user === undefined ? environment('NATS_TOKEN') : undefined)
    const tls = options.tls ?? (urls.some(({ protocol }) => protocol === 'tls') ? {} : undefined)
    this.#connect = {
      servers: urls.map(({ host, port }) => `${host}:${port}`),
      name: options.clientName ?? 'microwire',
      ...(user === undefined ? {} : { user }),
      ...(pass === undefined ? {} : { pass }),
      ...(token === undefined ? {} : { token }),
      ...(tls === undefined ? {} : { tls }),
      timeout,
      // The broker comes back by itself, with what it had subscribed to.
      reconnect: false,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 2,
      noAsyncTraces: true,
    }
  }

  check(topic: string, queue: string): void {
    if (topic === this.#checked && queue === '') return
    for (const [what, text] of [
      ['topic', topic],
      ['queue', queue],
    ] as const) {
      if (!/[\s\0]/.test(text)) continue
      throw new TypeError(`${what} '${text}' has white space, which no subject of NATS has`)
    }
    if (topic.split('.').includes('')) {
      throw new TypeError(
        `topic '${topic}' has an empty part between dots, which no subject of NATS has`,
      )
    }
    this.#checked = topic
  }

  async connect(onLost: (cause: unknown) => void): Promise<EngineSession> {
    const library = await loadNats().catch(cause => {
      throw noPackage(this, '@nats-io/transport-node', cause)
    })
    const authenticator = await this.#authenticator(library)
    try {
      const connection = await library.connect({
        ...this.#connect,
        ...(authenticator === undefined ? {} : { authenticator }),
      })
      const { name, address } = this
      const { codec = envelopeCodec } = this.#options
      const { afterTurn } = this.#runtime
      const session = new NatsSession({ name, address, codec, afterTurn }, connection)
      void connection.closed().then(cause => {
        session.lost(cause)
        onLost(cause)
      })
      return session
    } catch (error) {
      throw isAuthorization(error) ? notAccepted(this, WHERE, error) : unreachable(this, error)
    }
  }

  /** Read anew each time: such files are replaced. */
  async #authenticator({ credsAuthenticator }: NatsLibrary): Promise<unknown> {
    const { credentials } = this.#options
    if (credentials !== undefined) return credsAuthenticator(Buffer.from(credentials))
    const file = environment('NATS_CREDS')
    const { user, token } = this.#connect
    if (file === undefined || user !== undefined || token !== undefined) return undefined
    try {
      return credsAuthenticator(await readFile(file))
    } catch (error) {
      throw notAccepted(this, `the file that NATS_CREDS names`, error)
    }
  }
}

function serversOf({ servers }: NatsBrokerOptions): readonly string[] {
  const given =
    servers ?? environment('NATS_URL', 'MICRO_BROKER_ADDRESS') ?? 'nats://127.0.0.1:4222'
  const list = typeof given === 'string' ? given.split(',') : given
  const isList = Array.isArray(list) && list.length > 0
  if (isList && list.every(each => typeof each === 'string' && each.trim() !== '')) {
    return list.map(each => each.trim())
  }
  throw new TypeError(
    'servers must be an address, or a list of some, such as nats://127.0.0.1:4222',
  )
}

function isAuthorization(error: unknown): boolean {
  const { name, message } = Object(error) as { name?: unknown; message?: unknown }
  return name === 'AuthorizationError' || /authorization|authentication/i.test(String(message))
}
