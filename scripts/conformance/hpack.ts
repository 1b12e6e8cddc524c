import { deepEqual, equal } from 'node:assert/strict'
import { Flag, FRAME_HEADER_SIZE, FrameReader, writeHeaders } from '../../src/frame/index.js'
import { HpackDecoder, HpackEncoder } from '../../src/hpack/index.js'
import { readCorpus } from './corpora.js'
import type { Suite, SuiteRun } from './suite.js'
import type { Tally } from './tally.js'

interface Case {
  readonly header_table_size?: number
  readonly wire?: string
  readonly headers: readonly Readonly<Record<string, string>>[]
}

interface Story {
  readonly path: string
  readonly cases: readonly Case[]
}

/** What the raw stories may take with policy `compact`: 0.3 % above the best of the encoders recorded. */
const COMPACT_SIZE_MAX = 361_500
const VERSION = 'hpack-test-case 8a1406e'

export const hpack: Suite = {
  name: 'hpack',
  about: 'every recorded header block decodes, and what we encode decodes again',
  async run(run) {
    const stories = readStories()
    const encoded = stories.filter(story => story.cases[0]?.wire !== undefined)
    const raw = stories.filter(story => story.cases[0]?.wire === undefined)
    await overStories(run.row('whole', VERSION), encoded, story => decodes(story, false))
    await overStories(run.row('byte by byte', VERSION), encoded, story => decodes(story, true))
    await overStories(run.row('encoded again', VERSION), encoded, story => encodesAgain(story))
    await compactSize(run, raw)
  },
}

function readStories(): Story[] {
  return readCorpus('hpack-test-case.tar.gz')
    .filter(entry => /story_\d+\.json$/.test(entry.path))
    .map(({ path, bytes }) => ({ path, ...(JSON.parse(bytes.toString()) as { cases: Case[] }) }))
}

async function overStories(
  tally: Tally,
  stories: readonly Story[],
  check: (story: Story) => void,
): Promise<void> {
  for (const story of stories) await tally.run(story.path, () => check(story))
}

/** Byte by byte, the block comes as a HEADERS frame whose octets arrive one at a time. */
function decodes(story: Story, byteByByte: boolean): void {
  const decoder = new HpackDecoder()
  for (const [index, { wire, headers, header_table_size }] of story.cases.entries()) {
    if (header_table_size !== undefined) decoder.setTableSizeMax(header_table_size)
    const bytes = Buffer.from(wire!, 'hex')
    const list = byteByByte ? decodeFramed(decoder, bytes) : decoder.decodeList(bytes)
    deepEqual(list, flat(headers), `block ${index}`)
  }
}

function decodeFramed(decoder: HpackDecoder, block: Buffer): string[] {
  const frame = Buffer.alloc(FRAME_HEADER_SIZE + block.length)
  writeHeaders(frame, 0, 1, block, 0, block.length, Flag.EndHeaders)
  const reader = new FrameReader({ frameSizeMax: 1 << 20 })
  const octet = Buffer.alloc(1)
  for (const value of frame) {
    octet[0] = value
    reader.push(octet, 0, 1)
    if (reader.next()) return decoder.decodeList(reader.bytes, reader.start, reader.end)
  }
  throw new Error('the frame never ended')
}

function encodesAgain(story: Story): void {
  for (const policy of ['fast', 'compact'] as const) roundTrip(story, policy)
}

/** Octets that the story takes. */
function roundTrip(story: Story, policy: 'fast' | 'compact'): number {
  const encoder = new HpackEncoder({ policy })
  const decoder = new HpackDecoder()
  let size = 0
  for (const [index, { headers, header_table_size }] of story.cases.entries()) {
    if (header_table_size !== undefined) {
      encoder.setTableSizeMax(header_table_size)
      decoder.setTableSizeMax(header_table_size)
    }
    const list = flat(headers)
    const target = Buffer.alloc(encoder.encodedSizeMax(list))
    const end = encoder.encode(list, target, 0)
    deepEqual(decoder.decodeList(target, 0, end), list, `block ${index}, policy ${policy}`)
    equal(decoder.tableSize, encoder.tableSize, `table after block ${index}`)
    size += end
  }
  return size
}

async function compactSize(run: SuiteRun, raw: readonly Story[]): Promise<void> {
  const tally = run.row('compact size', VERSION)
  let size = 0
  await overStories(tally, raw, story => {
    size += roundTrip(story, 'compact')
  })
  tally.note(`${size} octets, ${COMPACT_SIZE_MAX} allowed`)
  if (size > COMPACT_SIZE_MAX) tally.fail('compact size', `${size} octets > ${COMPACT_SIZE_MAX}`)
}

/** Header values of the stories are octets as UTF-8 text; ours are one character for each octet. */
function flat(headers: Case['headers']): string[] {
  return headers.flatMap(header => Object.entries(header)[0]!.map(latin1))
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
