import t from 'tap'
import { OutputBuffer } from '../../src/connection/core/output-buffer.js'
import type { HeaderList } from '../../src/connection/headers/header-list.js'
import { BlockPart } from '../../src/connection/headers/header-rules.js'
import { HeaderWriter } from '../../src/connection/headers/header-writer.js'
import { HpackDecoder } from '../../src/hpack/index.js'

const ANY_SIZE = Number.POSITIVE_INFINITY

/** A writer, and a peer that decodes all it writes. */
class Bench {
  readonly #parts = new Map<HeaderList, BlockPart>()
  readonly output: OutputBuffer = new OutputBuffer()
  readonly writer: HeaderWriter
  readonly decoder: HpackDecoder = new HpackDecoder({ listSizeMax: 1 << 20 })
  readonly observed: string[] = []

  constructor(tableSizeMax = 4_096) {
    const onFrame = (_sent: boolean, type: number, flags: number, id: number, size: number): void =>
      void this.observed.push(`${type} ${flags} ${id} ${size}`)
    this.writer = new HeaderWriter(this.output, tableSizeMax, { observer: { onFrame } })
  }

  /** Found once for each list: tests count who reads it. */
  #partOf(list: HeaderList): BlockPart {
    let part = this.#parts.get(list)
    if (part === undefined) {
      part = list[0] === ':status' ? BlockPart.Response : BlockPart.Trailers
      this.#parts.set(list, part)
    }
    return part
  }

  /** Sends one list and returns what the peer makes of it, frame by frame and decoded. */
  send(
    list: HeaderList,
    extra?: HeaderList,
    endStream = false,
    frameSizeMax = 16_384,
  ): { frames: { type: number; flags: number; size: number }[]; list: string[] } {
    this.writer.check(list, extra, this.#partOf(list), ANY_SIZE)
    this.writer.write(5, list, extra, endStream, frameSizeMax)
    const bytes = Buffer.concat(this.output.take())
    const parts: Buffer[] = []
    const frames: { type: number; flags: number; size: number }[] = []
    for (let at = 0; at < bytes.length; ) {
      const size = bytes.readUIntBE(at, 3)
      frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, size })
      if (bytes.readUInt32BE(at + 5) !== 5) throw new Error('wrong stream')
      parts.push(bytes.subarray(at + 9, at + 9 + size))
      at += 9 + size
    }
    return { frames, list: this.decoder.decodeList(Buffer.concat(parts)) }
  }
}

/** An array that counts how often its entries are read. */
function counted(list: string[]): { list: HeaderList; reads: () => number } {
  let reads = 0
  const proxy = new Proxy(list, {
    get(target, key, receiver): unknown {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++
      return Reflect.get(target, key, receiver)
    },
  })
  return { list: proxy, reads: () => reads }
}

t.test('RFC 9113 §6.2: one HEADERS frame, END_STREAM as told', t => {
  const bench = new Bench()
  const sent = bench.send([':status', '200', 'a', 'b'])
  t.same(sent.list, [':status', '200', 'a', 'b'])
  t.same(
    sent.frames.map(({ type, flags }) => [type, flags]),
    [[1, 4]],
  )
  t.equal(bench.send(['grpc-status', '0'], undefined, true).frames[0]!.flags, 5)
  t.same(bench.send([]).list, [], 'an empty list is a frame without payload')
  t.end()
})

t.test('`extra` follows in the same block', t => {
  const bench = new Bench()
  const fixed = [':status', '200', 'content-type', 'application/grpc']
  for (let i = 0; i < 4; i++) {
    const sent = bench.send(fixed, ['date', `${i}`], false)
    t.same(sent.list, [...fixed, 'date', `${i}`])
    t.equal(sent.frames.length, 1)
  }
  t.end()
})

t.test('a list that is sent again and again is encoded once', t => {
  const bench = new Bench()
  const { list, reads } = counted([':status', '200', 'content-type', 'application/grpc'])
  for (let i = 0; i < 6; i++) bench.send(list)
  const before = reads()
  for (let i = 0; i < 20; i++) t.same(bench.send(list).list, [...list])
  t.equal(reads() - before, 20 * 4, 'only the comparison of this test reads it')
  t.end()
})

t.test('response and trailers in turn are both remembered', t => {
  const bench = new Bench()
  const response = counted([':status', '200', 'content-type', 'application/grpc'])
  const trailers = counted(['grpc-status', '0'])
  const turn = (): void => {
    bench.send(response.list)
    bench.send(trailers.list, undefined, true)
  }
  for (let i = 0; i < 6; i++) turn()
  const before = response.reads() + trailers.reads()
  for (let i = 0; i < 20; i++) turn()
  t.equal(response.reads() + trailers.reads(), before)
  t.end()
})

t.test('an equal list that is another array is encoded for itself', t => {
  const bench = new Bench()
  const fixed = ['x', 'one']
  for (let i = 0; i < 5; i++) bench.send(fixed)
  for (let i = 0; i < 5; i++) t.same(bench.send(['x', `${i}`]).list, ['x', `${i}`])
  t.same(bench.send(fixed).list, fixed)
  t.end()
})

