import { FieldWriter, fieldText, readFields } from './protobuf-fields.js'

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
  const writer = new FieldWriter()
  writer.putNumber(1, status)
  writer.putText(2, message)
  for (const { typeUrl, value } of details) {
    const any = new FieldWriter()
    any.putText(1, typeUrl)
    any.putBytes(2, value)
    writer.putMessage(3, any.finish())
  }
  return writer.finish()
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
