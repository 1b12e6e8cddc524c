/** A body with its envelope taken off: the message is `bytes[start, end)`. */
export interface Opened {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** `Greeter.Hello`, when the envelope carries it. */
  readonly endpoint: string
  /** The request's id, when the envelope carries it. */
  readonly id: string
  /** The error's text, when the envelope carries one. */
  readonly error: string
}

/** What is put around a message within the body. */
export interface Envelope {
  /** Replies carry id and error in the body, so errors have one too. */
  readonly inBody: boolean
  /** The first message of a stream counts (only with gRPC framing). */
  readonly keepsOpening: boolean
  /** @throws RangeError when the body is not of this kind */
  openRequest(body: Buffer): Opened
  /** @throws RangeError when the body is not of this kind */
  openReply(body: Buffer): Opened
  wrapRequest(message: Uint8Array, id: string, endpoint: string): Uint8Array
  wrapReply(message: Uint8Array, id: string, endpoint: string, error: string): Uint8Array
}

const NO_BYTES: Uint8Array = new Uint8Array(0)

function whole(body: Buffer): Opened {
  return { bytes: body, start: 0, end: body.length, endpoint: '', id: '', error: '' }
}

function unchanged(message: Uint8Array): Uint8Array {
  return message
}

/** The message is the body. */
export const plainEnvelope: Envelope = {
  inBody: false,
  keepsOpening: false,
  openRequest: whole,
  openReply: whole,
  wrapRequest: unchanged,
  wrapReply: (message, _id, _endpoint, error) => (error === '' ? message : NO_BYTES),
}

const GRPC_PREFIX_SIZE = 5
/** go-micro's `codec/grpc.MaxMessageSize`. Unit: octets. */
const GRPC_MESSAGE_SIZE_MAX = 4_194_304

function openGrpc(body: Buffer): Opened {
  if (body.length === 0) return whole(body)
  if (body.length < GRPC_PREFIX_SIZE || body[0] !== 0) {
    throw new RangeError('body is not an uncompressed length-prefixed message')
  }
  const size = body.readUInt32BE(1)
  if (size > GRPC_MESSAGE_SIZE_MAX || size !== body.length - GRPC_PREFIX_SIZE) {
    throw new RangeError(`length prefix says ${size} of ${body.length - GRPC_PREFIX_SIZE} octets`)
  }
  return { ...whole(body), start: GRPC_PREFIX_SIZE }
}

function wrapGrpc(message: Uint8Array): Uint8Array {
  const body = Buffer.alloc(GRPC_PREFIX_SIZE + message.length)
  body.writeUInt32BE(message.length, 1)
  body.set(message, GRPC_PREFIX_SIZE)
  return body
}

/** gRPC's length prefix inside the body (`codec/grpc`). */
export const grpcEnvelope: Envelope = {
  inBody: false,
  keepsOpening: true,
  openRequest: openGrpc,
  openReply: openGrpc,
  wrapRequest: wrapGrpc,
  wrapReply: (message, _id, _endpoint, error) => (error === '' ? wrapGrpc(message) : NO_BYTES),
}

function jsonText(message: Uint8Array): string {
  const text = Buffer.from(message.buffer, message.byteOffset, message.length).toString().trimEnd()
  return text === '' ? 'null' : text
}

function openJson(body: Buffer, take: (fields: Record<string, unknown>) => unknown): Opened {
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(body.toString()) as Record<string, unknown>
  } catch (error) {
    throw new RangeError(`json-rpc envelope: ${error instanceof Error ? error.message : error}`)
  }
  const value = take(fields ?? {})
  const bytes =
    value === undefined || value === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify(value))
  const { method, id, error } = fields ?? {}
  return {
    bytes,
    start: 0,
    end: bytes.length,
    endpoint: typeof method === 'string' ? method : '',
    id: id === undefined || id === null ? '' : String(id),
    error: error === undefined || error === null ? '' : String(error),
  }
}

