import type { CallKind, Codecs, Method } from '../../grpc/index.js'
import { describe } from '../../options/index.js'
import { type CodecChoice, codecMap, type TypedCodec } from './codec.js'
import type { MessageShape } from './message-shape.js'
import type { MethodTypes, UntypedMethod } from './service-types.js'

/** One method of a service: gRPC's path, kind and codecs, and the names that micro uses. */
export interface ServiceMethod extends Method {
  /** What JavaScript calls it: `hello`. */
  readonly name: string
  /** The service's short name and the method's own: `Greeter.Hello`. */
  readonly endpoint: string
  /** The method's own name: `Hello`. */
  readonly wireName: string
  /** Its messages, as registries tell them; asked for when the server registers. Absent: not known. */
  readonly shape?:
    | (() => { readonly request: MessageShape; readonly response: MessageShape })
    | undefined
}

/**
 * Returns serialised `FileDescriptorProto`s: the file that declares a service, and everything it
 * imports. Called at most once by each reflection service.
 */
export type DescriptorSource = () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>

/** A service: a name and its methods. `S` only carries types, see `ServiceTypes`. */
export interface Service<S = Record<string, UntypedMethod>> {
  /** With its package: `greeter.v1.Greeter`. */
  readonly name: string
  /** The last part of the name: `Greeter`. */
  readonly shortName: string
  readonly methods: readonly ServiceMethod[]
  /** Its schema, for server reflection. Undefined for a service without one. */
  readonly descriptors?: DescriptorSource | undefined
  /** Never there at run time: it ties the service to its types. */
  readonly types?: S
}

/** The definition of one method for `defineService`. */
export interface MethodDefinition<K extends CallKind, Req, Res> {
  readonly kind: K
  /** The name on the wire. Default: the property's name with a capital: `hello` is `Hello`. */
  readonly name?: string
  readonly request: CodecChoice<Req>
  readonly response: CodecChoice<Res>
}

/** The types of a service that `defineService` was told of. */
export type DefinedTypes<D> = {
  [M in keyof D]: D[M] extends {
    readonly kind: infer K extends CallKind
    readonly request: infer Req
    readonly response: infer Res
  }
    ? MethodTypes<K, Decoded<Req>, Decoded<Res>>
    : never
}

type Decoded<C> =
  C extends TypedCodec<infer T> ? T : C extends readonly TypedCodec<infer T>[] ? T : never

const NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/
const KINDS: readonly string[] = ['unary', 'client', 'server', 'bidi']

/**
 * Defines a service without protobuf: each method has a name, a kind and codecs.
 *
 * `name` is the service's name with its package, `greeter.v1.Greeter`.
 *
 * @throws TypeError when the name, a method's name, kind or codecs cannot be used
 */
export function defineService<
  const D extends { readonly [method: string]: MethodDefinition<CallKind, unknown, unknown> },
>(name: string, methods: D): Service<DefinedTypes<D>> {
  checkServiceName(name)
  checkMethodTable(methods)
  const list: ServiceMethod[] = []
  for (const [key, definition] of Object.entries(methods)) {
    if (typeof definition !== 'object' || definition === null) {
      const what = describe(definition)
      throw new TypeError(`method ${key} must be { kind, request, response }, got ${what}`)
    }
    const { kind, request, response } = definition
    if (!KINDS.includes(kind)) {
      throw new TypeError(`${key}.kind must be one of ${KINDS.join(', ')}, got ${String(kind)}`)
    }
    const wireName = definition.name ?? upperFirst(key)
    if (!NAME.test(wireName) || wireName.includes('.')) {
      throw new TypeError(`${key}.name must be an identifier, got '${wireName}'`)
    }
    const codecs = { request: checkedMap(key, request), response: checkedMap(key, response) }
    checkCommon(key, codecs)
    list.push(serviceMethod(name, { name: key, wireName, kind, ...codecs }))
  }
  return makeService(name, list)
}

