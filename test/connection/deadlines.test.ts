import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Connection, TimerWheel } from '../../src/connection/index.js'
import { Code, frames, indexed, REQUEST, RESPONSE } from '../support/frames.js'
import { connect, FIXED_WINDOWS, Peer, ROLES, withStream } from '../support/peer.js'
import { Recorder } from '../support/recorder.js'

for (const role of ROLES) {
  t.test(`RFC 9113 §3.4: a silent ${role === 'client' ? 'server' : 'client'} is left`, t => {
    const { peer, recorder } = connect({ role, handshake: false })
    peer.takes()
    peer.advance(9_999)
    t.equal(recorder.closedCount, 0)
    peer.advance(1)
    t.match(peer.expectsGoaway(Code.protocolError, 0), /no preface in 10000 ms/)
    t.end()
  })

  t.test(`RFC 9113 §6.5.3: SETTINGS that nobody acknowledges (${role})`, t => {
    const { peer, recorder } = connect({ role, handshake: false })
    if (role === 'server') peer.sends(frames.preface())
    peer.sends(frames.settings({}))
    peer.takes()
    peer.advance(19_999)
    t.equal(recorder.closedCount, 0)
    peer.advance(1)
    peer.expectsGoaway(Code.settingsTimeout)
    t.end()
  })
}

t.test('half a preface does not count', t => {
  const { peer } = connect({ role: 'server', handshake: false })
  peer.takes()
  peer.sends(frames.preface().subarray(0, 20))
  peer.advance(10_000)
  peer.expectsGoaway(Code.protocolError)
  t.end()
})

t.test('RFC 9113 §10.5: a header block must be completed in time', t => {
  const { peer, recorder } = connect({ role: 'server' })
  const half = (id: number): Buffer => frames.headers(id, indexed(2), { endHeaders: false })
  peer.sends(half(1))
  peer.advance(9_999)
  peer.sends(frames.continuation(1, indexed(2)))
  peer.takes()
  peer.advance(50_000)
  t.equal(recorder.closedCount, 0, 'it was')
  peer.sends(half(3))
  peer.advance(10_000)
  t.match(peer.expectsGoaway(Code.enhanceYourCalm), /not complete in 10000 ms/)
  t.end()
})

t.test('CVE-2026-49975: a peer that keeps its window closed is left in the end', t => {
  const { peer, stream, recorder } = withStream({ role: 'client' })
  stream.sendData(Buffer.alloc(100_000), 0, 100_000, true)
  peer.takes()
  peer.advance(50_000)
  peer.sends(frames.windowUpdate(0, 2_000), frames.windowUpdate(1, 2_000))
  peer.takes()
  peer.advance(59_999)
  t.equal(recorder.closedCount, 0, 'two thousand octets were progress')
  peer.advance(60_001)
  t.equal(recorder.closedCount, 1)
  t.match(recorder.closedCause, { message: /took nothing .* in 60000 ms/ })
  t.end()
})

t.test('what is written but not taken counts as well; what was taken in time does not', t => {
  const { peer, stream, connection } = withStream({ role: 'client' })
  stream.sendData(Buffer.alloc(100), 0, 100, false)
  peer.takes()
  peer.advance(60_001)
  t.equal(inspect(connection).core.over, false)
  connection.setNow(peer.now)
  stream.sendData(Buffer.alloc(100), 0, 100, false)
  peer.advance(60_000)
  t.equal(inspect(connection).core.over, true)
  t.end()
})

t.test('the stall counts from when something began to wait, however quiet it was before', t => {
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
  peer.shakesHands({ initialWindowSize: 0 })
  peer.sends(frames.headers(1, REQUEST))
  const later = (ms: number): void => {
    now += ms
    timers.advance(now)
  }
  later(600_000)
  recorder.stream(1).sendHeaders(RESPONSE, false)
  recorder.stream(1).sendData(Buffer.alloc(10), 0, 10, false)
  peer.takes()
  later(59_000)
  t.equal(inspect(connection).core.over, false)
  for (let i = 0; i < 100; i++) later(1_000)
  t.equal(inspect(connection).core.over, true)
  t.end()
})

t.test('an idle connection leaves; one with streams, or user code, does not', t => {
  const limits = { ...FIXED_WINDOWS, idleTimeoutMs: 1_000 }
  const { peer, recorder, connection } = connect({ role: 'server', limits, hold: true })
  peer.advance(900)
  peer.requests(1)
  recorder.stream(1).sendHeaders(RESPONSE, true)
  peer.takes()
  peer.advance(5_000)
  t.equal(connection.draining, false, 'user code runs')
  recorder.stream(1).release()
  peer.advance(999)
  t.equal(connection.draining, false)
  peer.advance(6_000)
  t.equal(connection.draining, true)
  t.equal(peer.takes().length, 3, 'GOAWAY, PING, GOAWAY')
  t.equal(connection.finished, true)
  t.end()
})

t.test('a client that never opened a stream is idle from the first SETTINGS on', t => {
  const { peer, connection } = connect({ role: 'client', limits: { idleTimeoutMs: 1_000 } })
  peer.advance(1_000)
  peer.expects(frames.goaway(0, Code.noError))
  t.equal(connection.finished, true)
  t.end()
})

t.test('timers with an infinite time are not kept', t => {
  const forever = Number.POSITIVE_INFINITY
  const { peer, connection, open } = connect({
    role: 'client',
    limits: {
      prefaceTimeoutMs: forever,
      settingsTimeoutMs: forever,
      headerTimeoutMs: forever,
      writeStallTimeoutMs: forever,
      shutdownPingTimeoutMs: forever,
    },
  })
  open()
  peer.sends(frames.headers(1, indexed(8), { endHeaders: false }))
  t.equal(connection.deadline, forever)
  peer.sends(frames.continuation(1, Buffer.alloc(0)))
  connection.shutdown()
  t.equal(connection.timers.count, 0)
  t.end()
})

t.test('after the end no timer is left, whatever was armed', t => {
  for (const how of ['destroy', 'error'] as const) {
    const { peer, connection, recorder, open } = connect({
      role: 'client',
      limits: { idleTimeoutMs: 1_000, keepaliveIntervalMs: 1_000 },
    })
    const on = open()
    on.stream!.sendData(Buffer.alloc(100_000), 0, 100_000, true)
    peer.sends(frames.headers(1, indexed(8), { endHeaders: false }))
    t.ok(connection.timers.count >= 2)
    if (how === 'destroy') connection.destroy()
    else peer.sends(frames.ping())
    peer.takes()
    on.stream!.release()
    t.equal(connection.timers.count, 0, how)
    t.equal(recorder.closedCount, 1)
  }
  t.end()
})
