import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Code, frames, REQUEST, RESPONSE, Type } from '../support/frames.js'
import type { Peer } from '../support/peer.js'
import { connect, FIXED_WINDOWS, withStream } from '../support/peer.js'

/** Takes one PING of ours and answers it. */
function answersPing(peer: Peer): void {
  const [ping, ...others] = peer.takes()
  if (ping?.type !== Type.ping || others.length > 0) throw new Error('expected one PING')
  peer.sends(frames.ping(Buffer.from(ping.payload), true))
}

t.test('RFC 9113 §6.7: a PING is answered with its own octets, an answer is not answered', t => {
  const { peer, connection } = connect({ role: 'client' })
  peer.sends(frames.ping('abcdefgh'))
  peer.expects(frames.ping('abcdefgh', true))
  peer.sends(frames.ping('abcdefgh', true), frames.ping('mwir\0\0\0\x09', true))
  peer.expectsNothing()
  t.equal(inspect(connection).core.over, false)
  t.end()
})

t.test('ping tells the time of its answer, each its own', t => {
  const { peer, connection } = connect({ role: 'client', now: 1_000 })
  const heard: string[] = []
  connection.ping(now => heard.push(`a ${now}`))
  const first = Buffer.from(peer.takes()[0]!.payload)
  peer.now = 1_500
  connection.ping(now => heard.push(`b ${now}`))
  const second = Buffer.from(peer.takes()[0]!.payload)
  peer.sends(frames.ping(second, true))
  peer.now = 2_000
  peer.sends(frames.ping(first, true), frames.ping(first, true))
  t.same(heard, ['b 1500', 'a 2000'])
  t.end()
})

t.test("an answer after the end is nobody's", t => {
  const { peer, connection } = connect({ role: 'client' })
  connection.ping(() => t.fail('the connection has ended'))
  peer.takes()
  connection.destroy()
  connection.ping(() => t.fail('never sent'))
  peer.expectsNothing()
  t.end()
})

t.test('an exception from onAck goes to the host', t => {
  const { peer, connection, recorder } = connect({ role: 'client' })
  connection.ping(() => {
    throw new Error('thrown on purpose')
  })
  answersPing(peer)
  t.match(recorder.handlerErrors, [{ streamId: 0 }])
  t.equal(inspect(connection).core.over, false)
  t.end()
})

t.test("64 PINGs may wait; that is the caller's bound, not ours", t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { keepaliveIntervalMs: 1_000, streamWindowSize: 65_535 },
  })
  for (let i = 0; i < 64; i++) connection.ping(() => {})
  t.throws(() => connection.ping(() => {}), {
    name: 'RangeError',
    message: '64 PINGs wait for an answer; at most 64 may',
  })
  peer.takes()
  peer.sends(frames.headers(1, REQUEST))
  for (let i = 0; i < 4; i++) peer.sends(frames.data(1, { size: 16_000 }))
  t.equal(peer.takes().filter(frame => frame.type === Type.ping).length, 1, 'bandwidth')
  t.doesNotThrow(() => peer.advance(1_001))
  t.equal(peer.takes().filter(frame => frame.type === Type.ping).length, 1, 'keepalive')
  t.doesNotThrow(() => connection.shutdown())
  t.equal(recorder.closedCount, 0)
  t.end()
})

t.test('gRPC A8: keepalive after a silence, the end after another', t => {
  const limits = { ...FIXED_WINDOWS, keepaliveIntervalMs: 1_000, keepaliveTimeoutMs: 100 }
  const { peer, recorder, connection, on } = withStream({ role: 'client', limits })
  peer.advance(900)
  peer.sends(frames.headers(1, RESPONSE))
  peer.advance(999)
  peer.expectsNothing()
  peer.advance(1)
  answersPing(peer)
  peer.advance(999)
  peer.expectsNothing()
  peer.advance(1)
  t.equal(peer.takes().length, 1)
  peer.advance(99)
  t.equal(recorder.closedCount, 0)
  peer.advance(1)
  t.equal(recorder.closedCount, 1)
  t.match(recorder.closedCause, {
    message: /not answered a keepalive PING in 100 ms and was silent for 1100 ms/,
  })
  t.equal(on.unprocessed, false)
  t.equal(connection.finished, true)
  t.equal(connection.timers.count, 0)
  t.end()
})

t.test('a peer that sends something but never answers does not fill our memory', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { keepaliveIntervalMs: 1_000, keepaliveTimeoutMs: 500, pingStrikesMax: 1_000 },
  })
  for (let i = 0; i < 200; i++) {
    peer.advance(1_000)
    t.doesNotThrow(() => peer.sends(frames.priority(1)))
    peer.takes()
  }
  t.equal(recorder.closedCount, 0)
  t.doesNotThrow(() => connection.ping(() => {}))
  t.end()
})

t.test('gRPC A8: a client without streams is quiet, and starts again with the next one', t => {
  const { peer, connection, open } = connect({
    role: 'client',
    limits: { keepaliveIntervalMs: 1_000 },
  })
  peer.advance(10_000)
  peer.expectsNothing()
  connection.setNow(peer.now)
  const on = open(true)
  t.equal(peer.takes().length, 1)
  peer.advance(1)
  t.equal(peer.takes()[0]?.type, Type.ping, 'it has been silent for long')
  on.stream!.reset(Code.cancel)
  peer.takes()
  peer.advance(60_000)
  peer.expectsNothing()
  t.equal(inspect(connection).core.over, false)
  t.end()
})

t.test('gRPC A8: a client that pings too often is told so, with the words it knows', t => {
  const { peer } = withStream({ role: 'server', limits: { pingIntervalMinMs: 1_000 } })
  for (let i = 0; i < 3; i++) {
    peer.sends(frames.ping())
    peer.advance(999)
  }
  peer.takes()
  peer.sends(frames.ping())
  t.equal(peer.expectsGoaway(Code.enhanceYourCalm), 'too_many_pings')
  t.end()
})

t.test('gRPC A8: HEADERS or DATA of ours forgive, patience is rewarded, Infinity is no rule', t => {
  const forgiven = withStream({ role: 'server' })
  forgiven.stream.sendHeaders(RESPONSE, false)
  for (let i = 0; i < 50; i++) {
    forgiven.peer.sends(frames.ping())
    if (i % 2 === 0) forgiven.stream.sendData(Buffer.alloc(1), 0, 1, false)
  }
  t.equal(inspect(forgiven.connection).core.over, false)
  const patient = withStream({ role: 'server', limits: { pingIntervalMinMs: 1_000 } })
  for (let i = 0; i < 20; i++) {
    patient.peer.advance(1_000)
    patient.peer.sends(frames.ping())
  }
  t.equal(inspect(patient.connection).core.over, false)
  const off = withStream({ role: 'server', limits: { pingStrikesMax: Number.POSITIVE_INFINITY } })
  for (let i = 0; i < 50; i++) off.peer.sends(frames.ping())
  t.equal(inspect(off.connection).core.over, false)
  const idle = connect({ role: 'server', limits: { pingIntervalMinMs: 10 } })
  for (let i = 0; i < 4; i++) {
    idle.peer.sends(frames.ping())
    idle.peer.takes()
    idle.peer.advance(7_199_000 / 100)
  }
  t.equal(inspect(idle.connection).core.over, true, 'without a stream two hours are the least')
  t.end()
})
