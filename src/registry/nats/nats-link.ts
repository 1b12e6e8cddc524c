import type { ClientTlsOptions } from '../../transport/index.js'
import { clientTlsMistake, inRootContext, thrownError } from '../../transport/index.js'
import { RegistryError, RegistryErrorCode, resetText } from '../registry-error.js'
import {
  loadNats,
  type NatsConnection,
  type NatsLibrary,
  type NatsMessage,
} from './nats-library.js'

export interface NatsLinkOptions {
  /** Without credentials. */
  readonly servers: readonly string[]
  readonly user: string | undefined
  readonly password: string | undefined
  readonly token: string | undefined
  readonly tls: ClientTlsOptions | undefined
  readonly timeoutMs: number
  /** The connection was lost, or refused something. */
  onTrouble(error: RegistryError): void
  /** It is there again. */
  onBack(): void
}

type OnMessage = (message: NatsMessage) => void

/** A connection to NATS that is made when it is needed and comes back by itself, with what was subscribed to. */
export class NatsLink {
  readonly address: string
  readonly #options: NatsLinkOptions
  #connecting: Promise<NatsConnection> | undefined
  #library: NatsLibrary | undefined
  #isClosed = false

  constructor(options: NatsLinkOptions) {
    this.#options = options
    this.address = options.servers.join(',')
  }

  async connection(): Promise<NatsConnection> {
    this.#connecting ??= inRootContext(() => this.#connect())
    try {
      return await this.#connecting
    } catch (error) {
      this.#connecting = undefined
      throw this.explain(error)
    }
  }

  /** An address for answers. */
  async inbox(): Promise<string> {
    await this.connection()
    return this.#library!.createInbox()
  }

  async subscribe(subject: string, onMessage: OnMessage): Promise<() => void> {
    const connection = await this.connection()
    const subscription = connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) onMessage(message)
        else this.#options.onTrouble(this.explain(error))
      },
    })
    return () => {
      if (!connection.isClosed()) subscription.unsubscribe()
    }
  }

  async publish(subject: string, text: string, reply?: string): Promise<void> {
    const connection = await this.connection()
    connection.publish(subject, Buffer.from(text), reply === undefined ? {} : { reply })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const connection = await this.#connecting?.catch(() => undefined)
    await connection?.flush().catch(() => undefined)
    await connection?.close()
  }

  /** Any failure as a `RegistryError`. */
  explain(error: unknown): RegistryError {
    if (error instanceof RegistryError) return error
    const mistake = clientTlsMistake(error)
    if (mistake !== undefined) {
      return new RegistryError('nats', this.address, RegistryErrorCode.Unreachable, mistake, error)
    }
    const { message, name } = thrownError(error)
    const text = `${name} ${message}`
    const code = /authoriz|permission|authent/i.test(text)
      ? RegistryErrorCode.Denied
      : /timeout/i.test(text)
        ? RegistryErrorCode.Timeout
        : /refused|closed|disconnect|ECONN|ENOTFOUND/i.test(text)
          ? RegistryErrorCode.Unreachable
          : RegistryErrorCode.Refused
    const shown = resetText(message, this.#options.tls !== undefined)
    return new RegistryError('nats', this.address, code, shown, error)
  }

  async #connect(): Promise<NatsConnection> {
    const { servers, user, password, token, tls, timeoutMs } = this.#options
    this.#library = await loadNats().catch(cause => {
      const text =
        'the package @nats-io/transport-node is missing: npm install @nats-io/transport-node'
      throw new RegistryError('nats', this.address, RegistryErrorCode.Refused, text, cause)
    })
    const options = {
      servers: [...servers],
      name: 'microwire registry',
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { pass: password }),
      ...(token === undefined ? {} : { token }),
      ...(tls === undefined ? {} : { tls }),
      timeout: timeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 500,
      pingInterval: 10_000,
      maxPingOut: 2,
    }
    const { connect } = this.#library
    const connection = await connect(options).catch(async error => {
      throw tls === undefined ? error : await reasonOf(connect, options, error)
    })
    void this.#follow(connection)
    return connection
  }

  /** Never rejects. */
  async #follow(connection: NatsConnection): Promise<void> {
    try {
      for await (const { type, error } of connection.status()) {
        if (this.#isClosed) return
        if (type === 'disconnect' || type === 'error') {
          this.#options.onTrouble(this.explain(error ?? new Error('the connection was closed')))
        } else if (type === 'reconnect') this.#options.onBack()
      }
    } catch {
      // It ends with its connection.
    }
  }
}

/**
 * Why TLS failed. The library tries on and then says `timeout`, as an engine refuses certificates when the handshake has
 * ended for us: a single attempt has the reason. Never rejects.
 */
async function reasonOf(
  connect: NatsLibrary['connect'],
  options: object,
  error: unknown,
): Promise<unknown> {
  if (clientTlsMistake(error) !== undefined) return error
  try {
    const connection = await connect({ ...options, reconnect: false })
    await connection.close()
    return error
  } catch (reason) {
    return reason
  }
}
