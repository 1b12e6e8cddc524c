/** A header list that we were asked to send is larger than the peer takes: nothing of it was sent. */
export class HeaderListError extends RangeError {
  static {
    HeaderListError.prototype.name = 'HeaderListError'
  }
  /** By the count of RFC 9113 §6.5.2. Unit: octets. */
  readonly size: number
  /** The peer's SETTINGS_MAX_HEADER_LIST_SIZE. Unit: octets. */
  readonly sizeMax: number

  constructor(size: number, sizeMax: number) {
    super(
      `header list of ${size} octets; the peer accepts ${sizeMax} (SETTINGS_MAX_HEADER_LIST_SIZE; in microwire limits.headerListSizeMax, there)`,
    )
    this.size = size
    this.sizeMax = sizeMax
  }
}
