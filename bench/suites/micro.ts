import { FrameReader } from '../../src/frame/index.js'
import { HpackDecoder, HpackEncoder } from '../../src/hpack/index.js'
import { type Loop, type LoopContest, loopContest } from '../loop-contest.js'
import { Path } from '../payload.js'
import type { Bench } from '../suite.js'
import { callBytes, callFields } from '../wire/call-bytes.js'
import { frame, Type } from '../wire/frame-bytes.js'
import { compress, type Field, hpackJs, TABLE } from '../wire/hpack-js.js'

const SUITE = 'micro'

/** Header blocks or calls of one connection in one run of a loop. */
const SESSION = 500

/** Large enough for whatever a loop writes. */
const target = Buffer.alloc(1 << 20)

/** What no parser can be faster than: the octets copied once. */
function copying(bytes: Buffer): Loop {
  return { peer: 'copy', run: () => void bytes.copy(target) }
}

function readFrames(bytes: Buffer, chunkSize: number): number {
  const reader = new FrameReader()
  let count = 0
  for (let start = 0; start < bytes.length; start += chunkSize) {
    reader.push(bytes, start, Math.min(bytes.length, start + chunkSize))
    while (reader.next()) count += 1
  }
  return count
}

function frameContest(what: string, bytes: Buffer, chunkSize: number): LoopContest {
  return {
    suite: SUITE,
    name: `frame reader, ${what}`,
    operation: 'frame',
    operations: readFrames(bytes, chunkSize),
    loops: [{ peer: 'microwire', run: () => void readFrames(bytes, chunkSize) }, copying(bytes)],
  }
}

function frameContests(): LoopContest[] {
  const small = frame(Type.data, 0, 1, Buffer.alloc(17))
  const large = frame(Type.data, 0, 1, Buffer.alloc(16_384))
  const smallFrames = Buffer.concat(Array<Buffer>(2_500).fill(small))
  const calls = callBytes(Path.unary, SESSION, false).bytes
  const largeFrames = Buffer.concat(Array<Buffer>(32).fill(large))
  return [
    frameContest('DATA of 17 octets', smallFrames, 65_536),
    frameContest('HEADERS and DATA of calls', calls, 65_536),
    frameContest('DATA of 16 KiB', largeFrames, 65_536),
    frameContest('calls in chunks of 100 octets', calls, 100),
  ]
}

const lists = (varying: boolean): (readonly Field[])[] =>
  Array.from({ length: SESSION }, (_, call) => callFields(Path.unary, varying ? call : undefined))

function flat(fields: readonly Field[]): readonly string[] {
  return fields.flatMap(({ name, value }) => [name, value])
}

function decodeContest(what: string, varying: boolean): LoopContest {
  const compressor = hpackJs.compressor.create(TABLE)
  const blocks = lists(varying).map(fields => compress(compressor, fields))
  let seen = 0
  const sink = {
    onField: (name: string, value: string) => {
      seen += name.length + value.length
    },
  }
  const own = (): void => {
    const decoder = new HpackDecoder()
    for (const block of blocks) decoder.decode(block, 0, block.length, sink)
  }
  const theirs = (): void => {
    const decompressor = hpackJs.decompressor.create(TABLE)
    for (const block of blocks) {
      decompressor.write(block)
      decompressor.execute()
      for (let field = decompressor.read(); field !== null; field = decompressor.read()) {
        sink.onField(field.name, field.value)
      }
    }
  }
  checkEqual(
    () => seen,
    () => (seen = 0),
    own,
    theirs,
  )
  return {
    suite: SUITE,
    name: `HPACK decoder, ${what}`,
    operation: 'header block of a call',
    operations: SESSION,
    loops: [
      { peer: 'microwire', run: own },
      { peer: 'hpack.js', run: theirs },
    ],
  }
}

/** Both sides have seen the same number of octets, or the comparison means nothing. */
function checkEqual(seen: () => number, reset: () => void, ...runs: (() => void)[]): void {
  const sizes = runs.map(run => {
    reset()
    run()
    return seen()
  })
  if (new Set(sizes).size !== 1) throw new Error(`decoders disagree: ${sizes.join(', ')} octets`)
}

function encodeContest(what: string, varying: boolean): LoopContest {
  const fieldLists = lists(varying)
  const flatLists = fieldLists.map(flat)
  const own = (policy: 'fast' | 'compact') => (): void => {
    const encoder = new HpackEncoder({ policy })
    let offset = 0
    for (const list of flatLists) offset = encoder.encode(list, target, offset)
  }
  const theirs = (): void => {
    const compressor = hpackJs.compressor.create(TABLE)
    for (const fields of fieldLists) compress(compressor, fields)
  }
  return {
    suite: SUITE,
    name: `HPACK encoder, ${what}`,
    operation: 'header block of a call',
    operations: SESSION,
    loops: [
      { peer: 'microwire', run: own('fast') },
      { peer: 'microwire, compact', run: own('compact') },
      { peer: 'hpack.js', run: theirs },
    ],
  }
}

/** Parts of the stack within this process, beside other implementations and physical limits. */
export async function micro(bench: Bench): Promise<void> {
  const contests = [
    ...frameContests(),
    decodeContest('calls alike', false),
    decodeContest('timeout and trace id vary', true),
    encodeContest('calls alike', false),
    encodeContest('timeout and trace id vary', true),
  ]
  for (const contest of contests) await bench.run(loopContest(contest, bench.pace))
}
