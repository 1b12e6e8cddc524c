import t from 'tap'
import { ReadBudget } from '../../src/transport/socket/read-budget.js'
import { FakeRuntime, FakeSocket } from './fake-runtime.js'

/** Octets between two looks at the stopwatch. */
const CHUNK = 4_096

function rig(): { budget: ReadBudget; socket: FakeSocket; runtime: TimedRuntime } {
  const runtime = new TimedRuntime()
  const socket = new FakeSocket()
  return { budget: new ReadBudget(runtime, socket), socket, runtime }
}

class TimedRuntime extends FakeRuntime {
  watchMs = 0
  stopwatch(): number {
    return this.watchMs
  }
}

t.test(
  'a socket that is read for ten milliseconds in one turn of the loop waits for the next',
  t => {
    const { budget, socket, runtime } = rig()
    for (const atMs of [0, 4, 9.9]) {
      runtime.watchMs = atMs
      budget.spend(CHUNK)
      t.equal(socket.paused, false, `${atMs} ms`)
    }
    runtime.watchMs = 10
    budget.spend(CHUNK)
    t.equal(socket.paused, true)
    runtime.runTurn()
    t.equal(socket.paused, false, 'others had their turn')
    budget.spend(CHUNK)
    t.equal(socket.paused, false, 'a turn of its own')
    t.end()
  },
)

t.test('turns that are short each are not counted together', t => {
  const { budget, socket, runtime } = rig()
  for (let turn = 0; turn < 10; turn++) {
    runtime.watchMs += 6
    budget.spend(CHUNK)
    runtime.runTurn()
  }
  t.equal(socket.paused, false)
  t.end()
})

t.test('who reads little in a turn asks neither the stopwatch nor for a turn', t => {
  const { budget, runtime } = rig()
  runtime.stopwatch = () => {
    throw new Error('asked')
  }
  budget.spend(CHUNK - 1)
  t.equal(runtime.turns.length, 0)
  t.throws(() => budget.spend(1), /asked/)
  t.end()
})

t.test('a socket that is held and has spent its time is resumed when both are over', t => {
  for (const releasedFirst of [true, false]) {
    const { budget, socket, runtime } = rig()
    budget.spend(CHUNK)
    runtime.watchMs = 50
    budget.spend(CHUNK)
    budget.hold()
    if (releasedFirst) budget.release()
    else runtime.runTurn()
    t.equal(socket.paused, true)
    if (releasedFirst) runtime.runTurn()
    else budget.release()
    t.equal(socket.paused, false)
  }
  t.end()
})
