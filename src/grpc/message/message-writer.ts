import type { HeaderList, Stream } from '../../connection/index.js'
import { LENGTH_PREFIX_SIZE, MessageFlag, writeLengthPrefix } from '../wire/length-prefix.js'
import type { Codec } from '../wire/method.js'
import { GrpcError, Status, stacklessError } from '../wire/status.js'

/** The octets of `message`, or why there are none: the codec threw, or they are more than `sizeMax`. */
export function encodeMessage(
  codec: Codec,
  message: unknown,
  sizeMax: number,
): Uint8Array | GrpcError {
  let payload: Uint8Array
  try {
    payload = codec.encode(message)
  } catch (cause) {
    return stacklessError(Status.Internal, 'message cannot be encoded', { cause })
  }
  if (payload.length <= sizeMax) return payload
  const text = `message to send larger than max (${payload.length} vs. ${sizeMax}): limits.sendMessageSizeMax of calls`
  return stacklessError(Status.ResourceExhausted, text)
}

/**
 * The same of a request: its caller is told what is wrong with it. `unsent`: nothing of the call can have been
 * processed, whatever of it was sent.
 */
export function encodeRequest(
  codec: Codec,
  message: unknown,
  sizeMax: number,
  unsent: boolean,
): Uint8Array | GrpcError {
  const payload = encodeMessage(codec, message, sizeMax)
  return payload instanceof GrpcError ? withCodecText(payload, unsent) : payload
}

/** The same error with what the codec itself says, which a peer need not know. */
export function withCodecText(error: GrpcError, unprocessed: boolean): GrpcError {
  const { cause } = error
  const text = cause instanceof Error ? `${error.message}: ${cause.message}` : error.message
  return stacklessError(error.status, text, { unprocessed, cause })
}

/** Payloads from here on follow their prefix by reference: a copy costs more. Unit: octets. */
const REFERENCE_SIZE_MIN = 16_384

/**
 * Sends one message: straight into the connection's slab, by a buffer of its
 * own when it does not fit into the windows, or by reference when it is large:
 * nobody may write to it any more. False above the stream's high-water mark:
 * wait for `onDrain`.
 */
export function sendPayload(
  stream: Stream,
  payload: Uint8Array,
  flag: MessageFlag,
  endStream: boolean,
): boolean {
  if (payload.length >= REFERENCE_SIZE_MIN) {
    const prefix = Buffer.allocUnsafe(LENGTH_PREFIX_SIZE)
    writeLengthPrefix(prefix, 0, flag, payload.length)
    return stream.sendPrefixed(prefix, asBuffer(payload), endStream)
  }
  const size = LENGTH_PREFIX_SIZE + payload.length
  const offset = stream.beginData(size, endStream)
  if (offset < 0) return stream.sendData(frame(payload, flag), 0, size, endStream)
  const { slab } = stream
  slab.set(payload, writeLengthPrefix(slab, offset, flag, payload.length))
  return true
}

/** Sends headers, one plain message and trailers in one piece. False when that cannot be: nothing is sent then. */
export function sendWhole(
  stream: Stream,
  headers: HeaderList,
  payload: Uint8Array,
  trailers: HeaderList,
): boolean {
  const offset = stream.beginResponse(headers, LENGTH_PREFIX_SIZE + payload.length, trailers)
  if (offset < 0) return false
  const { slab } = stream
  slab.set(payload, writeLengthPrefix(slab, offset, MessageFlag.Plain, payload.length))
  return true
}

function frame(payload: Uint8Array, flag: MessageFlag): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_PREFIX_SIZE + payload.length)
  bytes.set(payload, writeLengthPrefix(bytes, 0, flag, payload.length))
  return bytes
}

/** The same octets as a Buffer, without a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
