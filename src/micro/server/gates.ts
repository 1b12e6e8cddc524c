import type { OverloadState } from '../../overload/index.js'
import { Gate, Overload, type OverloadOptions } from '../../overload/index.js'
import type { Runtime } from '../../transport/index.js'
import type { Endpoint, EndpointTable } from './handlers/endpoint-table.js'
import { AdmittedRoute } from './native/admitted-route.js'
import { type GrpcDoorOptions, GrpcRoute } from './native/route.js'

/** Never refused: who asks whether a busy server lives must not hear that it does not. */
const EXEMPT: readonly string[] = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'grpc.channelz.v1.Channelz',
  'xds.service.orca.v3.OpenRcaService',
]

/** As go-micro's server/grpc: whatever the package, the last part of the service decides. */
export function byShortName(
  path: string,
  table: EndpointTable,
  gates: ServerGates,
  options: GrpcDoorOptions,
): GrpcRoute | undefined {
  const match = /^\/(?:[^/]*\.)?([^./]+)\/([^/]+)$/.exec(path)
  const endpoint = match === null ? undefined : table.get(`${match[1]}.${match[2]}`)
  return endpoint === undefined ? undefined : gates.route(endpoint, path, options)
}

/** The ways in to a server's methods, and what all of them together let in. */
export class ServerGates {
  readonly #overload: Overload | undefined
  readonly #exempt: ReadonlySet<string>
  readonly #gates = new Map<Endpoint, Gate>()

  constructor(options: OverloadOptions | undefined, runtime: Runtime) {
    this.#overload = options === undefined ? undefined : new Overload(options, runtime)
    this.#exempt = new Set([...EXEMPT, ...(options?.exempt ?? [])])
  }

  get state(): OverloadState | undefined {
    return this.#overload
  }

  /** Undefined: whoever comes is let in. */
  of(endpoint: Endpoint): Gate | undefined {
    const overload = this.#overload
    if (overload === undefined || this.#exempt.has(endpoint.service.name)) return undefined
    let gate = this.#gates.get(endpoint)
    if (gate === undefined) {
      const { service, method } = endpoint
      const limits = overload.limitsOf(service.name, method.wireName)
      gate = new Gate(overload, method.kind !== 'unary', limits)
      this.#gates.set(endpoint, gate)
    }
    return gate
  }

  /** One endpoint on the gRPC door. */
  route(endpoint: Endpoint, path: string, options: GrpcDoorOptions): GrpcRoute {
    const gate = this.of(endpoint)
    return gate === undefined
      ? new GrpcRoute(endpoint, path, options)
      : new AdmittedRoute(endpoint, path, options, gate)
  }

  /** The server begins to serve. @throws TypeError naming a method of `overload.methods` that nobody serves */
  start(): void {
    const overload = this.#overload
    if (overload === undefined) return
    const known = new Set<string>()
    for (const { service, method } of this.#gates.keys()) {
      known.add(service.name).add(`${service.name}/${method.wireName}`)
    }
    const [stranger] = overload.strangers(name => known.has(name))
    if (stranger !== undefined) {
      throw new TypeError(
        `overload.methods has '${stranger}', which the server does not handle; it has ${[...known].join(', ')}`,
      )
    }
    overload.start()
  }

  close(): void {
    this.#overload?.close()
  }
}