/** Request and response of a call have one content type. @throws TypeError when there is none for both */
function checkCommon(
  method: string,
  { request, response }: { request: Codecs; response: Codecs },
): void {
  for (const subtype of request.keys()) if (response.has(subtype)) return
  const [ours, theirs] = [request, response].map(codecs => [...codecs.keys()].join(', '))
  throw new TypeError(
    `${method}: its codecs have no subtype in common: request has ${ours}, response ${theirs}; give both codecs one of the same subtype`,
  )
}

function checkedMap(method: string, choice: CodecChoice<unknown>): Codecs {
  const all = Array.isArray(choice) ? choice : [choice]
  for (const codec of all) {
    const known = codec as Partial<TypedCodec<unknown>> | undefined
    if (typeof known?.encode !== 'function' || typeof known.decode !== 'function') {
      throw new TypeError(`${method}: a codec must have encode and decode`)
    }
    if (!Array.isArray(known.subtypes) || known.subtypes.length === 0) {
      throw new TypeError(`${method}: a codec must name its subtypes`)
    }
    for (const subtype of known.subtypes) {
      if (typeof subtype === 'string' && /^[a-z0-9.-]+$/.test(subtype)) continue
      const what = describe(subtype)
      throw new TypeError(
        `${method}: a subtype has lower-case letters, digits, . and -, got ${what}`,
      )
    }
  }
  return codecMap(choice)
}

/** A service of methods that are ready. @throws TypeError when two methods share a name, or the service's name is none */
export function makeService<S>(
  name: string,
  methods: readonly ServiceMethod[],
  descriptors?: DescriptorSource,
): Service<S> {
  checkServiceName(name)
  const seen = new Set<string>()
  for (const method of methods) {
    for (const used of new Set([method.name, method.wireName])) {
      if (seen.has(used)) throw new TypeError(`service ${name} has two methods named ${used}`)
    }
    seen.add(method.name).add(method.wireName)
  }
  return { name, shortName: shortNameOf(name), methods, descriptors }
}

function checkServiceName(name: unknown): void {
  if (typeof name === 'string' && NAME.test(name)) return
  throw new TypeError(`service name must look like 'package.Service', got ${describe(name)}`)
}

function checkMethodTable(methods: unknown): void {
  if (typeof methods === 'object' && methods !== null && !Array.isArray(methods)) return
  throw new TypeError(
    `the methods of a service must be an object with a definition by name, got ${describe(methods)}`,
  )
}

/** The method of that name. @throws TypeError when there is none */
export function methodOf(service: Service<unknown>, name: string): ServiceMethod {
  const method = service.methods.find(each => each.name === name)
  if (method === undefined) throw new TypeError(`service ${service.name} has no method ${name}`)
  return method
}

/** Refuses what is no service, such as the promise of `loadService`. @throws TypeError */
export function checkService(service: unknown): void {
  const { name, methods } = (service ?? {}) as { name?: unknown; methods?: unknown }
  if (typeof name === 'string' && Array.isArray(methods)) return
  const hint = service instanceof Promise ? ': await it' : ''
  throw new TypeError(
    `a service of defineService, loadService or fromDefinition is needed, got ${describe(service)}${hint}`,
  )
}

/** What a method is made of, whoever reads it. */
export interface MethodParts {
  readonly name: string
  readonly wireName: string
  readonly kind: CallKind
  readonly request: Codecs
  readonly response: Codecs
  readonly shape?: ServiceMethod['shape']
}

/** One method of service `service`, with the path and the endpoint that follow from the names. */
export function serviceMethod(service: string, parts: MethodParts): ServiceMethod {
  return {
    path: `/${service}/${parts.wireName}`,
    kind: parts.kind,
    request: parts.request,
    response: parts.response,
    name: parts.name,
    wireName: parts.wireName,
    endpoint: `${shortNameOf(service)}.${parts.wireName}`,
    shape: parts.shape,
  }
}

/** The same method under another path. */
export function withPath(method: ServiceMethod, path: string): ServiceMethod {
  return { ...method, path }
}

/** The last component of a dotted name. */
export function shortNameOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** What JavaScript calls a protobuf method: `Hello` is `hello`, `get_thing` is `getThing`. */
export function lowerCamel(name: string): string {
  const joined = name.replace(/_+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  return joined.slice(0, 1).toLowerCase() + joined.slice(1)
}

function upperFirst(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1)
}
