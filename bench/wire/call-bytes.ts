import { PREFIXED_MESSAGE } from '../payload.js'
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

/**
 * HEADERS and DATA of `count` calls on streams 1, 3, 5 and so on. With `varying`, each call has
 * a grpc-timeout and a W3C trace id that no other has, so that each header block inserts into the
 * dynamic table and none repeats.
 */
export function callBytes(
  path: string | ((call: number) => string),
  count: number,
  varying: boolean,
  { data, endStream }: CallBody = WHOLE,
): CallBytes {
  const compressor = hpackJs.compressor.create(TABLE)
  const offsets = new Uint32Array(count + 1)
  const chunks: Buffer[] = []
  let size = 0
  for (let call = 0; call < count; call++) {
    const block = compress(
      compressor,
      callFields(typeof path === 'string' ? path : path(call), varying ? call : undefined),
    )
    const streamId = call * 2 + 1
    const headers = frame(Type.headers, END_HEADERS, streamId, block)
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

/** Sixteen hexadecimal digits that look random and depend on `seed` alone. */
function scrambled(seed: number): string {
  const low = Math.imul(seed + 1, 0x9e37_79b1) >>> 0
  const high = Math.imul(low ^ (low >>> 15), 0x85eb_ca6b) >>> 0
  return hex8(low) + hex8(high)
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0')
}
