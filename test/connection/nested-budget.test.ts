import t from 'tap'
import { MemoryBudget, NestedBudget } from '../../src/connection/index.js'
import { frames, REQUEST } from '../support/frames.js'
import { connect } from '../support/peer.js'

const MIB = 1_048_576

t.test('a part of a budget: both are charged, each has its bound, and both save', t => {
  const all = new MemoryBudget(2 * MIB)
  const part = new NestedBudget(64 * MIB, all, 'somebody')
  const heard: string[] = []
  const side = connect({ role: 'server', hold: true, consume: false, memory: part })
  const charge = (id: number, size: number): void => {
    side.peer.sends(frames.headers(id, REQUEST))
    const stream = side.recorder.stream(id)
    Object.assign(stream.handler, { onShed: (fault: string) => heard.push(fault) })
    stream.charge(size)
  }
  charge(1, 500_000)
  t.equal(part.used, all.used)
  t.notOk(part.isShort)
  charge(3, 900_000)
  t.ok(part.isShort, 'for half of all is used')
  t.same(heard, [])
  charge(5, 1_000_000)
  t.match(heard, [
    /^this process holds \d+ octets .* memoryMax of its MemoryBudget is 2097152.*1000000 of them/,
  ])
  t.equal(side.connection.streamCount, 2)
  side.recorder.stream(5).charge(-1_000_000)
  side.connection.destroy()
  for (const [id, size] of [
    [1, 500_000],
    [3, 900_000],
    [5, 0],
  ] as const) {
    side.recorder.stream(id).charge(-size)
    side.recorder.stream(id).release()
  }
  t.same([part.used, all.used], [0, 0])
  t.same([part.connectionCount, all.connectionCount], [0, 0])
  t.end()
})

t.test('a part of a budget says whose it is', t => {
  const part = new NestedBudget(MIB, new MemoryBudget(), 'somebody')
  const heard: string[] = []
  const side = connect({ role: 'server', hold: true, consume: false, memory: part })
  side.peer.sends(frames.headers(1, REQUEST))
  const stream = side.recorder.stream(1)
  Object.assign(stream.handler, { onShed: (fault: string) => heard.push(fault) })
  stream.charge(MIB)
  t.match(heard, [/^\d+ octets are held for somebody; memoryPerAddressMax is 1048576/])
  t.end()
})
