import fc from 'fast-check'
import t from 'tap'
import { MessageReader } from '../../src/grpc/index.js'
import {
  isWholeMessage,
  readMessageSize,
  writeLengthPrefix,
} from '../../src/grpc/wire/length-prefix.js'
import { framed } from './support.js'

/** Reads all messages of `bytes` cut at `cuts`, each piece overwritten once it is returned. */
function readCut(bytes: Buffer, cuts: readonly number[], sizeMax = 1e6): string[] {
  const reader = new MessageReader(sizeMax)
  const found: string[] = []
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length]
  for (let i = 1; i < edges.length; i++) {
    const piece = Buffer.from(bytes.subarray(edges[i - 1], edges[i]))
    reader.push(piece, 0, piece.length)
    while (reader.next())
      found.push(`${reader.flag}:${reader.bytes.toString('latin1', reader.start, reader.end)}`)
    reader.hold()
    piece.fill(0xee)
  }
  return found
}

t.test('L1: DATA frames may be cut anywhere', t => {
  const bytes = Buffer.concat([
    framed('hello'),
    framed(''),
    framed('a longer message', 1),
    framed('z'),
  ])
  const whole = ['0:hello', '0:', '1:a longer message', '0:z']
  for (let cut = 0; cut <= bytes.length; cut++)
    t.same(readCut(bytes, [cut]), whole, `cut at ${cut}`)
  t.same(
    readCut(
      bytes,
      Array.from({ length: bytes.length }, (_, at) => at),
    ),
    whole,
    'octet by octet',
  )
  t.end()
})

t.test('L1: any messages, any cuts, the same messages', t => {
  const property = fc.property(
    fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 12 }),
    fc.array(fc.nat(4_000), { maxLength: 12 }),
    (payloads, cuts) => {
      const bytes = Buffer.concat(payloads.map(payload => framed(payload)))
      const inside = cuts.map(cut => Math.min(cut, bytes.length))
      const expected = payloads.map(payload => `0:${Buffer.from(payload).toString('latin1')}`)
      return JSON.stringify(readCut(bytes, inside)) === JSON.stringify(expected)
    },
  )
  fc.assert(property, { seed: 7, numRuns: 300 })
  t.end()
})

t.test('L1: messages may wait undecoded while more octets come', t => {
  const reader = new MessageReader(1e6)
  const first = Buffer.concat([framed('one'), framed('two'), framed('three').subarray(0, 6)])
  reader.push(first, 0, first.length)
  t.ok(reader.next())
  reader.hold()
  first.fill(0)
  const rest = Buffer.concat([framed('three').subarray(6), framed('four')])
  reader.push(rest, 0, rest.length)
  reader.hold()
  rest.fill(0)
  const texts: string[] = []
  while (reader.next()) texts.push(reader.bytes.toString('latin1', reader.start, reader.end))
  t.same(texts, ['two', 'three', 'four'])
  t.equal(reader.heldSize, 0)
  t.end()
})

t.test('L1: any messages, any cuts, read whenever: the same messages in order', t => {
  const property = fc.property(
    fc.array(fc.nat(40_000), { maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(60_000), fc.nat(30)), { maxLength: 40 }),
    fc.boolean(),
    fc.boolean(),
    (sizes, steps, eager, sole) => {
      const messages = sizes.map((size, at) =>
        Buffer.alloc(size % (at % 2 === 0 ? 200 : 40_000), at),
      )
      const bytes = Buffer.concat(messages.map(message => framed(message)))
      const reader = new MessageReader(1e6)
      reader.eager = eager
      reader.sole = sole
      const found: Buffer[] = []
      const read = (most: number): void => {
        for (let left = most; left > 0 && reader.next(); left--)
          found.push(Buffer.from(reader.bytes.subarray(reader.start, reader.end)))
      }
      let at = 0
      for (const [size, most] of [...steps, [bytes.length, 0] as const]) {
        const piece = Buffer.from(bytes.subarray(at, at + size))
        at += piece.length
        reader.push(piece, 0, piece.length)
        read(most)
        reader.hold()
        piece.fill(0xee)
      }
      read(Number.POSITIVE_INFINITY)
      return found.length === messages.length && found.every((each, i) => each.equals(messages[i]!))
    },
  )
  fc.assert(property, { seed: 11, numRuns: 200 })
  t.end()
})

