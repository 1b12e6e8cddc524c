/** One field of a protobuf message: `number` for a varint, `bytes` for anything else. */
export interface ProtobufField {
  readonly id: number
  readonly number: number
  /** A view of the message. */
  readonly bytes: Uint8Array
}

const LENGTH_DELIMITED = 2
/** What the tenth octet of a varint counts, the last it may have. */
const TENTH_SCALE = 2 ** 63
const NO_BYTES = new Uint8Array(0)

/**
 * Reads the fields of one message, in order: just enough protobuf for the messages of errors,
 * without a library.
 *
 * @throws RangeError when it is cut short, a varint is too long or a wire type is unknown
 */
export function* readFields(bytes: Uint8Array): Generator<ProtobufField, void> {
  let offset = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const octet = bytes[offset++]
      if (octet === undefined) throw new RangeError('message ends inside a varint')
      if (scale > TENTH_SCALE) throw new RangeError('a varint has more than 10 octets')
      value += (octet & 0x7f) * scale
      if (octet < 0x80) return value
    }
  }
  while (offset < bytes.length) {
    const tag = varint()
    const type = tag & 7
    if (type === 0) {
      yield { id: tag >>> 3, number: varint(), bytes: NO_BYTES }
      continue
    }
    const size = type === LENGTH_DELIMITED ? varint() : type === 1 ? 8 : type === 5 ? 4 : -1
    if (size < 0 || offset + size > bytes.length) {
      throw new RangeError(`field ${tag >>> 3} has wire type ${type} and ${size} octets`)
    }
    yield { id: tag >>> 3, number: 0, bytes: bytes.subarray(offset, offset + size) }
    offset += size
  }
}

/** Octets that a writer begins with: most errors fit. */
const FIRST_SIZE = 256
/** Of a tag below 16 and the longest length. */
const HEAD_SIZE_MAX = 6

/** Writes the fields of one message, in the order they are put. Field numbers are below 16. */
export class FieldWriter {
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_SIZE)
  #end = 0

  /** A varint field, unless it is 0, as in proto3. */
  putNumber(id: number, value: number): void {
    if (value === 0) return
    this.#reserve(0)
    this.#bytes[this.#end++] = id << 3
    this.#putVarint(value)
  }

  /** A bytes field, unless it is empty. */
  putBytes(id: number, value: Uint8Array): void {
    if (value.length > 0) this.putMessage(id, value)
  }

  /** A string field, unless it is empty. */
  putText(id: number, text: string): void {
    if (text === '') return
    const size = Buffer.byteLength(text)
    this.#putHead(id, size)
    this.#end += this.#bytes.write(text, this.#end)
  }

  /** A message field, even if it is empty: an element of a repeated field must be there. */
  putMessage(id: number, value: Uint8Array): void {
    this.#putHead(id, value.length)
    this.#bytes.set(value, this.#end)
    this.#end += value.length
  }

  /** What was written: a view, so nothing is put any more. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#end)
  }

  #putHead(id: number, size: number): void {
    this.#reserve(size)
    this.#bytes[this.#end++] = (id << 3) | LENGTH_DELIMITED
    this.#putVarint(size)
  }

  #putVarint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#end++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#end++] = rest
  }

  #reserve(size: number): void {
    const needed = this.#end + HEAD_SIZE_MAX + size
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(needed * 2)
    this.#bytes.copy(grown, 0, 0, this.#end)
    this.#bytes = grown
  }
}

/** Decodes the text of a string field. */
export function fieldText({ bytes }: ProtobufField): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