t.test('more lists than are remembered: each is right all the same', t => {
  const bench = new Bench()
  const lists = Array.from({ length: 12 }, (_, i) => ['fixed', 'yes', 'number', `${i}`])
  for (let round = 0; round < 5; round++) {
    for (const list of lists) {
      t.same(bench.send(list).list, list)
      t.same(bench.send(list).list, list)
    }
  }
  t.end()
})

t.test('RFC 7541 §4.2: octets of an older table are not sent again', t => {
  const bench = new Bench()
  const list = [':status', '200', 'content-type', 'application/grpc', 'x-name', 'some value']
  for (let i = 0; i < 5; i++) bench.send(list)
  for (const size of [0, 4_096, 64, 4_096]) {
    bench.writer.setTableSizeMax(size)
    bench.decoder.setTableSizeMax(size)
    for (let i = 0; i < 4; i++) t.same(bench.send(list, ['y', `${i}`]).list, [...list, 'y', `${i}`])
  }
  t.end()
})

t.test("RFC 9113 §6.10: a large block goes on in CONTINUATION frames of the peer's size", t => {
  const bench = new Bench()
  for (const size of [9_000, 16_370, 16_384, 40_000, 100_000]) {
    const list = ['a', 'x'.repeat(size)]
    const { frames, list: decoded } = bench.send(list, undefined, true)
    t.same(decoded, list)
    t.equal(frames[0]!.type, 1)
    t.equal(frames[0]!.flags & 1, 1, 'END_STREAM stands on HEADERS')
    for (const [i, frame] of frames.entries()) {
      t.ok(frame.size <= 16_384)
      if (i > 0) t.equal(frame.type, 9)
      if (i > 0) t.equal(frame.flags & 1, 0)
      t.equal((frame.flags & 4) !== 0, i === frames.length - 1, 'END_HEADERS on the last one')
      if (i < frames.length - 1) t.equal(frame.size, 16_384)
    }
  }
  t.end()
})

t.test('a large list that is sent again is split again', t => {
  const bench = new Bench()
  const list = ['a', 'x'.repeat(20_000)]
  for (let i = 0; i < 4; i++) {
    const sent = bench.send(list, ['n', `${i}`])
    t.same(sent.list, [...list, 'n', `${i}`])
    t.equal(sent.frames.length, 2)
  }
  t.end()
})

t.test('the observer sees HEADERS and CONTINUATION', t => {
  const bench = new Bench()
  bench.send([':status', '200'])
  bench.send(['a', 'x'.repeat(17_000)], undefined, true)
  t.match(bench.observed, [/^1 4 5 1$/, /^1 1 5 16384$/, /^9 4 5 \d+$/])
  t.end()
})

t.test('what cannot be sent is a TypeError before anything is written', t => {
  const bench = new Bench()
  for (const [list, extra] of [
    [['A', 'b'], undefined],
    [['a', 'b\n'], undefined],
    [['a'], undefined],
    [
      ['a', 'b'],
      ['connection', 'close'],
    ],
    [
      ['a', 'b'],
      ['te', 'gzip'],
    ],
  ] as [string[], string[] | undefined][]) {
    t.throws(() => bench.writer.check(list, extra, BlockPart.Trailers, ANY_SIZE), {
      name: 'TypeError',
    })
  }
  t.equal(bench.output.size, 0)
  t.same(bench.send(['a', 'b']).list, ['a', 'b'])
  t.end()
})

t.test('RFC 9113 §6.5.2: a list larger than the peer accepts is a RangeError', t => {
  const { writer } = new Bench()
  t.doesNotThrow(() => writer.check(['ab', 'cd'], ['e', 'f'], BlockPart.Trailers, 70))
  t.throws(() => writer.check(['ab', 'cd'], ['e', 'f'], BlockPart.Trailers, 69), {
    name: 'HeaderListError',
    size: 70,
    sizeMax: 69,
    message:
      /^header list of 70 octets; the peer accepts 69 \(SETTINGS_MAX_HEADER_LIST_SIZE; .*limits\.headerListSizeMax/,
  })
  t.end()
})

t.test('RFC 9113 §4.3.1: our table is at most 4096 octets until the peer grants more', t => {
  const bench = new Bench(65_536)
  const fields = Array.from({ length: 300 }, (_, i) => [`x-${i}`, 'v'.repeat(40)])
  for (const field of fields) {
    for (let i = 0; i < 3; i++) t.same(bench.send([...field]).list, field)
  }
  bench.writer.setTableSizeMax(65_536)
  bench.decoder.setTableSizeMax(65_536)
  for (const field of fields) t.same(bench.send(field).list, field)
  t.end()
})

t.test(
  'RFC 9113 §4.3.1: a table of ours that is smaller than the default is announced in the first block',
  t => {
    const output = new OutputBuffer()
    const writer = new HeaderWriter(output, 231)
    writer.setTableSizeMax(300) // below the default as well: the peer waits for an update
    writer.check([':status', '200'], undefined, BlockPart.Response, 1_000)
    writer.write(1, [':status', '200'], undefined, true, 16_384)
    // An update to 231 octets, then the static table's eighth entry.
    t.equal(Buffer.concat(output.take()).subarray(9).toString('hex'), '3fc80188')
    t.end()
  },
)
