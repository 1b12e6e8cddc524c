import fc from 'fast-check'
import t from 'tap'
import { Flag, FrameType } from '../../src/frame/index.js'
import { frame, type Reading, readInPieces, readWhole } from './frames.js'

/** A fixed seed: a failure today is a failure tomorrow. fast-check prints the shrunk case. */
const SEED = 9113

const hex = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength, maxLength }).map(octets => Buffer.from(octets).toString('hex'))

const streamId = fc.integer({ min: 1, max: 0x7fff_ffff })
const flags = fc.constantFrom(0, Flag.EndStream, Flag.EndHeaders, 0x5, 0xd0)

function padded(prefix: string, body: string, paddingSize: number): string {
  return Buffer.of(paddingSize).toString('hex') + prefix + body + '00'.repeat(paddingSize)
}

/** Frames of every type that have a right shape, and PRIORITY of every size. */
const rightFrame: fc.Arbitrary<Buffer> = fc.oneof(
  fc.tuple(flags, streamId, hex(0, 40)).map(([f, id, body]) => frame(FrameType.Data, f, id, body)),
  fc
    .tuple(streamId, hex(0, 20), fc.integer({ min: 0, max: 20 }))
    .map(([id, body, size]) => frame(FrameType.Data, Flag.Padded, id, padded('', body, size))),
  fc
    .tuple(flags, streamId, hex(0, 40))
    .map(([f, id, body]) => frame(FrameType.Headers, f, id, body)),
  fc
    .tuple(streamId, hex(5, 5), hex(0, 20), fc.integer({ min: 0, max: 20 }))
    .map(([id, prefix, body, size]) =>
      frame(FrameType.Headers, 0x2c, id, padded(prefix, body, size)),
    ),
  fc.tuple(streamId, hex(0, 10)).map(([id, body]) => frame(FrameType.Priority, 0, id, body)),
  fc.tuple(streamId, hex(4, 4)).map(([id, body]) => frame(FrameType.RstStream, 0, id, body)),
  fc
    .array(hex(6, 6), { maxLength: 4 })
    .map(entries => frame(FrameType.Settings, 0, 0, entries.join(''))),
  fc.constant(frame(FrameType.Settings, Flag.Ack, 0)),
  fc
    .tuple(streamId, hex(0, 20))
    .map(([id, body]) => frame(FrameType.PushPromise, Flag.EndHeaders, id, '00000002' + body)),
  hex(8, 8).map(body => frame(FrameType.Ping, 0, 0, body)),
  hex(8, 30).map(body => frame(FrameType.Goaway, 0, 0, body)),
  fc.tuple(streamId, hex(4, 4)).map(([id, body]) => frame(FrameType.WindowUpdate, 0, id, body)),
  fc.tuple(streamId, hex(0, 40)).map(([id, body]) => frame(FrameType.Continuation, 4, id, body)),
  hex(0, 20).map(body => frame(FrameType.PriorityUpdate, 0, 0, '00000003' + body)),
  fc
    .tuple(fc.integer({ min: 0x11, max: 0xff }), streamId, hex(0, 60))
    .map(([type, id, body]) => frame(type, 0xff, id, body)),
)

/** Any type, flags, stream and payload: many of these break a rule. */
const anyFrame: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.integer({ min: 0, max: 0x11 }),
    fc.integer({ min: 0, max: 0xff }),
    fc.constantFrom(0, 1, 2),
    hex(0, 12),
  )
  .map(([type, anyFlags, id, body]) => frame(type, anyFlags, id, body))

/** Errors compare by what they say. */
function result({ frames, error }: Reading): unknown {
  return { frames, error: error === undefined ? undefined : error.message }
}

/** Octet positions to cut at, in order; the same one twice makes an empty piece. */
const positions: fc.Arbitrary<number[]> = fc.array(fc.nat(), { maxLength: 12 })

function cutsOf(bytes: Buffer, numbers: readonly number[]): number[] {
  return numbers.map(number => number % (bytes.length + 1)).sort((a, b) => a - b)
}

const everyOctet = (bytes: Buffer): number[] => Array.from(bytes, (_, i) => i)

t.test('RFC 9113 §4.1: right frames are read, each once and in order', t => {
  fc.assert(
    fc.property(fc.array(rightFrame, { maxLength: 12 }), frames => {
      const { frames: read, error } = readWhole(Buffer.concat(frames))
      t.equal(error, undefined)
      return (
        read.length === frames.length &&
        read.every(({ payloadSize }, i) => payloadSize === frames[i]!.length - 9)
      )
    }),
    { seed: SEED, numRuns: 300 },
  )
  t.end()
})

t.test('chunking does not matter: two pieces, cut at every octet', t => {
  fc.assert(
    fc.property(fc.array(rightFrame, { minLength: 1, maxLength: 4 }), frames => {
      const bytes = Buffer.concat(frames)
      const whole = JSON.stringify(result(readWhole(bytes)))
      for (let cut = 0; cut <= bytes.length; cut++) {
        if (JSON.stringify(result(readInPieces(bytes, [cut]))) !== whole) return false
      }
      return true
    }),
    { seed: SEED, numRuns: 60 },
  )
  t.end()
})

t.test('chunking does not matter: any pieces, and one octet at a time', t => {
  fc.assert(
    fc.property(fc.array(rightFrame, { maxLength: 12 }), positions, (frames, numbers) => {
      const bytes = Buffer.concat(frames)
      const whole = JSON.stringify(result(readWhole(bytes)))
      return [cutsOf(bytes, numbers), everyOctet(bytes)].every(
        cuts => JSON.stringify(result(readInPieces(bytes, cuts))) === whole,
      )
    }),
    { seed: SEED, numRuns: 300 },
  )
  t.end()
})

t.test('chunking does not matter: wrong frames give the same error after the same frames', t => {
  let errors = 0
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 6 }), positions, (frames, numbers) => {
      const bytes = Buffer.concat(frames)
      const reading = readWhole(bytes)
      if (reading.error !== undefined) errors++
      const whole = JSON.stringify(result(reading))
      return [cutsOf(bytes, numbers), everyOctet(bytes)].every(
        cuts => JSON.stringify(result(readInPieces(bytes, cuts))) === whole,
      )
    }),
    { seed: SEED, numRuns: 500 },
  )
  t.ok(errors > 100, `${errors} of 500 had an error`)
  t.end()
})

t.test('nothing but ConnectionError escapes from random octets, however cut', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), positions, (octets, numbers) => {
      const bytes = Buffer.from(octets)
      const whole = JSON.stringify(result(readWhole(bytes)))
      return JSON.stringify(result(readInPieces(bytes, cutsOf(bytes, numbers)))) === whole
    }),
    { seed: SEED, numRuns: 500 },
  )
  t.end()
})
