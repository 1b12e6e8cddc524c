import { shareInstances } from '../options/index.js'

/** The kind of rule that a header block broke. */
export type HpackErrorCode =
  | 'HPACK_INDEX'
  | 'HPACK_INTEGER'
  | 'HPACK_TRUNCATED'
  | 'HPACK_HUFFMAN'
  | 'HPACK_TABLE_SIZE'
  | 'HPACK_LIMIT'
  | 'HPACK_ABANDONED'

/**
 * A header block that cannot be decoded. From here on the dynamic table differs from the peer's, so
 * the decoder refuses all later blocks. An HTTP/2 connection ends with COMPRESSION_ERROR. RFC 9113
 * §4.3.
 */
export class HpackError extends Error {
  override readonly name: string = 'HpackError'
  /** The kind of rule that was broken, for programs. */
  readonly code: HpackErrorCode
  /** The rule that was broken, for readers: 'RFC 7541 §6.1'. */
  readonly rule: string

  constructor(code: HpackErrorCode, rule: string, message: string) {
    super(`${message} (${rule})`)
    this.code = code
    this.rule = rule
  }
}
shareInstances(HpackError, 'HpackError')

/**
 * A header block beyond a hard limit of the decoder. It may be valid, but it costs too much. An
 * HTTP/2 connection ends with ENHANCE_YOUR_CALM. RFC 9113 §10.5.1.
 */
export class HpackLimitError extends HpackError {
  override readonly name: string = 'HpackLimitError'

  constructor(rule: string, message: string) {
    super('HPACK_LIMIT', rule, message)
  }
}
