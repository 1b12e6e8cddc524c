import {
  checkOptions,
  describe as describeValue,
  nearest,
  type OptionKinds,
} from '../../options/index.js'
import {
  type EsFunctions,
  type GrpcJsHalf,
  type PbjsService,
  type PbjsStaticMethod,
  type ProtobufTsService,
  type ReadDefinition,
  readEs,
  readGeneric,
  readGrpcJs,
  readPbjs,
  readPbjsStatic,
  readProtobufTs,
} from './definition-methods.js'
import type {
  EsLibrary,
  EsMessages,
  EsService,
  EsTypes,
  GenericDefinition,
  GenericTypes,
  GrpcJsMethod,
  GrpcJsTypes,
} from './definition-types.js'
import { makeService, type Service } from './service.js'
import type { ServiceTypes, UntypedMethod } from './service-types.js'

/** Options of `fromDefinition`, needed by some generators. */
export interface FromDefinitionOptions {
  /** protobuf-es: `create` of `@bufbuild/protobuf`. Default: none; required for protobuf-es. */
  readonly create?: EsLibrary<never, unknown>['create']
  /** protobuf-es: `toBinary` of `@bufbuild/protobuf`. Default: none; required for protobuf-es. */
  readonly toBinary?: EsLibrary<never, unknown>['toBinary']
  /** protobuf-es: `fromBinary` of `@bufbuild/protobuf`. Default: none; required for protobuf-es. */
  readonly fromBinary?: EsLibrary<never, unknown>['fromBinary']
  /**
   * protobuf-es: `toJson` of `@bufbuild/protobuf`; with `fromJson`, calls with content type JSON
   * work. Default: none.
   */
  readonly toJson?: (schema: never, message: never) => unknown
  /** protobuf-es: `fromJson` of `@bufbuild/protobuf`, for JSON. Default: none. */
  readonly fromJson?: (schema: never, json: never) => unknown
  /**
   * pbjs static modules: the root object of the generated module. Default: none; required for pbjs
   * static modules.
   */
  readonly root?: object
}

/**
 * Creates a service from the output of a code generator, for `server.handle` and `client.bind`.
 * Methods are matched by path; their JavaScript names are in lower camel case, whatever the
 * generator uses.
 *
 * Accepted: service definitions in the shape of grpc-js (proto-loader,
 * grpc-tools, ts-proto, protobuf-ts, nice-grpc) and client classes that carry
 * one (`grpc.loadPackageDefinition`); ts-proto's generic definitions;
 * protobuf-es v2 with `{ create, toBinary, fromBinary }`; `ServiceType` of protobuf-ts;
 * protobufjs 7 and 8 reflection; pbjs static of protobufjs 8.5 with `{ root }`.
 * Types are inferred where the generator's own tell them, else given:
 * `fromDefinition<HandlerTypes<IEchoService>>(definition)`.
 *
 * @throws TypeError when it is no definition, has no methods, or an option it needs is missing
 */
export function fromDefinition<D extends EsService, Message>(
  definition: D,
  options: EsLibrary<EsMessages<D>, Message>,
): Service<EsTypes<D, Message>>
export function fromDefinition<const D extends GenericDefinition>(
  definition: D,
): Service<GenericTypes<D>>
export function fromDefinition<const D extends { readonly [K in keyof D]: GrpcJsMethod }>(
  definition: D,
): Service<GrpcJsTypes<D>>
export function fromDefinition<S extends ServiceTypes<S> = Record<string, UntypedMethod>>(
  definition: object,
  options?: FromDefinitionOptions,
): Service<S>
export function fromDefinition(
  definition: object,
  options: FromDefinitionOptions = {},
): Service<unknown> {
  checkDefinition(definition)
  checkFunctions(options)
  const { name, methods } = readDefinition(definition, options)
  if (methods.length === 0) throw new TypeError(`service ${name} has no methods`)
  return makeService(name, methods)
}

const KINDS: OptionKinds<FromDefinitionOptions> = {
  create: 'function',
  toBinary: 'function',
  fromBinary: 'function',
  toJson: 'function',
  fromJson: 'function',
  // Both are what generators write: an object, or a function with messages below it.
  root: checkRoot,
}

const CURE =
  'give it what the generator exports for the service: the value, not its type; is it imported under this name?'

function checkDefinition(definition: unknown): void {
  const isThere =
    typeof definition === 'object' ? definition !== null : typeof definition === 'function'
  if (isThere && !(definition instanceof Promise)) return
  throw new TypeError(`a service definition is needed, got ${describeValue(definition)}; ${CURE}`)
}

