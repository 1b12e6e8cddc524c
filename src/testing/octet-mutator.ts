import type { Random } from './random.js'

/**
 * Creates another input from `bytes`, which it must not change. `other` is a second input to take
 * from.
 */
export type Mutator = (bytes: Buffer, random: Random, other: Buffer) => Buffer

/** Numbers at the boundaries of integers of 8, 16, 24, 31 and 32 bits. */
export const EDGE_NUMBERS: readonly number[] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 32, 61, 62, 63, 64, 100, 126, 127, 128, 129, 255, 256,
  4_095, 4_096, 16_383, 16_384, 16_385, 32_767, 32_768, 65_534, 65_535, 65_536, 0xff_ffff,
  0x100_0000, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
]

/** The longest piece one mutation inserts or removes. Unit: octets. */
const PIECE_SIZE_MAX = 64

/** Mutators of arbitrary bytes. */
export const OCTET_MUTATORS: readonly Mutator[] = [
  flipBit,
  setOctet,
  addToOctet,
  writeEdgeNumber,
  insertOctets,
  repeatPiece,
  removePiece,
  movePiece,
  cutEnd,
  splice,
  copyPieceOfOther,
]

function flipBit(bytes: Buffer, random: Random): Buffer {
  return changed(bytes, random, octet => octet ^ (1 << random.integer(0, 7)))
}

function setOctet(bytes: Buffer, random: Random): Buffer {
  return changed(bytes, random, () => random.integer(0, 255))
}

function addToOctet(bytes: Buffer, random: Random): Buffer {
  return changed(bytes, random, octet => octet + random.integer(-4, 4))
}

function changed(bytes: Buffer, random: Random, change: (octet: number) => number): Buffer {
  if (bytes.length === 0) return random.octets(1)
  const copy = Buffer.from(bytes)
  const at = random.integer(0, bytes.length - 1)
  copy[at] = change(copy[at]!)
  return copy
}

/** Writes a number over one, two, three or four octets. */
function writeEdgeNumber(bytes: Buffer, random: Random): Buffer {
  const size = Math.min(random.integer(1, 4), bytes.length)
  if (size === 0) return random.octets(1)
  const copy = Buffer.from(bytes)
  const value = random.pick(EDGE_NUMBERS) % 2 ** (8 * size)
  copy.writeUIntBE(value, random.integer(0, bytes.length - size), size)
  return copy
}

function insertOctets(bytes: Buffer, random: Random): Buffer {
  const size = 1 + random.size(PIECE_SIZE_MAX)
  const piece = random.chance(0.5)
    ? random.octets(size)
    : Buffer.alloc(size, random.pick([0, 0xff, 0x80]))
  return inserted(bytes, random.integer(0, bytes.length), piece)
}

function repeatPiece(bytes: Buffer, random: Random): Buffer {
  const [start, end] = piece(bytes, random)
  return inserted(bytes, end, bytes.subarray(start, end))
}

function removePiece(bytes: Buffer, random: Random): Buffer {
  const [start, end] = piece(bytes, random)
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
}

function movePiece(bytes: Buffer, random: Random): Buffer {
  const [start, end] = piece(bytes, random)
  const rest = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  return inserted(rest, random.integer(0, rest.length), bytes.subarray(start, end))
}

function cutEnd(bytes: Buffer, random: Random): Buffer {
  return Buffer.from(bytes.subarray(0, random.integer(0, bytes.length)))
}

/** The head of one and the tail of the other. */
function splice(bytes: Buffer, random: Random, other: Buffer): Buffer {
  const head = bytes.subarray(0, random.integer(0, bytes.length))
  return Buffer.concat([head, other.subarray(random.integer(0, other.length))])
}

function copyPieceOfOther(bytes: Buffer, random: Random, other: Buffer): Buffer {
  const [start, end] = piece(other, random)
  return inserted(bytes, random.integer(0, bytes.length), other.subarray(start, end))
}

function piece(bytes: Buffer, random: Random): [start: number, end: number] {
  const start = random.integer(0, Math.max(0, bytes.length - 1))
  return [start, Math.min(bytes.length, start + 1 + random.size(PIECE_SIZE_MAX))]
}

function inserted(bytes: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
}
