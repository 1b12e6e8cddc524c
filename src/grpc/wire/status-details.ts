import { fieldText, putBytes, putMessage, putNumber, readFields } from './protobuf-fields.js'

/** The trailer that carries the details of a status: a `google.rpc.Status`. */
export const STATUS_DETAILS_NAME = 'grpc-status-details-bin'

/** One detail of an error: a `google.protobuf.Any`. */
export interface ErrorDetail {
  /** The type of `value`, such as `type.googleapis.com/google.rpc.BadRequest`. */
  readonly typeUrl: string
  /** The message, encoded. */
  readonly value: Uint8Array
}

/**
 * Encodes a `google.rpc.Status`: `{ int32 code = 1; string message = 2; repeated Any details = 3;
 * }`.
 */
export function encodeStatusDetails(
  status: number,
  message: string,
  details: readonly ErrorDetail[],
): Buffer {
  const octets: number[] = []
  putNumber(octets, 1, status)
  putBytes(octets, 2, Buffer.from(message))
  for (const { typeUrl, value } of details) {
    const any: number[] = []
    putBytes(any, 1, Buffer.from(typeUrl))
    putBytes(any, 2, value)
    putMessage(octets, 3, any)
  }
  return Buffer.from(octets)
}

/**
 * Decodes the details of a `google.rpc.Status`; an empty list if the bytes are not protobuf. Values
 * are views of `bytes`.
 */
export function decodeStatusDetails(bytes: Uint8Array): readonly ErrorDetail[] {
  const details: ErrorDetail[] = []
  try {
    for (const field of readFields(bytes)) {
      if (field.id === 3) details.push(decodeAny(field.bytes))
    }
  } catch (error) {
    // What a peer sent is only a hint about an error: a broken one must not hide that error.
    if (error instanceof RangeError) return []
    throw error
  }
  return details
}

function decodeAny(bytes: Uint8Array): ErrorDetail {
  let typeUrl = ''
  let value: Uint8Array = new Uint8Array(0)
  for (const field of readFields(bytes)) {
    if (field.id === 1) typeUrl = fieldText(field)
    if (field.id === 2) value = field.bytes
  }
  return { typeUrl, value }
}
