import type { CallKind } from '../../grpc/index.js'
import { type MessageFunctions, messageCodecs } from './definition-codec.js'
import type {
  EsKind,
  EsMessage,
  EsMethod,
  EsService,
  GenericDefinition,
  GrpcJsMethod,
} from './definition-types.js'
import { lowerCamel, type ServiceMethod, serviceMethod } from './service.js'

/** What a definition turned out to hold. */
export interface ReadDefinition {
  /** With its package. */
  readonly name: string
  readonly methods: readonly ServiceMethod[]
}

/** One method as each reader finds it. */
interface FoundMethod {
  readonly path: string
  /** The generator's name for it. */
  readonly key: string
  readonly kind: CallKind
  readonly request: MessageFunctions
  readonly response: MessageFunctions
}

/** A service of several methods, each known by its path. @throws TypeError when they are not of one service */
function fromMethods(found: readonly FoundMethod[], name?: string): ReadDefinition {
  const service = name ?? splitPath(found[0]!.path)[0]
  const methods = found.map(({ path, key, kind, request, response }) => {
    const [owner, wireName] = splitPath(path)
    if (owner !== service) {
      throw new TypeError(`the definition has methods of ${service} and of ${owner}`)
    }
    return serviceMethod(service, {
      name: lowerCamel(key),
      wireName,
      kind,
      request: messageCodecs(request),
      response: messageCodecs(response),
    })
  })
  return { name: service, methods }
}

function splitPath(path: string): [service: string, method: string] {
  const match = /^\/([^/]+)\/([^/]+)$/.exec(path)
  if (match === null)
    throw new TypeError(`path must look like /package.Service/Method, got '${path}'`)
  return [match[1]!, match[2]!]
}

/** The kind that two `stream` marks stand for. */
export function kindOfStreams(requestStream: unknown, responseStream: unknown): CallKind {
  if (requestStream === true) return responseStream === true ? 'bidi' : 'client'
  return responseStream === true ? 'server' : 'unary'
}

/** proto-loader, grpc.loadPackageDefinition, grpc-tools, ts-proto and protobuf-ts for grpc-js, nice-grpc. */
export function readGrpcJs(definition: Readonly<Record<string, GrpcJsHalf>>): ReadDefinition {
  const found = Object.entries(definition).map(([key, method]): FoundMethod => {
    const { path, requestStream, responseStream } = method
    const part = <Name extends GrpcJsFunction>(name: Name) => method[name] ?? missing(path, name)
    return {
      path,
      key,
      kind: kindOfStreams(requestStream, responseStream),
      request: { encode: part('requestSerialize') as Encode, decode: part('requestDeserialize') },
      response: {
        encode: part('responseSerialize') as Encode,
        decode: part('responseDeserialize'),
      },
    }
  })
  return fromMethods(found)
}

type Encode = (value: unknown) => Uint8Array

type GrpcJsFunction = Extract<keyof GrpcJsMethod, `${string}ize`>

/** A method as it is written by hand: a server needs two of the functions, a client the other two. */
export type GrpcJsHalf = Omit<GrpcJsMethod, GrpcJsFunction> &
  Partial<Pick<GrpcJsMethod, GrpcJsFunction>>

function missing(path: string, name: GrpcJsFunction): () => never {
  return () => {
    const side = name === 'requestDeserialize' || name === 'responseSerialize' ? 'server' : 'client'
    throw new TypeError(`the definition of ${path} has no ${name}, which a ${side} needs: add it`)
  }
}

/** The functions ts-proto writes for a message; which of them depends on its options. */
interface TsProtoFunctions {
  encode(message: unknown): { finish(): Uint8Array }
  decode(bytes: Uint8Array): unknown
  fromPartial?(value: unknown): unknown
  fromJSON?(json: unknown): unknown
  toJSON?(message: unknown): unknown
}

