import { fromJsonText, toJson } from './json/json.js'
import type { MessageType } from './message/message-type.js'
import { FieldError } from './wire/field-error.js'

/** Which side sends one message and which sends many. */
export type MethodKind = 'unary' | 'client' | 'server' | 'bidi'

/** How a message type is written and read under one subtype of the content type. */
export interface MessageCodec {
  readonly subtypes: readonly string[]
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array, start: number, end: number): unknown
  decodeOwned?(bytes: Uint8Array, start: number, end: number): unknown
}

/** One method of a service: gRPC's path, kind and codecs, and the names that micro uses. */
export interface MethodDefinition {
  /** What JavaScript calls it: `hello`. */
  readonly name: string
  /** The method's own name: `Hello`. */
  readonly wireName: string
  /** The service's short name and the method's own: `Greeter.Hello`. */
  readonly endpoint: string
  /** `/greeter.v1.Greeter/Hello`. */
  readonly path: string
  readonly kind: MethodKind
  /** By subtype: `proto`, `json`. */
  readonly request: ReadonlyMap<string, MessageCodec>
  readonly response: ReadonlyMap<string, MessageCodec>
}

/** A service as `server.handle` and `client.bind` take it. */
export interface ServiceDefinition<S> {
  /** With its package: `greeter.v1.Greeter`. */
  readonly name: string
  /** The last part of the name: `Greeter`. */
  readonly shortName: string
  readonly methods: readonly MethodDefinition[]
  /** Serialised `FileDescriptorProto`s, where they were asked for, for server reflection. */
  readonly descriptors?: (() => readonly Uint8Array[]) | undefined
  /** Never there at run time: it ties the service to its types. */
  readonly types?: S
}

type AnyType = MessageType

/** One method as it is generated. */
export type MethodRow = readonly [
  name: string,
  path: string,
  endpoint: string,
  kind: MethodKind,
  request: AnyType,
  response: AnyType,
]

/** A generated service. */
export function service<S>(
  name: string,
  rows: readonly MethodRow[],
  descriptors?: () => readonly Uint8Array[],
): ServiceDefinition<S> {
  const methods = rows.map(([method, path, endpoint, kind, request, response]) => ({
    name: method,
    wireName: path.slice(path.lastIndexOf('/') + 1),
    endpoint,
    path,
    kind,
    request: codecsOf(request),
    response: codecsOf(response),
  }))
  return { name, shortName: name.slice(name.lastIndexOf('.') + 1), methods, descriptors }
}

const made: WeakMap<AnyType, ReadonlyMap<string, MessageCodec>> = /*@__PURE__*/ new WeakMap()

/** The codecs of a message type: protobuf, and ProtoJSON. */
function codecsOf(type: AnyType): ReadonlyMap<string, MessageCodec> {
  let codecs = made.get(type)
  if (codecs === undefined) {
    codecs = new Map([
      ['proto', binaryCodec(type)],
      ['json', jsonCodec(type)],
    ])
    made.set(type, codecs)
  }
  return codecs
}

/** Protobuf, for `defineService`. */
export function binaryCodec(type: MessageType): MessageCodec {
  return {
    subtypes: ['proto'],
    encode: value => type.encode(value),
    decode: (bytes, start, end) => type.decode(bytes, start, end),
    decodeOwned: (bytes, start, end) => type.decodeOwned(bytes, start, end),
  }
}

/** ProtoJSON, for `defineService`. Names that no field has are passed over. */
export function jsonCodec(type: MessageType): MessageCodec {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  return {
    subtypes: ['json'],
    encode: value => encoder.encode(JSON.stringify(toJson(type, value))),
    // An empty body is "no change" in go-micro: the message with its defaults.
    decode(bytes, start, end) {
      const text = start === end ? '{}' : decoder.decode(bytes.subarray(start, end))
      try {
        return fromJsonText(type, text, { ignoreUnknownFields: true })
      } catch (cause) {
        // What a peer sent is malformed, which is a RangeError as in octets: nobody here gave a wrong value.
        if (cause instanceof FieldError) throw new RangeError(cause.message, { cause })
        throw cause
      }
    },
  }
}
