import * as zlib from 'node:zlib'
import { shareInstances } from '../../options/index.js'
import { runInPool } from './thread-pool.js'
import { isWholeZstd } from './zstd-frame.js'

/** Called once, later, with the result of a compression that runs in the thread pool. */
export type CompressionDone = (error: Error | null, bytes?: Buffer) => void

/**
 * A message compression and its name in `grpc-encoding`. Each message is compressed separately.
 * compression.md.
 *
 * The two methods that end in `Async` are optional; without them large messages hold the thread.
 * They read `bytes` until they call `done`, and never call it before they return.
 */
export interface Compression {
  readonly name: string
  /** Compresses `bytes[start, end)`. */
  compress(bytes: Uint8Array): Uint8Array
  /**
   * The octets compressed in `bytes`, at most `sizeMax` of them.
   *
   * @throws MessageTooLargeError as soon as there are more; any other error when `bytes` are broken.
   */
  decompress(bytes: Uint8Array, sizeMax: number): Buffer
  /** As `compress`, off the thread. */
  compressAsync?(bytes: Uint8Array, done: CompressionDone): void
  /** As `decompress`, off the thread; what that throws is given to `done`. */
  decompressAsync?(bytes: Uint8Array, sizeMax: number, done: CompressionDone): void
}

/** Compressions by name, without `identity`. */
export type Compressions = ReadonlyMap<string, Compression>

/** A message exceeded the size limit while it was decompressed. */
export class MessageTooLargeError extends Error {
  override readonly name: string = 'MessageTooLargeError'
}
// A compression may come from another copy of the package.
shareInstances(MessageTooLargeError, 'MessageTooLargeError')

type ZlibDone = (error: Error | null, bytes: Buffer) => void

/** The four functions that Node has for each format. */
interface ZlibFormat {
  readonly name: string
  deflateSync(bytes: Uint8Array): Buffer
  deflate(bytes: Uint8Array, options: object, done: ZlibDone): void
  inflateSync(bytes: Uint8Array, options: object): Buffer
  inflate(bytes: Uint8Array, options: object, done: ZlibDone): void
  /** For the way back. Default: none. */
  readonly params?: Readonly<Record<number, number>>
}

/** Largest output zlib may be asked for: a Buffer cannot be larger. Unit: octets. */
const OUTPUT_MAX = 0x7fff_ffff

/** Octets a thread makes before it comes back for more room: each time costs our own thread 20 µs. Unit: octets. */
const CHUNK_SIZE = 131_072

function zlibCompression(format: ZlibFormat): Compression {
  const { name, params } = format
  const given = params === undefined ? {} : { params }
  return Object.freeze({
    name,
    compress: (bytes: Uint8Array): Uint8Array => format.deflateSync(bytes),
    // zlib stops at the cap while it inflates, so a bomb costs no more than the limit.
    decompress(bytes: Uint8Array, sizeMax: number): Buffer {
      try {
        return format.inflateSync(bytes, { ...given, maxOutputLength: outputMax(sizeMax) })
      } catch (error) {
        throw inflateError(error as Error, sizeMax)
      }
    },
    compressAsync(bytes: Uint8Array, done: CompressionDone): void {
      runInPool(done, ended => format.deflate(bytes, { chunkSize: CHUNK_SIZE }, ended))
    },
    decompressAsync(bytes: Uint8Array, sizeMax: number, done: CompressionDone): void {
      const chunkSize = Math.min(CHUNK_SIZE, Math.max(64, sizeMax))
      const options = { ...given, chunkSize, maxOutputLength: outputMax(sizeMax) }
      const told: CompressionDone = (error, plain) =>
        error === null ? done(null, plain) : done(inflateError(error, sizeMax))
      runInPool(told, ended => format.inflate(bytes, options, ended))
    },
  })
}

function outputMax(sizeMax: number): number {
  return Math.min(sizeMax, OUTPUT_MAX)
}

function inflateError(error: Error, sizeMax: number): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return error
  return new MessageTooLargeError(`decompressed message is larger than ${sizeMax} octets`)
}

/** The compression `gzip`: RFC 1952. */
export const GZIP: Compression = zlibCompression({
  name: 'gzip',
  deflateSync: bytes => zlib.gzipSync(bytes),
  deflate: (bytes, options, done) => zlib.gzip(bytes, options, done),
  inflateSync: (bytes, options) => zlib.gunzipSync(bytes, options),
  inflate: (bytes, options, done) => zlib.gunzip(bytes, options, done),
})

