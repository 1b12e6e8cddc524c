import fc from 'fast-check'
import t from 'tap'
import { Timer, TimerWheel } from '../../src/connection/core/timer-wheel.js'

const DAY = 86_400_000

/** A wheel and the names of the timers it fired, with the time it said. */
class Bench {
  readonly wheel: TimerWheel
  readonly fired: string[] = []

  constructor(now = 0) {
    this.wheel = new TimerWheel(now)
  }

  timer(name: string, then?: (timer: Timer, now: number) => void): Timer {
    return new Timer({
      onTimer: (timer, now) => {
        this.fired.push(`${name}@${now}`)
        then?.(timer, now)
      },
    })
  }

  /** Advances as a driver would: whenever the wheel asks for it. Returns how often that was. */
  runTo(target: number): number {
    let wakeUps = 0
    while (this.wheel.next <= target) {
      const now = this.wheel.next
      this.wheel.advance(now)
      wakeUps++
      if (this.wheel.next <= now) throw new Error(`busy: next stays at ${this.wheel.next}`)
    }
    this.wheel.advance(target)
    return wakeUps
  }
}

t.test('a timer fires once, at its time and never early', t => {
  const bench = new Bench(1_000.5)
  const timer = bench.timer('a')
  bench.wheel.schedule(timer, 1_010.25)
  t.equal(timer.scheduled, true)
  t.equal(bench.wheel.count, 1)
  t.equal(bench.wheel.next, 1_010.25)
  bench.wheel.advance(1_010.2)
  t.same(bench.fired, [])
  t.equal(timer.scheduled, true)
  bench.wheel.advance(1_011)
  t.same(bench.fired, ['a@1011'])
  t.equal(timer.scheduled, false)
  t.equal(bench.wheel.count, 0)
  t.equal(bench.wheel.next, Number.POSITIVE_INFINITY)
  bench.wheel.advance(9_999)
  t.equal(bench.fired.length, 1)
  t.end()
})

t.test('scheduling again moves a timer; Infinity and cancel take it off', t => {
  const bench = new Bench()
  const timer = bench.timer('a')
  bench.wheel.schedule(timer, 10)
  bench.wheel.schedule(timer, 500)
  t.equal(bench.wheel.count, 1)
  bench.wheel.advance(100)
  t.same(bench.fired, [])
  bench.wheel.schedule(timer, Number.POSITIVE_INFINITY)
  t.equal(timer.scheduled, false)
  t.equal(bench.wheel.count, 0)
  bench.wheel.cancel(timer)
  t.equal(bench.wheel.count, 0, 'cancelling twice changes nothing')
  bench.wheel.advance(1_000)
  t.same(bench.fired, [])
  t.end()
})

t.test('a time in the past is due at the next advance', t => {
  const bench = new Bench(5_000)
  bench.wheel.advance(6_000)
  bench.wheel.schedule(bench.timer('late'), 10)
  t.equal(bench.wheel.next, 6_001)
  bench.wheel.advance(6_001)
  t.same(bench.fired, ['late@6001'])
  t.end()
})

t.test('a timer that schedules itself for right now does not hold the wheel', t => {
  const bench = new Bench()
  const timer: Timer = bench.timer('a', (self, now) => bench.wheel.schedule(self, now))
  bench.wheel.schedule(timer, 1)
  bench.wheel.advance(1)
  t.same(bench.fired, ['a@1'])
  t.equal(bench.wheel.next, 2)
  bench.wheel.advance(2)
  t.equal(bench.fired.length, 2)
  t.end()
})

t.test('rescheduling by exactly one ring from inside onTimer fires one ring later', t => {
  for (const delay of [255, 256, 257, 65_535, 65_536, 65_537, 2 ** 24, 2 ** 32 + 5]) {
    const bench = new Bench()
    const timer = bench.timer('a', (self, now) => bench.wheel.schedule(self, now + delay))
    bench.wheel.schedule(timer, 7)
    bench.runTo(7 + 2 * delay)
    t.same(bench.fired, ['a@7', `a@${7 + delay}`, `a@${7 + 2 * delay}`])
  }
  t.end()
})

