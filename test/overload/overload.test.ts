import t from 'tap'
import {
  type Applicant,
  Gate,
  Overload,
  type OverloadOptions,
  type Refusal,
  Ticket,
} from '../../src/overload/index.js'
import { Priority } from '../../src/overload/priority.js'
import { FakeRuntime } from '../micro/fake-runtime.js'

/** One call that wants to run, and what became of it. */
class Call implements Applicant {
  state = 'new'
  ticket: Ticket | undefined
  refusal: Refusal | undefined

  onAdmitted(): void {
    this.state = 'running'
  }

  onRefused(refusal: Refusal): void {
    this.state = 'refused'
    this.refusal = refusal
  }
}

class Site {
  readonly runtime = new FakeRuntime()
  readonly overload: Overload
  readonly gate: Gate

  constructor(options: OverloadOptions, isStream = false) {
    this.runtime.randomNext = 0.5
    this.overload = new Overload(options, this.runtime)
    this.gate = new Gate(this.overload, isStream, this.overload.limitsOf('a.B', 'C'))
  }

  enter(priority: Priority = Priority.Critical): Call {
    const call = new Call()
    const entered = this.gate.enter(call, priority)
    if (!(entered instanceof Ticket)) call.onRefused(entered)
    else {
      call.ticket = entered
      call.state = entered.isWaiting ? 'waiting' : 'running'
    }
    return call
  }
}

const statesOf = (calls: readonly Call[]): string[] => calls.map(({ state }) => state)

t.test('R161: no more calls run than may, and the next is refused with the numbers', t => {
  const site = new Site({ callsMax: 2 })
  const { overload } = site
  const calls = [1, 2, 3].map(() => site.enter())
  t.same(statesOf(calls), ['running', 'running', 'refused'])
  t.match(calls[2]?.refusal, {
    kind: 'busy',
    text: '2 of 2 calls run (overload.callsMax)',
    pushbackMs: 200,
  })
  calls[0]?.ticket?.leave('done')
  calls[0]?.ticket?.leave('done')
  t.equal(overload.runningCount, 1, 'a call leaves once')
  t.equal(overload.refusedCount, 1)
  t.end()
})

t.test('R163: streams are counted apart', t => {
  const { overload } = new Site({ callsMax: 1, streamsMax: 1 })
  const streams = new Gate(overload, true, [])
  const calls = new Gate(overload, false, [])
  const enter = (gate: Gate): boolean => gate.enter(new Call(), Priority.Critical) instanceof Ticket
  t.same([enter(streams), enter(calls), enter(streams), enter(calls)], [true, true, false, false])
  t.same([overload.streamCount, overload.runningCount], [1, 1])
  t.end()
})

t.test('R160: a method that has had enough says RESOURCE_EXHAUSTED, and others go on', t => {
  const site = new Site({ methods: { 'a.B/C': 1, 'a.B': 2 } })
  t.same(statesOf([site.enter(), site.enter()]), ['running', 'refused'])
  const other = new Gate(site.overload, false, site.overload.limitsOf('a.B', 'D'))
  t.ok(other.enter(new Call(), Priority.Critical) instanceof Ticket)
  t.match(other.enter(new Call(), Priority.Critical), {
    kind: 'quota',
    text: /2 calls of a\.B run or wait/,
  })
  t.same(
    site.overload.strangers(name => name === 'a.B'),
    ['a.B/C'],
  )
  t.end()
})

t.test('R165: calls wait for a place, oldest first, and are refused after their time', t => {
  const site = new Site({ callsMax: 1, queue: { callsMax: 2, waitMaxMs: 50 } })
  const calls = [1, 2, 3, 4].map(() => site.enter())
  t.same(statesOf(calls), ['running', 'waiting', 'waiting', 'refused'])
  t.match(calls[3]?.refusal?.text, /1 of 1 calls run and 2 wait/)
  calls[0]?.ticket?.leave('done')
  t.same(statesOf(calls), ['running', 'running', 'waiting', 'refused'])
  site.runtime.advance(50)
  t.same(statesOf(calls), ['running', 'running', 'refused', 'refused'])
  t.match(calls[2]?.refusal?.text, /waited 50 ms .* in vain/)
  t.equal(site.overload.waitingCount, 0)
  calls[1]?.ticket?.leave('done')
  t.equal(site.overload.runningCount, 0)
  t.equal(site.runtime.timerCount, 0, 'nothing is left to wait for')
  t.end()
})

