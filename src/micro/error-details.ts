import { MicroError, validCode } from './micro-error.js'

/**
 * The two protobuf messages of `grpc-status-details-bin`, written by hand so
 * that errors need no protobuf library:
 *
 * - `google.rpc.Status { int32 code = 1; string message = 2; repeated Any details = 3; }`
 * - `errors.Error { string id = 1; int32 code = 2; string detail = 3; string status = 4; }`
 */
const ERROR_TYPE_URL = 'type.googleapis.com/errors.Error'

const LENGTH_DELIMITED = 2

/** `google.rpc.Status` with `error` as the first and only detail. Another first detail panics Go's client/grpc. */
export function encodeErrorStatus(status: number, message: string, error: MicroError): Buffer {
  const any: number[] = []
  putBytes(any, 1, Buffer.from(ERROR_TYPE_URL))
  putBytes(any, 2, encodeErrorMessage(error))
  const bytes: number[] = []
  putNumber(bytes, 1, status)
  putBytes(bytes, 2, Buffer.from(message))
  putBytes(bytes, 3, Buffer.from(any))
  return Buffer.from(bytes)
}

/** The `errors.Error` that is the first detail of a `google.rpc.Status`; undefined when there is none, or the bytes are no protobuf. */
export function decodeErrorStatus(bytes: Uint8Array): MicroError | undefined {
  try {
    for (const field of readFields(bytes)) {
      if (field.id === 3) return decodeAny(field.bytes)
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return undefined
}

/** The bytes of one `errors.Error`. */
export function encodeErrorMessage(error: MicroError): Buffer {
  const bytes: number[] = []
  putBytes(bytes, 1, Buffer.from(error.id))
  putNumber(bytes, 2, error.code)
  putBytes(bytes, 3, Buffer.from(error.detail))
  putBytes(bytes, 4, Buffer.from(error.status))
  return Buffer.from(bytes)
}

function decodeAny(bytes: Uint8Array): MicroError | undefined {
  let url = ''
  let value: Uint8Array = new Uint8Array(0)
  for (const field of readFields(bytes)) {
    if (field.id === 1) url = text(field.bytes)
    if (field.id === 2) value = field.bytes
  }
  return url.slice(url.lastIndexOf('/') + 1) === 'errors.Error'
    ? decodeErrorMessage(value)
    : undefined
}

function decodeErrorMessage(bytes: Uint8Array): MicroError {
  let id = ''
  let code = 0
  let detail = ''
  let status = ''
  for (const field of readFields(bytes)) {
    if (field.id === 1) id = text(field.bytes)
    if (field.id === 2) code = field.number
    if (field.id === 3) detail = text(field.bytes)
    if (field.id === 4) status = text(field.bytes)
  }
  return new MicroError(validCode(code), detail, { id, status })
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function putVarint(bytes: number[], value: number): void {
  while (value > 0x7f) {
    bytes.push((value & 0x7f) | 0x80)
    value >>>= 7
  }
  bytes.push(value)
}

function putNumber(bytes: number[], id: number, value: number): void {
  if (value === 0) return
  bytes.push(id << 3)
  putVarint(bytes, value)
}

function putBytes(bytes: number[], id: number, value: Uint8Array): void {
  if (value.length === 0) return
  bytes.push((id << 3) | LENGTH_DELIMITED)
  putVarint(bytes, value.length)
  for (const octet of value) bytes.push(octet)
}

interface Field {
  readonly id: number
  readonly number: number
  readonly bytes: Uint8Array
}

const NO_BYTES = new Uint8Array(0)

/** The fields of one message, in order. @throws RangeError when it is cut short or a wire type is unknown */
function* readFields(bytes: Uint8Array): Generator<Field> {
  let offset = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const octet = bytes[offset++]
      if (octet === undefined) throw new RangeError('message ends inside a varint')
      value += (octet & 0x7f) * scale
      if (octet < 0x80) return value
    }
  }
  while (offset < bytes.length) {
    const tag = varint()
    const type = tag & 7
    if (type === 0) {
      yield { id: tag >>> 3, number: varint(), bytes: NO_BYTES }
      continue
    }
    const size = type === LENGTH_DELIMITED ? varint() : type === 1 ? 8 : type === 5 ? 4 : -1
    if (size < 0 || offset + size > bytes.length) {
      throw new RangeError(`field ${tag >>> 3} has wire type ${type} and ${size} octets`)
    }
    yield { id: tag >>> 3, number: 0, bytes: bytes.subarray(offset, offset + size) }
    offset += size
  }
}
