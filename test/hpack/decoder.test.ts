import t from 'tap'
import { HpackDecoder, HpackError, HpackLimitError } from '../../src/hpack/index.js'

const hex = (...parts: string[]): Buffer => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')
const hexText = (text: string): string => Buffer.from(text, 'latin1').toString('hex')
const octet = (value: number): string => value.toString(16).padStart(2, '0')
/** A raw string literal of fewer than 127 octets. */
const string = (text: string): string => octet(text.length) + hexText(text)
const inserted = (name: string, value: string): string => `40${string(name)}${string(value)}`
/** A table size update below 31. */
const update = (size: number): string => octet(0x20 | size)

const UPDATE_TO_4096 = '3fe11f'

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

t.test('RFC 7541 §4.3: a smaller size evicts, size 0 clears', t => {
  const decoder = new HpackDecoder()
  const block = hex(inserted('aaaaa', 'a'), inserted('b', 'b'))
  decoder.decodeList(block)
  decoder.decodeList(hex('3f04')) // 35
  t.same(names(decoder), ['b'])
  t.equal(decoder.tableCapacity, 35)
  decoder.decodeList(hex(update(0), UPDATE_TO_4096, '82'))
  t.same(names(decoder), [])
  t.equal(decoder.tableCapacity, 4096)
  t.end()
})

t.test('RFC 7541 §4.2: size updates come before the first field, and nowhere else', t => {
  for (const block of ['82' + update(0), '82' + update(0) + '82', inserted('a', 'b') + update(1)]) {
    t.throws(() => new HpackDecoder().decodeList(hex(block)), {
      code: 'HPACK_TABLE_SIZE',
      rule: 'RFC 7541 §4.2',
    })
  }
  t.same(new HpackDecoder().decodeList(hex(update(0), update(30), '82')), [':method', 'GET'])
  t.same(new HpackDecoder().decodeList(hex(update(1))), [], 'a block of nothing else is legal')
  t.end()
})

t.test('RFC 7541 §4.2: at most two size updates in a block, or as many as we say', t => {
  const three = hex(update(0), update(1), update(2))
  t.throws(() => new HpackDecoder().decodeList(three), /more than 2 table size updates/)
  t.same(new HpackDecoder({ tableSizeUpdatesMax: 3 }).decodeList(three), [])
  t.throws(() => new HpackDecoder({ tableSizeUpdatesMax: 0 }).decodeList(hex(update(0))), {
    code: 'HPACK_TABLE_SIZE',
  })
  t.end()
})

t.test('RFC 7541 §6.3: a size update above our limit is an error', t => {
  const decoder = new HpackDecoder()
  decoder.decodeList(hex(UPDATE_TO_4096))
  t.throws(() => decoder.decodeList(hex('3fe21f')), {
    code: 'HPACK_TABLE_SIZE',
    rule: 'RFC 7541 §6.3',
    message: /update to 4097; the limit is 4096/,
  })
  t.end()
})

t.test('RFC 9113 §4.3.1: after we shrink the table the next block begins with a size update', t => {
  const shrunk = (): HpackDecoder => {
    const decoder = new HpackDecoder()
    decoder.decodeList(hex(inserted('a', 'b')))
    decoder.setTableSizeMax(20)
    return decoder
  }
  t.same(shrunk().decodeList(hex(update(20), '82')), [':method', 'GET'])
  t.same(shrunk().decodeList(hex(update(0), update(20), '82')), [':method', 'GET'])
  for (const block of ['82', '', inserted('c', 'd')]) {
    t.throws(() => shrunk().decodeList(hex(block)), {
      code: 'HPACK_TABLE_SIZE',
      rule: 'RFC 9113 §4.3.1',
    })
  }
  t.throws(() => shrunk().decodeList(hex(update(21))), /limit is 20/)
  const decoder = shrunk()
  decoder.decodeList(hex(update(20)))
  t.equal(decoder.tableLength, 0)
  t.same(decoder.decodeList(hex('82')), [':method', 'GET'], 'it is due once')
  t.end()
})

t.test('RFC 7541 §4.2: after a dip the smallest size is due first, then any up to the last', t => {
  const dipped = (): HpackDecoder => {
    const decoder = new HpackDecoder()
    decoder.setTableSizeMax(10)
    decoder.setTableSizeMax(4096)
    return decoder
  }
  t.same(dipped().decodeList(hex(update(0), UPDATE_TO_4096)), [])
  t.same(dipped().decodeList(hex(update(10), UPDATE_TO_4096)), [])
  t.same(dipped().decodeList(hex(update(10))), [])
  t.throws(() => dipped().decodeList(hex(UPDATE_TO_4096)), { code: 'HPACK_TABLE_SIZE' })
  t.throws(() => dipped().decodeList(hex('82')), { code: 'HPACK_TABLE_SIZE' })
  const decoder = new HpackDecoder()
  decoder.setTableSizeMax(5)
  decoder.setTableSizeMax(10)
  decoder.setTableSizeMax(7)
  t.throws(() => decoder.decodeList(hex(update(6))), /limit is 5/, 'the smallest of all counts')
  t.end()
})