t.test('L2: a message of zero octets is a message', t => {
  t.same(readCut(framed(''), []), ['0:'])
  t.end()
})

t.test('L8: the declared size is judged as soon as it is known', t => {
  const reader = new MessageReader(10)
  const prefix = Buffer.alloc(5)
  writeLengthPrefix(prefix, 0, 0, 0xffff_ffff)
  reader.push(prefix, 0, 5)
  t.notOk(reader.next())
  t.equal(reader.excessSize, 4_294_967_295)
  reader.hold()
  t.equal(reader.heldSize, 0)
  const more = framed('x')
  reader.push(more, 0, more.length)
  t.notOk(reader.next(), 'nothing is read after that')
  reader.hold()
  t.equal(reader.heldSize, 0)
  t.same(readCut(framed('1234567890'), [], 10), ['0:1234567890'], 'exactly the limit passes')
  t.same(readCut(framed('12345678901'), [3], 10), [], 'also where the prefix comes in pieces')
  t.end()
})

t.test('F1: a prefix that promises much costs nothing by itself', t => {
  const reader = new MessageReader(1 << 30)
  const prefix = Buffer.alloc(6)
  writeLengthPrefix(prefix, 0, 0, 1 << 29)
  const before = process.memoryUsage().arrayBuffers
  reader.push(prefix, 0, 6)
  t.notOk(reader.next())
  reader.hold()
  t.ok(process.memoryUsage().arrayBuffers - before < 1 << 20)
  t.equal(reader.wantedSize, 5 + (1 << 29))
  t.equal(reader.heldSize, 6)
  t.end()
})

t.test('F1: the buffer of a large message is no larger than the message in the end', t => {
  const reader = new MessageReader(1e6)
  const bytes = framed('m'.repeat(300_000))
  for (let at = 0; at < bytes.length; at += 16_384) {
    reader.push(bytes, at, Math.min(at + 16_384, bytes.length))
    if (reader.next()) {
      t.equal(reader.end - reader.start, 300_000)
      t.equal(reader.bytes.length, bytes.length)
    }
    reader.hold()
  }
  t.equal(reader.heldSize, 0)
  reader.clear()
  t.equal(reader.wantedSize, 0)
  t.end()
})

for (const eager of [true, false]) {
  t.test(`F1: what is held is no more than ${eager ? 8 : 2} times what has come`, t => {
    const size = 1_000_000
    const bytes = framed('m'.repeat(size))
    let shown: Buffer = bytes
    const reader = new MessageReader(size)
    reader.eager = eager
    const capacities: number[] = []
    const allocate = Buffer.allocUnsafeSlow
    t.teardown(() => {
      Buffer.allocUnsafeSlow = allocate
    })
    let allocated = 0
    for (let at = 0; at < bytes.length; at += 10_000) {
      Buffer.allocUnsafeSlow = capacity => {
        capacities.push(capacity)
        // The whole message's buffer takes the octets of all pieces, which are given up.
        allocated = capacity === bytes.length ? capacity : allocated + capacity
        return allocate(capacity)
      }
      reader.push(bytes, at, Math.min(at + 10_000, bytes.length))
      t.equal(reader.next(), at + 10_000 >= bytes.length)
      shown = reader.bytes
      reader.hold()
      const come = Math.min(at + 10_000, bytes.length)
      t.ok(allocated <= (eager ? 8 : 2) * come, `${allocated} octets after ${come}`)
      if (come < bytes.length) t.equal(reader.heldSize, come)
    }
    t.same(
      capacities,
      eager
        ? [20_000, 40_000, 80_000, 1_000_005]
        : [20_000, 40_000, 80_000, 160_000, 320_000, 1_000_005],
      'and few moves',
    )
    t.equal(Buffer.compare(shown.subarray(reader.start, reader.end), bytes.subarray(5)), 0)
    t.equal(shown.length, bytes.length)
    t.equal(reader.bytes.length, 0, 'what was shown is let go')
    t.ok(reader.owned)
    t.end()
  })
}

