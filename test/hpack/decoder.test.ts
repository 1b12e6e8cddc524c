import t from 'tap'
import { HpackDecoder, HpackError } from '../../src/hpack/index.js'
import { stringCache } from '../../src/hpack/string-cache.js'
import { hex, hexText, inserted, octet, string, update } from '../support/hpack-block.js'

function names(decoder: HpackDecoder): string[] {
  return Array.from({ length: decoder.tableLength }, (_, i) => decoder.tableEntry(i)!.name)
}

t.test('RFC 7541 §6.1: index 0 is an error', t => {
  t.throws(() => new HpackDecoder().decodeList(hex('80')), { code: 'HPACK_INDEX' })
  t.end()
})

t.test('RFC 7541 §2.3.3: an index past both tables is an error, as field and as name', t => {
  for (const block of ['be', 'ff00', 'ff80808001', '7e0161', '7f000161', '0f2f0161', '1f2f0161']) {
    t.throws(() => new HpackDecoder().decodeList(hex(block)), {
      code: 'HPACK_INDEX',
      rule: 'RFC 7541 §2.3.3',
      name: 'HpackError',
    })
  }
  const decoder = new HpackDecoder()
  t.same(decoder.decodeList(hex(inserted('a', 'b'), 'be')), ['a', 'b', 'a', 'b'])
  t.throws(() => decoder.decodeList(hex('bf')), /index 63; the tables end at 62/)
  t.end()
})

t.test('RFC 7541 §6.2: the three literals, by index and by name', t => {
  const decoder = new HpackDecoder()
  const seen: unknown[] = []
  const block = hex(
    '440161',
    inserted('n', 'v'),
    '0401 62',
    '00',
    string('x'),
    string('y'),
    '7e0163',
    '0f2f0164',
    '1f2f0165',
    '1401 66',
  )
  decoder.decode(block, 0, block.length, { onField: (...field) => void seen.push(field) })
  t.same(seen, [
    [':path', 'a', 0, false],
    ['n', 'v', 0, false],
    [':path', 'b', 0, false],
    ['x', 'y', 0, false],
    ['n', 'c', 0, false],
    ['n', 'd', 0, false],
    ['n', 'e', 0, true],
    [':path', 'f', 0, true],
  ])
  t.same(names(decoder), ['n', 'n', ':path'])
  t.end()
})

t.test('RFC 7541 §5.2: empty strings, raw and Huffman-coded', t => {
  t.same(
    new HpackDecoder().decodeList(hex('000000', '008080', '1080 00', '400000')),
    Array(8).fill(''),
  )
  t.end()
})

t.test('RFC 7541 §5.2: octets above 0x7f stay what they are', t => {
  const value = String.fromCharCode(...Array.from({ length: 120 }, (_, i) => 136 + i))
  for (let round = 0; round < 3; round++) {
    t.same(new HpackDecoder().decodeList(hex('00', string('\u00e9'), string(value))), [
      '\u00e9',
      value,
    ])
  }
  t.end()
})

t.test('a block may lie anywhere in the bytes, and ends where it ends', t => {
  const block = hex('ffff', '82', '040161', 'ffff')
  t.same(new HpackDecoder().decodeList(block, 2, 6), [':method', 'GET', ':path', 'a'])
  t.same(new HpackDecoder().decodeList(block, 2, 2), [])
  t.throws(() => new HpackDecoder().decodeList(block, 2, 5), { code: 'HPACK_TRUNCATED' })
  t.end()
})

t.test('RFC 7541 §5: a block that ends inside a field is an error, wherever it ends', t => {
  const whole = hex(
    '00',
    string('name'),
    '83a8eb10',
    '10',
    string('a'),
    '7f01',
    hexText('v'.repeat(128)),
  )
  for (let end = 1; end < whole.length; end++) {
    if (end === 10) continue // the first field ends here
    t.throws(() => new HpackDecoder().decodeList(whole, 0, end), HpackError, `after ${end}`)
  }
  t.same(new HpackDecoder().decodeList(hex('00', string('name'), '0161'), 0, 8), ['name', 'a'])
  t.end()
})

t.test('RFC 7541 §5.2: faults in Huffman strings, short and long, and by kind', t => {
  const faults: [string, RegExp][] = [
    ['ffffffff', /EOS inside/],
    ['ff', /more than 7 bits/],
    ['00', /not all ones/],
  ]
  for (const [octets, message] of faults) {
    const size = octets.length / 2
    const blocks = [
      hex('04', octet(0x80 | size), octets),
      hex('00', octet(0x80 | size), octets, '00'),
      hex('14', octet(0x80 | size), octets),
      // 'a' is 00011: eight of them fill five octets.
      hex('04', octet(0x80 | (75 + size)), '18c6318c63'.repeat(15), octets),
    ]
    for (const block of blocks) {
      const expected = { code: 'HPACK_HUFFMAN', rule: 'RFC 7541 §5.2', message }
      t.throws(() => new HpackDecoder().decodeList(block), expected)
      t.throws(() => new HpackDecoder({ listSizeMax: 60 }).decodeList(block), HpackError)
    }
  }
  const long = hex('04', octet(0x80 | 75), '18c6318c63'.repeat(15))
  t.same(new HpackDecoder().decodeList(long), [':path', 'a'.repeat(120)])
  const longer = hex('04', 'ff', 'bf14', '18c6318c63'.repeat(550))
  t.same(new HpackDecoder().decodeList(longer), [':path', 'a'.repeat(4400)])
  t.end()
})

