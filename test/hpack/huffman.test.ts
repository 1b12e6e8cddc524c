import { readFileSync } from 'node:fs'
import t from 'tap'
import { huffmanCodes, huffmanLengths, huffmanTableSource } from '../../scripts/generate-huffman.js'
import {
  decodeHuffman,
  encodeHuffman,
  HuffmanFault,
  huffmanDecodedSize,
  huffmanDecodedSizeMax,
  huffmanEncodedSize,
} from '../../src/hpack/huffman.js'

function encode(text: string): Buffer {
  const target = Buffer.alloc(4 * text.length + 1)
  const end = encodeHuffman(target, 0, text)
  t.equal(end, huffmanEncodedSize(text), 'the announced size is the written size')
  return target.subarray(0, end)
}

function decode(octets: Buffer): string | number {
  const target = Buffer.alloc(huffmanDecodedSizeMax(octets.length) + 2)
  const size = decodeHuffman(octets, 0, octets.length, target)
  t.equal(huffmanDecodedSize(octets, 0, octets.length), size, 'the size alone is the same')
  return size < 0 ? size : target.toString('latin1', 0, size)
}

/** Octets for a string of bits, which is filled up with ones unless it ends with an octet. */
function bits(text: string): Buffer {
  const octets = text.padEnd(Math.ceil(text.length / 8) * 8, '1').match(/.{8}/g) ?? []
  return Buffer.from(octets.map(octet => Number.parseInt(octet, 2)))
}

/** The code of a symbol as the RFC prints it. */
function codeOf(symbol: number): string {
  const lengths = huffmanLengths()
  return huffmanCodes(lengths)[symbol]!.toString(2).padStart(lengths[symbol]!, '0')
}

t.test('the generated table is what its generator writes', t => {
  t.equal(readFileSync('src/hpack/huffman-table.ts', 'utf8'), huffmanTableSource())
  t.end()
})

t.test('RFC 7541 Appendix B: the code is complete, canonical, and EOS is thirty ones', t => {
  const lengths = huffmanLengths()
  t.equal(lengths.length, 257)
  let share = 0
  for (const length of lengths) share += 2 ** -length
  t.equal(share, 1, 'every string of bits is the beginning of exactly one symbol')
  t.equal(codeOf(256), '1'.repeat(30))
  t.end()
})

t.test('RFC 7541 Appendix B: the first and the last symbol of every code length', t => {
  // Read from the appendix: symbol, code.
  const listed: [number, string][] = [
    [48, '00000'],
    [116, '01001'],
    [32, '010100'],
    [117, '101101'],
    [58, '1011100'],
    [122, '1111011'],
    [38, '11111000'],
    [90, '11111101'],
    [33, '1111111000'],
    [63, '1111111100'],
    [39, '11111111010'],
    [124, '11111111100'],
    [35, '111111111010'],
    [62, '111111111011'],
    [0, '1111111111000'],
    [126, '1111111111101'],
    [94, '11111111111100'],
    [125, '11111111111101'],
    [60, '111111111111100'],
    [123, '111111111111110'],
    [92, '1111111111111110000'],
    [208, '1111111111111110010'],
    [128, '11111111111111100110'],
    [226, '11111111111111101101'],
    [153, '111111111111111011100'],
    [1, '11111111111111111011000'],
    [9, '111111111111111111101010'],
    [199, '1111111111111111111101100'],
    [192, '11111111111111111111100000'],
    [203, '111111111111111111111011110'],
    [2, '1111111111111111111111100010'],
    [249, '1111111111111111111111111110'],
    [10, '111111111111111111111111111100'],
    [22, '111111111111111111111111111110'],
  ]
  for (const [symbol, code] of listed) {
    t.equal(codeOf(symbol), code, `symbol ${symbol}`)
    t.equal(decode(bits(code)), String.fromCharCode(symbol))
    t.same(encode(String.fromCharCode(symbol)), bits(code))
  }
  t.end()
})