/** All of `@bufbuild/protobuf` may be given, as `import *` has it: of that, what is not looked at is no mistake. */
function checkFunctions(options: FromDefinitionOptions): void {
  const isLibrary = typeof options === 'object' && typeof options?.create === 'function'
  const known = Object.keys(KINDS)
  const isMeant = (name: string): boolean => nearest(known, name) !== undefined
  const given = isLibrary
    ? Object.fromEntries(Object.entries(options).filter(([name]) => isMeant(name)))
    : options
  checkOptions('fromDefinition', given, KINDS)
}

function checkRoot(name: string, value: unknown): void {
  if (typeof value === 'function' || (typeof value === 'object' && value !== null)) return
  throw new TypeError(
    `${name} must be the object that messages are below, got ${describeValue(value)}`,
  )
}

function readDefinition(given: object, options: FromDefinitionOptions): ReadDefinition {
  const definition = carriedService(given)
  if (isEs(definition)) return readEs(definition, esFunctions(options))
  if (isGeneric(definition)) return readGeneric(definition)
  if (isProtobufTs(definition)) return readProtobufTs(definition)
  if (isPbjs(definition)) return readPbjs(definition)
  const functions = staticMethods(definition)
  if (functions !== undefined) return readPbjsStatic(functions, staticRoot(options.root))
  if (isGrpcJs(definition)) return readGrpcJs(definition)
  throw new TypeError(`not a service definition: ${describe(definition)}`)
}

type Loose = Readonly<Record<string, unknown>>

/** A client class of grpc-js carries its definition as `service`. */
function carriedService(definition: object): object {
  const service = typeof definition === 'function' && (definition as unknown as Loose)['service']
  return typeof service === 'object' && service !== null ? service : definition
}

function isEs(definition: object): definition is EsService {
  const { kind, typeName } = definition as Partial<EsService>
  return kind === 'service' && typeof typeName === 'string'
}

function isGeneric(definition: object): definition is GenericDefinition {
  const { fullName, methods } = definition as Partial<GenericDefinition>
  return typeof fullName === 'string' && isRecord(methods) && !('methodsArray' in definition)
}

function isProtobufTs(definition: object): definition is ProtobufTsService {
  const { typeName, methods } = definition as Partial<ProtobufTsService>
  return typeof typeName === 'string' && Array.isArray(methods)
}

function isPbjs(definition: object): definition is PbjsService {
  const { methodsArray, resolveAll } = definition as Partial<PbjsService>
  return Array.isArray(methodsArray) && typeof resolveAll === 'function'
}

function isGrpcJs(definition: object): definition is Readonly<Record<string, GrpcJsHalf>> {
  const methods = Object.values(definition)
  return methods.length > 0 && methods.every(isGrpcJsMethod)
}

/** With all four functions, or with those of a server, or of a client. */
function isGrpcJsMethod(value: unknown): value is GrpcJsHalf {
  if (!isRecord(value) || typeof value['path'] !== 'string') return false
  const { requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } = value
  const halves = [
    [requestDeserialize, responseSerialize],
    [requestSerialize, responseDeserialize],
  ]
  return (
    halves.some(half => half.every(each => typeof each === 'function')) &&
    halves.flat().every(each => each === undefined || typeof each === 'function')
  )
}

/** The functions of a pbjs static service, with what describes them; undefined when it is none. */
function staticMethods(definition: object): Record<string, PbjsStaticMethod> | undefined {
  if (typeof definition !== 'function') return undefined
  const prototype = (definition as unknown as Loose)['prototype']
  if (!isRecord(prototype)) return undefined
  const found: Record<string, PbjsStaticMethod> = {}
  for (const [key, value] of Object.entries(prototype)) {
    if (typeof value === 'function' && typeof (value as unknown as Loose)['path'] === 'string') {
      found[key] = value as unknown as PbjsStaticMethod
    }
  }
  return Object.keys(found).length > 0 ? found : undefined
}

function esFunctions(options: FromDefinitionOptions): EsFunctions {
  for (const name of ['create', 'toBinary', 'fromBinary'] as const) {
    if (typeof options[name] === 'function') continue
    throw new TypeError(
      `a protobuf-es service needs { create, toBinary, fromBinary } of @bufbuild/protobuf: ${name} is missing`,
    )
  }
  return options as unknown as EsFunctions
}

function staticRoot(root: object | undefined): object {
  if (root !== undefined) return root
  throw new TypeError('a pbjs static service needs { root }, the object its messages are below')
}

function isRecord(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describe(definition: object): string {
  if (typeof definition === 'function') {
    const hint = 'a static service must be of pbjs from protobufjs 8.5 or later'
    return `function ${definition.name} without methods that have a path (${hint})`
  }
  const keys = Object.keys(definition)
  if (keys.length === 0) return 'an object without properties'
  const shown = keys.slice(0, 5).join(', ')
  return `an object with ${keys.length > 5 ? `${shown}, ...` : shown}`
}