/** JSON-RPC 1.0, as peers from before go-micro 1.9 speak it. */
export const jsonRpcEnvelope: Envelope = {
  inBody: true,
  keepsOpening: false,
  openRequest: body =>
    openJson(body, fields => (Array.isArray(fields['params']) ? fields['params'][0] : undefined)),
  openReply: body => openJson(body, fields => fields['result']),
  wrapRequest(message, id, endpoint) {
    const { id: idText, method } = { id: JSON.stringify(id), method: JSON.stringify(endpoint) }
    return Buffer.from(`{"params":[${jsonText(message)}],"id":${idText},"method":${method}}\n`)
  },
  wrapReply(message, id, _endpoint, error) {
    const result = error === '' ? jsonText(message) : 'null'
    const text = error === '' ? 'null' : JSON.stringify(error)
    return Buffer.from(`{"id":${JSON.stringify(id)},"result":${result},"error":${text}}\n`)
  },
}

const LENGTH_SIZE = 4

/**
 * protorpc's header: `{ service_method = 1; seq = 2 (fixed64); error = 3 }`.
 * A request has no error.
 */
function encodeRpcHeader(endpoint: string, id: string, error: string): Buffer {
  const parts: Buffer[] = []
  if (endpoint !== '') parts.push(textField(1, endpoint))
  const sequence = /^\d{1,19}$/.test(id) ? BigInt.asUintN(64, BigInt(id)) : 0n
  if (sequence !== 0n) {
    const field = Buffer.alloc(9)
    field[0] = (2 << 3) | 1
    field.writeBigUInt64LE(sequence, 1)
    parts.push(field)
  }
  if (error !== '') parts.push(textField(3, error))
  return Buffer.concat(parts)
}

function textField(id: number, text: string): Buffer {
  const bytes = Buffer.from(text)
  const head: number[] = [(id << 3) | 2]
  let size = bytes.length
  for (; size > 0x7f; size >>>= 7) head.push((size & 0x7f) | 0x80)
  head.push(size)
  return Buffer.concat([Buffer.from(head), bytes])
}

function wrapProtoRpc(header: Buffer, message: Uint8Array): Uint8Array {
  const body = Buffer.allocUnsafe(2 * LENGTH_SIZE + header.length + message.length)
  let offset = body.writeUInt32BE(header.length, 0)
  body.set(header, offset)
  offset = body.writeUInt32BE(message.length, offset + header.length)
  body.set(message, offset)
  return body
}

function openProtoRpc(body: Buffer): Opened {
  const headerEnd = partEnd(body, 0)
  const bodyEnd = partEnd(body, headerEnd)
  const opened = { endpoint: '', id: '0', error: '' }
  let offset = LENGTH_SIZE
  while (offset < headerEnd) {
    const tag = body[offset++]!
    if (tag === ((2 << 3) | 1) && offset + 8 <= headerEnd) {
      opened.id = String(body.readBigUInt64LE(offset))
      offset += 8
      continue
    }
    let size = 0
    for (let shift = 0; ; shift += 7) {
      if (offset >= headerEnd || shift > 21) throw new RangeError('proto-rpc header is malformed')
      const octet = body[offset++]!
      size |= (octet & 0x7f) << shift
      if (octet < 0x80) break
    }
    if ((tag & 7) !== 2 || offset + size > headerEnd) {
      throw new RangeError('proto-rpc header is malformed')
    }
    const text = body.toString('utf8', offset, offset + size)
    if (tag >>> 3 === 1) opened.endpoint = text
    if (tag >>> 3 === 3) opened.error = text
    offset += size
  }
  return { bytes: body, start: headerEnd + LENGTH_SIZE, end: bodyEnd, ...opened }
}

/** Where the length-prefixed part at `start` ends. */
function partEnd(body: Buffer, start: number): number {
  if (start + LENGTH_SIZE > body.length) throw new RangeError('proto-rpc body is cut short')
  const end = start + LENGTH_SIZE + body.readUInt32BE(start)
  if (end > body.length) throw new RangeError('proto-rpc body is cut short')
  return end
}

/** protorpc, as peers from before go-micro 1.9 speak it. */
export const protoRpcEnvelope: Envelope = {
  inBody: true,
  keepsOpening: false,
  openRequest: openProtoRpc,
  openReply: openProtoRpc,
  wrapRequest: (message, id, endpoint) => wrapProtoRpc(encodeRpcHeader(endpoint, id, ''), message),
  wrapReply: (message, id, endpoint, error) =>
    wrapProtoRpc(encodeRpcHeader(endpoint, id, error), error === '' ? message : NO_BYTES),
}
