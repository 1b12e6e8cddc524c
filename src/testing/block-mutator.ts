import { hpackInteger } from './header-generator.js'
import type { Mutator } from './octet-mutator.js'
import type { Random } from './random.js'

/**
 * Mutators of one header block that keep more of it valid than mutators of bytes do. RFC 7541 §5,
 * §6.
 */
export const BLOCK_MUTATORS: readonly Mutator[] = [
  stretchInteger,
  insertSizeUpdate,
  insertIndexed,
  repeatBlock,
]

/** Turns an octet into the same number with more octets than it needs: legal up to a limit. RFC 7541 §5.1. */
function stretchInteger(block: Buffer, random: Random): Buffer {
  if (block.length === 0) return block
  const at = random.integer(0, block.length - 1)
  const octet = block[at]!
  const prefixMax = random.pick([0x0f, 0x1f, 0x3f, 0x7f])
  const isFull = (octet & prefixMax) === prefixMax
  // After a full prefix comes the rest of the number; else the prefix becomes full, and the rest 0.
  const head = isFull ? [octet, (block[at + 1] ?? 0) | 0x80] : [octet | prefixMax, 0x80]
  const zeroes = Buffer.alloc(random.integer(0, 4), 0x80)
  return Buffer.concat([
    block.subarray(0, at),
    Buffer.from(head),
    zeroes,
    Buffer.of(0),
    block.subarray(at + (isFull ? 2 : 1)),
  ])
}

function insertSizeUpdate(block: Buffer, random: Random): Buffer {
  const update = hpackInteger(random.pick([0, 31, 64, 4_096, 4_097]), 5, 0x20)
  return inserted(block, random.chance(0.8) ? 0 : random.integer(0, block.length), update)
}

function insertIndexed(block: Buffer, random: Random): Buffer {
  const index = random.pick([0, 1, 61, 62, 63, random.integer(0, 200)])
  return inserted(block, random.integer(0, block.length), hpackInteger(index, 7, 0x80))
}

function repeatBlock(block: Buffer): Buffer {
  return Buffer.concat([block, block])
}

function inserted(block: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([block.subarray(0, at), piece, block.subarray(at)])
}
