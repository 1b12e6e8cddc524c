import fc from 'fast-check'
import t from 'tap'
import { ClosedStreams, Ending } from '../../src/connection/streams/closed-streams.js'

t.test('RFC 9113 §5.1: remembers how a stream ended', t => {
  const closed = new ClosedStreams()
  closed.add(1, false)
  closed.add(3, true)
  t.equal(closed.ending(1), Ending.Closed)
  t.equal(closed.ending(3), Ending.ResetByUs)
  t.equal(closed.ending(5), Ending.Unknown)
  t.end()
})

t.test('a forgotten ending is unknown; a forgotten reset makes all below it count as reset', t => {
  const closed = new ClosedStreams()
  closed.add(1, false)
  closed.add(1 + 512, false)
  t.equal(closed.ending(1), Ending.Unknown, 'a proper end may be forgotten')
  closed.add(3, true)
  closed.add(3 + 512, false)
  t.equal(closed.ending(3), Ending.ResetByUs)
  t.equal(closed.ending(1), Ending.ResetByUs, 'safe: its late frames are dropped')
  t.equal(closed.ending(5), Ending.Unknown)
  t.equal(closed.ending(515), Ending.Closed, 'what is remembered goes first')
  t.end()
})

t.test('a storm of resets never turns late frames into connection errors', t => {
  const closed = new ClosedStreams()
  for (let id = 1; id < 20_000; id += 2) closed.add(id, true)
  for (let id = 1; id < 20_000; id += 2) {
    if (closed.ending(id) !== Ending.ResetByUs) t.fail(`stream ${id}`)
  }
  t.equal(closed.ending(20_001), Ending.Unknown)
  t.equal(closed.ending(2 ** 31 - 1), Ending.Unknown)
  t.end()
})

t.test('model: exact for the last 256 identifiers, never worse than unknown before', t => {
  const property = fc.property(
    fc.array(fc.record({ skip: fc.nat(3), reset: fc.boolean() }), { maxLength: 700, size: 'max' }),
    steps => {
      const closed = new ClosedStreams()
      const model = new Map<number, boolean>()
      let id = 1
      for (const { skip, reset } of steps) {
        id += 2 * (skip + 1)
        closed.add(id, reset)
        model.set(id, reset)
      }
      for (const [known, reset] of model) {
        const ending = closed.ending(known)
        const expected = reset ? Ending.ResetByUs : Ending.Closed
        if (id - known < 512 && ending !== expected) return false
        // One that we reset is never taken for one that the peer may not touch any more.
        if (reset && ending !== Ending.ResetByUs) return false
      }
      return closed.ending(id + 2) === Ending.Unknown
    },
  )
  fc.assert(property, { seed: 51, numRuns: 200 })
  t.end()
})
