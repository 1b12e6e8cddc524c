import fc from 'fast-check'
import t from 'tap'
import {
  HpackDecoder,
  HpackEncoder,
  type HpackPolicy,
  type TableEntry,
} from '../../src/hpack/index.js'

interface Tables {
  readonly tableLength: number
  tableEntry(position: number): TableEntry | undefined
}

function dump(tables: Tables): string[] {
  const entries = Array.from({ length: tables.tableLength }, (_, i) => tables.tableEntry(i)!)
  return entries.map(entry => `${entry.name}\0${entry.value}`)
}

const latin1 = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 80 })
  .map(codes => String.fromCharCode(...codes))

const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(':path', 'te', 'cookie', 'x-a', 'x-b', 'date', 'x-bin') },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', '0', '') },
  { weight: 1, arbitrary: latin1 },
)
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('/', '1', 'a value that repeats', '__proto__', '') },
  { weight: 1, arbitrary: latin1 },
)
const list = fc.array(fc.tuple(name, value), { maxLength: 12 }).map(fields => fields.flat())
const tableSize = fc.constantFrom(0, 31, 33, 64, 100, 300, 4096)

const step = fc.oneof(
  { weight: 4, arbitrary: list.map(fields => ({ list: fields })) },
  { weight: 1, arbitrary: tableSize.map(size => ({ tableSize: size })) },
  { weight: 1, arbitrary: list.map(fields => ({ spoiled: [...fields, 'x', '\u0100'] })) },
)

for (const policy of ['fast', 'compact'] as const satisfies HpackPolicy[]) {
  t.test(`${policy}: every list comes back, and the tables agree after every block`, t => {
    const property = fc.property(fc.array(step, { maxLength: 25 }), tableSize, (steps, size) => {
      const encoder = new HpackEncoder({ policy, tableSizeMax: size })
      const decoder = new HpackDecoder({ tableSizeMax: size })
      const target = Buffer.alloc(8192)
      for (const action of steps) {
        if ('tableSize' in action) {
          encoder.setTableSizeMax(action.tableSize)
          decoder.setTableSizeMax(action.tableSize)
          continue
        }
        if ('spoiled' in action) {
          t.throws(() => encoder.encode(action.spoiled, target, 0), TypeError)
          continue
        }
        const end = encoder.encode(action.list, target, 1)
        if (end - 1 > encoder.encodedSizeMax(action.list)) throw new Error('above encodedSizeMax')
        const decoded = decoder.decodeList(target, 1, end)
        if (JSON.stringify(decoded) !== JSON.stringify(action.list)) throw new Error('lists differ')
        if (dump(decoder).join('\n') !== dump(encoder).join('\n')) throw new Error('tables differ')
      }
    })
    fc.assert(property, { seed: 7541, numRuns: 400 })
    t.end()
  })

  t.test(`${policy}: while the generation stands still a block encodes and decodes alike`, t => {
    const property = fc.property(fc.array(list, { maxLength: 15 }), lists => {
      const encoder = new HpackEncoder({ policy })
      const decoder = new HpackDecoder()
      const target = Buffer.alloc(8192)
      for (const fields of lists) {
        const before = encoder.generation
        const block = Buffer.from(target.subarray(0, encoder.encode(fields, target, 0)))
        const decoderBefore = decoder.generation
        decoder.decodeList(block)
        if (encoder.generation !== before) continue
        if (decoder.generation !== decoderBefore) throw new Error('the decoder moved')
        // Sent again as it is, as a cache would, it must mean the same and change nothing.
        const again = decoder.decodeList(block)
        if (JSON.stringify(again) !== JSON.stringify(fields)) throw new Error('lists differ')
        if (dump(decoder).join('\n') !== dump(encoder).join('\n')) throw new Error('tables differ')
      }
    })
    fc.assert(property, { seed: 9113, numRuns: 200 })
    t.end()
  })
}

t.test('any octets decode to a list or an HpackError, and never to more than the limits', t => {
  const octets = fc.uint8Array({ maxLength: 300 })
  const property = fc.property(octets, bytes => {
    const decoder = new HpackDecoder({ listSizeMax: 2000, fieldsMax: 20 })
    let size = 0
    let count = 0
    try {
      decoder.decode(Buffer.from(bytes), 0, bytes.length, {
        onField(fieldName, fieldValue) {
          size += fieldName.length + fieldValue.length + 32
          count++
        },
      })
    } catch (error) {
      if (!(error instanceof Error) || !('rule' in error)) throw error
    }
    if (size > 2000 || count > 20) throw new Error(`${count} fields, ${size} octets`)
    if (decoder.tableSize > 4096) throw new Error('table above its bound')
  })
  fc.assert(property, { seed: 6, numRuns: 3000 })
  t.end()
})
