import t, { type Test } from 'tap'
import { HpackDecoder, HpackEncoder, type TableEntry } from '../../src/hpack/index.js'

interface Example {
  readonly octets: string
  readonly fields: string[]
  /** The dynamic table afterwards, newest first, and its size. */
  readonly table: string[]
  readonly tableSize: number
}

interface Tables {
  readonly tableLength: number
  readonly tableSize: number
  tableEntry(position: number): TableEntry | undefined
}

function dump(tables: Tables): string[] {
  const entries = Array.from({ length: tables.tableLength }, (_, i) => tables.tableEntry(i)!)
  t.equal(tables.tableEntry(tables.tableLength), undefined)
  t.equal(tables.tableEntry(-1), undefined)
  return entries.map(entry => `${entry.size} ${entry.name}: ${entry.value}`)
}

function octetsOf(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

function decodes(t: Test, decoder: HpackDecoder, examples: readonly Example[]): void {
  for (const { octets, fields, table, tableSize } of examples) {
    t.same(decoder.decodeList(octetsOf(octets)), fields)
    t.same(dump(decoder), table)
    t.equal(decoder.tableSize, tableSize)
  }
}

function encodes(t: Test, encoder: HpackEncoder, examples: readonly Example[]): void {
  for (const { octets, fields, table, tableSize } of examples) {
    const target = Buffer.alloc(encoder.encodedSizeMax(fields))
    const end = encoder.encode(fields, target, 0)
    t.equal(target.toString('hex', 0, end), octetsOf(octets).toString('hex'))
    t.same(dump(encoder), table)
    t.equal(encoder.tableSize, tableSize)
  }
}

const requestFields = [
  [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
  [
    ...[':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
    ...['cache-control', 'no-cache'],
  ],
  [
    ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html'],
    ...[':authority', 'www.example.com', 'custom-key', 'custom-value'],
  ],
]

const requestTables = [
  ['57 :authority: www.example.com'],
  ['53 cache-control: no-cache', '57 :authority: www.example.com'],
  ['54 custom-key: custom-value', '53 cache-control: no-cache', '57 :authority: www.example.com'],
]

const date21 = 'Mon, 21 Oct 2013 20:13:21 GMT'
const date22 = 'Mon, 21 Oct 2013 20:13:22 GMT'
const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'

const responseFields = [
  [
    ...[':status', '302', 'cache-control', 'private', 'date', date21],
    ...['location', 'https://www.example.com'],
  ],
  [
    ...[':status', '307', 'cache-control', 'private', 'date', date21],
    ...['location', 'https://www.example.com'],
  ],
  [
    ...[':status', '200', 'cache-control', 'private', 'date', date22],
    ...['location', 'https://www.example.com', 'content-encoding', 'gzip', 'set-cookie', cookie],
  ],
]

const responseTables = [
  [
    '63 location: https://www.example.com',
    `65 date: ${date21}`,
    '52 cache-control: private',
    '42 :status: 302',
  ],
  [
    '42 :status: 307',
    '63 location: https://www.example.com',
    `65 date: ${date21}`,
    '52 cache-control: private',
  ],
  [`98 set-cookie: ${cookie}`, '52 content-encoding: gzip', `65 date: ${date22}`],
]

function examples(
  octets: readonly string[],
  fields: readonly string[][],
  tables: readonly string[][],
  tableSizes: readonly number[],
): Example[] {
  return octets.map((block, i) => {
    return { octets: block, fields: fields[i]!, table: tables[i]!, tableSize: tableSizes[i]! }
  })
}

t.test('RFC 7541 C.2.1: literal with indexing', t => {
  const octets = '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'
  const fields = ['custom-key', 'custom-header']
  const table = ['55 custom-key: custom-header']
  decodes(t, new HpackDecoder(), [{ octets, fields, table, tableSize: 55 }])
  t.end()
})

t.test('RFC 7541 C.2.2: literal without indexing', t => {
  const octets = '040c 2f73 616d 706c 652f 7061 7468'
  decodes(t, new HpackDecoder(), [
    { octets, fields: [':path', '/sample/path'], table: [], tableSize: 0 },
  ])
  t.end()
})

t.test('RFC 7541 C.2.3: literal never indexed', t => {
  const octets = '1008 7061 7373 776f 7264 0673 6563 7265 74'
  const example = { octets, fields: ['password', 'secret'], table: [], tableSize: 0 }
  decodes(t, new HpackDecoder(), [example])
  encodes(t, new HpackEncoder({ neverIndexed: ['password'] }), [example])
  const seen: boolean[] = []
  const block = octetsOf(octets)
  new HpackDecoder().decode(block, 0, block.length, {
    onField: (_name, _value, _fieldClass, neverIndexed) => void seen.push(neverIndexed),
  })
  t.same(seen, [true], 'the sink hears of it')
  t.end()
})

t.test('RFC 7541 C.2.4: indexed field', t => {
  const example = { octets: '82', fields: [':method', 'GET'], table: [], tableSize: 0 }
  decodes(t, new HpackDecoder(), [example])
  encodes(t, new HpackEncoder(), [example])
  t.end()
})

t.test('RFC 7541 C.3: requests without Huffman coding', t => {
  const octets = [
    '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    '8286 84be 5808 6e6f 2d63 6163 6865',
    '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
  ]
  const requests = examples(octets, requestFields, requestTables, [57, 110, 164])
  decodes(t, new HpackDecoder(), requests)
  encodes(t, new HpackEncoder(), requests.slice(0, 1))
  t.end()
})

t.test('RFC 7541 C.4: requests with Huffman coding', t => {
  const octets = [
    '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    '8286 84be 5886 a8eb 1064 9cbf',
    '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
  ]
  const requests = examples(octets, requestFields, requestTables, [57, 110, 164])
  decodes(t, new HpackDecoder(), requests)
  encodes(t, new HpackEncoder({ policy: 'compact' }), requests)
  t.end()
})

t.test('RFC 7541 C.5: responses without Huffman coding, table of 256 octets', t => {
  const octets = [
    `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
     2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
     6c65 2e63 6f6d`.replaceAll('\n', ''),
    '4803 3330 37c1 c0bf',
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
     54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
     5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
     3d31`.replaceAll('\n', ''),
  ]
  const responses = examples(octets, responseFields, responseTables, [222, 222, 215])
  decodes(t, new HpackDecoder({ tableSizeMax: 256 }), responses)
  t.end()
})

t.test('RFC 7541 C.6: responses with Huffman coding, table of 256 octets', t => {
  const octets = [
    `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
     2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`.replaceAll('\n', ''),
    '4883 640e ffc1 c0bf',
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
     77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
     9587 3160 65c0 03ed 4ee5 b106 3d50 07`.replaceAll('\n', ''),
  ]
  const responses = examples(octets, responseFields, responseTables, [222, 222, 215])
  decodes(t, new HpackDecoder({ tableSizeMax: 256 }), responses)
  encodes(t, new HpackEncoder({ policy: 'compact', tableSizeMax: 256 }), responses.slice(0, 1))
  t.end()
})
