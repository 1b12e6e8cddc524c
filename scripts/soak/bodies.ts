/** The messages' octets: parts of one block, which they are compared with when they arrive. */
import { Random } from '../../src/testing/index.js'

const SIZE_MAX = 67_108_864
/** Two messages beside each other begin at different places. Unit: octets. */
const OFFSETS = 65_536

const block = makeBlock()

/** Half of it random, half compressible, in pieces of 4 KiB. */
function makeBlock(): Buffer {
  const random = new Random(1)
  const words = new Uint32Array((SIZE_MAX + OFFSETS) / 4)
  for (let i = 0; i < words.length; i++) {
    words[i] = (i & 1_024) === 0 ? random.word() : random.word() & 0x0101_0101
  }
  return Buffer.from(words.buffer)
}

function offsetOf(call: number, seq: number, isRequest: boolean): number {
  return (call * 7_919 + seq * 257 + (isRequest ? 0 : 31)) % OFFSETS
}

export function bodyOf(call: number, seq: number, isRequest: boolean, size: number): Buffer {
  const start = offsetOf(call, seq, isRequest)
  return block.subarray(start, start + size)
}

/** What is wrong with a message; undefined: nothing. */
export function faultOf(
  bytes: Uint8Array,
  call: number,
  seq: number,
  isRequest: boolean,
  size: number | undefined,
): string | undefined {
  const what = `${isRequest ? 'request' : 'response'} ${seq}`
  if (size === undefined) return `${what} was never sent (${bytes.length} octets)`
  if (bytes.length !== size) return `${what} has ${bytes.length} octets of ${size}`
  if (bodyOf(call, seq, isRequest, size).compare(bytes) !== 0) return `${what} has other octets`
  return undefined
}