t.test('RFC 7541 §5.2: every octet comes back, alone, between others and in every alignment', t => {
  let all = ''
  for (let symbol = 0; symbol < 256; symbol++) {
    const character = String.fromCharCode(symbol)
    all += character
    // '0' has 5 bits and ' ' has 6, so the two reach each of the eight alignments.
    for (let shift = 0; shift < 8; shift++) {
      const text = '0'.repeat(shift) + character + ' ' + character
      t.equal(decode(encode(text)), text, `symbol ${symbol} after ${shift * 5} bits`)
    }
  }
  t.equal(decode(encode(all)), all)
  t.end()
})

t.test('RFC 7541 C.4: the strings of the examples', t => {
  t.equal(encode('www.example.com').toString('hex'), 'f1e3c2e5f23a6ba0ab90f4ff')
  t.equal(encode('no-cache').toString('hex'), 'a8eb10649cbf')
  t.equal(encode('custom-key').toString('hex'), '25a849e95ba97d7f')
  t.equal(encode('custom-value').toString('hex'), '25a849e95bb8e8b4bf')
  t.equal(encode('').length, 0)
  t.end()
})

t.test('RFC 7541 §5.2: up to seven bits of padding, all ones', t => {
  const zero = codeOf(48)
  // n times the 5-bit code leaves 3, 6, 1, 4, 7, 2, 5 and 0 bits for padding.
  for (let count = 1; count <= 8; count++) {
    t.equal(decode(bits(zero.repeat(count))), '0'.repeat(count))
  }
  t.equal(decode(Buffer.alloc(0)), '')
  t.end()
})

t.test('RFC 7541 §5.2: padding of more than seven bits is an error', t => {
  const long = HuffmanFault.PaddingTooLong
  t.equal(decode(Buffer.from('ff', 'hex')), long, 'eight ones and no symbol')
  t.equal(decode(Buffer.from('ffffff', 'hex')), long, 'twenty-four ones')
  t.equal(decode(bits(codeOf(48) + '1'.repeat(11))), long, 'a symbol and eleven ones')
  t.equal(decode(bits(codeOf(48) + '1'.repeat(27))), long, 'a symbol and twenty-seven ones')
  // Eight symbols of 5 bits end with an octet, so every further bit is padding.
  for (let count = 1; count <= 3; count++) {
    t.equal(decode(bits(codeOf(48).repeat(8) + '1'.repeat(8 * count))), long, `${8 * count} ones`)
  }
  t.end()
})

t.test('RFC 7541 §5.2: padding that is not the beginning of EOS is an error', t => {
  const notOnes = HuffmanFault.PaddingNotOnes
  t.equal(decode(bits(codeOf(48) + '000')), notOnes, 'zeros')
  t.equal(decode(bits(codeOf(48) + '110')), notOnes, 'a zero at the end')
  t.equal(decode(bits(codeOf(48) + '011')), notOnes, 'a zero at the start')
  t.equal(
    decode(bits(codeOf(10).slice(0, 24) + '00000000').subarray(0, 3)),
    HuffmanFault.PaddingTooLong,
  )
  t.equal(
    decode(bits(codeOf(1).slice(0, 16) + '00000000').subarray(0, 3)),
    notOnes,
    'half a symbol',
  )
  t.end()
})

t.test('RFC 7541 §5.2: EOS inside a string is an error, at every alignment', t => {
  for (let shift = 0; shift < 8; shift++) {
    const before = codeOf(48).repeat(shift)
    t.equal(decode(bits(before + codeOf(256) + codeOf(48))), HuffmanFault.EndOfString)
    t.equal(decode(bits(before + codeOf(256))), HuffmanFault.EndOfString, 'also at the end')
  }
  t.equal(decode(Buffer.from('ffffffff', 'hex')), HuffmanFault.EndOfString)
  t.end()
})

t.test('a character above 0xff has no Huffman code', t => {
  t.equal(huffmanEncodedSize('a\u0100'), -1)
  t.equal(huffmanEncodedSize('a\u00ff'), 4)
  t.end()
})

t.test('huffmanDecodedSizeMax bounds what any octets stand for', t => {
  t.equal(huffmanDecodedSizeMax(0), 0)
  t.equal(huffmanDecodedSizeMax(5), 8)
  for (let count = 1; count < 200; count++) {
    const size = encode('0'.repeat(count)).length
    t.ok(huffmanDecodedSizeMax(size) >= count, `${count} zeros in ${size} octets`)
  }
  t.end()
})
