import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Connection, TimerWheel } from '../../src/connection/index.js'
import { Code, frames, REQUEST, Type } from '../support/frames.js'
import { connect, Peer, ROLES } from '../support/peer.js'
import { Recorder } from '../support/recorder.js'

const HIGHEST = 2 ** 31 - 1

t.test('RFC 9113 §6.8: a server leaves in two steps with a PING between', t => {
  const { peer, recorder, connection } = connect({ role: 'server' })
  peer.requests(1)
  connection.shutdown()
  connection.shutdown()
  t.equal(connection.draining, true)
  const [goaway, ping, ...others] = peer.takes()
  t.same(others, [])
  t.equal(goaway!.payload.readUInt32BE(0), HIGHEST)
  t.equal(ping!.type, Type.ping)
  peer.requests(3)
  t.ok(recorder.streams.has(3), 'sent before it knew')
  peer.sends(frames.ping(Buffer.from(ping!.payload), true))
  peer.expects(frames.goaway(3, Code.noError))
  peer.sends(frames.headers(5, REQUEST), frames.data(5, { size: 10, endStream: true }))
  t.notOk(recorder.streams.has(5), 'too late')
  peer.expectsNothing()
  t.equal(inspect(connection).receiver.retained, 0)
  for (const id of [1, 3]) recorder.stream(id).sendHeaders([':status', '200'], true)
  t.equal(recorder.closedCount, 0)
  t.equal(peer.takes().length, 2)
  t.equal(recorder.closedCause, undefined)
  t.equal(recorder.closedCount, 1)
  t.equal(connection.finished, true)
  t.equal(connection.timers.count, 0)
  t.end()
})

t.test('a PING that is not answered does not hold a shutdown up', t => {
  const { peer, recorder, connection } = connect({ role: 'server' })
  connection.shutdown()
  peer.skips(2)
  peer.advance(4_999)
  peer.expectsNothing()
  peer.advance(1)
  peer.expects(frames.goaway(0, Code.noError))
  t.equal(recorder.closedCount, 1)
  t.end()
})

t.test('the barrier counts from the shutdown, however long the connection was quiet', t => {
  const timers = new TimerWheel(0)
  const recorder = new Recorder()
  let now = 0
  const clock = (): number => now
  const connection = new Connection({
    role: 'server',
    handler: recorder,
    host: recorder,
    now,
    timers,
    clock,
  })
  const peer = new Peer(connection, recorder, 0)
  peer.shakesHands()
  const later = (ms: number): void => {
    now += ms
    timers.advance(now)
  }
  later(600_000)
  connection.shutdown()
  peer.skips(2)
  later(4_000)
  peer.expectsNothing()
  later(1_001)
  peer.expects(frames.goaway(0, Code.noError))
  t.equal(recorder.closedCount, 1)
  t.end()
})

t.test('a client leaves in one step', t => {
  const { peer, recorder, connection, open } = connect({ role: 'client' })
  const on = open(true)
  peer.takes()
  connection.shutdown()
  peer.expects(frames.goaway(0, Code.noError))
  t.equal(connection.canOpen, false)
  t.throws(() => open(), { message: /draining/ })
  peer.sends(frames.headers(1, [':status', '200'], { endStream: true }))
  t.equal(on.ended, true)
  t.equal(recorder.closedCount, 1)
  connection.shutdown()
  connection.destroy()
  t.equal(recorder.closedCount, 1)
  t.end()
})

t.test('RFC 9113 §6.8: streams above the last one were not processed', t => {
  const { peer, connection, open, events } = connect({ role: 'client' })
  const all = [open(), open(), open()]
  peer.takes()
  peer.sends(frames.goaway(HIGHEST, Code.noError), frames.goaway(3, Code.enhanceYourCalm, 'a\x01b'))
  t.same(
    all.map(on => on.unprocessed),
    [undefined, undefined, true],
  )
  t.match(all[2]!.lost, { message: 'the peer sent GOAWAY(ENHANCE_YOUR_CALM, "a?b")' })
  t.ok(events.includes('goaway 3 ENHANCE_YOUR_CALM'))
  t.equal(connection.canOpen, false)
  peer.sends(frames.goaway(1, Code.noError))
  t.equal(all[1]!.unprocessed, true)
  t.match(all[1]!.lost, { message: 'the peer sent GOAWAY(NO_ERROR)' })
  t.end()
})

t.test('debug data is cut', t => {
  const { peer, recorder, open } = connect({ role: 'client' })
  open()
  peer.sends(frames.goaway(1, Code.noError, 'x'.repeat(10_000)))
  t.equal(recorder.goawayDebug, 'x'.repeat(256))
  t.end()
})

for (const role of ROLES) {
  t.test(`RFC 9113 §6.8: the last stream never rises (${role})`, t => {
    const { peer, open } = connect({ role })
    if (role === 'client') open()
    peer.takes()
    peer.sends(frames.goaway(5, Code.noError), frames.goaway(7, Code.noError))
    peer.expectsGoaway(Code.protocolError)
    t.end()
  })
}

t.test('RFC 9113 §6.8: GOAWAY of a server names a stream that a client can open', t => {
  const { peer, open } = connect({ role: 'client' })
  open()
  peer.takes()
  peer.sends(frames.goaway(2, Code.noError))
  peer.expectsGoaway(Code.protocolError)
  t.end()
})

t.test('a server goes on after GOAWAY of its client', t => {
  const { peer, connection, recorder } = connect({ role: 'server' })
  peer.requests(1)
  peer.sends(frames.goaway(0, Code.noError))
  t.equal(connection.draining, false)
  recorder.stream(1).sendHeaders([':status', '200'], true)
  t.equal(peer.takes().length, 1)
  t.equal(recorder.closedCount, 0)
  t.end()
})

t.test('an error GOAWAY names the last stream that user code may have seen', t => {
  const { peer } = connect({ role: 'server' })
  peer.requests(1, 3)
  peer.sends(frames.windowUpdate(0, 0))
  peer.expectsGoaway(Code.protocolError, 3)
  t.end()
})
