import t from 'tap'
import { ConnectWaiters } from '../../src/transport/client/connect-waiters.js'
import { InTurns } from '../../src/transport/runtime/in-turns.js'
import { TurnQueue } from '../../src/transport/runtime/turn-queue.js'
import { FakeRuntime } from './fake-runtime.js'

class TimedRuntime extends FakeRuntime {
  watchMs = 0
  stopwatch(): number {
    return this.watchMs
  }
}

t.test(
  'a turn has as many steps as what they set off allows: fewer after a long one, more after a short one',
  t => {
    const runtime = new TimedRuntime()
    let left = 100_000
    let count = 0
    const turns = new InTurns(runtime, () => {
      if (left === 0) return false
      left--
      count++
      return true
    })
    const counts: number[] = []
    const turn = (run: () => void): void => {
      count = 0
      run()
      counts.push(count)
    }
    turn(() => turns.run())
    for (const tookMs of [1, 1, 1, 20, 20, 20, 20, 7, 1]) {
      runtime.watchMs += tookMs
      turn(() => runtime.runTurn())
    }
    t.same(counts, [16, 32, 64, 128, 64, 32, 16, 16, 16, 32])
    t.end()
  },
)

t.test(
  'run while a step is under way, or while others wait for their turn, changes no order',
  t => {
    const runtime = new TimedRuntime()
    const done: number[] = []
    let next = 0
    const turns = new InTurns(runtime, () => {
      if (next === 300) return false
      done.push(next++)
      turns.run()
      return true
    })
    turns.run()
    t.equal(done.length, 16)
    turns.run()
    t.equal(done.length, 16, 'the next ones have a turn of their own')
    while (runtime.turns.length > 0) runtime.runTurn()
    t.same(
      done,
      Array.from({ length: 300 }, (_, index) => index),
    )
    t.end()
  },
)

t.test('a step that throws costs none of those behind it their turn', t => {
  const runtime = new TimedRuntime()
  const queue = new TurnQueue(runtime)
  const done: string[] = []
  const fails = (): void => {
    throw new Error('no')
  }
  t.throws(() => queue.add([() => done.push('first'), fails, () => done.push('last')]), /no/)
  runtime.runTurn()
  t.same(done, ['first', 'last'])
  t.end()
})

t.test('flush does at once what is left, and nothing twice', t => {
  const runtime = new TimedRuntime()
  const queue = new TurnQueue(runtime)
  let count = 0
  queue.add(Array.from({ length: 500 }, () => () => count++))
  t.equal(count, 16)
  queue.flush()
  t.equal(count, 500)
  runtime.runTurn()
  t.equal(count, 500)
  t.end()
})

t.test(
  'a thousand who wait for one connection are told in turns; an abort is heard at once',
  async t => {
    const runtime = new TimedRuntime()
    const waiters = new ConnectWaiters(runtime)
    const abort = new AbortController()
    let connected = 0
    for (let index = 0; index < 1_000; index++) waiters.wait({}).then(() => connected++)
    const given = waiters.wait({ signal: abort.signal })
    waiters.settle(undefined, true)
    await null
    t.equal(connected, 16)
    abort.abort(new Error('given up'))
    await t.rejects(given, { message: 'given up' })
    while (runtime.turns.length > 0) {
      runtime.watchMs += 20
      runtime.runTurn()
    }
    await null
    t.equal(connected, 1_000)
  },
)
