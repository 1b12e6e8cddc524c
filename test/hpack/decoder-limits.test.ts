import t from 'tap'
import { HpackDecoder, HpackError, HpackLimitError } from '../../src/hpack/index.js'
import { hex, hexText, inserted, octet, string, update } from '../support/hpack-block.js'

const UPDATE_TO_4096 = '3fe11f'

function names(decoder: HpackDecoder): string[] {
  return Array.from({ length: decoder.tableLength }, (_, i) => decoder.tableEntry(i)!.name)
}

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
