/** Converts values to bytes and back, for one message type and subtype. */
export interface Codec {
  /** The result belongs to the call. May throw: the call then ends with INTERNAL. */
  encode(value: unknown): Uint8Array
  /**
   * The value in `bytes[start, end)`, which is borrowed: copy what you keep.
   * May throw: the call then ends with INTERNAL.
   */
  decode(bytes: Buffer, start: number, end: number): unknown
  /**
   * The same where `bytes` belongs to the value from now on: it may keep views.
   * Called for large messages, which were put together in a buffer of their own.
   * Default: `decode`.
   */
  decodeOwned?(bytes: Buffer, start: number, end: number): unknown
  /**
   * What a decoded value that waits takes far beyond its encoded form, such as a map with many small
   * entries: it is charged to `connection.memory`. Unit: bytes. Default: 0.
   */
  weigh?(value: unknown): number
}

/**
 * Codecs by subtype: the part of the content type after `application/grpc+`, such as `proto`,
 * `json`, `bytes`.
 */
export type Codecs = ReadonlyMap<string, Codec>

/**
 * Which side sends one message and which sends many: `unary`, `client` streams requests, `server`
 * streams responses, `bidi` both.
 */
export type CallKind = 'unary' | 'client' | 'server' | 'bidi'

/** A method, as both sides know it: path, kind and codecs. */
export interface Method {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly kind: CallKind
  readonly request: Codecs
  readonly response: Codecs
}

/** The subtype of plain `application/grpc`: `proto`. */
export const DEFAULT_SUBTYPE = 'proto'

/** Chunks of sockets are no larger; nothing larger is kept from being freed by `viewed`. Unit: octets. */
const VIEWED_SIZE_MAX = 65_536

let viewed: Buffer = Buffer.alloc(0)
let view: Uint8Array = viewed

/**
 * A copy of bytes[start, end). Many messages lie in one chunk: with one view of it each needs no
 * view of its own, nor the detour that a Buffer takes to make something else than a Buffer.
 */
function copyOf(bytes: Buffer, start: number, end: number): Uint8Array {
  if (bytes.length > VIEWED_SIZE_MAX) return new Uint8Array(bytes.subarray(start, end))
  if (bytes !== viewed) {
    viewed = bytes
    view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  }
  return view.slice(start, end)
}

/** Codec for raw bytes; `decode` copies, `decodeOwned` does not. */
export const BYTES_CODEC: Codec = Object.freeze({
  encode(value: unknown): Uint8Array {
    if (value instanceof Uint8Array) return value
    throw new TypeError(`message is a ${typeof value}; expected a Uint8Array`)
  },
  decode(bytes: Buffer, start: number, end: number): Uint8Array {
    return copyOf(bytes, start, end)
  },
  decodeOwned(bytes: Buffer, start: number, end: number): Uint8Array {
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
  },
})

/** Whether the client sends exactly one message. */
export function hasOneRequest(kind: CallKind): boolean {
  return kind === 'unary' || kind === 'server'
}

/** Whether the server sends exactly one message. */
export function hasOneResponse(kind: CallKind): boolean {
  return kind === 'unary' || kind === 'client'
}

/** Where the method name starts in `path` (after the last slash); -1 unless it is `/service/method`. */
export function methodNameStart(path: string): number {
  if (path.charCodeAt(0) !== 0x2f) return -1
  const slash = path.lastIndexOf('/')
  return slash <= 1 || slash === path.length - 1 ? -1 : slash + 1
}

/**
 * The codec of `method` for `subtype`; '' is `DEFAULT_SUBTYPE`.
 *
 * @throws TypeError when `codecs` has none.
 */
export function codecOf(method: Method, codecs: Codecs, subtype: string = ''): Codec {
  const name = subtype === '' ? DEFAULT_SUBTYPE : subtype
  const codec = codecs.get(name)
  if (codec !== undefined) return codec
  throw new TypeError(`${method.path} has no codec for subtype "${name}"`)
}
