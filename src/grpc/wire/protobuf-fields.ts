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

/** Appends a varint field, unless it is 0, as in proto3. */
export function putNumber(octets: number[], id: number, value: number): void {
  if (value === 0) return
  octets.push(id << 3)
  putVarint(octets, value)
}

/** Appends a string or bytes field, unless it is empty. */
export function putBytes(octets: number[], id: number, value: Uint8Array): void {
  if (value.length === 0) return
  putMessage(octets, id, value)
}

/** Appends a message field, even if it is empty: an element of a repeated field must be there. */
export function putMessage(octets: number[], id: number, value: Uint8Array | number[]): void {
  octets.push((id << 3) | LENGTH_DELIMITED)
  putVarint(octets, value.length)
  for (const octet of value) octets.push(octet)
}

/** Decodes the text of a string field. */
export function fieldText({ bytes }: ProtobufField): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function putVarint(octets: number[], value: number): void {
  while (value > 0x7f) {
    octets.push((value & 0x7f) | 0x80)
    value >>>= 7
  }
  octets.push(value)
}
