import type { HeaderList } from '../../connection/index.js'
import { type Method, methodNameStart } from '../wire/method.js'
import type { GrpcError } from '../wire/status.js'
import type { ServerCall } from './server-call.js'

/** A method and its handler. */
export interface Route {
  readonly method: Method
  /**
   * Client-streaming and bidi: messages that arrived whole before the client cancelled stay readable, and the
   * call starts even if it was cancelled at once. For what answers each message by itself. Default: false, a cancelled call drops them.
   */
  readonly keepsReceived?: boolean
  /** A response that cannot be encoded: the client reads the codec's own words. Default: false, they may hold secrets. */
  readonly exposesErrors?: boolean
  /**
   * Asked for each call as soon as its header is there: an error ends it before a message of it is read. For servers
   * that have too much to do. Default: none is refused.
   */
  refusal?(headers: HeaderList): GrpcError | undefined
  /**
   * A call has come. It runs at the end of a `receive`: for unary when request
   * and END_STREAM are there; for server-streaming at the request, for go-micro
   * does not half-close; for client-streaming and bidi once the headers are there.
   *
   * Whatever is returned hears of later events; undefined hears of none. What
   * is thrown ends the call with UNKNOWN. Call `call.settle()` when done.
   */
  start(call: ServerCall): ServerCallHandler | undefined
  /**
   * Hears what `CallOptions.onError` hears of its calls, before it: a response that cannot be encoded or compressed, trailers that the
   * client does not take, a stream that held too much. `call.handler` is who hears of the call.
   */
  onError?(error: unknown, call: ServerCall): void
}

/** Receives the events of a server call: at the end of a `receive`, or on timeout. */
export interface ServerCallHandler {
  /** `read` has something new: messages, or the end of the requests (`ended`). */
  onReadable(): void
  /** `write` had answered false: go on. */
  onDrain(): void
  /**
   * The call is over, and not by us: the client cancelled, the connection was
   * lost, time is up or the client broke a rule. The last call. A broken message
   * that had waited undecoded is found, and told, inside `read`.
   */
  onCancel(error: GrpcError): void
}

/** Finds the route of a path. */
export class Router {
  readonly #routes = new Map<string, Route>()
  /** Methods of each service, to tell an unknown service from an unknown method. */
  readonly #services = new Map<string, number>()
  #catchAll: ((path: string) => Route | undefined) | undefined = undefined
  #revision = 0

  /** Grows with each change: what was looked up before is out of date then. */
  get revision(): number {
    return this.#revision
  }

  /** Asked for paths that no route has. */
  get catchAll(): ((path: string) => Route | undefined) | undefined {
    return this.#catchAll
  }

  set catchAll(find: ((path: string) => Route | undefined) | undefined) {
    this.#catchAll = find
    this.#revision++
  }

  /**
   * @throws TypeError when the path is not `/service/method`.
   * @throws RangeError when the path has a route already.
   */
  add(route: Route): void {
    const { path } = route.method
    const nameStart = methodNameStart(path)
    if (nameStart < 0) throw new TypeError(`method path is "${path}"; expected /service/method`)
    if (this.#routes.has(path)) throw new RangeError(`method path "${path}" has a route already`)
    const service = path.slice(1, nameStart - 1)
    this.#routes.set(path, route)
    this.#services.set(service, (this.#services.get(service) ?? 0) + 1)
    this.#revision++
  }

  /** Does nothing for a path without a route. Calls that run go on. */
  remove(path: string): void {
    if (!this.#routes.delete(path)) return
    const service = path.slice(1, methodNameStart(path) - 1)
    const count = this.#services.get(service)! - 1
    if (count === 0) this.#services.delete(service)
    else this.#services.set(service, count)
    this.#revision++
  }

  /** The route of `path`, or what `catchAll` says. */
  get(path: string): Route | undefined {
    return this.#routes.get(path) ?? this.#catchAll?.(path)
  }

  /** Why `path` has no route, in the words of grpc-go. */
  explain(path: string): string {
    const nameStart = methodNameStart(path)
    if (nameStart < 0) return `malformed method name: "${path}"`
    const service = path.slice(1, nameStart - 1)
    if (!this.#services.has(service)) return `unknown service ${service}`
    return `unknown method ${path.slice(nameStart)} for service ${service}`
  }
}