t.test(
  'F1: what is alone on its connection is in one buffer from an eightieth on, up to 4 MiB',
  t => {
    const allocate = Buffer.allocUnsafeSlow
    t.teardown(() => {
      Buffer.allocUnsafeSlow = allocate
    })
    let capacities: number[] = []
    Buffer.allocUnsafeSlow = capacity => {
      capacities.push(capacity)
      return allocate(capacity)
    }
    const read = (size: number, step: number, sole: boolean): number[] => {
      const bytes = framed('m'.repeat(size))
      const reader = new MessageReader(size)
      reader.sole = sole
      capacities = []
      for (let at = 0; at < bytes.length; at += step) {
        reader.push(bytes, at, Math.min(at + step, bytes.length))
        t.equal(reader.next(), at + step >= bytes.length)
        reader.hold()
      }
      return capacities
    }
    const first = 80 * 16_384
    t.same(read(first - 5, 16_384, true), [first], 'nothing else is made')
    t.same(read(first - 5, 16_383, true)[0], 2 * 16_383, 'no octet earlier')
    t.same(read(first - 4, 16_384, true)[0], 2 * 16_384, 'no octet larger')
    t.same(read(first - 5, 16_384, false)[0], 2 * 16_384, 'and only where it is alone')
    const most = 4_194_304
    t.same(read(most, 60_000, true), [most + 5])
    t.same(read(most + 1, 60_000, true)[0], 2 * 60_000)
    t.end()
  },
)

t.test('a large message that was put together is given up to its reader, no other is', t => {
  const reader = new MessageReader(1e6)
  const first = framed('a'.repeat(20_000))
  reader.push(first, 0, first.length)
  t.ok(reader.next())
  t.notOk(reader.owned, 'it lies in the caller’s buffer')
  reader.hold()

  const kept: string[] = []
  const views: Buffer[] = []
  for (const letter of ['b', 'c', 'd']) {
    const bytes = framed(letter.repeat(20_000))
    for (const [from, to] of [
      [0, 9_000],
      [9_000, bytes.length],
    ] as const) {
      reader.push(bytes, from, to)
      while (reader.next()) {
        t.ok(reader.owned)
        views.push(reader.bytes.subarray(reader.start, reader.end))
        kept.push(letter.repeat(20_000))
      }
      reader.hold()
    }
  }
  t.same(
    views.map(view => view.toString('latin1')),
    kept,
    'what comes later writes over none of them',
  )

  const small = framed('s'.repeat(1_000))
  reader.push(small, 0, 500)
  t.notOk(reader.next())
  reader.hold()
  reader.push(small, 500, small.length)
  t.ok(reader.next())
  t.notOk(reader.owned, 'small ones share a buffer')
  t.end()
})

t.test('length prefix: one octet of flag, four of size', t => {
  const bytes = Buffer.alloc(7, 0xcc)
  t.equal(writeLengthPrefix(bytes, 1, 1, 0xfedc_ba98), 6)
  t.equal(bytes.toString('hex'), 'cc01fedcba98cc')
  t.equal(readMessageSize(bytes, 1), 0xfedc_ba98)
  t.end()
})

t.test('isWholeMessage: one plain message and nothing else', t => {
  const bytes = framed('abc')
  t.ok(isWholeMessage(bytes, 0, 8, 3))
  t.notOk(isWholeMessage(bytes, 0, 8, 2), 'too large')
  t.notOk(isWholeMessage(bytes, 0, 7, 3), 'cut')
  t.notOk(isWholeMessage(bytes, 0, 4, 3), 'no prefix')
  t.notOk(isWholeMessage(framed('abc', 1), 0, 8, 3), 'compressed')
  t.notOk(isWholeMessage(Buffer.concat([bytes, bytes]), 0, 16, 100), 'two')
  t.end()
})
