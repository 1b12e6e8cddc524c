import t from 'tap'
import { CallAllowance } from '../../src/connection/budgets/call-allowance.js'

/** How many calls turns have whose calls take `callUs` each when the turn has ended. */
function turns(callUs: number, count: number, max = 1_000): number[] {
  let now = 0
  const allowance = new CallAllowance(max, () => now)
  const told: number[] = []
  for (let turn = 0; turn < count; turn++) {
    let calls = 1
    while (!allowance.isReached(calls)) calls++
    told.push(calls)
    now += (calls * callUs) / 1_000
    allowance.onTurn()
  }
  return told
}

t.test('calls that cost little: a turn has more and more of them, up to turnCallsMax', t => {
  t.same(turns(1, 5), [128, 256, 512, 1_000, 1_000])
  t.end()
})

t.test(
  'calls whose handlers hold the thread after the turn: fewer, until a turn is short enough',
  t => {
    t.same(turns(250, 5), [128, 64, 32, 32, 32])
    t.same(turns(10_000, 6), [128, 64, 32, 16, 16, 16])
    t.end()
  },
)

t.test('turnCallsMax is the most, also below 16', t => {
  t.same(turns(1, 3, 5), [5, 5, 5])
  t.same(turns(100_000, 3, 5), [5, 5, 5])
  t.end()
})

t.test('without a stopwatch turnCallsMax is all there is', t => {
  const allowance = new CallAllowance(1_000, undefined)
  t.notOk(allowance.isReached(999))
  t.ok(allowance.isReached(1_000))
  allowance.onTurn()
  t.notOk(allowance.isReached(999))
  t.end()
})
