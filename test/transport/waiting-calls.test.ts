import t from 'tap'
import { TimerWheel } from '../../src/connection/index.js'
import { ClientCall, GrpcError, Status } from '../../src/grpc/index.js'
import { WaitingCalls } from '../../src/transport/client/waiting-calls.js'
import { ECHO, headersOf } from './calls.js'
import { FakeRuntime } from './fake-runtime.js'

function newCall(): ClientCall {
  return new ClientCall(
    ECHO,
    { timers: new TimerWheel(0) },
    { onHeaders() {}, onReadable() {}, onDrain() {}, onStatus() {} },
  )
}

const error = (): GrpcError => new GrpcError(Status.Unavailable, 'away')

t.test(
  'calls start in the order in which they came, while there is room; settled ones are passed over',
  t => {
    const waiting = new WaitingCalls(new FakeRuntime(), 10)
    const calls = [newCall(), newCall(), newCall(), newCall()]
    for (const call of calls) waiting.add(call, headersOf(ECHO), false)
    calls[1]!.cancel()
    const started: ClientCall[] = []
    waiting.start(
      () => started.length < 2,
      call => started.push(call),
      () => false,
    )
    t.same(
      started.map(call => calls.indexOf(call)),
      [0, 2],
    )
    t.equal(waiting.count, 1)
    waiting.start(
      () => true,
      call => started.push(call),
      () => false,
    )
    t.equal(waiting.count, 0)
    t.end()
  },
)

t.test('failing spares the patient ones unless told otherwise', t => {
  const waiting = new WaitingCalls(new FakeRuntime(), 10)
  const [hasty, patient] = [newCall(), newCall()]
  waiting.add(hasty, headersOf(ECHO), false)
  waiting.add(patient, headersOf(ECHO), true)
  waiting.fail(error, false)
  t.ok(hasty.settled)
  t.notOk(patient.settled)
  t.equal(waiting.count, 1)
  waiting.fail(error, true)
  t.ok(patient.settled)
  t.equal(waiting.count, 0)
  t.end()
})

t.test('the count is bounded, and settled calls make room', t => {
  const waiting = new WaitingCalls(new FakeRuntime(), 100)
  const calls = Array.from({ length: 100 }, newCall)
  for (const call of calls) t.ok(waiting.add(call, headersOf(ECHO), false))
  t.notOk(waiting.add(newCall(), headersOf(ECHO), false))
  for (const call of calls) call.cancel()
  const added = Array.from({ length: 16 }, () => waiting.add(newCall(), headersOf(ECHO), false))
  t.ok(added.includes(true), 'after a few refusals at the latest')
  t.ok(waiting.count < 20)
  t.end()
})

t.test('calls that have room start in turns: the rest waits for the next one, in order', t => {
  const waiting = new WaitingCalls(new FakeRuntime(), 100)
  const calls = Array.from({ length: 50 }, newCall)
  for (const call of calls) waiting.add(call, headersOf(ECHO), false)
  const started: ClientCall[] = []
  const turn = (isOver: (count: number) => boolean): boolean =>
    waiting.start(
      () => true,
      call => started.push(call),
      isOver,
    )
  t.equal(
    turn(count => count === 20),
    true,
  )
  t.equal(started.length, 20)
  t.equal(
    turn(() => true),
    true,
    'one call is always started: a budget must not stop them for ever',
  )
  t.equal(started.length, 21)
  t.equal(
    turn(() => false),
    false,
  )
  t.same(
    started.map(call => calls.indexOf(call)),
    calls.map((_, index) => index),
  )
  t.end()
})
