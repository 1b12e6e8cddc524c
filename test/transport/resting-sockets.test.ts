import t from 'tap'
import { HealthWatcher } from '../../src/channel/health/health-watcher.js'
import { TimerWheel } from '../../src/connection/index.js'
import type { ClientCall } from '../../src/grpc/index.js'
import { GrpcError, Status } from '../../src/grpc/index.js'
import { RestingSockets } from '../../src/transport/client/resting-sockets.js'
import type { Session } from '../../src/transport/index.js'

t.test('as many give way as calls wait; what stays is counted and never closed', t => {
  const sockets = new RestingSockets()
  const closed: string[] = []
  const named = (name: string) => ({ close: async () => void closed.push(name) })
  const watch = {}
  sockets.set(watch, true, 5)
  for (const name of ['a', 'b', 'c']) sockets.set(named(name), true, 0)
  t.equal(sockets.count, 4)
  sockets.yield(2)
  t.same(closed, ['a', 'b'])
  t.equal(sockets.count, 2)
  sockets.yield(9)
  t.same(closed, ['a', 'b', 'c'])
  t.equal(sockets.count, 1, 'the watch')
  sockets.set(named('late'), true, 1)
  t.same(closed, ['a', 'b', 'c', 'late'], 'who comes to rest while others wait goes at once')
  sockets.set(watch, false, 0)
  t.equal(sockets.count, 0)
  t.end()
})

t.test('a watch of health rests while it runs: it holds no process alive', t => {
  const sockets = new RestingSockets()
  let call: ClientCall | undefined
  const session = {
    address: 'a:1',
    authority: 'a:1',
    scheme: 'http',
    timers: new TimerWheel(0),
    rest: (socket: object, isResting: boolean) => sockets.set(socket, isResting, 0),
    start(started: ClientCall) {
      call = started
    },
  } as unknown as Session
  const runtime = { random: () => 0.5, schedule: () => ({ cancel() {}, ref() {} }), warn() {} }
  new HealthWatcher(session, { service: '', runtime, onHealth: () => undefined }).start()
  t.equal(sockets.count, 1)
  call?.cancel(new GrpcError(Status.Unavailable, 'gone'))
  t.equal(sockets.count, 0)
  t.end()
})
