import { GrpcError, type GrpcErrorOrigin, shareInstances } from '../../grpc/index.js'
import { FieldError } from '../../protobuf/index.js'
import { TransportError } from '../../transport/index.js'

/** Optional properties of a new `MicroError`. */
export interface MicroErrorOptions {
  /** Who failed: a service's name, or `go.micro.client`. Default: empty; a server puts its own name in. */
  readonly id?: string
  /** Default: the HTTP reason phrase of the code. */
  readonly status?: string
  /** Members beyond the four that this version knows. Kept and sent on. */
  readonly extra?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
  /** Who ended the call. Default: as `cause` says; `local` when it says nothing. */
  readonly origin?: GrpcErrorOrigin
  /** The peer, as it was dialled. Default: as `cause` says. */
  readonly address?: string | undefined
  /** No handler can have run. Default: as `cause` says; false when it says nothing. */
  readonly unprocessed?: boolean
}

/** The text of an error that is read or written. Unit: characters. Reason: it is a header field, held by everybody on its way. */
export const ERROR_TEXT_SIZE_MAX = 65_536

/** Objects and arrays within each other in the text of an error. Reason: whoever writes it on needs as much stack. */
export const ERROR_DEPTH_MAX = 32

/** HTTP reason phrases of the codes that micro services use. RFC 9110 §15, RFC 6585. */
const REASON_PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  499: 'Client Closed Request',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

/** The reason phrase of an HTTP code; empty when it has none. */
export function statusText(code: number): string {
  return REASON_PHRASES[code] ?? ''
}

/**
 * go-micro's `errors.Error`. All four fields are sent: over mucp as JSON in `Micro-Error`, over
 * gRPC as a status with details.
 */
export class MicroError extends Error {
  override readonly name: string = 'MicroError'
  /** Who failed: a service's name, or `go.micro.client`. */
  readonly id: string
  /** An HTTP status code. 0 when the peer sent plain text. */
  readonly code: number
  /** What went wrong, for people. The same as `message`. */
  readonly detail: string
  /** The reason phrase of the code: `Not Found`. */
  readonly status: string
  /** Members of the peer's error that this version does not know. */
  readonly extra: Readonly<Record<string, unknown>>

  /** Who ended the call. Not sent. */
  readonly origin: GrpcErrorOrigin
  /** No handler can have run; false when that is not known. Not sent. */
  readonly unprocessed: boolean
  // Only there when known: an error that is logged shows what it has, and no more.
  /** The peer, as it was dialled; undefined for errors that met none. Not sent. */
  declare readonly address: string | undefined

  /** @throws RangeError when `code` is not an integer from 0 to 999 */
  constructor(code: number, detail: string, options: MicroErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    if (!Number.isInteger(code) || code < 0 || code > 999) {
      throw new RangeError(`code must be an integer from 0 to 999, got ${code}`)
    }
    this.id = text(options.id ?? '')
    this.code = code
    this.detail = text(detail)
    this.status = text(options.status ?? statusText(code))
    this.extra = options.extra ?? {}
    const { cause } = options
    this.origin = options.origin ?? originOf(cause)
    this.unprocessed = options.unprocessed ?? (cause instanceof GrpcError && cause.unprocessed)
    const address = options.address ?? addressOf(cause)
    if (address !== undefined) this.address = address
  }

  /** 400. */
  static badRequest(detail: string, options?: MicroErrorOptions): MicroError {
    return new MicroError(400, detail, options)
  }

  /** 401. */
  static unauthorized(detail: string, options?: MicroErrorOptions): MicroError {
    return new MicroError(401, detail, options)
  }

  /** 403. */
  static forbidden(detail: string, options?: MicroErrorOptions): MicroError {
    return new MicroError(403, detail, options)
  }

  /** 404. */
  static notFound(detail: string, options?: MicroErrorOptions): MicroError {
    return new MicroError(404, detail, options)
  }

  /** 408. */
  static timeout(detail: string, options?: MicroErrorOptions): MicroError {
    return new MicroError(408, detail, options)
  }

  /** 409. */
  static conflict(detail: string, options?: MicroErrorOptions): MicroError {
    return new MicroError(409, detail, options)
  }

  /** 500. */
  static internal(detail: string, options?: MicroErrorOptions): MicroError {
    return new MicroError(500, detail, options)
  }

  /** The same error, from `id` when it has no id of its own. */
  from(id: string): MicroError {
    if (this.id !== '' || id === '') return this
    const { code, detail, status, extra, cause, origin, address, unprocessed } = this
    const options = { id, status, extra, cause, origin, address, unprocessed }
    return new MicroError(code, detail, options)
  }

