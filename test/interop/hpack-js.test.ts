import hpackJs from 'hpack.js'
import t from 'tap'
import { HpackDecoder, HpackEncoder } from '../../src/hpack/index.js'
import { Random } from '../support/random.js'

// hpack.js is right about octets, as long as no name or value is a property of every object.
const names = [
  ':path',
  ':authority',
  'te',
  'cookie',
  'x-tenant',
  'grpc-timeout',
  'blob-bin',
  'date',
]

function randomValue(random: Random): string {
  if (random.chance(0.5)) return `value ${random.integer(0, 20)}`
  const codes = Array.from({ length: random.integer(0, 90) }, () => random.integer(0, 255))
  return String.fromCharCode(...codes)
}

function randomList(random: Random): string[] {
  const list = [':method', random.pick(['GET', 'POST', 'PUT'])]
  for (let i = random.integer(0, 12); i > 0; i--) list.push(random.pick(names), randomValue(random))
  return list
}

const table = { maxSize: 4096 }

for (const policy of ['fast', 'compact'] as const) {
  t.test(`hpack.js decodes what we encode, ${policy}`, t => {
    const random = new Random(7541)
    for (let connection = 0; connection < 20; connection++) {
      const encoder = new HpackEncoder({ policy })
      const decompressor = hpackJs.decompressor.create({ table })
      decompressor.on('error', error => t.fail(error.message))
      for (let block = 0; block < 40; block++) {
        if (random.chance(0.1)) {
          encoder.setTableSizeMax(random.pick([0, 100, 1000]))
          if (random.chance(0.5)) encoder.setTableSizeMax(4096)
        }
        const list = randomList(random)
        const target = Buffer.alloc(encoder.encodedSizeMax(list))
        decompressor.write(target.subarray(0, encoder.encode(list, target, 0)))
        decompressor.execute()
        const decoded: string[] = []
        for (let field = decompressor.read(); field !== null; field = decompressor.read()) {
          decoded.push(field.name, field.value)
        }
        if (decoded.join('\n') !== list.join('\n'))
          t.fail(`connection ${connection}, block ${block}`)
      }
    }
    t.end()
  })
}

t.test('we decode what hpack.js encodes', t => {
  const random = new Random(9113)
  for (let connection = 0; connection < 20; connection++) {
    const compressor = hpackJs.compressor.create({ table })
    const decoder = new HpackDecoder()
    for (let block = 0; block < 40; block++) {
      const list = randomList(random)
      if (random.chance(0.05)) compressor.reset()
      const fields = []
      for (let i = 0; i < list.length; i += 2) {
        fields.push({
          name: list[i]!,
          value: list[i + 1]!,
          huffman: random.chance(0.5),
          incremental: random.chance(0.5),
          neverIndex: random.chance(0.1),
        })
      }
      compressor.write(fields)
      const chunks: Buffer[] = []
      for (let chunk = compressor.read(); chunk !== null; chunk = compressor.read())
        chunks.push(chunk)
      const decoded = decoder.decodeList(Buffer.concat(chunks))
      if (decoded.join('\n') !== list.join('\n')) t.fail(`connection ${connection}, block ${block}`)
    }
  }
  t.end()
})

t.test('what hpack.js corrupts comes back from us: properties of every object', t => {
  const list = ['__proto__', 'a', ':path', 'constructor', 'toString', 'hasOwnProperty', '7', '0']
  for (const policy of ['fast', 'compact'] as const) {
    const encoder = new HpackEncoder({ policy })
    const decoder = new HpackDecoder()
    const target = Buffer.alloc(encoder.encodedSizeMax(list))
    for (let i = 0; i < 4; i++) {
      t.same(decoder.decodeList(target, 0, encoder.encode(list, target, 0)), list)
    }
  }
  t.end()
})
