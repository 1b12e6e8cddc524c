import { GrpcError, Status } from '../../grpc/index.js'
import {
  type BoundClient,
  type CallOptions,
  type Client,
  createClient,
  type MessageStream,
} from '../../micro/index.js'
import type { ClientTlsOptions, Runtime } from '../../transport/index.js'
import { RegistryError, RegistryErrorCode } from '../registry-error.js'
import {
  authService,
  type KvTypes,
  kvService,
  type LeaseResponse,
  type LeaseTypes,
  leaseService,
  type WatchRequest,
  type WatchResponse,
  watchService,
} from './api.js'

/** etcd takes pings every 5 s. A member that stands still is left within these. Unit: ms. */
const PING_INTERVAL_MS = 10_000
const PING_TIMEOUT_MS = 5_000
/** Records of a page of 500 keys, and what a watch tells at once. Unit: octets. */
const MESSAGE_SIZE_MAX = 64 * 1024 * 1024
/** Members of a cluster that are tried for one request. */
const RETRIES = 2

export interface EtcdClientOptions {
  readonly addresses: readonly string[]
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: ClientTlsOptions | undefined
  readonly timeoutMs: number
  readonly runtime: Runtime
}

/** What a request is made with. */
type Options = Pick<CallOptions, 'metadata' | 'timeoutMs' | 'waitForReady'>

/** etcd over our own client: endpoints by its balancer, tokens renewed, errors told with the address. */
export class EtcdClient {
  /** For errors. */
  readonly address: string
  readonly #options: EtcdClientOptions
  readonly #client: Client
  readonly #kv: BoundClient<KvTypes>
  readonly #lease: BoundClient<LeaseTypes>
  #token: Promise<string> | undefined

  constructor(options: EtcdClientOptions) {
    const { addresses, tls, runtime } = options
    this.#options = options
    this.address = addresses.join(',')
    this.#client = createClient({
      address: this.address,
      runtime,
      retries: RETRIES,
      keepaliveIntervalMs: PING_INTERVAL_MS,
      keepaliveTimeoutMs: PING_TIMEOUT_MS,
      messageSizeMax: MESSAGE_SIZE_MAX,
      backOff: { initialMs: 100, maxMs: 5_000 },
      inherit: false,
      ...(tls === undefined ? {} : { tls }),
    })
    this.#kv = this.#client.bind(kvService)
    this.#lease = this.#client.bind(leaseService)
  }

  /** Runs `request` with the token of the moment; with a new one where etcd does not know it any more. */
  async request<T>(
    request: (
      calls: { readonly kv: BoundClient<KvTypes>; readonly lease: BoundClient<LeaseTypes> },
      options: Options,
    ) => Promise<T>,
  ): Promise<T> {
    const calls = { kv: this.#kv, lease: this.#lease }
    const { timeoutMs } = this.#options
    try {
      try {
        return await request(calls, { timeoutMs, metadata: await this.#metadata() })
      } catch (error) {
        if (!isStaleToken(error)) throw error
        this.#token = undefined
        return await request(calls, { timeoutMs, metadata: await this.#metadata() })
      }
    } catch (error) {
      throw this.explain(error)
    }
  }

  /** A stream of watches. It ends when its member has lost the cluster. */
  async watch(): Promise<MessageStream<WatchRequest, WatchResponse>> {
    const metadata = { ...(await this.#metadata()), hasleader: 'true' }
    return this.#client.stream(watchService, 'watch', { metadata })
  }

  async keepAlive(): Promise<MessageStream<{ readonly id: bigint }, LeaseResponse>> {
    const metadata = { ...(await this.#metadata()), hasleader: 'true' }
    return this.#client.stream(leaseService, 'keepAlive', { metadata })
  }

  /** A stream failed: where its token was stale, the next has a new one. */
  streamFailed(error: unknown): void {
    if (isStaleToken(error)) this.#token = undefined
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  /** Any failure as a `RegistryError`. */
  explain(error: unknown): RegistryError {
    if (error instanceof RegistryError) return error
    const code = error instanceof GrpcError ? codeOf(error) : RegistryErrorCode.Refused
    const text = error instanceof Error ? error.message : String(error)
    return new RegistryError('etcd', this.address, code, text, error)
  }

  async #metadata(): Promise<Record<string, string>> {
    const { username, password } = this.#options
    if (username === undefined) return {}
    this.#token ??= this.#authenticate(username, password ?? '')
    try {
      return { token: await this.#token }
    } catch (error) {
      this.#token = undefined
      throw error
    }
  }

  async #authenticate(name: string, password: string): Promise<string> {
    const { authenticate } = this.#client.bind(authService)
    const { timeoutMs } = this.#options
    return (await authenticate({ name, password }, { timeoutMs })).token
  }
}

/** The token expired, or belongs to users of before a change. */
function isStaleToken(error: unknown): boolean {
  return (
    error instanceof GrpcError &&
    /invalid auth token|revision in header is old|auth token is not provided/.test(error.message)
  )
}

function codeOf({ status, message }: GrpcError): RegistryErrorCode {
  if (/authentication failed|permission denied|user name is empty|auth token/.test(message)) {
    return RegistryErrorCode.Denied
  }
  switch (status) {
    case Status.Unavailable:
      return RegistryErrorCode.Unreachable
    case Status.DeadlineExceeded:
      return RegistryErrorCode.Timeout
    case Status.Unauthenticated:
    case Status.PermissionDenied:
      return RegistryErrorCode.Denied
    default:
      return RegistryErrorCode.Refused
  }
}