  /**
   * The JSON text that travels: keys in go-micro's order, zero values left
   * out, `<`, `>` and `&` escaped as Go does. Never throws: `extra` that is no JSON, or makes the text longer than
   * `ERROR_TEXT_SIZE_MAX`, stays here; a detail that does is cut.
   */
  encode(): string {
    return (
      errorText(this, this.detail, this.extra) ??
      errorText(this, this.detail, {}) ??
      errorText(this, cutErrorText(this.detail), {}) ??
      `{"code":${this.code},"detail":"the error is too large"}`
    )
  }

  /**
   * Reads what `Micro-Error` carried. Text that is no JSON object becomes the
   * detail of an error with code 0, as in go-micro's `errors.Parse`; so does what is longer than
   * `ERROR_TEXT_SIZE_MAX`, and is cut there, or nests deeper than `ERROR_DEPTH_MAX`.
   */
  static parse(text: string): MicroError {
    const known = parseErrorObject(text)
    return known ?? new MicroError(0, text.slice(0, ERROR_TEXT_SIZE_MAX), { origin: 'peer' })
  }
}

/** The error in a JSON object that has go-micro's fields; undefined for any other text. */
export function parseErrorObject(text: string): MicroError | undefined {
  if (text.charCodeAt(0) !== 0x7b || text.length > ERROR_TEXT_SIZE_MAX) return undefined
  if (isDeep(text)) return undefined
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
  const { id, code, detail, status, ...extra } = fields
  const known = validCode(code)
  return new MicroError(known, typeof detail === 'string' ? detail : '', {
    id: typeof id === 'string' ? id : '',
    status: typeof status === 'string' ? status : '',
    extra,
    origin: 'peer',
  })
}

/** A code from the wire: 500 when it cannot be one, 0 when there was none. */
export function validCode(code: unknown): number {
  if (code === undefined || code === null) return 0
  return Number.isInteger(code) && (code as number) >= 0 && (code as number) <= 999
    ? (code as number)
    : 500
}

/** Adds the address of the peer to an error of our own that was made without it. */
export function atAddress(error: MicroError, address: string): MicroError {
  const open: { address: string | undefined } = error
  open.address ??= address
  return error
}

function originOf(cause: unknown): GrpcErrorOrigin {
  if (cause instanceof GrpcError) return cause.origin
  return cause instanceof TransportError ? 'network' : 'local'
}

function addressOf(cause: unknown): string | undefined {
  return cause instanceof GrpcError || cause instanceof TransportError ? cause.address : undefined
}

/** As much of one of its texts as an error can carry: escaped, a character takes six. */
export function cutErrorText(text: string): string {
  return text.slice(0, ERROR_TEXT_SIZE_MAX / 8)
}

/** Callers in JavaScript may give anything; what cannot be a text throws here, at its maker. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : String(value)
}

/** Undefined when there is none, or it is too long: what `extra` holds is not ours. */
function errorText(error: MicroError, detail: string, extra: object): string | undefined {
  const fields: Record<string, unknown> = {}
  if (error.id !== '') fields['id'] = error.id
  if (error.code !== 0) fields['code'] = error.code
  if (detail !== '') fields['detail'] = detail
  if (error.status !== '') fields['status'] = error.status
  if (error.id.length + detail.length + error.status.length > ERROR_TEXT_SIZE_MAX) return undefined
  try {
    // The four are ours: what `extra` calls so would take their place.
    const { id, code, detail: text, status, ...rest } = extra as Record<string, unknown>
    const json = JSON.stringify({ ...fields, ...rest })
    if (json.length > ERROR_TEXT_SIZE_MAX) return undefined
    const escaped = json.replace(/[<>&\u2028\u2029]/g, escapeUnit)
    return escaped.length > ERROR_TEXT_SIZE_MAX || isDeep(json) ? undefined : escaped
  } catch {
    return undefined
  }
}

/** Whether JSON text nests deeper than `ERROR_DEPTH_MAX`. Brackets within strings do not count. */
function isDeep(json: string): boolean {
  let depth = 0
  let isQuoted = false
  for (let i = 0; i < json.length; i++) {
    const unit = json[i]
    if (isQuoted && unit === '\\') i++
    else if (unit === '"') isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (unit === '{' || unit === '[') {
      if (++depth > ERROR_DEPTH_MAX) return true
    } else if (unit === '}' || unit === ']') depth--
  }
  return false
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

shareInstances(MicroError, 'MicroError')
// Here, for protobuf imports no other layer.
shareInstances(FieldError, 'FieldError')
