import type { Codecs } from '../../grpc/index.js'
import { codecMap, type TypedCodec } from './codec.js'

/** How one message type is written and read, in the words of whoever generated it. */
export interface MessageFunctions {
  encode(value: unknown): Uint8Array
  decode(bytes: Buffer): unknown
  /** The message as a JSON value, if the generator knows ProtoJSON. */
  readonly toJson?: ((value: unknown) => unknown) | undefined
  readonly fromJson?: ((json: unknown) => unknown) | undefined
}

/** Codecs of one message type: protobuf, and JSON when there are functions for it. */
export function messageCodecs(functions: MessageFunctions): Codecs {
  const { toJson, fromJson } = functions
  const binary: TypedCodec<unknown> = {
    subtypes: ['proto'],
    encode: value => functions.encode(value ?? {}),
    decode: (bytes, start, end) => functions.decode(ownCopy(bytes, start, end)),
  }
  if (toJson === undefined || fromJson === undefined) return codecMap(binary)
  const text: TypedCodec<unknown> = {
    subtypes: ['json'],
    encode: value => Buffer.from(JSON.stringify(toJson(value ?? {}))),
    // An empty body is "no change" in go-micro: the message with its defaults.
    decode: (bytes, start, end) =>
      fromJson(start === end ? {} : JSON.parse(bytes.toString('utf8', start, end))),
  }
  return codecMap([binary, text])
}

/**
 * Generated decoders make views for `bytes` fields, and what they are given
 * here is borrowed. Some call Buffer's methods: a Buffer, not an Uint8Array.
 */
function ownCopy(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}
