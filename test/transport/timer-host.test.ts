import t from 'tap'
import { Timer } from '../../src/connection/index.js'
import { TimerHost } from '../../src/transport/runtime/timer-host.js'
import { FakeRuntime } from './fake-runtime.js'

t.test('one timeout for the wheel: armed again only for what is earlier', t => {
  const runtime = new FakeRuntime()
  const host = new TimerHost(runtime)
  const fired: number[] = []
  const timer = (): Timer => new Timer({ onTimer: (_timer, now) => fired.push(now) })
  host.arm()
  t.notOk(host.armed)
  host.wheel.schedule(timer(), 1_500)
  host.arm()
  host.wheel.schedule(timer(), 1_600)
  host.arm()
  t.equal(runtime.timeouts.length, 1)
  host.wheel.schedule(timer(), 1_100)
  host.arm()
  t.equal(runtime.pending.length, 1)
  runtime.advance(1_000)
  t.same(fired, [1_100, 1_500, 1_600])
  t.equal(runtime.pending.length, 0)
  t.end()
})

t.test('rest disarms when nothing is scheduled, close always', t => {
  const runtime = new FakeRuntime()
  const host = new TimerHost(runtime)
  const timer = new Timer({ onTimer() {} })
  host.wheel.schedule(timer, 5_000)
  host.arm()
  host.rest()
  t.ok(host.armed)
  host.wheel.cancel(timer)
  host.rest()
  t.notOk(host.armed)
  host.wheel.schedule(timer, 5_000)
  host.arm()
  host.close()
  t.equal(runtime.pending.length, 0)
  t.equal(host.wheel.count, 1)
  t.end()
})

t.test('a deadline further away than a timer reaches is waited for in parts', t => {
  const runtime = new FakeRuntime()
  const host = new TimerHost(runtime)
  const fired: number[] = []
  const deadline = runtime.time + 2 ** 32
  host.wheel.schedule(new Timer({ onTimer: (_timer, now) => fired.push(now) }), deadline)
  host.arm()
  t.ok(runtime.pending[0]!.at - runtime.time <= 0x7fff_ffff, 'Node takes no more')
  for (let i = 0; i < 2; i++) {
    runtime.advance(0x7fff_ffff)
    t.same(fired, [])
    t.equal(runtime.pending.length, 1)
  }
  runtime.advance(2)
  t.same(fired, [deadline])
  t.end()
})
