import t from 'tap'
import { HpackDecoder, HpackEncoder } from '../../src/hpack/index.js'
import { corpora, corporaMissing } from '../support/corpora.js'

const CORPUS = 'hpack-test-case'

interface Story {
  readonly cases: readonly {
    readonly header_table_size?: number
    readonly wire?: string
    readonly headers: readonly Record<string, string>[]
  }[]
}

function flat(headers: readonly Record<string, string>[]): string[] {
  return headers.flatMap(field => Object.entries(field)[0]!)
}

function differs(actual: readonly string[], expected: readonly string[]): boolean {
  return actual.length !== expected.length || actual.some((text, i) => text !== expected[i])
}

const files = corpora(CORPUS)
const skip = files === undefined ? corporaMissing(CORPUS) : false
const raw: Story[] = []
const encoded: [path: string, story: Story][] = []
for (const [path, body] of files ?? []) {
  if (!path.endsWith('.json')) continue
  const story = JSON.parse(body.toString()) as Story
  if (path.includes('raw-data')) raw.push(story)
  else encoded.push([path, story])
}

t.test('hpack-test-case: every encoded story decodes to its fields', { skip }, t => {
  t.equal(encoded.length, 286)
  let blockCount = 0
  for (const [path, story] of encoded) {
    const decoder = new HpackDecoder()
    for (const [i, { header_table_size, wire, headers }] of story.cases.entries()) {
      if (header_table_size !== undefined) decoder.setTableSizeMax(header_table_size)
      const list = decoder.decodeList(Buffer.from(wire!, 'hex'))
      if (differs(list, flat(headers))) t.fail(`${path}, case ${i}`)
      blockCount++
    }
  }
  t.equal(blockCount, 30_222)
  t.end()
})

for (const policy of ['fast', 'compact'] as const) {
  t.test(`hpack-test-case: the raw stories survive ${policy}, with table changes`, { skip }, t => {
    t.equal(raw.length, 32)
    const target = Buffer.alloc(65_536)
    for (const [number, story] of raw.entries()) {
      const encoder = new HpackEncoder({ policy })
      const decoder = new HpackDecoder()
      for (const [i, { headers }] of story.cases.entries()) {
        if (i % 10 === 9) {
          const size = [0, 1365, 2730, 4096][(i + number) % 4]!
          encoder.setTableSizeMax(size)
          decoder.setTableSizeMax(size)
        }
        const list = flat(headers)
        const end = encoder.encode(list, target, 0)
        if (differs(decoder.decodeList(target, 0, end), list)) t.fail(`story ${number}, case ${i}`)
        if (encoder.tableSize !== decoder.tableSize) t.fail(`story ${number}, case ${i}: tables`)
      }
    }
    t.end()
  })
}

t.test('hpack-test-case: compact is as small as the best encoders', { skip }, t => {
  const target = Buffer.alloc(65_536)
  let size = 0
  for (const story of raw) {
    const encoder = new HpackEncoder({ policy: 'compact' })
    for (const { headers } of story.cases) size += encoder.encode(flat(headers), target, 0)
  }
  t.comment(`${size} octets; nghttp2 takes 360,319`)
  t.ok(size <= 361_500, `${size} octets`)
  t.end()
})
