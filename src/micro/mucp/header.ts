/**
 * Header names of the micro RPC protocol. They are keys of a protobuf map, so
 * case matters on the wire; readers here do not mind it.
 */
export const MucpHeader = {
  Service: 'Micro-Service',
  Endpoint: 'Micro-Endpoint',
  Method: 'Micro-Method',
  /** go-micro <= 4.9. */
  Id: 'Micro-Id',
  /** go-micro >= 4.10. */
  ID: 'Micro-ID',
  Stream: 'Micro-Stream',
  Error: 'Micro-Error',
  Topic: 'Micro-Topic',
  ContentType: 'Content-Type',
  Accept: 'Accept',
  Timeout: 'Timeout',
  Connection: 'Connection',
} as const

/** `Micro-Error` of the message that ends a stream in good order. */
export const END_OF_STREAM = 'EOS'

const NANOSECONDS_IN_MS = 1e6

/** What one message's header says, whatever the spelling. */
export interface MucpFields {
  id: string
  stream: string
  service: string
  method: string
  endpoint: string
  error: string
  topic: string
  protocol: string
  target: string
  contentType: string
  /** Unit: ms. Infinity when there is none, or it is no number. */
  timeoutMs: number
  /** `Connection: close`. */
  close: boolean
}

type TextField = Exclude<keyof MucpFields, 'timeoutMs' | 'close'>

/** Lower-case names that stand for a field. The id has no `X-` fall-back. */
const FIELD_OF: ReadonlyMap<string, TextField> = new Map<string, TextField>([
  ['micro-id', 'id'],
  ['micro-stream', 'stream'],
  ['micro-service', 'service'],
  ['micro-method', 'method'],
  ['micro-endpoint', 'endpoint'],
  ['micro-error', 'error'],
  ['micro-topic', 'topic'],
  ['micro-protocol', 'protocol'],
  ['micro-target', 'target'],
  ['content-type', 'contentType'],
])

const FALLBACK_OF: ReadonlyMap<string, TextField> = new Map<string, TextField>([
  ['x-micro-stream', 'stream'],
  ['x-micro-service', 'service'],
  ['x-micro-method', 'method'],
  ['x-micro-endpoint', 'endpoint'],
  ['x-micro-protocol', 'protocol'],
  ['x-micro-target', 'target'],
  ['x-micro-topic', 'topic'],
])

/** Lower-case names that belong to the protocol and are no metadata. */
const PROTOCOL_NAMES: ReadonlySet<string> = new Set([
  ...FIELD_OF.keys(),
  ...FALLBACK_OF.keys(),
  'x-micro-id',
  'x-micro-error',
  'accept',
  'timeout',
  'connection',
  'local',
  'remote',
])

/** Whether `name`, in lower case, belongs to the protocol and never to user metadata. */
export function isProtocolHeader(name: string): boolean {
  return PROTOCOL_NAMES.has(name) || name.startsWith(':')
}

/** Reads a message's header in one pass. */
export function readMucpFields(header: ReadonlyMap<string, string>): MucpFields {
  const fields: MucpFields = {
    id: '',
    stream: '',
    service: '',
    method: '',
    endpoint: '',
    error: '',
    topic: '',
    protocol: '',
    target: '',
    contentType: '',
    timeoutMs: Number.POSITIVE_INFINITY,
    close: false,
  }
  const fallbacks: [TextField, string][] = []
  for (const [key, value] of header) {
    const name = key.toLowerCase()
    const field = FIELD_OF.get(name)
    if (field !== undefined) {
      if (value !== '') fields[field] = value
    } else if (name === 'timeout') {
      fields.timeoutMs = parseTimeout(value)
    } else if (name === 'connection') {
      fields.close = value.toLowerCase() === 'close'
    } else {
      const fallback = FALLBACK_OF.get(name)
      if (fallback !== undefined) fallbacks.push([fallback, value])
    }
  }
  for (const [field, value] of fallbacks) {
    if (fields[field] === '') fields[field] = value
  }
  return fields
}

/** `Timeout`: decimal nanoseconds. Anything else, or zero, is no timeout. Unit of the result: ms. */
function parseTimeout(value: string): number {
  const nanoseconds = /^\d{1,19}$/.test(value) ? Number(value) : 0
  return nanoseconds === 0 ? Number.POSITIVE_INFINITY : nanoseconds / NANOSECONDS_IN_MS
}

/** The `Timeout` header for `timeoutMs`, rounded up so that a server never gives up before its client. */
export function formatTimeout(timeoutMs: number): string {
  return String(BigInt(Math.ceil(timeoutMs * 1e3)) * 1000n)
}

/** A request's header: names, both spellings of the id, content type. `id` also names the stream when `stream` is set. */
export function requestHeader(
  target: { readonly service: string; readonly endpoint: string },
  id: string,
  stream: boolean,
  contentType: string,
): Map<string, string> {
  const header = new Map<string, string>([
    [MucpHeader.ContentType, contentType],
    [MucpHeader.Accept, contentType],
    [MucpHeader.Service, target.service],
    [MucpHeader.Method, target.endpoint],
    [MucpHeader.Endpoint, target.endpoint],
    [MucpHeader.Id, id],
    [MucpHeader.ID, id],
  ])
  if (stream) header.set(MucpHeader.Stream, id)
  return header
}

/**
 * What the server says in an answer that worked: the id, in the spellings that
 * came, each with its `X-` copy.
 */
export function replyHeader(request: ReadonlyMap<string, string>): Map<string, string> {
  const header = new Map<string, string>()
  for (const [key, value] of request) {
    if (key.toLowerCase() !== 'micro-id') continue
    header.set(key, value)
    header.set(`X-${key}`, value)
  }
  if (header.size === 0) {
    header.set(MucpHeader.ID, '')
    header.set(`X-${MucpHeader.ID}`, '')
  }
  return header
}

/** A stream message of the server: the id and whom it was for, each with its `X-` copy. */
export function streamHeader(
  request: ReadonlyMap<string, string>,
  fields: MucpFields,
): Map<string, string> {
  const header = replyHeader(request)
  for (const [name, value] of [
    [MucpHeader.Service, fields.service],
    [MucpHeader.Method, fields.method === '' ? fields.endpoint : fields.method],
    [MucpHeader.Endpoint, fields.endpoint === '' ? fields.method : fields.endpoint],
  ] as const) {
    header.set(name, value)
    header.set(`X-${name}`, value)
  }
  return header
}

/** What of a request an error or an end repeats, in lower case. */
const REPEATED_NAMES: ReadonlySet<string> = new Set([
  'micro-id',
  'micro-stream',
  'micro-service',
  'micro-method',
  'micro-endpoint',
  'micro-topic',
  'content-type',
  'accept',
  'timeout',
])

/** Whether answers repeat the field, in whatever spelling. */
export function isRepeated(key: string): boolean {
  return REPEATED_NAMES.has(key.toLowerCase())
}

/**
 * The request's header as it goes back: what belongs to the protocol. go-micro repeats all of it; what a caller
 * says beside, tokens among it, is nobody's business on the way back.
 */
export function repeatedHeader(request: ReadonlyMap<string, string>): Map<string, string> {
  const header = new Map<string, string>()
  for (const [key, value] of request) {
    if (isRepeated(key)) header.set(key, value)
  }
  return header
}

/** An error, or the end of a stream: what belongs to the protocol again, and the text. */
export function errorHeader(
  request: ReadonlyMap<string, string>,
  text: string,
): Map<string, string> {
  const header = repeatedHeader(request)
  header.set(MucpHeader.Error, text)
  header.set(`X-${MucpHeader.Error}`, text)
  return header
}
