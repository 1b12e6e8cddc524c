import { PREFIXED_MESSAGE, prefixed } from '../payload.js'
import {
  orderFields,
  REQUEST,
  scrambled,
  tokenLiteral,
  userOf,
  type Variety,
} from '../real/orders.js'
import { END_HEADERS, FLAG_1, frame, Type } from './frame-bytes.js'
import { compress, type Field, hpackJs, TABLE } from './hpack-js.js'

/** Calls as a client of a busy service sends them on one connection, prepared before the clock starts. */
export interface CallBytes {
  readonly bytes: Buffer
  /** Where call `i` begins; one more at the end. */
  readonly offsets: Uint32Array
  /** Octets of DATA in each call: what counts against the windows. */
  readonly payloadSize: number
}

/** What a call sends after its HEADERS. */
export interface CallBody {
  /** Octets of DATA, none at all if empty. */
  readonly data: Buffer
  readonly endStream: boolean
}

const WHOLE: CallBody = { data: PREFIXED_MESSAGE, endStream: true }

/** `GetOrder { id, view }`. */
const ORDER_REQUEST = Buffer.concat([
  Buffer.from([0x0a, REQUEST.id.length]),
  Buffer.from(REQUEST.id),
  Buffer.from([0x12, REQUEST.view.length]),
  Buffer.from(REQUEST.view),
])
const ORDER_BODY: CallBody = { data: prefixed(ORDER_REQUEST), endStream: true }

/**
 * HEADERS and DATA of `count` calls on streams 1, 3, 5 and so on. With `varying`, each call has
 * a grpc-timeout and a W3C trace id that no other has, so that each header block inserts into the
 * dynamic table and none repeats.
 */
export function callBytes(
  path: string | ((call: number) => string),
  count: number,
  varying: boolean,
  body: CallBody = WHOLE,
): CallBytes {
  const compressor = hpackJs.compressor.create(TABLE)
  return assemble(count, body, call =>
    compress(
      compressor,
      callFields(typeof path === 'string' ? path : path(call), varying ? call : undefined),
    ),
  )
}

/** HEADERS with the blocks of `blockOf`, and what follows each. */
function assemble(
  count: number,
  { data, endStream }: CallBody,
  blockOf: (call: number) => Buffer,
): CallBytes {
  const offsets = new Uint32Array(count + 1)
  const chunks: Buffer[] = []
  let size = 0
  for (let call = 0; call < count; call++) {
    const streamId = call * 2 + 1
    const headers = frame(Type.headers, END_HEADERS, streamId, blockOf(call))
    chunks.push(headers)
    size += headers.length
    if (data.length > 0) {
      const body = frame(Type.data, endStream ? FLAG_1 : 0, streamId, data)
      chunks.push(body)
      size += body.length
    }
    offsets[call + 1] = size
  }
  return { bytes: Buffer.concat(chunks, size), offsets, payloadSize: data.length }
}

/**
 * Calls of `shop.v1.Orders` as an application makes them: each with a bearer token, a timeout and a trace id,
 * which no two share where they vary.
 */
export function orderCallBytes(path: string, count: number, variety: Variety): CallBytes {
  const compressor = hpackJs.compressor.create(TABLE)
  return assemble(count, ORDER_BODY, call => {
    const fields = [...callFields(path, undefined), ...orderFields(call, variety)]
    return Buffer.concat([compress(compressor, fields), tokenLiteral(userOf(call, variety))])
  })
}

/** The header list of a unary call; with a number, a timeout and a trace id go with it that no other has. */
export function callFields(path: string, call: number | undefined): readonly Field[] {
  const constant = [
    { name: ':method', value: 'POST' },
    { name: ':scheme', value: 'http' },
    { name: ':path', value: path },
    { name: ':authority', value: '127.0.0.1' },
    { name: 'te', value: 'trailers' },
    { name: 'content-type', value: 'application/grpc' },
    { name: 'user-agent', value: 'microwire-bench' },
  ]
  if (call === undefined) return constant
  const trace = scrambled(call) + scrambled(call + 0x10_0000)
  return [
    ...constant,
    { name: 'grpc-timeout', value: `${9_999_999 - call}u` },
    { name: 'traceparent', value: `00-${trace}-${scrambled(call + 0x20_0000)}-01` },
  ]
}
