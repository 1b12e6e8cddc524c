import t from 'tap'
import { DEFAULT_LIMITS } from '../../src/connection/index.js'
import { StartTurns } from '../../src/transport/client/start-turns.js'
import { FakeRuntime } from './fake-runtime.js'

class TimedRuntime extends FakeRuntime {
  watchMs = 0
  stopwatch(): number {
    return this.watchMs
  }
}

t.test('turnTimeMaxUs and turnCallsMax bound the calls that start in one go', t => {
  const runtime = new TimedRuntime()
  const timed = new StartTurns(runtime, () => {}).budget(DEFAULT_LIMITS)
  t.equal(timed(16), false)
  runtime.watchMs = DEFAULT_LIMITS.turnTimeMaxUs / 1_000
  t.equal(timed(31), false, 'the stopwatch is looked at every 16 calls')
  t.equal(timed(32), true)
  const counted = new StartTurns({ afterTurn() {} }, () => {}).budget(DEFAULT_LIMITS)
  t.equal(counted(DEFAULT_LIMITS.turnCallsMax - 1), false)
  t.equal(counted(DEFAULT_LIMITS.turnCallsMax), true)
  t.end()
})

t.test(
  'calls that end and make room for the next ones take five milliseconds of a turn of the loop',
  t => {
    const runtime = new TimedRuntime()
    let started = 0
    const starts = new StartTurns(runtime, () => started++)
    for (const atMs of [0, 2, 4.9]) {
      runtime.watchMs = atMs
      t.equal(starts.mayStart(), true, `${atMs} ms`)
    }
    runtime.watchMs = 5
    t.equal(starts.mayStart(), false)
    t.equal(starts.mayStart(), false, 'asked once')
    t.equal(started, 0)
    runtime.runTurn()
    t.equal(started, 1, 'in a turn of its own')
    t.equal(starts.mayStart(), true)
    t.end()
  },
)

t.test('turns that are short each are not counted together', t => {
  const runtime = new TimedRuntime()
  const starts = new StartTurns(runtime, () => {})
  for (let turn = 0; turn < 10; turn++) {
    t.equal(starts.mayStart(), true)
    runtime.watchMs += 4
    runtime.runTurn()
  }
  t.end()
})

t.test('the rest of those that have room starts in the next turn, once', t => {
  const runtime = new TimedRuntime()
  let started = 0
  const starts = new StartTurns(runtime, () => started++)
  starts.arm()
  t.equal(starts.mayStart(), false)
  runtime.runTurn()
  t.equal(started, 1)
  t.equal(starts.mayStart(), true)
  t.end()
})