/** The compression `deflate`, in the zlib format: RFC 1950. */
export const DEFLATE: Compression = zlibCompression({
  name: 'deflate',
  deflateSync: bytes => zlib.deflateSync(bytes),
  deflate: (bytes, options, done) => zlib.deflate(bytes, options, done),
  inflateSync: (bytes, options) => zlib.inflateSync(bytes, options),
  inflate: (bytes, options, done) => zlib.inflate(bytes, options, done),
})

/** What Node has from 22.15 and 23.8 on. */
interface ZstdFunctions {
  zstdCompressSync?(bytes: Uint8Array): Buffer
  zstdCompress?(bytes: Uint8Array, options: object, done: ZlibDone): void
  zstdDecompressSync?(bytes: Uint8Array, options: object): Buffer
  zstdDecompress?(bytes: Uint8Array, options: object, done: ZlibDone): void
  readonly constants: { readonly ZSTD_d_windowLogMax?: number }
}

/**
 * The least window that a decoder is to support (RFC 8878 §3.1.1.1.2: 8 MiB), and the most that we
 * make: by default a frame of 20 octets may ask for 128 MiB. Unit: bits.
 */
const ZSTD_WINDOW_BITS = 23

const NO_ZSTD: Buffer = Buffer.alloc(8)

function cutOff(): Error {
  return new Error('zstd: the frame is cut off')
}

function findZstd(): Compression | undefined {
  const { zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync, constants } =
    zlib as unknown as ZstdFunctions
  if (zstdCompress === undefined || zstdCompressSync === undefined) return undefined
  if (zstdDecompress === undefined || zstdDecompressSync === undefined) return undefined
  return zlibCompression({
    name: 'zstd',
    deflateSync: bytes => zstdCompressSync(bytes),
    deflate: zstdCompress,
    inflateSync(bytes, options) {
      if (!isWholeZstd(bytes)) throw cutOff()
      return zstdDecompressSync(bytes, options)
    },
    inflate(bytes, options, done) {
      if (isWholeZstd(bytes)) zstdDecompress(bytes, options, done)
      // What is no frame at all fails everywhere, and later, as it must.
      else zstdDecompress(NO_ZSTD, options, () => done(cutOff(), NO_ZSTD))
    },
    params: { [constants.ZSTD_d_windowLogMax!]: ZSTD_WINDOW_BITS },
  })
}

/**
 * The compression `zstd`: RFC 8878. Undefined if Node does not support it: before 22.15, and 23.0
 * to 23.7. Not in the default, so that the default does not depend on the Node version.
 */
export const ZSTD: Compression | undefined = findZstd()

/** A name as it may stand in a list of `grpc-accept-encoding`: a token of RFC 9110 §5.6.2, lower case. */
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

/** The default compressions: gzip and deflate. */
export const DEFAULT_COMPRESSIONS: Compressions = compressionsOf(GZIP, DEFLATE)

/**
 * Collects compressions by name for the option `compressions`: `compressionsOf(GZIP, ZSTD)`.
 * Ignores undefined.
 *
 * @throws TypeError for what is no compression, or has a name that stands in no header, or is there
 * twice
 */
export function compressionsOf(...given: readonly (Compression | undefined)[]): Compressions {
  const all = new Map<string, Compression>()
  for (const compression of given) {
    if (compression === undefined) continue
    if (all.has(compression.name)) {
      throw new TypeError(`two compressions are called '${compression.name}'`)
    }
    all.set(compression.name, compression)
  }
  checkCompressions(all)
  return all
}

/**
 * Checks the option `compressions`.
 *
 * @throws TypeError naming the entry of the option `compressions` that is no compression
 */
export function checkCompressions(compressions: unknown): void {
  if (!(compressions instanceof Map)) {
    throw new TypeError('compressions must be a map of compressions by name: compressionsOf(GZIP)')
  }
  for (const [name, compression] of compressions as Map<unknown, Partial<Compression> | null>) {
    if (typeof name !== 'string' || !NAME.test(name) || name === 'identity') {
      throw new TypeError(`compressions has an entry '${String(name)}', which cannot be a name`)
    }
    if (compression?.name !== name) {
      throw new TypeError(`compressions has '${compression?.name}' under the name '${name}'`)
    }
    for (const method of ['compress', 'decompress'] as const) {
      if (typeof compression[method] === 'function') continue
      throw new TypeError(`compression '${name}' has no method ${method}`)
    }
  }
}

/** The value of `grpc-accept-encoding` that offers `compressions`. */
export function acceptEncoding(compressions: Compressions): string {
  return ['identity', ...compressions.keys()].join(',')
}

/** Whether a `grpc-accept-encoding` names `encoding`. */
export function acceptsEncoding(value: string, encoding: string): boolean {
  for (const part of value.split(',')) if (part.trim() === encoding) return true
  return false
}
