import {
  decodeHuffman,
  encodeHuffman,
  HuffmanFault,
  huffmanDecodedSize,
  huffmanDecodedSizeMax,
  huffmanEncodedSize,
} from '../src/hpack/huffman.js'
import { decodeHuffmanText, encodeHuffmanText, OracleError } from './hpack-oracle.js'
import { invariant } from './invariant.js'

// T5: any octets as a Huffman-coded string, and any octets coded, against RFC 7541 Appendix B bit by bit.

const FAULTS: ReadonlySet<number> = new Set(Object.values(HuffmanFault))

export function fuzz(data: Buffer): void {
  const target = Buffer.alloc(huffmanDecodedSizeMax(data.length) + 2, 0x5a)
  const size = decodeHuffman(data, 0, data.length, target)
  let expected: string | undefined
  try {
    expected = decodeHuffmanText(data)
  } catch (error) {
    if (!(error instanceof OracleError)) throw error
  }
  invariant(
    size < 0 === (expected === undefined),
    'T5 both accept the octets or neither',
    () => `${size}, ${expected}`,
  )
  invariant(huffmanDecodedSize(data, 0, data.length) === size, 'T5 the size is known beforehand')
  if (size < 0) invariant(FAULTS.has(size), 'T5 a fault has a name')
  else invariant(target.toString('latin1', 0, size) === expected, 'T5 both read the same text')

  const text = data.toString('latin1', 0, 200)
  const coded = encodeHuffmanText(text)
  const ours = Buffer.alloc(coded.length + 1, 0x5a)
  const end = encodeHuffman(ours, 0, text)
  invariant(
    end === coded.length && ours.subarray(0, end).equals(coded),
    'T5 both write the same octets',
  )
  invariant(huffmanEncodedSize(text) === coded.length, 'T5 the coded size is known beforehand')
}
