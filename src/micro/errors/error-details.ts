import {
  decodeStatusDetails,
  encodeStatusDetails,
  FieldWriter,
  fieldText,
  readFields,
} from '../../grpc/index.js'
import {
  cutErrorText,
  ERROR_TEXT_SIZE_MAX,
  MicroError,
  parseErrorObject,
  validCode,
} from './micro-error.js'

/** go-micro's `errors.Error { string id = 1; int32 code = 2; string detail = 3; string status = 4; }`, as a detail of a gRPC status. */
const ERROR_TYPE_URL = 'type.googleapis.com/errors.Error'

/** `google.rpc.Status` with `error` as the first and only detail. Another first detail panics Go's client/grpc. */
export function encodeErrorStatus(status: number, message: string, error: MicroError): Buffer {
  return encodeStatusDetails(status, message, [
    { typeUrl: ERROR_TYPE_URL, value: encodeErrorMessage(error) },
  ])
}

/**
 * The `errors.Error` that is the first detail of a `google.rpc.Status`; undefined when there is
 * none, or the bytes are no protobuf. Members beyond its four come from the status's message, which
 * is the same error as JSON: there they have names.
 */
export function decodeErrorStatus(bytes: Uint8Array): MicroError | undefined {
  const first = decodeStatusDetails(bytes)[0]
  if (first === undefined) return undefined
  const { typeUrl, value } = first
  if (typeUrl.slice(typeUrl.lastIndexOf('/') + 1) !== 'errors.Error') return undefined
  try {
    return decodeErrorMessage(value, parseErrorObject(messageOf(bytes)))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return undefined
  }
}

/** The bytes of one `errors.Error`. Texts that are too long to travel are cut. */
export function encodeErrorMessage(error: MicroError): Buffer {
  const writer = new FieldWriter()
  const { id, detail, status } = error
  const isLong = id.length + detail.length + status.length > ERROR_TEXT_SIZE_MAX
  const fit = (text: string): string => (isLong ? cutErrorText(text) : text)
  writer.putText(1, fit(id))
  writer.putNumber(2, error.code)
  writer.putText(3, fit(detail))
  writer.putText(4, fit(status))
  return writer.finish()
}

function decodeErrorMessage(bytes: Uint8Array, json: MicroError | undefined): MicroError {
  let id = ''
  let code = 0
  let detail = ''
  let status = ''
  for (const field of readFields(bytes)) {
    if (field.id === 1) id = fieldText(field)
    if (field.id === 2) code = field.number
    if (field.id === 3) detail = fieldText(field)
    if (field.id === 4) status = fieldText(field)
  }
  const known = validCode(code)
  const extra = json?.code === known ? json.extra : {}
  return new MicroError(known, detail, { id, status, extra })
}

/** The message of a `google.rpc.Status`. */
function messageOf(bytes: Uint8Array): string {
  let message = ''
  for (const field of readFields(bytes)) if (field.id === 2) message = fieldText(field)
  return message
}