t.test('onTimer may cancel timers of the same millisecond and of later ones', t => {
  const bench = new Bench()
  const later = bench.timer('later')
  const twins: Timer[] = []
  for (const name of ['x', 'y', 'z']) {
    const others = (self: Timer): void => {
      for (const twin of twins) if (twin !== self) bench.wheel.cancel(twin)
      bench.wheel.cancel(later)
    }
    twins.push(bench.timer(name, others))
  }
  for (const twin of twins) bench.wheel.schedule(twin, 20)
  bench.wheel.schedule(later, 300)
  bench.wheel.advance(1_000)
  t.equal(bench.fired.length, 1, 'whichever comes first is the only one')
  t.equal(bench.wheel.count, 0)
  t.end()
})

t.test('a far timer costs a handful of wake-ups, and waits for its millisecond', t => {
  const distances = [1, 255, 256, 65_535, 65_536, 70_000, DAY, 17 * DAY, 60 * DAY, 400 * DAY]
  for (const distance of distances) {
    const bench = new Bench(12_345)
    bench.wheel.schedule(bench.timer('far'), 12_345 + distance)
    const wakeUps = bench.runTo(12_345 + distance)
    t.same(bench.fired, [`far@${12_345 + distance}`])
    t.ok(wakeUps <= 5 + Math.ceil(distance / (49 * DAY)) * 2, `${wakeUps} for ${distance} ms`)
  }
  t.end()
})

t.test('cancelling all but never firing keeps the wheel empty and quiet', t => {
  const bench = new Bench()
  const timer = bench.timer('a')
  for (let now = 0; now < 100_000; now += 50) {
    bench.wheel.schedule(timer, now + 20_000)
    bench.wheel.cancel(timer)
    bench.wheel.advance(now)
  }
  t.equal(bench.wheel.next, Number.POSITIVE_INFINITY)
  t.equal(bench.wheel.count, 0)
  t.same(bench.fired, [])
  t.end()
})

t.test('an owner that throws costs no other timer its time', t => {
  for (const tick of [10, 255, 511, 65_535]) {
    const bench = new Bench()
    const bad = bench.timer('bad', () => {
      throw new Error('thrown on purpose')
    })
    bench.wheel.schedule(bench.timer('first'), tick)
    bench.wheel.schedule(bad, tick)
    bench.wheel.schedule(bench.timer('second'), tick)
    bench.wheel.schedule(bench.timer('next'), tick + 2)
    bench.wheel.schedule(bench.timer('far'), tick + 600)
    for (let now = 0; now <= tick + 600; now++) {
      try {
        bench.wheel.advance(now)
      } catch {}
    }
    const late = bench.fired.filter(text => !new RegExp(`@(${tick}|${tick + 1})$`).test(text))
    t.same(late, [`next@${tick + 2}`, `far@${tick + 600}`], `tick ${tick}`)
    t.equal(bench.fired.length, 5)
  }
  t.end()
})

t.test('what owners throw comes out of advance, one as it is and several together, once', t => {
  const bench = new Bench()
  const errors = [new Error('one'), new Error('two'), new Error('three')]
  errors.forEach((error, index) => {
    const bad = bench.timer(error.message, () => {
      throw error
    })
    bench.wheel.schedule(bad, index === 0 ? 10 : 20)
  })
  t.throws(() => bench.wheel.advance(10), { message: 'one' })
  t.doesNotThrow(() => bench.wheel.advance(11))
  t.throws(() => bench.wheel.advance(20), {
    name: 'AggregateError',
    message: '2 timers failed',
  })
  t.doesNotThrow(() => bench.wheel.advance(21))
  t.end()
})

/** What the wheel should do, kept as a plain list: the checker of the property below. */
class Model {
  readonly wheel: TimerWheel
  readonly timers: Timer[]
  /** Due millisecond of each scheduled timer. */
  readonly due: Map<Timer, number> = new Map()
  #tick: number
  #firing = false
  fires = 0

