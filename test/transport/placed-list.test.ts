import t from 'tap'
import { PlacedList } from '../../src/transport/runtime/placed-list.js'
import { TimerHost } from '../../src/transport/runtime/timer-host.js'
import { ServedSocket } from '../../src/transport/server/served-socket.js'
import { FakeRuntime } from './fake-runtime.js'

const owner = { onConnectionError() {}, onGone() {} }
const timers = new TimerHost(new FakeRuntime())
const age = { ageMs: Number.POSITIVE_INFINITY, graceMs: 0 }

function socketNamed(name: string): ServedSocket {
  return new ServedSocket(owner, timers, name, age, 0)
}

t.test('the last socket takes the place of one that leaves, and each can leave once', t => {
  const sockets = new PlacedList<ServedSocket>()
  const [a, b, c] = ['a', 'b', 'c'].map(socketNamed) as [ServedSocket, ServedSocket, ServedSocket]
  for (const each of [a, b, c]) sockets.add(each)
  sockets.delete(a)
  sockets.delete(a)
  t.equal(sockets.size, 2)
  t.same(new Set(sockets), new Set([b, c]))
  sockets.delete(c)
  sockets.delete(b)
  t.equal(sockets.size, 0)
  t.same([...sockets], [])
  t.end()
})

t.test('any order of coming and going: those that are here are those that have not left', t => {
  const sockets = new PlacedList<ServedSocket>()
  const model = new Set<ServedSocket>()
  let seed = 7
  for (let step = 0; step < 2_000; step++) {
    seed = (seed * 48_271) % 0x7fff_ffff
    const gone = [...model][seed % 17]
    if (gone === undefined || seed % 3 === 0) {
      const served = socketNamed(String(step))
      model.add(served)
      sockets.add(served)
    } else {
      model.delete(gone)
      sockets.delete(gone)
    }
    if (sockets.size !== model.size) t.fail(`step ${step}: ${sockets.size}, not ${model.size}`)
  }
  t.ok(model.size > 0)
  t.same(new Set(sockets), model)
  t.end()
})

t.test('who has left when its turn comes is not visited', t => {
  const sockets = new PlacedList<ServedSocket>()
  const [a, b, c] = ['a', 'b', 'c'].map(socketNamed) as [ServedSocket, ServedSocket, ServedSocket]
  for (const each of [a, b, c]) sockets.add(each)
  const visited: ServedSocket[] = []
  for (const each of sockets) {
    visited.push(each)
    sockets.delete(each)
    sockets.delete(b)
  }
  t.same(visited, [a, c])
  t.end()
})
