import {
  type Context,
  GrpcError,
  type HandleOptions,
  type Handlers,
  type Server,
  type Service,
  Status,
} from '../micro/index.js'
import { describe } from '../options/index.js'
import { checkServer } from './check-server.js'
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListResponse,
  type HealthTypes,
  healthService,
  ServingStatus,
} from './health-messages.js'
import { HealthWatch } from './health-watch.js'

/** Services that `list` names at most; with more it fails. gRFC A90. */
const LIST_COUNT_MAX = 100

/** Longest service name that may be watched: what a client names is kept. Unit: UTF-16 code units. */
const NAME_SIZE_MAX = 1_024

const STATUSES: readonly ServingStatus[] = [
  ServingStatus.Unknown,
  ServingStatus.Serving,
  ServingStatus.NotServing,
]

/**
 * Serves `grpc.health.v1.Health` on `server`, for probes and for clients that watch it. The server
 * is SERVING from the start, and NOT_SERVING once `stop` is called, before connections are drained.
 *
 * The server's middleware applies; where that asks for credentials, which probes have not, give `{ middleware: [] }`.
 *
 * @throws RangeError when it is mounted already
 */
export function mountHealth(
  server: Server,
  options: Pick<HandleOptions, 'middleware'> = {},
): Health {
  checkServer('mountHealth', server)
  const health = new Health(() => server.services)
  server.handle(healthService, health.handlers, { ...options, nativeOnly: true })
  server.onStop(() => health.shutDown())
  return health
}

/**
 * The health of a server and its services. A service without a status of its own has the status of
 * the server, whose name is empty.
 */
export class Health {
  readonly #services: () => readonly Pick<Service<unknown>, 'name'>[]
  readonly #statuses = new Map<string, ServingStatus>([['', ServingStatus.Serving]])
  readonly #watches = new Set<HealthWatch>()
  #stopped = false

  /** @param services the services that are known without a status of their own */
  constructor(services: () => readonly Pick<Service<unknown>, 'name'>[] = () => []) {
    if (typeof services !== 'function') {
      throw new TypeError(`services must be a function, got ${describe(services)}`)
    }
    this.#services = services
  }

  /** The handlers of `healthService`. */
  get handlers(): Handlers<HealthTypes> {
    return {
      check: request => this.#check(request),
      list: () => this.#list(),
      watch: (request, context) => this.#watch(request, context),
    }
  }

  /**
   * Sets the status of a service, given with its package, or with '' of the
   * server and all that have none. Watching clients are told. Nothing happens
   * after the server's stop.
   *
   * @throws TypeError when the status is none that can be set
   */
  setStatus(service: string, status: ServingStatus): void {
    if (typeof service !== 'string') {
      throw new TypeError(`service must be a text, got ${typeof service}`)
    }
    if (!STATUSES.includes(status)) {
      throw new TypeError(`status must be one of ${STATUSES.join(', ')}, got ${String(status)}`)
    }
    if (this.#stopped) return
    this.#statuses.set(service, status)
    this.#tell()
  }

  /** The service has the server's status again, or is not known when the server does not serve it. */
  clearStatus(service: string): void {
    if (service === '' || this.#stopped) return
    this.#statuses.delete(service)
    this.#tell()
  }

  /** The status of a service; undefined when it is not known. */
  status(service: string): ServingStatus | undefined {
    const own = this.#statuses.get(service)
    if (own !== undefined) return own
    const isServed = this.#services().some(({ name }) => name === service)
    return isServed ? this.#statuses.get('') : undefined
  }

  /**
   * Everything is NOT_SERVING for good, and watching clients, told so, are asked
   * to look elsewhere. Settles when they have been told. `mountHealth` has
   * the server's `stop` call it.
   */
  async shutDown(): Promise<void> {
    this.#stopped = true
    for (const service of this.#statuses.keys()) {
      this.#statuses.set(service, ServingStatus.NotServing)
    }
    this.#tell()
    const error = new GrpcError(Status.Unavailable, 'the server stops')
    const watches = [...this.#watches]
    this.#watches.clear()
    await Promise.all(watches.map(watch => watch.finish(error)))
  }

  #check({ service = '' }: HealthCheckRequest): HealthCheckResponse {
    const status = this.status(service)
    if (status !== undefined) return { status }
    throw new GrpcError(Status.NotFound, 'unknown service')
  }

  #list(): HealthListResponse {
    const names = new Set(this.#statuses.keys())
    for (const { name } of this.#services()) names.add(name)
    if (names.size > LIST_COUNT_MAX) {
      const message = `${names.size} services are more than the ${LIST_COUNT_MAX} of a list: check them one by one`
      throw new GrpcError(Status.ResourceExhausted, message)
    }
    const entries = [...names].map(name => [name, { status: this.status(name)! }] as const)
    return { statuses: new Map(entries) }
  }

  #watch({ service = '' }: HealthCheckRequest, { signal }: Context): HealthWatch {
    if (service.length > NAME_SIZE_MAX) {
      const message = `the service's name has ${service.length} characters; ${NAME_SIZE_MAX} are allowed`
      throw new GrpcError(Status.InvalidArgument, message)
    }
    const watch = new HealthWatch(service, this.#watchedStatus(service))
    this.#watches.add(watch)
    const leave = (): void => {
      this.#watches.delete(watch)
      void watch.return()
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
    if (this.#stopped) void watch.finish(new GrpcError(Status.Unavailable, 'the server stops'))
    return watch
  }

  #watchedStatus(service: string): ServingStatus {
    return this.status(service) ?? ServingStatus.ServiceUnknown
  }

  #tell(): void {
    for (const watch of this.#watches) watch.update(this.#watchedStatus(watch.service))
  }
}
