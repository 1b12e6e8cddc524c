import { type Inheritance, passOn } from '../../call/inheritance.js'
import { type AnyHandler, composeHandler, type Middleware } from '../../call/middleware.js'
import { describe } from '../../../options/index.js'
import { ownFunction } from '../../call/own-function.js'
import { checkService, type Service, type ServiceMethod } from '../../service/service.js'

/** A method and who handles it. */
export interface Endpoint {
  readonly service: Service<unknown>
  readonly method: ServiceMethod
  readonly handler: AnyHandler
}

/** The handler table behind both doors. */
export class EndpointTable {
  readonly #services = new Map<string, Service<unknown>>()
  readonly #endpoints = new Map<string, Endpoint>()

  /** Endpoints in the order of registration. */
  get endpoints(): IterableIterator<Endpoint> {
    return this.#endpoints.values()
  }

  /** A service under its short name. */
  has(shortName: string): boolean {
    return this.#services.has(shortName)
  }

  /** `Greeter.Hello`. */
  get(endpoint: string): Endpoint | undefined {
    return this.#endpoints.get(endpoint)
  }

  /**
   * Adds a service with all its handlers, by JavaScript name or wire name.
   *
   * @throws TypeError when another service has the same short name, or as `bindHandlers`
   */
  add(
    service: Service<unknown>,
    handlers: object,
    chain: readonly Middleware[],
    inheritance?: Inheritance,
  ): Endpoint[] {
    checkService(service)
    const other = this.#services.get(service.shortName)
    if (other !== undefined) {
      throw new TypeError(
        service.name === other.name
          ? `service ${service.name} is handled already; give all its handlers in one call of handle`
          : `service ${service.name} has the short name of ${other.name}, /${service.shortName}; rename one of them, or handle one with { nativeOnly: true }`,
      )
    }
    const added = bindHandlers(service, handlers, chain, inheritance)
    this.#services.set(service.shortName, service)
    for (const endpoint of added) this.#endpoints.set(endpoint.method.endpoint, endpoint)
    return added
  }
}

/**
 * Each method of a service with its handler within `chain`, and that within
 * the context that its outgoing calls inherit from, if there is one.
 *
 * @throws TypeError when a handler is missing or no function, or there is one for no method
 */
export function bindHandlers(
  service: Service<unknown>,
  handlers: object,
  chain: readonly Middleware[],
  inheritance?: Inheritance,
): Endpoint[] {
  checkService(service)
  checkHandlers(service, handlers)
  const names = service.methods.map(method => handlerName(method, handlers))
  const missing = service.methods.filter((_, index) => names[index] === undefined)
  const unknown = Object.keys(handlers).filter(
    name => ownFunction(handlers, name) !== undefined && !names.includes(name),
  )
  if (missing.length > 0 || unknown.length > 0) {
    throw new TypeError(describeMismatch(service, missing, unknown))
  }
  return service.methods.map((method, index) => {
    const handler = (ownFunction(handlers, names[index]!) as AnyHandler).bind(handlers)
    const composed = composeHandler(chain, method.kind, handler)
    return {
      service,
      method,
      handler: inheritance === undefined ? composed : passOn(inheritance, method.kind, composed),
    }
  })
}

function checkHandlers(service: Service<unknown>, handlers: unknown): void {
  if (typeof handlers === 'object' && handlers !== null) return
  throw new TypeError(
    `handlers of ${service.name} must be an object with a function for each method, got ${describe(handlers)}`,
  )
}

function handlerName(method: ServiceMethod, handlers: object): string | undefined {
  return [method.name, method.wireName].find(name => ownFunction(handlers, name) !== undefined)
}

function describeMismatch(
  service: Service<unknown>,
  missing: readonly ServiceMethod[],
  unknown: readonly string[],
): string {
  const parts: string[] = []
  if (missing.length > 0) {
    parts.push(`no handler function for ${missing.map(method => method.name).join(', ')}`)
  }
  if (unknown.length > 0) parts.push(`no method for ${unknown.join(', ')}`)
  return `handlers of ${service.name}: ${parts.join('; ')}`
}