t.test('RFC 7541 §4.2: no update is due when the table is small enough already', t => {
  const decoder = new HpackDecoder()
  decoder.decodeList(hex(update(10)))
  decoder.setTableSizeMax(10)
  t.same(decoder.decodeList(hex('82')), [':method', 'GET'])
  decoder.setTableSizeMax(8192)
  t.same(decoder.decodeList(hex('82')), [':method', 'GET'], 'nor when we offer more')
  t.equal(decoder.tableCapacity, 10, 'which the peer need not take')
  t.same(decoder.decodeList(hex('3fe13f', '82')), [':method', 'GET'])
  t.equal(decoder.tableCapacity, 8192)
  t.end()
})

t.test('RFC 9113 §6.5.2: the list size limit counts name, value and 32 for each field', t => {
  const list = hex(inserted('abc', 'defgh'), 'be')
  t.equal(new HpackDecoder({ listSizeMax: 80 }).decodeList(list).length, 4)
  const decoder = new HpackDecoder({ listSizeMax: 79 })
  const seen: string[] = []
  t.throws(() => decoder.decode(list, 0, list.length, { onField: name => void seen.push(name) }), {
    name: 'HpackLimitError',
    code: 'HPACK_LIMIT',
    rule: 'RFC 9113 §6.5.2',
  })
  t.same(seen, ['abc'], 'the field that passes it is not delivered')
  t.end()
})

t.test('RFC 9113 §6.5.2: each kind of field is counted, and each block for itself', t => {
  const long = 'v'.repeat(100)
  const huffman = octet(0x80 | 65) + '18c6318c63'.repeat(13) // 104 times 'a'
  const fields: [string, number][] = [
    ['82', 42],
    [`04${string(long)}`, 137],
    [`14${string(long)}`, 137],
    [`00${string('n')}${string(long)}`, 133],
    [`00${string(long)}${string('n')}`, 133],
    [`04${huffman}`, 141],
    [`14${huffman}`, 141],
    [`44${huffman}`, 141],
    [`00${huffman}${string('n')}`, 137],
    [`04${string('short')}`, 42],
  ]
  for (const [block, size] of fields) {
    const decoder = new HpackDecoder({ listSizeMax: size })
    for (let i = 0; i < 3; i++) t.equal(decoder.decodeList(hex(block)).length, 2, block)
    t.throws(
      () => new HpackDecoder({ listSizeMax: size - 1 }).decodeList(hex(block)),
      HpackLimitError,
    )
  }
  t.end()
})

t.test('a string that passes the limit is refused before anything is made of it', t => {
  // 40,000 Huffman octets announce up to 64,000; all of them are there, and none is decoded.
  const block = Buffer.concat([hex('04', 'ff', 'c1b702'), Buffer.alloc(40_000, 0x18)])
  t.throws(() => new HpackDecoder({ listSizeMax: 1000 }).decodeList(block), HpackLimitError)
  const raw = Buffer.concat([hex('04', '7f', 'c1b702'), Buffer.alloc(40_000, 0x61)])
  t.throws(() => new HpackDecoder({ listSizeMax: 1000 }).decodeList(raw), HpackLimitError)
  t.end()
})

t.test('RFC 9113 §10.5.1: references to a large entry cost its full size each time', t => {
  const decoder = new HpackDecoder()
  decoder.decodeList(hex('40', string('a'), '7fa11e', hexText('x'.repeat(4000))))
  let count = 0
  const bomb = Buffer.alloc(1000, 0xbe)
  t.throws(
    () => decoder.decode(bomb, 0, bomb.length, { onField: () => void count++ }),
    HpackLimitError,
  )
  t.equal(count, 16, '65,536 octets hold sixteen of 4,033')
  t.end()
})

t.test('RFC 9113 §10.5.1: the field limit counts every field, however small', t => {
  const block = Buffer.alloc(1001, 0x90)
  const roomy = { listSizeMax: 1_000_000 }
  t.equal(new HpackDecoder(roomy).decodeList(block, 0, 1000).length, 2000)
  t.throws(() => new HpackDecoder(roomy).decodeList(block), {
    name: 'HpackLimitError',
    rule: 'RFC 9113 §10.5.1',
    message: /more than 1000 fields/,
  })
  t.throws(() => new HpackDecoder({ fieldsMax: 0 }).decodeList(hex('82')), HpackLimitError)
  t.end()
})

t.test('RFC 9113 §4.3: after an error the decoder refuses every block with that error', t => {
  for (const options of [{}, { fieldsMax: 1 }]) {
    const decoder = new HpackDecoder(options)
    let first: unknown
    try {
      decoder.decodeList(hex('8282', 'fffe'))
    } catch (error) {
      first = error
    }
    t.ok(first instanceof HpackError)
    for (const block of ['82', '', update(0)]) {
      try {
        decoder.decodeList(hex(block))
        t.fail('refused')
      } catch (error) {
        t.equal(error, first)
      }
    }
  }
  t.end()
})

t.test('RFC 9113 §4.3: a sink that throws leaves a decoder that refuses', t => {
  const decoder = new HpackDecoder()
  const block = hex('82')
  const failing = {
    onField(): void {
      throw new Error('sink')
    },
  }
  t.throws(() => decoder.decode(block, 0, 1, failing), /sink/)
  t.throws(() => decoder.decodeList(block), { code: 'HPACK_ABANDONED', name: 'HpackError' })
  t.end()
})

t.test('RFC 9113 §4.3: a sink cannot decode with the decoder that calls it', t => {
  const decoder = new HpackDecoder()
  const block = hex('82')
  const nested = { onField: (): unknown => decoder.decodeList(block) }
  t.throws(() => decoder.decode(block, 0, 1, nested), { code: 'HPACK_ABANDONED' })
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
