/**
 * A flat list of name, value, name, value. Names are lower-case; each character of a value is one
 * byte (latin1), as on the wire.
 */
export type HeaderList = readonly string[]

/** One decoded header block. RFC 9113 §4.3. */
export interface HeaderBlock {
  /** Shared between streams when the same octets come again: never change it. */
  readonly list: HeaderList
  /** Name and value octets plus 32 for each field (RFC 9113 §6.5.2). Unit: octets. */
  readonly size: number
  /**
   * Belongs to the layer above, which may keep what it worked out from the
   * list: a block that comes again verbatim brings it back.
   */
  cache: unknown
}
