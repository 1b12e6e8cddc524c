/**
 * The Huffman code of RFC 7541 §5.2 and Appendix B.
 *
 * Decoding walks a state machine an octet at a time. A state is an inner node of the code tree:
 * the bits read since the last whole symbol. States 0..29 are the nodes reached by that many
 * 1-bits, so that the rules for padding become comparisons with the last state.
 */
import { HUFFMAN_CODES, HUFFMAN_LENGTHS } from './huffman-table.js'

/** Why octets are not a Huffman-coded string: negative results of `decodeHuffman`. */
export const HuffmanFault = {
  /** The EOS symbol is inside the string. */
  EndOfString: -1,
  /** More than seven bits follow the last symbol. */
  PaddingTooLong: -2,
  /** The bits after the last symbol are not all ones. */
  PaddingNotOnes: -3,
} as const
export type HuffmanFault = (typeof HuffmanFault)[keyof typeof HuffmanFault]

const SYMBOL_EOS = 256
const STATE_COUNT = 256
/** Inner nodes on the path of 1-bits towards EOS, whose code is 30 ones. */
const ONES_STATE_COUNT = 30
const PADDING_BITS_MAX = 7
/** The next state in a transition, where it is the beginning of that state's row in the table. */
const ROW_MASK = 0xff00
const PADDING_ROW_MAX: number = PADDING_BITS_MAX << 8
/** Marks a transition that meets EOS. */
const MEETS_EOS = -1

/** The most octets `size` Huffman-coded octets can stand for: the shortest code has 5 bits. */
export function huffmanDecodedSizeMax(size: number): number {
  return Math.floor((size * 8) / 5)
}

/**
 * Decodes source[start, end) into `target` at 0 and returns how many octets came out, or a
 * HuffmanFault. The target has room for huffmanDecodedSizeMax() octets and one more, which is
 * scratch. RFC 7541 §5.2.
 */
export function decodeHuffman(source: Buffer, start: number, end: number, target: Buffer): number {
  const table = transitions()
  let row = 0
  let size = 0
  for (let i = start; i < end; i++) {
    const step = table[row | source[i]!]!
    if (step === MEETS_EOS) return HuffmanFault.EndOfString
    target[size] = step
    target[size + 1] = step >>> 16
    size += step >>> 24
    row = step & ROW_MASK
  }
  return row <= PADDING_ROW_MAX ? size : paddingFault(row)
}

/** How many octets source[start, end) stands for, or a HuffmanFault; writes nothing. */
export function huffmanDecodedSize(source: Buffer, start: number, end: number): number {
  const table = transitions()
  let row = 0
  let size = 0
  for (let i = start; i < end; i++) {
    const step = table[row | source[i]!]!
    if (step === MEETS_EOS) return HuffmanFault.EndOfString
    size += step >>> 24
    row = step & ROW_MASK
  }
  return row <= PADDING_ROW_MAX ? size : paddingFault(row)
}

function paddingFault(row: number): HuffmanFault {
  return row >>> 8 < ONES_STATE_COUNT ? HuffmanFault.PaddingTooLong : HuffmanFault.PaddingNotOnes
}

/** Octets that `text` takes when Huffman-coded; -1 when a character is above 0xff. */
export function huffmanEncodedSize(text: string): number {
  let bits = 0
  let seen = 0
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    seen |= character
    bits += HUFFMAN_LENGTHS[character & 0xff]!
  }
  return seen > 0xff ? -1 : (bits + 7) >>> 3
}

/**
 * Writes `text` Huffman-coded at `offset`, padded with ones, and returns the offset just past
 * it. Its characters are at most 0xff; huffmanEncodedSize() says how much room it needs.
 */
export function encodeHuffman(target: Buffer, offset: number, text: string): number {
  let next = offset
  let pending = 0
  let pendingBits = 0
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i)
    let code = HUFFMAN_CODES[symbol]!
    let length = HUFFMAN_LENGTHS[symbol]!
    if (length > 16) {
      // Up to 7 pending bits and 30 more would not fit in 32, so the upper part goes first.
      length -= 16
      pending = (pending << length) | (code >>> 16)
      pendingBits += length
      while (pendingBits >= 8) {
        pendingBits -= 8
        target[next++] = pending >>> pendingBits
      }
      code &= 0xffff
      length = 16
    }
    pending = (pending << length) | code
    pendingBits += length
    while (pendingBits >= 8) {
      pendingBits -= 8
      target[next++] = pending >>> pendingBits
    }
  }
  if (pendingBits > 0) target[next++] = (pending << (8 - pendingBits)) | (0xff >>> pendingBits)
  return next
}

/**
 * For each state and octet: first symbol in bits 0-7, next state in 8-15, second symbol in 16-23,
 * how many symbols there are in 24-25. An octet completes two at most, as codes have 5 bits or more.
 * 256 KiB for the whole process, built at the first use in about 2 ms.
 */
let transitionTable: Int32Array | undefined

function transitions(): Int32Array {
  if (transitionTable === undefined) transitionTable = buildTransitions(buildTree())
  return transitionTable
}

/**
 * The code tree: tree[2 * state + bit] is the next state, or ~symbol at a leaf.
 */
function buildTree(): Int16Array {
  const tree = new Int16Array(2 * STATE_COUNT)
  let stateCount = ONES_STATE_COUNT
  for (let state = 0; state < ONES_STATE_COUNT - 1; state++) tree[2 * state + 1] = state + 1
  for (let symbol = 0; symbol <= SYMBOL_EOS; symbol++) {
    const code = HUFFMAN_CODES[symbol]!
    let state = 0
    for (let shift = HUFFMAN_LENGTHS[symbol]! - 1; shift > 0; shift--) {
      const branch = 2 * state + ((code >>> shift) & 1)
      if (tree[branch] === 0) tree[branch] = stateCount++
      state = tree[branch]!
    }
    tree[2 * state + (code & 1)] = ~symbol
  }
  return tree
}

function buildTransitions(tree: Int16Array): Int32Array {
  const table = new Int32Array(STATE_COUNT * 256)
  for (let state = 0; state < STATE_COUNT; state++) {
    for (let octet = 0; octet < 256; octet++) {
      table[(state << 8) | octet] = buildTransition(tree, state, octet)
    }
  }
  return table
}

function buildTransition(tree: Int16Array, from: number, octet: number): number {
  let state = from
  let symbols = 0
  let count = 0
  for (let shift = 7; shift >= 0; shift--) {
    const node = tree[2 * state + ((octet >>> shift) & 1)]!
    state = Math.max(node, 0)
    if (node === ~SYMBOL_EOS) return MEETS_EOS
    if (node < 0) symbols |= ~node << (16 * count++)
  }
  return (count << 24) | symbols | (state << 8)
}
