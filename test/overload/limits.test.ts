import t from 'tap'
import { Codel } from '../../src/overload/codel.js'
import { GradientLimit, nextLimit } from '../../src/overload/gradient-limit.js'
import { LoopPressure, SAMPLE_MS } from '../../src/overload/loop-pressure.js'
import { Priority, placesOf, priorityOf, shedShare } from '../../src/overload/priority.js'

t.test('R236: the vectors of Gradient2', t => {
  const next = (limit: number, longMs: number, shortMs: number): number =>
    Math.round(nextLimit(limit, longMs, shortMs, 1.5) * 10) / 10
  t.equal(next(100, 10, 10), 100.8)
  t.equal(next(100, 10, 20), 95.8)
  t.equal(next(100, 10, 40), 90.8)
  t.equal(next(20, 10, 10), 20.8)
  t.end()
})

/** Windows of 250 ms in which `running` calls at a time took `durationMs` each. */
function windows(
  limit: GradientLimit,
  count: number,
  durationMs: number,
  running: number,
  at: number,
): number {
  let now = at
  for (let i = 0; i < count; i++) {
    for (let call = 0; call < 20; call++) {
      limit.onEnd(durationMs, running, false, now)
      now += 13.5
    }
  }
  return now
}

t.test('R167: a limit falls while calls take longer than usual, and finds back', t => {
  const limit = new GradientLimit({}, 1_000)
  t.equal(limit.limit, 8)
  let now = 0
  for (let i = 0; i < 20; i++) now = windows(limit, 1, 10, Math.min(limit.limit, 60), now)
  const calm = limit.limit
  t.ok(calm > 60 && calm < 200, `it grows as far as calls need it: ${calm}`)
  t.equal(Math.round(limit.usualMs), 10)
  now = windows(limit, 24, 100, calm, now)
  t.ok(limit.limit <= calm / 2, `it falls: ${limit.limit}`)
  t.ok(limit.usualMs < 12, 'an overload does not become the usual')
  const low = limit.limit
  now = windows(limit, 4, 10, low, now)
  t.ok(limit.limit > low, 'within one second it grows again')
  t.end()
})

t.test('R167: a limit that nobody needs does not grow, and is never beyond its bounds', t => {
  const limit = new GradientLimit({ initial: 50, min: 8 }, 60)
  let now = windows(limit, 50, 10, 5, 0)
  t.equal(limit.limit, 50)
  now = windows(limit, 100, 10, 50, now)
  t.equal(limit.limit, 60)
  windows(limit, 200, 1_000, 60, now)
  t.ok(limit.limit >= 8, String(limit.limit))
  t.end()
})

t.test('an overload that is there from the start does not look usual', t => {
  // Four at a time, 10 ms each; everybody takes every place.
  const limit = new GradientLimit({}, 1_000)
  let now = 0
  for (let i = 0; i < 40; i++)
    now = windows(limit, 1, Math.max(10, limit.limit * 2.5), limit.limit, now)
  // Eight begin and take 20 ms, so 30 ms are bearable: twelve at a time, and four for headroom.
  t.ok(limit.limit <= 16, String(limit.limit))
  t.end()
})

t.test('R170: calls that were cut count when they had lasted longer than usual, others not', t => {
  const limit = new GradientLimit({}, 1_000)
  const now = windows(limit, 12, 10, 4, 0)
  const before = limit.limit
  for (let i = 0; i < 100; i++) limit.onEnd(1, 8, true, now + i * 10)
  t.equal(limit.limit, before)
  for (let i = 0; i < 100; i++) limit.onEnd(200, 8, true, now + 2_000 + i * 10)
  t.ok(limit.limit < before)
  t.end()
})

t.test('R243: the vectors of CoDel', t => {
  const codel = new Codel(5, 100)
  t.equal(codel.refuses(6, 0), false)
  t.equal(codel.refuses(7, 40), false)
  t.equal(codel.refuses(8, 80), false)
  t.equal(codel.isOverloaded, false)
  t.equal(codel.refuses(50, 100), false, 'the first of an interval never')
  t.equal(codel.isOverloaded, true)
  t.equal(codel.refuses(9, 120), false)
  t.equal(codel.refuses(11, 130), true)
  t.equal(codel.refuses(4, 140), false)
  t.equal(codel.refuses(50, 200), false)
  t.equal(codel.isOverloaded, false)
  t.equal(codel.refuses(50, 210), false)
  t.end()
})

t.test('a queue that was empty for a whole interval does not stand', t => {
  const codel = new Codel(5, 100)
  codel.refuses(6, 0)
  codel.refuses(7, 50)
  codel.refuses(7, 1_000)
  t.equal(codel.isOverloaded, false)
  t.end()
})

t.test(
  'R178: the share that is refused grows while the event loop is late, and falls again, within half a second',
  t => {
    const pressure = new LoopPressure(20)
    let now = 0
    const sample = (lateMs: number): void => {
      pressure.arm(now)
      now += SAMPLE_MS + lateMs
      pressure.sample(now)
    }
    for (let i = 0; i < 10; i++) sample(0)
    t.equal(pressure.share, 0)
    const start = now
    while (pressure.share < 0.9) sample(60)
    t.ok(now - start <= 1_000, `refuses 90 % after ${now - start} ms`)
    const over = now
    while (pressure.share > 0) sample(0)
    t.ok(now - over <= 600, `nothing after ${now - over} ms`)
    pressure.arm(now)
    pressure.sample(now + SAMPLE_MS + 1_000)
    t.ok(pressure.share > 0.3, 'one long block counts for many')
    for (let i = 0; i < 1_000; i++) sample(100)
    t.ok(pressure.share < 1, 'somebody always gets through')
    const held = pressure.share
    sample(20)
    t.equal(pressure.share, held, 'at its bound it stays')
    pressure.arm(now)
    pressure.sample(now - 5_000)
    t.ok(pressure.share < held, 'a clock that goes back is no lateness')
    t.end()
  },
)

t.test('R164: what matters less is refused sooner', t => {
  t.equal(priorityOf('CRITICAL_PLUS'), Priority.CriticalPlus)
  t.equal(priorityOf('sheddable-plus'), Priority.SheddablePlus)
  t.equal(priorityOf('Sheddable'), Priority.Sheddable)
  for (const text of [undefined, '', 'critical', 'urgent', 'x'.repeat(1_000)]) {
    t.equal(priorityOf(text), Priority.Critical)
  }
  t.same(
    [0, 1, 2, 3].map(each => placesOf(100, each as Priority)),
    [100, 90, 75, 50],
  )
  t.same(
    [0, 1, 2, 3].map(each => placesOf(1, each as Priority)),
    [1, 1, 1, 1],
  )
  t.same(
    [0, 1, 2, 3].map(each => shedShare(0.4, each as Priority)),
    [0, 0.4, 0.8, 1],
  )
  t.same(
    [0, 1, 2, 3].map(each => shedShare(0, each as Priority)),
    [0, 0, 0, 0],
  )
  t.end()
})