/** ts-proto with `outputServices=generic-definitions`. */
export function readGeneric({ fullName, methods }: GenericDefinition): ReadDefinition {
  const found = Object.entries(methods).map(
    ([key, method]): FoundMethod => ({
      path: `/${fullName}/${method.name}`,
      key,
      kind: kindOfStreams(method.requestStream, method.responseStream),
      request: tsProtoFunctions(method.requestType as unknown as TsProtoFunctions),
      response: tsProtoFunctions(method.responseType as unknown as TsProtoFunctions),
    }),
  )
  return fromMethods(found, fullName)
}

function tsProtoFunctions(type: TsProtoFunctions): MessageFunctions {
  const whole = (value: unknown): unknown => type.fromPartial?.(value) ?? value
  const { toJSON, fromJSON } = type
  return {
    encode: value => type.encode(whole(value)).finish(),
    decode: bytes => type.decode(bytes),
    toJson: toJSON === undefined ? undefined : value => toJSON.call(type, whole(value)),
    fromJson: fromJSON === undefined ? undefined : json => fromJSON.call(type, json),
  }
}

/** `@bufbuild/protobuf`, as far as codecs need it. */
export interface EsFunctions {
  create(schema: EsMessage, init?: unknown): unknown
  toBinary(schema: EsMessage, message: unknown): Uint8Array
  fromBinary(schema: EsMessage, bytes: Uint8Array): unknown
  toJson?(schema: EsMessage, message: unknown): unknown
  fromJson?(schema: EsMessage, json: unknown, options: { ignoreUnknownFields: boolean }): unknown
}

const KIND_OF_ES: Readonly<Record<EsKind, CallKind>> = {
  unary: 'unary',
  server_streaming: 'server',
  client_streaming: 'client',
  bidi_streaming: 'bidi',
}

/** protobuf-es v2. */
export function readEs(definition: EsService, library: EsFunctions): ReadDefinition {
  const found = definition.methods.map(
    (method: EsMethod): FoundMethod => ({
      path: `/${definition.typeName}/${method.name}`,
      key: method.localName,
      kind: KIND_OF_ES[method.methodKind],
      request: esFunctions(method.input, library),
      response: esFunctions(method.output, library),
    }),
  )
  return fromMethods(found, definition.typeName)
}

function esFunctions(schema: EsMessage, library: EsFunctions): MessageFunctions {
  const { toJson, fromJson } = library
  // `create` hands on what is a message already.
  const whole = (value: unknown): unknown => library.create(schema, value)
  return {
    encode: value => library.toBinary(schema, whole(value)),
    decode: bytes => library.fromBinary(schema, bytes),
    toJson: toJson === undefined ? undefined : value => toJson(schema, whole(value)),
    fromJson:
      fromJson === undefined
        ? undefined
        : json => fromJson(schema, json, { ignoreUnknownFields: true }),
  }
}

/** A `ServiceType` of protobuf-ts. */
export interface ProtobufTsService {
  readonly typeName: string
  readonly methods: readonly ProtobufTsMethod[]
}

interface ProtobufTsMethod {
  readonly name: string
  readonly localName: string
  readonly clientStreaming: boolean
  readonly serverStreaming: boolean
  readonly I: ProtobufTsMessage
  readonly O: ProtobufTsMessage
}

interface ProtobufTsMessage {
  create(value: unknown): unknown
  toBinary(message: unknown): Uint8Array
  fromBinary(bytes: Uint8Array): unknown
  toJson(message: unknown): unknown
  fromJson(json: unknown, options: { ignoreUnknownFields: boolean }): unknown
}

/** protobuf-ts: the `ServiceType` that its clients and generic servers share. */
export function readProtobufTs({ typeName, methods }: ProtobufTsService): ReadDefinition {
  const found = methods.map(
    (method): FoundMethod => ({
      path: `/${typeName}/${method.name}`,
      key: method.localName,
      kind: kindOfStreams(method.clientStreaming, method.serverStreaming),
      request: protobufTsFunctions(method.I),
      response: protobufTsFunctions(method.O),
    }),
  )
  return fromMethods(found, typeName)
}

