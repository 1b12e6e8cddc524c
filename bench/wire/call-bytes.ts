import { createRequire } from 'node:module'
import { PREFIXED_MESSAGE } from '../payload.js'
import { END_HEADERS, FLAG_1, frame, Type } from './frame-bytes.js'

interface Field {
  readonly name: string
  readonly value: string
}
interface Compressor {
  write(fields: readonly Field[]): boolean
  read(): Buffer | null
}
interface HpackJs {
  readonly compressor: { create(options: { table: { maxSize: number } }): Compressor }
}

// hpack.js indexes every field and Huffman-codes every string, as the encoders of nghttp2 and Go do,
// and is no relation of the decoder under test. It comes without types.
const hpack = createRequire(import.meta.url)('hpack.js') as HpackJs

const HEADER_TABLE_SIZE = 4096

/** Calls as a client of a busy service sends them on one connection, prepared before the clock starts. */
export interface CallBytes {
  readonly bytes: Buffer
  /** Where call `i` begins; one more at the end. */
  readonly offsets: Uint32Array
}

/**
 * HEADERS and DATA of `count` unary calls on streams 1, 3, 5 and so on. With `varying`, each call has
 * a grpc-timeout and a W3C trace id that no other has, so that each header block inserts into the
 * dynamic table and none repeats.
 */
export function callBytes(path: string, count: number, varying: boolean): CallBytes {
  const compressor = hpack.compressor.create({ table: { maxSize: HEADER_TABLE_SIZE } })
  const offsets = new Uint32Array(count + 1)
  const chunks: Buffer[] = []
  let size = 0
  for (let call = 0; call < count; call++) {
    compressor.write(fields(path, varying ? call : undefined))
    const block = compressor.read()
    if (block === null) throw new Error('hpack.js wrote no header block')
    const streamId = call * 2 + 1
    const headers = frame(Type.headers, END_HEADERS, streamId, block)
    const data = frame(Type.data, FLAG_1, streamId, PREFIXED_MESSAGE)
    chunks.push(headers, data)
    size += headers.length + data.length
    offsets[call + 1] = size
  }
  return { bytes: Buffer.concat(chunks, size), offsets }
}

function fields(path: string, call: number | undefined): readonly Field[] {
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
