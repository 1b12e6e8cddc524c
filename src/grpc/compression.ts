import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib'

/**
 * One way to compress messages, by its name in `grpc-encoding`. Each message
 * has a context of its own. compression.md.
 */
export interface Compression {
  readonly name: string
  compress(bytes: Uint8Array): Uint8Array
  /**
   * The octets compressed in `bytes`, at most `sizeMax` of them.
   *
   * @throws MessageTooLargeError as soon as there are more; any other error when `bytes` are broken.
   */
  decompress(bytes: Uint8Array, sizeMax: number): Buffer
}

/** Compressions by name. `identity` is no entry: it is the absence of one. */
export type Compressions = ReadonlyMap<string, Compression>

/** A message grew beyond the limit while it was being decompressed. */
export class MessageTooLargeError extends Error {
  override readonly name: string = 'MessageTooLargeError'
}

/** gzip, RFC 1952. */
export const GZIP: Compression = Object.freeze({
  name: 'gzip',
  compress: (bytes: Uint8Array): Uint8Array => gzipSync(bytes),
  decompress: (bytes: Uint8Array, sizeMax: number): Buffer => inflate(gunzipSync, bytes, sizeMax),
})

/** `deflate`, which is the zlib format: RFC 1950. */
export const DEFLATE: Compression = Object.freeze({
  name: 'deflate',
  compress: (bytes: Uint8Array): Uint8Array => deflateSync(bytes),
  decompress: (bytes: Uint8Array, sizeMax: number): Buffer => inflate(inflateSync, bytes, sizeMax),
})

type Inflate = (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer

/** Largest output zlib may be asked for: a Buffer cannot be larger. Unit: octets. */
const OUTPUT_MAX = 0x7fff_ffff

/** zlib stops at the cap while it inflates, so a bomb costs no more than the limit. */
function inflate(run: Inflate, bytes: Uint8Array, sizeMax: number): Buffer {
  try {
    return run(bytes, { maxOutputLength: Math.min(sizeMax, OUTPUT_MAX) })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error
    throw new MessageTooLargeError(`decompressed message is larger than ${sizeMax} octets`)
  }
}

/** What we offer by default. */
export const DEFAULT_COMPRESSIONS: Compressions = new Map([
  [GZIP.name, GZIP],
  [DEFLATE.name, DEFLATE],
])

/** The value of `grpc-accept-encoding` that offers `compressions`. */
export function acceptEncoding(compressions: Compressions): string {
  return ['identity', ...compressions.keys()].join(',')
}

/** Whether a `grpc-accept-encoding` names `encoding`. */
export function acceptsEncoding(value: string, encoding: string): boolean {
  for (const part of value.split(',')) if (part.trim() === encoding) return true
  return false
}