  constructor(now: number, plans: readonly Plan[]) {
    this.wheel = new TimerWheel(now)
    this.#tick = Math.floor(now)
    this.timers = plans.map(
      plan => new Timer({ onTimer: (timer, at) => this.#on(timer, plan, at) }),
    )
  }

  schedule(index: number, at: number): void {
    const timer = this.timers[index % this.timers.length]!
    const floor = this.#firing ? this.#tick + 1 : this.#tick
    this.wheel.schedule(timer, at)
    this.due.set(timer, Math.max(Math.ceil(at), floor))
    this.#check()
  }

  cancel(index: number): void {
    const timer = this.timers[index % this.timers.length]!
    this.wheel.cancel(timer)
    this.due.delete(timer)
    this.#check()
  }

  advance(now: number): void {
    this.wheel.advance(now)
    this.#tick = Math.max(this.#tick, Math.floor(now) + 1)
    for (const due of this.due.values()) {
      if (due < this.#tick) throw new Error(`due at ${due}, not fired at ${now}`)
    }
    this.#check()
    if (this.wheel.next <= now) throw new Error(`next is ${this.wheel.next} after ${now}: busy`)
  }

  #on(timer: Timer, plan: Plan, now: number): void {
    const due = this.due.get(timer)
    if (due === undefined) throw new Error('fired, but not scheduled')
    if (due > Math.floor(now)) throw new Error(`due at ${due}, fired at ${now}`)
    for (const other of this.due.values()) {
      if (other < due) throw new Error(`fired ${due} before ${other}`)
    }
    this.fires++
    this.due.delete(timer)
    this.#tick = due
    this.#firing = true
    // A few times only, or nothing ends.
    if (plan.times-- > 0) {
      if (plan.again >= 0) this.schedule(this.timers.indexOf(timer), due + plan.again)
      this.cancel(plan.cancels)
      this.schedule(plan.schedules, due + plan.delay)
    }
    this.#firing = false
  }

  #check(): void {
    if (this.wheel.count !== this.due.size) {
      throw new Error(`count is ${this.wheel.count}; ${this.due.size} are scheduled`)
    }
    if (this.#firing) return
    const first = Math.min(...this.due.values())
    if (this.wheel.next > first) throw new Error(`next is ${this.wheel.next}, first is ${first}`)
  }
}

interface Plan {
  times: number
  readonly again: number
  readonly cancels: number
  readonly schedules: number
  readonly delay: number
}

/** From within a ring to beyond the last one. */
const delay = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.integer({ min: 250, max: 260 }),
  fc.integer({ min: 65_530, max: 65_540 }),
  fc.integer({ min: 0, max: 300_000 }),
  fc.integer({ min: 2 ** 24 - 300, max: 2 ** 24 + 300 }),
  fc.integer({ min: 0, max: 5 * DAY }),
  fc.integer({ min: 2 ** 32 - 70_000, max: 2 ** 32 + 70_000 }),
  fc.integer({ min: 0, max: 120 * DAY }),
)

t.test('model: fires what a sorted list would, in its order, whatever onTimer does', t => {
  const plan = fc.record({
    times: fc.integer({ min: 0, max: 2 }),
    again: fc.oneof(fc.constant(-1), delay),
    cancels: fc.nat(11),
    schedules: fc.nat(11),
    delay,
  })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('schedule'), index: fc.nat(11), by: delay }),
    fc.record({ kind: fc.constant('past'), index: fc.nat(11), by: delay }),
    fc.record({ kind: fc.constant('cancel'), index: fc.nat(11), by: delay }),
    fc.record({ kind: fc.constant('advance'), index: fc.nat(3), by: delay }),
    fc.record({ kind: fc.constant('wake'), index: fc.nat(11), by: delay }),
  )
  let fires = 0
  const property = fc.property(
    fc.array(plan, { minLength: 12, maxLength: 12 }),
    fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
    fc.integer({ min: 0, max: 2 ** 33 }),
    (plans, steps, start) => {
      let now = start + 0.5
      const model = new Model(
        now,
        plans.map(plan => ({ ...plan })),
      )
      for (const { kind, index, by } of steps) {
        if (kind === 'schedule') model.schedule(index, now + by + index / 4)
        else if (kind === 'past') model.schedule(index, now - by)
        else if (kind === 'cancel') model.cancel(index)
        else {
          const next = kind === 'wake' ? Math.min(model.wheel.next, now + DAY) : now + by
          now = Math.max(now, next + index / 4)
          model.advance(now)
        }
      }
      fires += model.fires
    },
  )
  fc.assert(property, { seed: 9113, numRuns: 1_500 })
  t.ok(fires > 2_000, `${fires} timers fired`)
  t.end()
})
