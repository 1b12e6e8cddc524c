import t from 'tap'
import type { Picked } from '../../src/channel/picked.js'
import { Waiters } from '../../src/channel/waiters.js'
import { GrpcError, Status } from '../../src/grpc/index.js'

class Turns {
  readonly #turns: (() => void)[] = []
  watchMs = 0

  stopwatch(): number {
    return this.watchMs
  }

  afterTurn(run: () => void): void {
    this.#turns.push(run)
  }

  /** One turn, after which 20 ms have passed; false when there was nothing to do. */
  run(): boolean {
    const turns = this.#turns.splice(0)
    this.watchMs += 20
    for (const run of turns) run()
    return turns.length > 0
  }
}

const PICKED = {} as Picked
const error = (): GrpcError => new GrpcError(Status.Unavailable, 'away')

function waitFor(waiters: Waiters, count: number) {
  const told = { picked: 0, failed: 0 }
  const leaves = Array.from({ length: count }, () =>
    waiters.add({ isPatient: false, onPick: () => told.picked++, onFailed: () => told.failed++ }),
  )
  return { told, leaves }
}

t.test('a thousand that wait have an endpoint in turns: what they set off holds nobody up', t => {
  const turns = new Turns()
  const waiters = new Waiters('dns:///shop', turns)
  const { told } = waitFor(waiters, 1_000)
  waiters.serve(() => PICKED)
  t.equal(told.picked, 16)
  turns.run()
  t.equal(told.picked, 16 + 16, 'no more after a turn of 20 ms')
  while (turns.run());
  t.same(told, { picked: 1_000, failed: 0 })
  t.end()
})

t.test(
  'a thousand hear in turns that nobody can be reached; who has left meanwhile hears nothing',
  t => {
    const turns = new Turns()
    const waiters = new Waiters('dns:///shop', turns)
    const { told, leaves } = waitFor(waiters, 1_000)
    waiters.fail(error, false)
    t.equal(waiters.count, 0)
    t.equal(told.failed, 16)
    for (const leave of leaves.slice(500)) leave()
    while (turns.run());
    t.same(told, { picked: 0, failed: 500 })
    t.end()
  },
)

t.test('a channel that is closed tells all at once', t => {
  const turns = new Turns()
  const waiters = new Waiters('dns:///shop', turns)
  const { told } = waitFor(waiters, 1_000)
  waiters.fail(error, true)
  t.same(told, { picked: 0, failed: 1_000 })
  t.end()
})

t.test('who begins to wait while others are told so waits for the next endpoint', t => {
  const turns = new Turns()
  const waiters = new Waiters('dns:///shop', turns)
  waitFor(waiters, 1_000)
  waiters.fail(error, false)
  const { told } = waitFor(waiters, 1)
  while (turns.run());
  t.same(told, { picked: 0, failed: 0 })
  waiters.serve(() => PICKED)
  t.same(told, { picked: 1, failed: 0 })
  t.end()
})
