import fc from 'fast-check'
import t from 'tap'
import { OutputBuffer } from '../../src/connection/core/output-buffer.js'
import { SLAB_SIZE } from '../../src/connection/core/slab-pool.js'
import { Random } from '../support/random.js'

function write(output: OutputBuffer, bytes: Buffer): void {
  const offset = output.reserve(bytes.length)
  bytes.copy(output.bytes, offset)
  output.commit(offset + bytes.length)
}

t.test('hands out what was written, in order, once', t => {
  const output = new OutputBuffer()
  t.equal(output.size, 0)
  t.same(output.take(), [])
  write(output, Buffer.from('head'))
  output.append(Buffer.from('-body-'), 1, 5)
  write(output, Buffer.from('tail'))
  t.equal(output.size, 12)
  const pieces = output.take()
  t.equal(pieces.length, 3)
  t.equal(Buffer.concat(pieces).toString(), 'headbodytail')
  t.equal(output.size, 0)
  t.same(output.take(), [])
  t.end()
})

t.test('one batch of small pieces is one buffer; large ones are not copied', t => {
  const output = new OutputBuffer()
  for (let i = 0; i < 50; i++) write(output, Buffer.alloc(100, i))
  t.equal(output.take().length, 1)
  const large = Buffer.alloc(50_000)
  output.append(large, 0, large.length)
  t.equal(output.take()[0]!.buffer, large.buffer)
  t.end()
})

t.test('what was reserved and not committed is not sent', t => {
  const output = new OutputBuffer()
  output.reserve(1_000)
  t.equal(output.size, 0)
  t.same(output.take(), [])
  t.end()
})

t.test('a piece of the size of a slab finds room', t => {
  const output = new OutputBuffer()
  write(output, Buffer.from('x'))
  write(output, Buffer.alloc(SLAB_SIZE, 7))
  t.equal(output.size, SLAB_SIZE + 1)
  t.equal(Buffer.concat(output.take()).length, SLAB_SIZE + 1)
  t.end()
})

t.test('rewinding twice, or with nothing taken, is harmless', t => {
  const output = new OutputBuffer()
  output.rewind()
  write(output, Buffer.from('a'))
  const [piece] = output.take()
  const copy = Buffer.from(piece!)
  output.take()
  output.rewind()
  write(output, Buffer.from('b'))
  t.same(piece, copy, 'the batch before an empty one is not given up')
  output.take()
  output.rewind()
  output.rewind()
  t.end()
})

t.test('model: octets come out as they went in and are never written to again', t => {
  const step = fc.record({
    who: fc.nat(3),
    kind: fc.constantFrom('write', 'write', 'write', 'append', 'take', 'rewind'),
    size: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 16_393 })),
  })
  const property = fc.property(
    fc.array(step, { maxLength: 120, size: 'max' }),
    fc.nat(),
    (steps, seed) => {
      const random = new Random(seed)
      const outputs = Array.from({ length: 4 }, () => new OutputBuffer())
      const waiting: Buffer[][] = [[], [], [], []]
      /** What was handed out and not yet declared written: must not change. */
      const lent: { pieces: Buffer[]; copy: Buffer }[][] = [[], [], [], []]
      for (const { who, kind, size } of steps) {
        const output = outputs[who]!
        if (kind === 'write' || kind === 'append') {
          const bytes = Buffer.alloc(size, random.integer(0, 255))
          if (kind === 'write') write(output, bytes)
          else output.append(bytes, 0, size)
          waiting[who]!.push(Buffer.from(bytes))
          if (output.size !== Buffer.concat(waiting[who]!).length) return false
        } else if (kind === 'take') {
          const pieces = output.take()
          const copy = Buffer.concat(waiting[who]!.splice(0))
          if (!Buffer.concat(pieces).equals(copy)) return false
          lent[who]!.push({ pieces, copy })
        } else {
          // All of its batches have left, the last one included.
          output.rewind()
          lent[who] = []
        }
        for (const { pieces, copy } of lent.flat()) {
          if (!Buffer.concat(pieces).equals(copy)) return false
        }
      }
      return true
    },
  )
  fc.assert(property, { seed: 64, numRuns: 150 })
  t.end()
})
