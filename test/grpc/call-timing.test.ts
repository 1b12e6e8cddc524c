import t from 'tap'
import {
  callTimes,
  callTiming,
  NOT_YET,
  timingText,
  type WaitingPlace,
  wholeMs,
} from '../../src/grpc/wire/call-timing.js'

const ADDRESS = '127.0.0.1:50051'

/** A session that connected, or tries to, from `begin` until `end`. */
function place(begin: number, end: number, changes: Partial<WaitingPlace> = {}): WaitingPlace {
  return {
    address: ADDRESS,
    connected: end !== Number.POSITIVE_INFINITY,
    lastError: undefined,
    connectingMs: (from, until) => Math.max(0, Math.min(until, end) - Math.max(from, begin)),
    ...changes,
  }
}

interface Case {
  readonly leftAtStart?: number
  readonly leftAtAnswer?: number
  readonly earlierMs?: number
  readonly now?: number
  readonly place?: WaitingPlace
}

/** A call that has until 2_000, and, if it waits, has waited since 1_000. */
function textOf(what: Case): string {
  const wait = what.place === undefined ? undefined : { place: what.place, since: 1_000 }
  const { leftAtStart = NOT_YET, leftAtAnswer = NOT_YET, earlierMs = 0, now = 2_000 } = what
  const times = callTimes(2_000, leftAtStart, leftAtAnswer, earlierMs, wait)
  const timing = callTiming(times, now)
  const { totalMs, lateMs: _, ...parts } = timing
  t.equal(
    Object.values(parts).reduce((sum, part) => sum + part, 0),
    totalMs,
    'the parts add up',
  )
  return timingText(timing, times, ADDRESS)
}

t.test('DEADLINE_EXCEEDED says where the time of a call went', t => {
  t.equal(
    textOf({ leftAtStart: 1_000 }),
    `deadline exceeded after 1000 ms: 1000 ms since the request was sent; no answer from ${ADDRESS}`,
  )
  t.equal(
    textOf({ leftAtStart: 997, place: place(0, 1) }),
    `deadline exceeded after 1000 ms: 3 ms waiting for a connection, 997 ms since the request was sent; no answer from ${ADDRESS}`,
  )
  t.equal(
    textOf({ leftAtStart: 600, place: place(1_100, 1_400) }),
    `deadline exceeded after 1000 ms: 100 ms waiting for a connection, 300 ms connecting, 600 ms since the request was sent; no answer from ${ADDRESS}`,
  )
  t.equal(
    textOf({ leftAtStart: 1_000, leftAtAnswer: 980 }),
    `deadline exceeded after 1000 ms: 20 ms until the response began, 980 ms receiving it from ${ADDRESS}`,
  )
  t.end()
})

t.test('a call that still waits says for what, and what went wrong there', t => {
  const never = Number.POSITIVE_INFINITY
  t.equal(
    textOf({ place: place(1_000, never) }),
    `deadline exceeded after 1000 ms: 1000 ms connecting to ${ADDRESS}`,
  )
  t.equal(
    textOf({ place: place(1_400, never, { lastError: new Error('refused') }) }),
    `deadline exceeded after 1000 ms: 400 ms waiting for a connection to ${ADDRESS}, 600 ms connecting to ${ADDRESS} (last attempt: refused)`,
  )
  t.equal(
    textOf({ place: place(0, 0, { connected: false, lastError: new Error('refused') }) }),
    `deadline exceeded after 1000 ms: 1000 ms waiting for a connection to ${ADDRESS} (last attempt: refused)`,
  )
  t.equal(
    textOf({ place: place(0, 1_200) }),
    `deadline exceeded after 1000 ms: 200 ms connecting, waited 800 ms for room on the connection of ${ADDRESS}`,
  )
  t.equal(textOf({}), 'deadline exceeded before the call was sent')
  t.end()
})

t.test('a busy process is named when it noticed late, and only then', t => {
  const blocked = textOf({ leftAtStart: 1_000, now: 2_600 })
  t.match(
    blocked,
    /after 1600 ms: 1600 ms since .*; this process was busy and noticed it 600 ms late$/,
  )
  t.notMatch(textOf({ leftAtStart: 1_000, now: 2_019 }), /busy/)
  t.match(textOf({ leftAtStart: 1_000, now: 2_020 }), /noticed it 20 ms late/)
  t.end()
})

t.test('earlier attempts of the same call count', t => {
  t.equal(
    textOf({ earlierMs: 400.4, leftAtStart: 600 }),
    `deadline exceeded after 1000 ms: 400 ms in earlier attempts, 600 ms since the request was sent; no answer from ${ADDRESS}`,
  )
  t.equal(
    textOf({ earlierMs: 999.6 }),
    'deadline exceeded after 1000 ms: 1000 ms in earlier attempts',
  )
  t.end()
})

t.test('what a call keeps of its time is a small integer, however long the time', t => {
  t.equal(wholeMs(999.2), 1_000)
  t.equal(wholeMs(-0.5), 0, 'not -0, which would be boxed')
  for (const long of [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY]) {
    t.equal(wholeMs(long), 2 ** 31 - 2)
    t.not(wholeMs(long), NOT_YET, 'it has happened')
  }
  t.end()
})
