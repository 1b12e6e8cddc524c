import type { Codec, Codecs } from '../../grpc/index.js'

/** A codec that knows the type of its values and its subtypes (`proto`, `json`, `bytes`). */
export interface TypedCodec<T> extends Codec {
  encode(value: T): Uint8Array
  decode(bytes: Buffer, start: number, end: number): T
  decodeOwned?(bytes: Buffer, start: number, end: number): T
  /** Content subtypes it answers, the preferred one first. */
  readonly subtypes: readonly string[]
}

/** One codec, or several for the same values; a client prefers the first. */
export type CodecChoice<T> = TypedCodec<T> | readonly TypedCodec<T>[]

/** From here on a view of a body is worth that it keeps all of it. Unit: octets. */
const VIEW_SIZE_MIN = 16_384

/** Decodes octets that nobody else has, such as the body of a message over mucp: large ones are not copied. */
export function decodeOwn(codec: Codec, bytes: Buffer, start: number, end: number): unknown {
  if (end - start >= VIEW_SIZE_MIN && codec.decodeOwned !== undefined) {
    return codec.decodeOwned(bytes, start, end)
  }
  return codec.decode(bytes, start, end)
}

const EMPTY_OBJECT: Buffer = Buffer.from('{}')

/**
 * Codec for JSON, as written by `JSON.stringify`; subtype `json`.
 *
 * `undefined` is written as `{}`, and an empty body is read as `{}`: a Go
 * client takes an empty JSON body for an error, a Go server skips it.
 */
export function jsonCodec<T = unknown>(): TypedCodec<T> {
  return JSON_CODEC as TypedCodec<T>
}

const JSON_CODEC: TypedCodec<unknown> = {
  subtypes: ['json'],
  encode(value: unknown): Uint8Array {
    const text = JSON.stringify(value)
    return text === undefined ? EMPTY_OBJECT : Buffer.from(text)
  },
  decode(bytes: Buffer, start: number, end: number): unknown {
    return start === end ? {} : JSON.parse(bytes.toString('utf8', start, end))
  },
}

/**
 * Codec for raw bytes. `encode` does not copy, so do not change its argument afterwards. `decode`
 * copies, because its input is reused. `decodeOwned` returns the buffer in which a large message
 * was assembled.
 *
 * `subtypes` names what it stands for. Default: `proto` and `bytes`, so a peer
 * that speaks protobuf reaches it. Add `json` to take JSON unparsed as well.
 */
export function bytesCodec(...subtypes: readonly string[]): TypedCodec<Uint8Array> {
  return {
    subtypes: subtypes.length === 0 ? ['proto', 'bytes'] : subtypes,
    encode: encodeBytes,
    decode: decodeBytes,
    decodeOwned: viewBytes,
  }
}

function encodeBytes(value: Uint8Array | undefined): Uint8Array {
  if (value === undefined) return new Uint8Array(0)
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`a bytes codec encodes a Uint8Array, got ${typeof value}`)
  }
  return value
}

function decodeBytes(bytes: Buffer, start: number, end: number): Uint8Array {
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}

function viewBytes(bytes: Buffer, start: number, end: number): Uint8Array {
  return bytes.subarray(start, end)
}

/** The map from subtype to codec that `grpc` wants. The first codec of a subtype wins. */
export function codecMap(choice: CodecChoice<unknown>): Codecs {
  const map = new Map<string, Codec>()
  for (const codec of Array.isArray(choice) ? choice : [choice]) {
    for (const subtype of codec.subtypes) {
      if (!map.has(subtype)) map.set(subtype, codec)
    }
  }
  return map
}
