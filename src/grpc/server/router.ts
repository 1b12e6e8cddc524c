import { methodNameStart } from '../wire/method.js'
import type { Route } from './server-call.js'

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
