import t from 'tap'
import { buildFrame, frameMutators, Random, splitFrames } from '../../src/testing/index.js'

const FRAMES: readonly Buffer[] = [
  buildFrame(4, 0, 0, Buffer.alloc(6)),
  buildFrame(1, 5, 1, Buffer.of(0x82, 0x86, 0x84)),
  buildFrame(0, 1, 1, Buffer.from('hello')),
  buildFrame(8, 0, 0, Buffer.of(0, 0, 1, 0)),
]
const PREFIX = Buffer.of(7, 7)
const BYTES = Buffer.concat([PREFIX, ...FRAMES])

t.test('what is in front of the frames stays', t => {
  const random = new Random(1)
  for (const mutator of frameMutators(2)) {
    for (let i = 0; i < 30; i++) {
      t.same(mutator(BYTES, random, BYTES).subarray(0, 2), PREFIX)
      t.ok(mutator(Buffer.alloc(0), random, Buffer.alloc(0)), 'nothing at all is no obstacle')
    }
  }
  t.end()
})

t.test('a change of one frame keeps the others whole', t => {
  const random = new Random(2)
  const known = new Set(FRAMES.map(frame => frame.toString('hex')))
  let kept = 0
  let count = 0
  for (const mutator of frameMutators(2)) {
    for (let i = 0; i < 20; i++) {
      const frames = splitFrames(mutator(BYTES, random, BYTES).subarray(2))
      const whole = frames.filter(frame => known.has(frame.toString('hex'))).length
      count++
      if (whole >= FRAMES.length - 2) kept++
    }
  }
  // A lie about a size swallows what follows, on purpose.
  t.ok(kept > count * 0.85, `${kept} of ${count}`)
  t.end()
})

t.test('every mutator changes something', t => {
  const random = new Random(3)
  const block = Buffer.concat([
    PREFIX,
    buildFrame(1, 0, 1, Buffer.of(0x82)),
    buildFrame(9, 4, 1, Buffer.of(0x86)),
  ])
  for (const [index, mutator] of frameMutators(2).entries()) {
    let changed = 0
    for (let i = 0; i < 100; i++) {
      for (const bytes of [BYTES, block])
        if (!mutator(bytes, random, BYTES).equals(bytes)) changed++
    }
    t.ok(changed > 0, `mutator ${index}`)
  }
  t.end()
})