t.test('a call that gives up while it waits leaves the queue, and takes no place', t => {
  const site = new Site({ callsMax: 1, queue: true })
  const calls = [1, 2, 3].map(() => site.enter())
  calls[1]?.ticket?.leave('cut')
  calls[0]?.ticket?.leave('done')
  t.same(statesOf(calls), ['running', 'waiting', 'running'])
  calls[2]?.ticket?.leave('done')
  t.same([site.overload.runningCount, site.overload.waitingCount], [0, 0])
  t.end()
})

t.test(
  'R165: a queue that stands serves the newest, and refuses who has waited twice the target',
  t => {
    const site = new Site({
      callsMax: 1,
      queue: { targetMs: 5, intervalMs: 100, waitMaxMs: 10_000 },
    })
    let running = site.enter()
    // One call for each 20 ms, twice as many as can be done.
    const calls: Call[] = []
    for (let i = 0; i < 40; i++) {
      calls.push(site.enter(), site.enter())
      site.runtime.advance(20)
      running.ticket?.leave('done')
      running = calls.findLast(({ state }) => state === 'running') ?? running
    }
    const refused = calls.filter(({ state }) => state === 'refused')
    t.ok(refused.length >= 30, `${refused.length} of 80 refused`)
    t.match(refused[0]?.refusal?.text, /the queue stands/)
    t.ok(site.overload.waitingCount < 40)
    t.end()
  },
)

t.test('R164: with priorities the lesser have fewer places, wait behind, and make room', t => {
  const site = new Site({ callsMax: 4, priority: 'x-criticality', queue: { callsMax: 1 } })
  const sheddable = [1, 2, 3].map(() => site.enter(Priority.Sheddable))
  t.same(statesOf(sheddable), ['running', 'running', 'waiting'], 'half of the places')
  const critical = site.enter()
  t.equal(critical.state, 'running', 'who matters more does not wait behind it')
  const more = site.enter()
  t.same([more.state, sheddable[2]?.state], ['waiting', 'refused'])
  t.equal(site.enter(Priority.CriticalPlus).state, 'running')
  t.end()
})

t.test('R178: while the event loop is late a share is refused, and nothing when it is not', t => {
  const site = new Site({ loopDelayMaxMs: 10 })
  t.equal(site.gate.refusal(Priority.Critical), undefined)
  site.overload.start()
  t.equal(site.runtime.timerCount, 1)
  // A block of two seconds: the timer is late.
  const { now } = site.runtime
  site.runtime.now = () => now.call(site.runtime) + 2_000
  site.runtime.advance(25)
  t.ok(site.overload.shedShare > 0.3)
  site.runtime.randomNext = 0.1
  t.match(site.gate.refusal(Priority.Critical), {
    kind: 'busy',
    text: /the event loop is late: 40 %/,
  })
  site.runtime.randomNext = 0.9
  t.equal(site.gate.refusal(Priority.Critical), undefined)
  site.overload.close()
  t.equal(site.runtime.timerCount, 0)
  t.end()
})

t.test(
  'pushback differs from call to call, so that refused clients do not come back at once',
  t => {
    const site = new Site({ callsMax: 1, pushbackMs: 100 })
    site.enter()
    const pushback = (random: number): number | undefined => {
      site.runtime.randomNext = random
      return site.enter().refusal?.pushbackMs
    }
    t.same([pushback(0), pushback(0.5), pushback(0.999)], [50, 100, 150])
    t.end()
  },
)

t.test('what settles while a place is given to the next does not give it twice', t => {
  const site = new Site({ callsMax: 1, queue: true })
  const first = site.enter()
  const order: number[] = []
  const quick = (at: number): void => {
    const call: Applicant & { ticket?: Ticket } = {
      onAdmitted: () => {
        order.push(site.overload.runningCount)
        call.ticket?.leave('done')
      },
      onRefused: () => order.push(-at),
    }
    call.ticket = site.gate.enter(call, Priority.Critical) as Ticket
  }
  for (let at = 1; at <= 3; at++) quick(at)
  first.ticket?.leave('done')
  t.same(order, [1, 1, 1])
  t.equal(site.overload.runningCount, 0)
  t.end()
})
