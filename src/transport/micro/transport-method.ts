import type { Codec, Codecs, Method } from '../../grpc/index.js'
import { decodeMessage, decodeOwnMessage } from './message.js'
import type { Message } from './transport.js'

/** Path of go-micro's `Transport/Stream` since v2.4.0. A server serves both paths. */
export const TRANSPORT_PATH = '/go.micro.transport.grpc.Transport/Stream'
/** Path of go-micro's `Transport/Stream` up to v2.3.0. */
export const TRANSPORT_PATH_OLD = '/go.micro.grpc.transport.Transport/Stream'

/** Fields of a header that are worth charging. */
const MANY_FIELDS = 64
/** An entry of a Map with two short strings, beside their octets. Measured. Unit: octets. */
const FIELD_COST = 64

/**
 * Messages are encoded by the socket, before the call sees them: one that cannot
 * be sent then fails alone, and not the call.
 */
const codec: Codec = {
  encode: value => value as Buffer,
  decode: decodeMessage,
  decodeOwned: decodeOwnMessage,
  weigh(value) {
    const { size } = (value as Message).header
    return size < MANY_FIELDS ? 0 : size * FIELD_COST
  },
}
const codecs: Codecs = new Map([['proto', codec]])

/** `rpc Stream(stream Message) returns (stream Message)` at `path`. */
export function transportMethod(path: string): Method {
  return { path, kind: 'bidi', request: codecs, response: codecs }
}
