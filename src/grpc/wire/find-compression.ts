import { type Compression, type Compressions, DEFAULT_COMPRESSIONS } from './compression.js'

/** What a client call sends compressed. @throws RangeError as `findCompression`. */
export function compressionOf(options: {
  readonly compression?: string | undefined
  readonly compressions?: Compressions
}): Compression | undefined {
  return findCompression(options.compressions ?? DEFAULT_COMPRESSIONS, options.compression)
}

/**
 * Finds a compression by name; undefined for no name and for `identity`.
 *
 * @throws RangeError when it is not among `compressions`.
 */
export function findCompression(
  compressions: Compressions,
  name: string | undefined,
): Compression | undefined {
  if (name === undefined || name === 'identity') return undefined
  const compression = compressions.get(name)
  if (compression !== undefined) return compression
  throw new RangeError(
    `compression is "${name}"; expected one of ${[...compressions.keys()].join(', ')}`,
  )
}
