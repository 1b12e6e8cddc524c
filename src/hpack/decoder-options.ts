import { checkOptions, type OptionKinds } from '../options/index.js'

/** Receives the fields of a header block, in order, as they are decoded. */
export interface FieldSink {
  /**
   * One field. Name and value have one character for each octet. `fieldClass` is what
   * `classify` said of the field, or 0. `neverIndexed` fields must be encoded as such again
   * when they are passed on (RFC 7541 §6.2.3).
   */
  onField(name: string, value: string, fieldClass: number, neverIndexed: boolean): void
}

/** Options of an `HpackDecoder`. */
export interface HpackDecoderOptions {
  /**
   * Bound of the dynamic table, and its size to begin with: both ends must start out from the
   * same number. Unit: octets. Default: 4096, SETTINGS_HEADER_TABLE_SIZE's initial value.
   */
  readonly tableSizeMax?: number
  /**
   * Says what kind of field this is, as a small integer of the caller's own. Asked once for each
   * table entry, when it enters, and once for each literal that enters no table.
   */
  readonly classify?: Classify
  /** Fields in one block before HpackLimitError. Default: 1000. */
  readonly fieldsMax?: number
  /**
   * Size of one decoded list before HpackLimitError: names, values, and 32 for each field.
   * Unit: octets. Default: 65_536. Source: RFC 9113 §6.5.2.
   */
  readonly listSizeMax?: number
  /** Table size updates in one block. Default: 2, the most RFC 7541 §4.2 ever needs. */
  readonly tableSizeUpdatesMax?: number
}

const KINDS: OptionKinds<HpackDecoderOptions> = {
  tableSizeMax: checkSize,
  classify: 'function',
  fieldsMax: checkSize,
  listSizeMax: checkSize,
  tableSizeUpdatesMax: checkSize,
}

/** @throws TypeError or RangeError naming the option that cannot be used */
export function checkDecoderOptions(options: HpackDecoderOptions): void {
  checkOptions('HpackDecoder', options, KINDS)
}

/** Classifies a header field as a small integer that the caller defines. */
export type Classify = (name: string, value: string) => number

/** Throws RangeError unless `size` is an integer that an HTTP/2 setting could carry. */
export function checkSize(name: string, size: unknown): number {
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > 0xffff_ffff) {
    throw new RangeError(`${name} is ${String(size)}; expected an integer in 0..4294967295`)
  }
  return size
}
