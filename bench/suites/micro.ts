import { createRequire } from 'node:module'
import protobuf from 'protobufjs'
import { FrameReader } from '../../src/frame/index.js'
import { MessageReader } from '../../src/grpc/index.js'
import { HpackDecoder, HpackEncoder } from '../../src/hpack/index.js'
import { decodeMessage, encodeMessage } from '../../src/transport/index.js'
import { CallPair } from '../call-pair.js'
import { type Loop, type LoopContest, loopContest, TIME } from '../loop-contest.js'
import { Path, PREFIX_SIZE, PREFIXED_MESSAGE, prefixed } from '../payload.js'
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

function frameContest(
  what: string,
  bytes: Buffer,
  chunkSize: number,
  atMost?: number,
): LoopContest {
  return {
    suite: SUITE,
    plan: 'P10',
    name: `frame reader, ${what}`,
    operation: 'frame',
    operations: readFrames(bytes, chunkSize),
    loops: [{ peer: 'microwire', run: () => void readFrames(bytes, chunkSize) }, copying(bytes)],
    targets: atMost === undefined ? [] : [{ metric: TIME.key, atMost }],
  }
}

function frameContests(): LoopContest[] {
  const small = frame(Type.data, 0, 1, Buffer.alloc(17))
  const large = frame(Type.data, 0, 1, Buffer.alloc(16_384))
  const smallFrames = Buffer.concat(Array<Buffer>(2_500).fill(small))
  const calls = callBytes(Path.unary, SESSION, false).bytes
  const largeFrames = Buffer.concat(Array<Buffer>(32).fill(large))
  return [
    frameContest('DATA of 17 octets', smallFrames, 65_536, 15),
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
    plan: 'P11',
    name: `HPACK decoder, ${what}`,
    operation: 'header block of a call',
    operations: SESSION,
    loops: [
      { peer: 'microwire', run: own },
      { peer: 'hpack.js', run: theirs },
    ],
    targets: [
      { peer: 'hpack.js', metric: TIME.key, atLeast: 10 },
      ...(varying ? [] : [{ metric: TIME.key, atMost: 100 }]),
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
    plan: 'P11',
    name: `HPACK encoder, ${what}`,
    operation: 'header block of a call',
    operations: SESSION,
    loops: [
      { peer: 'microwire', run: own('fast') },
      { peer: 'microwire, compact', run: own('compact') },
      { peer: 'hpack.js', run: theirs },
    ],
    targets: [{ peer: 'hpack.js', metric: TIME.key, atLeast: 10 }],
  }
}

interface StreamDecoder {
  write(chunk: Buffer): Buffer[]
}
interface StreamDecoderModule {
  readonly StreamDecoder: new (sizeMax: number) => StreamDecoder
}

// The splitter of grpc-js is not among its public exports, nor are its types.
const { StreamDecoder } = createRequire(import.meta.url)(
  '@grpc/grpc-js/build/src/stream-decoder.js',
) as StreamDecoderModule

const MESSAGE_SIZE_MAX = 16 * 1024 * 1024

/** Both sides hold the message as a range or a buffer of its own; neither decodes it. */
function deframeContest(what: string, messages: number, wire: Buffer, chunk: number): LoopContest {
  const chunks: Buffer[] = []
  for (let start = 0; start < wire.length; start += chunk) {
    chunks.push(wire.subarray(start, start + chunk))
  }
  let seen = 0
  const own = (): void => {
    const reader = new MessageReader(MESSAGE_SIZE_MAX)
    for (const bytes of chunks) {
      reader.push(bytes, 0, bytes.length)
      while (reader.next()) seen += reader.end - reader.start
      reader.hold()
    }
  }
  const theirs = (): void => {
    const decoder = new StreamDecoder(MESSAGE_SIZE_MAX)
    for (const bytes of chunks) {
      for (const message of decoder.write(bytes)) seen += message.length - PREFIX_SIZE
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
    name: `message reader, ${what}`,
    operation: 'message',
    operations: messages,
    loops: [{ peer: 'microwire', run: own }, { peer: 'grpc-js', run: theirs }, copying(wire)],
  }
}

function deframeContests(): LoopContest[] {
  const small = Buffer.concat(Array<Buffer>(SESSION).fill(PREFIXED_MESSAGE))
  const large = prefixed(Buffer.alloc(1024 * 1024))
  return [
    deframeContest('one message in a chunk', SESSION, small, PREFIXED_MESSAGE.length),
    deframeContest('messages in chunks of 16 KiB', SESSION, small, 16_384),
    deframeContest('1 MiB in chunks of 16 KiB', 1, large, 16_384),
  ]
}

interface PlainMessage {
  readonly header: Record<string, string>
  readonly body: Uint8Array
}

/** The message of go-micro's transport, as protobufjs makes a codec from its schema. */
const TRANSPORT_MESSAGE = protobuf
  .parse('syntax = "proto3"; message Message { map<string, string> header = 1; bytes body = 2; }')
  .root.lookupType('Message')

/** A call of go-micro's own protocol: what its client sends. */
const CALL: PlainMessage = {
  header: {
    'Micro-Id': '42',
    'Micro-Service': 'greeter',
    'Micro-Method': 'Greeter.Hello',
    'Micro-Endpoint': 'Greeter.Hello',
    'Content-Type': 'application/json',
    Timeout: '5000000000',
    'User-Agent': 'microwire-bench',
  },
  body: Buffer.alloc(100, 'w'),
}

function messageCodecContests(): LoopContest[] {
  const own = { header: new Map(Object.entries(CALL.header)), body: CALL.body }
  const bytes = encodeMessage(own)
  const theirs = TRANSPORT_MESSAGE.decode(bytes) as unknown as PlainMessage
  const agree =
    JSON.stringify(theirs.header) === JSON.stringify(CALL.header) &&
    bytes.equals(TRANSPORT_MESSAGE.encode(CALL).finish())
  if (!agree) throw new Error('the message codecs disagree')
  const times = (run: () => void) => (): void => {
    for (let message = 0; message < SESSION; message++) run()
  }
  const common = { suite: SUITE, operation: 'message', operations: SESSION }
  return [
    {
      ...common,
      name: 'message codec, encode',
      loops: [
        { peer: 'microwire', run: times(() => encodeMessage(own)) },
        { peer: 'protobufjs', run: times(() => TRANSPORT_MESSAGE.encode(CALL).finish()) },
      ],
    },
    {
      ...common,
      name: 'message codec, decode',
      loops: [
        { peer: 'microwire', run: times(() => decodeMessage(bytes, 0, bytes.length)) },
        { peer: 'protobufjs', run: times(() => TRANSPORT_MESSAGE.decode(bytes)) },
      ],
    },
  ]
}

/** Client and server back to back in memory: what the stack costs where no socket is. */
function pairContest(inFlight: number): LoopContest {
  const pair = new CallPair()
  return {
    suite: SUITE,
    name: `in-memory pair, ${inFlight} in flight`,
    operation: 'unary call, both sides',
    operations: inFlight,
    loops: [{ peer: 'microwire', run: () => pair.call(inFlight) }],
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
    ...deframeContests(),
    ...messageCodecContests(),
    pairContest(1),
    pairContest(100),
  ]
  for (const contest of contests) await bench.run(loopContest(contest, bench.pace))
}
