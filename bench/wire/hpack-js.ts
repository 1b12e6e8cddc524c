import { createRequire } from 'node:module'

/** A header field as hpack.js takes and gives it. */
export interface Field {
  readonly name: string
  readonly value: string
}

/** The half of hpack.js that encodes. */
export interface Compressor {
  write(fields: readonly Field[]): boolean
  read(): Buffer | null
}

/** The half of hpack.js that decodes. */
export interface Decompressor {
  write(block: Buffer): boolean
  execute(): void
  read(): Field | null
}

interface TableOptions {
  readonly table: { readonly maxSize: number }
}

interface HpackJs {
  readonly compressor: { create(options: TableOptions): Compressor }
  readonly decompressor: { create(options: TableOptions): Decompressor }
}

/**
 * hpack.js, which comes without types. It indexes every field and Huffman-codes every string, as the
 * encoders of nghttp2 and Go do, and is no relation of the encoder and decoder under test.
 */
export const hpackJs: HpackJs = createRequire(import.meta.url)('hpack.js') as HpackJs

/** Tables of the size that every connection begins with (RFC 9113 §6.5.2). */
export const TABLE: TableOptions = { table: { maxSize: 4096 } }

/** Encodes one header block. */
export function compress(compressor: Compressor, fields: readonly Field[]): Buffer {
  compressor.write(fields)
  const block = compressor.read()
  if (block === null) throw new Error('hpack.js wrote no header block')
  return block
}