t.test('RFC 7541 §4.4: the oldest entries make room, in order', t => {
  const decoder = new HpackDecoder({ tableSizeMax: 102 })
  decoder.decodeList(hex(inserted('a', '1'), inserted('b', '2'), inserted('c', '3')))
  t.same(names(decoder), ['c', 'b', 'a'])
  t.equal(decoder.tableSize, 102)
  decoder.decodeList(hex(inserted('d', '4')))
  t.same(names(decoder), ['d', 'c', 'b'])
  decoder.decodeList(hex(inserted('e', 'x'.repeat(35))))
  t.same(names(decoder), ['e', 'd'], 'one entry takes the place of two')
  t.end()
})

t.test('RFC 7541 §4.4: an entry larger than the table empties it, without error', t => {
  const decoder = new HpackDecoder({ tableSizeMax: 70 })
  t.same(decoder.decodeList(hex(inserted('a', '1'), inserted('b', '2'))), ['a', '1', 'b', '2'])
  t.same(decoder.decodeList(hex(inserted('c', 'x'.repeat(38)))), ['c', 'x'.repeat(38)])
  t.equal(decoder.tableLength, 0)
  t.equal(decoder.tableSize, 0)
  decoder.decodeList(hex(inserted('d', 'x'.repeat(37))))
  t.equal(decoder.tableSize, 70, 'one that just fits')
  t.end()
})

t.test('RFC 7541 §4.4: a new entry may take its name from the entry it evicts', t => {
  const decoder = new HpackDecoder({ tableSizeMax: 40 })
  decoder.decodeList(hex(inserted('name', '1')))
  t.same(decoder.decodeList(hex('7e', string('2'))), ['name', '2'])
  t.same(names(decoder), ['name'])
  t.same(decoder.decodeList(hex('7e', string('x'.repeat(30)))), ['name', 'x'.repeat(30)])
  t.equal(decoder.tableLength, 0, 'also when the new one is too large')
  t.end()
})

t.test('RFC 7541 §4.1: with a table of 0 octets nothing is kept', t => {
  const decoder = new HpackDecoder({ tableSizeMax: 0 })
  t.same(decoder.decodeList(hex('400000', inserted('a', 'b'))), ['', '', 'a', 'b'])
  t.equal(decoder.tableLength, 0)
  t.end()
})

t.test('malformed names and values enter the table like any others', t => {
  const decoder = new HpackDecoder()
  const odd = ['Upper Case', 'a\r\nb: c', '', '', ':unknown', '\0', '__proto__', 'constructor']
  let block = ''
  for (let i = 0; i < odd.length; i += 2) block += inserted(odd[i]!, odd[i + 1]!)
  t.same(decoder.decodeList(hex(block)), odd)
  t.same(decoder.decodeList(hex('c1c0bfbe')), odd)
  t.end()
})

t.test(
  'classify is asked once for an entry and once for a literal, and its answer comes along',
  t => {
    const asked: string[] = []
    const classify = (name: string, value: string): number => {
      asked.push(name)
      return name.length + value.length
    }
    const decoder = new HpackDecoder({ classify })
    t.equal(asked.length, 61, 'the static table, at once')
    const classes: number[] = []
    const sink = { onField: (_n: string, _v: string, c: number) => void classes.push(c) }
    const block = hex(
      '82',
      inserted('ab', 'cde'),
      'be',
      'be',
      '04',
      string('xy'),
      '14',
      string('z'),
    )
    decoder.decode(block, 0, block.length, sink)
    t.same(classes, [10, 5, 5, 5, 7, 6])
    t.same(asked.slice(61), ['ab', ':path', ':path'])
    new HpackDecoder({ classify })
    t.equal(asked.length, 64, 'a second decoder shares the static answers')
    t.end()
  },
)

t.test('generation stands still exactly while equal blocks mean equal lists', t => {
  const decoder = new HpackDecoder({ tableSizeMax: 40 })
  const moves = (block: string): boolean => {
    const before = decoder.generation
    decoder.decodeList(hex(block))
    return decoder.generation !== before
  }
  t.equal(moves('8286'), false, 'static fields')
  t.equal(moves(`04${string('x')}14${string('y')}`), false, 'literals that enter no table')
  t.equal(moves(inserted('a', 'b')), true, 'an insertion')
  t.equal(moves('be'), false, 'a reference')
  t.equal(moves(inserted('c', 'd')), true, 'an insertion with an eviction')
  t.equal(moves(inserted('c', 'd'.repeat(30))), true, 'an entry too large, which empties the table')
  t.equal(moves(update(10)), true, 'a size update')
  const before = decoder.generation
  decoder.setTableSizeMax(5)
  t.not(decoder.generation, before, 'a new limit, as the next block needs an update')
  t.end()
})

t.test('RFC 7541 §7.1.3: values of never-indexed literals stay out of the shared cache', t => {
  const looked: string[] = []
  t.capture(stringCache, 'raw', (bytes: Buffer, start: number, end: number) => {
    const text = bytes.toString('latin1', start, end)
    looked.push(text)
    return text
  })
  const block = hex('10', string('name'), string('secret'), '00', string('name'), string('plain'))
  t.same(new HpackDecoder().decodeList(block), ['name', 'secret', 'name', 'plain'])
  t.same(looked, ['name', 'name', 'plain'])
  t.end()
})

t.test('options and sizes are checked', t => {
  for (const size of [-1, 1.5, Number.NaN, 2 ** 32]) {
    t.throws(() => new HpackDecoder({ tableSizeMax: size }), RangeError)
    t.throws(() => new HpackDecoder({ fieldsMax: size }), /fieldsMax is/)
    t.throws(() => new HpackDecoder({ listSizeMax: size }), /listSizeMax is/)
    t.throws(() => new HpackDecoder().setTableSizeMax(size), RangeError)
  }
  new HpackDecoder().setTableSizeMax(2 ** 32 - 1)
  t.end()
})
