import t from 'tap'
import { BackOff } from '../../src/transport/client/back-off.js'

t.test('gRPC back-off: 1 s, times 1.6, at most 120 s, again from 1 s after a success', t => {
  const backOff = new BackOff({}, () => 0.5)
  t.same([backOff.next(), backOff.next(), backOff.next()], [1_000, 1_600, 2_560])
  for (let i = 0; i < 20; i++) backOff.next()
  t.equal(backOff.next(), 120_000)
  backOff.reset()
  t.equal(backOff.next(), 1_000)
  t.end()
})

t.test('jitter spreads around the value; the next value does not build on it', t => {
  const values = [0, 0.999_999_9]
  const backOff = new BackOff(
    { initialMs: 100, multiplier: 2, jitter: 0.5, maxMs: 150 },
    () => values.shift() ?? 0.5,
  )
  t.same([backOff.next(), backOff.next(), backOff.next()], [50, 225, 150])
  t.end()
})

t.test('options out of range are named with their value', t => {
  for (const options of [
    { initialMs: -1 },
    { multiplier: 0.9 },
    { maxMs: Number.NaN },
    { jitter: -0.1 },
  ]) {
    const [name, value] = Object.entries(options)[0]!
    t.throws(() => new BackOff(options, () => 0), {
      message: new RegExp(`backOff\\.${name} is ${value}`),
    })
  }
  t.end()
})
