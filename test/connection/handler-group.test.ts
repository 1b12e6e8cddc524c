import t from 'tap'
import { HandlerGroup, HandlerSlots } from '../../src/connection/index.js'

/** Some connections of one address, whose handlers ask when they are woken. */
function members(count: number, max: number, handlersMax: number) {
  const idle: string[] = []
  const group = new HandlerGroup(handlersMax, '192.0.2.1', () => idle.push('idle'))
  const woken: number[] = []
  const slots = Array.from(
    { length: count },
    (_, index) => new HandlerSlots(max, { wake: () => void woken.push(index) }, group),
  )
  return { group, slots: slots as [HandlerSlots, HandlerSlots, HandlerSlots], woken, idle }
}

t.test(
  'handlersPerAddressMax: a place that comes free goes to the connection that has waited longest',
  t => {
    const { group, slots, woken, idle } = members(3, 100, 2)
    const [first, second, third] = slots
    t.same([first.take(), first.take(), second.take(), third.take()], [true, true, false, false])
    t.equal(second.fault, '2 handlers of 192.0.2.1 run (handlersPerAddressMax)')
    t.equal(second.bound, 2)
    first.free()
    t.same(woken, [1])
    t.equal(first.tryTake(), false, 'it is granted, and nobody takes it ahead of who waited')
    t.equal(second.take(), true)
    second.serve()
    first.free()
    t.same(woken, [1, 2])
    t.equal(third.take(), true)
    t.equal(group.running, 2)
    second.free()
    third.free()
    t.equal(group.running, 0)
    t.same(idle, ['idle'])
    t.end()
  },
)

t.test('a place that its connection has no use for any more goes to the next one', t => {
  const { group, slots, woken } = members(3, 100, 1)
  const [first, second, third] = slots
  t.same([first.take(), second.take(), third.take()], [true, false, false])
  first.free()
  // In its turn the second finds that its calls were cancelled, and takes nothing.
  second.serve()
  t.same(woken, [1, 2])
  t.equal(third.take(), true)
  third.free()
  t.equal(group.running, 0)
  t.end()
})

t.test('who waits no more is granted nothing, and is kept by nobody', t => {
  const { group, slots, woken } = members(3, 100, 1)
  const [first, second, third] = slots
  const taken: string[] = []
  t.same([first.take(), second.take(), third.tryTake()], [true, false, false])
  const leave = third.wait(() => taken.push('third'))
  second.withdraw()
  leave()
  first.free()
  t.same([woken, taken], [[], []])
  t.equal(group.running, 0)
  t.equal(first.take(), true)
  third.wait(() => taken.push('third'))
  first.free()
  t.same(taken, ['third'], 'who is asked by nobody has it at once')
  t.equal(group.running, 1)
  t.end()
})

t.test('streamsMax of a connection holds within its group', t => {
  const { group, slots, woken } = members(3, 1, 2)
  const [first, second, third] = slots
  t.same([first.take(), first.take(), second.take(), third.take()], [true, false, true, false])
  t.equal(first.fault, '1 handlers run (limits.streamsMax)')
  first.free()
  t.same(woken, [0], 'the first had asked ahead of the third')
  t.same([first.take(), third.take()], [true, false])
  second.free()
  t.same(woken, [0, 2])
  t.equal(third.take(), true)
  t.equal(group.running, 2)
  t.end()
})
