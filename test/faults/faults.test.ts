import t from 'tap'
import { BAD_CONNECTIONS, openBadConnections } from '../../scripts/faults/bad-connections.js'
import { holdConversation, makeConversation } from '../../scripts/faults/conversation.js'
import { disconnectEverywhere } from '../../scripts/faults/disconnect.js'
import { overload } from '../../scripts/faults/overload.js'

// Smokes. The whole: `npm run faults`, whose figures are in docs/reliability.md.

t.setTimeout(60_000)

t.test(
  'a connection may break at any octet: no hang, nothing left, the next one works',
  async t => {
    const row = await disconnectEverywhere(1, 4, 9)
    t.strictSame(row.faults, [])
    t.ok(row.cuts >= 50, `${row.cuts} cuts`)
    t.ok(row.failed > row.cuts / 2, 'cuts are felt')
    t.ok(row.succeeded >= row.cuts, 'and got over')
  },
)

t.test('a cut lets through what is before it, exactly', async t => {
  const conversation = makeConversation(1)
  const whole = await holdConversation(conversation)
  t.strictSame(whole.faults, [])
  for (const octets of [0, 1, 24, 100]) {
    const course = await holdConversation(conversation, { side: 'client', octets, how: 'reset' })
    t.strictSame(course.faults, [])
    t.equal(course.octets.client, octets)
  }
})

t.test('malformed connections of every class leave no socket and no timer', async t => {
  const { before, after } = await openBadConnections('microwire', BAD_CONNECTIONS.size * 8)
  t.equal(after.sockets, before.sockets)
  t.equal(after.timers, before.timers)
  t.equal(after.handles, before.handles)
})

t.test('at twice its capacity a server answers what it can and says so to the rest', async t => {
  const { phases, recoveryMs } = await overload(0.5)
  const [half, twice] = phases
  t.equal(half!.failed + twice!.failed, 0, 'every call ends with a clear status')
  t.ok(twice!.goodput > 0)
  t.ok(twice!.refused > 0)
  t.ok(twice!.runningPeak <= 10)
  t.ok(recoveryMs <= 5_000, `${recoveryMs} ms`)
})
