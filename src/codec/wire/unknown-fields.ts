import { type Reader, skip } from './reader.js'
import { putVarint, room, type Writer } from './writer.js'

/** Fields of a message that its schema does not know, as they arrived. They are written behind the others. */
export class UnknownFields {
  #bytes: Uint8Array = new Uint8Array(16)
  #size = 0

  /** The octets of the fields, tags and all. */
  get octets(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }

  /** Adds fields as they are on the wire. */
  add(octets: Uint8Array): void {
    this.#reserve(octets.length)
    this.#bytes.set(octets, this.#size)
    this.#size += octets.length
  }

  /** @internal Adds a tag and what follows it. */
  addField(tag: number, bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(5 + end - start)
    const at = putVarint(this.#bytes, this.#size, tag)
    this.#bytes.set(bytes.subarray(start, end), at)
    this.#size = at + end - start
  }

  #reserve(more: number): void {
    const needed = this.#size + more
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.octets)
    this.#bytes = grown
  }
}

/** Keeps a field that is not known; its tag has just been read. Returns what keeps it. */
export function keep(
  r: Reader,
  tag: number,
  end: number,
  before: UnknownFields | undefined,
): UnknownFields {
  const start = r.at
  skip(r, tag, end)
  const kept = before ?? new UnknownFields()
  kept.addField(tag, r.bytes, start, r.at)
  return kept
}

/** Keeps the value of a closed enum that is none of its own. */
export function keepValue(
  before: UnknownFields | undefined,
  tag: number,
  value: number,
): UnknownFields {
  const kept = before ?? new UnknownFields()
  const bytes = new Uint8Array(10)
  let rest = BigInt.asUintN(64, BigInt(value))
  let size = 0
  for (; rest > 127n; rest >>= 7n) bytes[size++] = Number(rest & 127n) | 128
  bytes[size++] = Number(rest)
  kept.addField(tag, bytes, 0, size)
  return kept
}

/** Keeps what lies between `start` and where the reader is, behind its tag. */
export function keepSpan(
  before: UnknownFields | undefined,
  tag: number,
  r: Reader,
  start: number,
): UnknownFields {
  const kept = before ?? new UnknownFields()
  kept.addField(tag, r.bytes, start, r.at)
  return kept
}

/** Writes what was kept. */
export function writeUnknown(w: Writer, kept: UnknownFields | undefined): void {
  if (kept === undefined) return
  const { octets } = kept
  room(w, octets.length)
  w.bytes.set(octets, w.at)
  w.at += octets.length
}