function protobufTsFunctions(type: ProtobufTsMessage): MessageFunctions {
  return {
    encode: value => type.toBinary(type.create(value)),
    decode: bytes => type.fromBinary(bytes),
    toJson: value => type.toJson(type.create(value)),
    fromJson: json => type.fromJson(json, { ignoreUnknownFields: true }),
  }
}

/** A message class or type of protobufjs, reflected or static. */
export interface PbjsMessage {
  fromObject(value: unknown): unknown
  encode(message: unknown): { finish(): Uint8Array }
  decode(bytes: Uint8Array): unknown
}

/** A `Service` of protobufjs's reflection, version 7 or 8. */
export interface PbjsService {
  readonly fullName: string
  readonly methodsArray: readonly PbjsMethod[]
  resolveAll(): unknown
}

interface PbjsMethod {
  readonly name: string
  readonly requestStream?: boolean
  readonly responseStream?: boolean
  readonly resolvedRequestType: PbjsMessage | null
  readonly resolvedResponseType: PbjsMessage | null
}

/** protobufjs 7 and 8, reflection. */
export function readPbjs(service: PbjsService): ReadDefinition {
  service.resolveAll()
  const name = service.fullName.replace(/^\./, '')
  const found = service.methodsArray.map((method): FoundMethod => {
    const { requestStream, responseStream } = method
    return {
      path: `/${name}/${method.name}`,
      key: method.name,
      kind: kindOfStreams(requestStream, responseStream),
      // `resolveAll` throws for a type that does not exist.
      request: pbjsFunctions(method.resolvedRequestType!),
      response: pbjsFunctions(method.resolvedResponseType!),
    }
  })
  return fromMethods(found, name)
}

/** What pbjs (protobufjs 8.5 and later) hangs on each function of a static service. */
export interface PbjsStaticMethod {
  readonly path: string
  readonly requestType: string
  readonly responseType: string
  readonly requestStream?: boolean
  readonly responseStream?: boolean
}

/** pbjs, target static-module: functions on the prototype; the messages hang below `root`. */
export function readPbjsStatic(
  methods: Readonly<Record<string, PbjsStaticMethod>>,
  root: object,
): ReadDefinition {
  const found = Object.entries(methods).map(([key, method]): FoundMethod => {
    const { path, requestStream, responseStream } = method
    const scope = splitPath(path)[0].split('.')
    return {
      path,
      key,
      kind: kindOfStreams(requestStream, responseStream),
      request: pbjsFunctions(staticMessage(root, scope, method.requestType)),
      response: pbjsFunctions(staticMessage(root, scope, method.responseType)),
    }
  })
  return fromMethods(found)
}

/** protobuf's scoping: a relative name is looked up from the innermost package outwards. */
function staticMessage(root: object, scope: readonly string[], name: string): PbjsMessage {
  const parts = name.replace(/^\./, '').split('.')
  for (let depth = name.startsWith('.') ? 0 : scope.length; depth >= 0; depth--) {
    let found: unknown = root
    for (const part of [...scope.slice(0, depth), ...parts]) {
      found = (found as Readonly<Record<string, unknown>> | undefined)?.[part]
    }
    if (typeof (found as Partial<PbjsMessage> | undefined)?.fromObject === 'function') {
      return found as PbjsMessage
    }
  }
  throw new TypeError(`root has no message ${name} (looked for from ${scope.join('.')} outwards)`)
}

function pbjsFunctions(type: PbjsMessage): MessageFunctions {
  return {
    // Encoding alone would write a bigint or an enum's name as 0; `fromObject` converts them.
    encode: value => type.encode(type.fromObject(value)).finish(),
    decode: bytes => type.decode(bytes),
  }
}
