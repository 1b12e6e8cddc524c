import t from 'tap'
import { Timer, TimerWheel } from '../../src/connection/index.js'
import { Random } from '../support/random.js'

const FOREVER = Number.POSITIVE_INFINITY

t.test('a timer fires once, at its time and not before', t => {
  for (const delay of [
    1,
    2,
    255,
    256,
    257,
    65_535,
    65_536,
    70_000,
    1 << 24,
    (1 << 24) + 5,
    2 ** 31,
  ]) {
    const wheel = new TimerWheel(1_000)
    const fired: number[] = []
    const timer = new Timer({ onTimer: (_, now) => fired.push(now) })
    wheel.schedule(timer, 1_000 + delay)
    t.equal(wheel.count, 1)
    t.ok(wheel.next <= 1_000 + delay, 'asks to be woken in time')
    wheel.advance(1_000 + delay - 1)
    t.same(fired, [], `${delay}`)
    t.ok(timer.scheduled)
    wheel.advance(1_000 + delay)
    t.same(fired, [1_000 + delay], `${delay}`)
    t.notOk(timer.scheduled)
    t.equal(wheel.next, FOREVER)
    wheel.advance(1_000 + 3 * delay)
    t.equal(fired.length, 1)
  }
  t.end()
})

t.test('a wheel that is woken only when it asks to be is never late', t => {
  const random = new Random(11)
  for (let round = 0; round < 40; round++) {
    let now = random.integer(0, 1 << 20)
    const wheel = new TimerWheel(now)
    const late: number[] = []
    const owner = {
      onTimer(timer: Timer, at: number): void {
        if (at !== Math.ceil(timer.at)) late.push(at - timer.at)
      },
    }
    for (let i = 0; i < 100; i++) {
      wheel.schedule(new Timer(owner), now + random.integer(1, 2 ** random.integer(1, 26)))
    }
    for (let wakes = 0; wheel.next < FOREVER; wakes++) {
      if (wakes > 2_000) throw new Error('woken too often')
      now = Math.max(now, wheel.next)
      wheel.advance(now)
    }
    t.equal(wheel.count, 0)
    t.same(late, [], `round ${round}`)
  }
  t.end()
})

t.test('any order of scheduling, moving, cancelling and waiting is as a sorted list', t => {
  const random = new Random(5)
  let now = 0
  const wheel = new TimerWheel(now)
  const due = new Map<Timer, number>()
  const faults: string[] = []
  const owner = {
    onTimer(timer: Timer): void {
      const at = due.get(timer)
      if (at === undefined) faults.push('fired though cancelled')
      else if (at > now) faults.push(`fired ${at - now} early`)
      due.delete(timer)
    },
  }
  const timers = Array.from({ length: 50 }, () => new Timer(owner))
  for (let step = 0; step < 20_000; step++) {
    const timer = random.pick(timers)
    const choice = random.integer(0, 9)
    if (choice < 5) {
      const at = now + random.integer(1, 2 ** random.integer(0, 20))
      wheel.schedule(timer, at)
      due.set(timer, at)
    } else if (choice < 7) {
      wheel.cancel(timer)
      due.delete(timer)
    } else {
      now += random.integer(0, 2 ** random.integer(0, 18))
      wheel.advance(now)
      for (const at of due.values()) if (at <= now) faults.push(`${now - at} ms late`)
    }
    const earliest = Math.min(FOREVER, ...due.values())
    if (wheel.next > Math.max(earliest, now))
      faults.push(`next is ${wheel.next}, due is ${earliest}`)
    if (wheel.count !== due.size) faults.push(`count is ${wheel.count}, not ${due.size}`)
    if (faults.length > 0) break
  }
  t.same(faults, [])
  t.end()
})

t.test('a timer may schedule itself and others while it fires', t => {
  const wheel = new TimerWheel(0)
  const fired: string[] = []
  const other = new Timer({ onTimer: (_, now) => fired.push(`other ${now}`) })
  const timer = new Timer({
    onTimer(self, now) {
      fired.push(`self ${now}`)
      if (now < 30) wheel.schedule(self, now + 10)
      else wheel.cancel(other)
      if (now === 10) wheel.schedule(other, now + 15)
    },
  })
  wheel.schedule(timer, 10)
  for (let now = 1; now < 100; now++) wheel.advance(now)
  t.same(fired, ['self 10', 'self 20', 'other 25', 'self 30'])
  t.equal(wheel.count, 0)
  t.end()
})

t.test('a time in the past fires at the next advance', t => {
  const wheel = new TimerWheel(5_000)
  let fired = 0
  wheel.schedule(new Timer({ onTimer: () => fired++ }), 10)
  t.ok(wheel.next <= 5_001)
  wheel.advance(5_001)
  t.equal(fired, 1)
  t.end()
})

t.test('scheduling again moves a timer; cancelling twice is harmless', t => {
  const wheel = new TimerWheel(0)
  const fired: number[] = []
  const timer = new Timer({ onTimer: (_, now) => fired.push(now) })
  wheel.schedule(timer, 10)
  wheel.schedule(timer, 500)
  t.equal(wheel.count, 1)
  wheel.advance(100)
  t.same(fired, [])
  wheel.cancel(timer)
  wheel.cancel(timer)
  t.equal(wheel.count, 0)
  wheel.advance(1_000)
  t.same(fired, [])
  t.end()
})
