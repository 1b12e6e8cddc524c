import t, { type Test } from 'tap'
import { Code, frames, literalBlock, REQUEST, RESPONSE, TRAILERS, Type } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

/** The first GOAWAY and the PING that separates it from the second; answers the PING. */
function firstPhase(peer: ReturnType<typeof connect>['peer'], t: Test): Buffer {
  const [goaway, ping, ...rest] = peer.takes()
  t.equal(goaway!.type, Type.goaway)
  t.equal(goaway!.payload.readUInt32BE(0), 0x7fff_ffff, 'no identifier is excluded yet')
  t.equal(goaway!.payload.readUInt32BE(4), Code.noError)
  t.equal(ping!.type, Type.ping)
  t.equal(rest.length, 0)
  return frames.ping(ping!.payload, true)
}

t.test('RFC 9113 §6.8: a server shuts down in two phases, a round trip apart', t => {
  const { peer, connection, recorder } = withStream({ role: 'server' })
  connection.shutdown()
  t.ok(connection.draining)
  const ack = firstPhase(peer, t)

  peer.sends(frames.headers(3, REQUEST, { endStream: true })) // was on its way: served
  t.ok(recorder.streams.has(3))
  recorder.stream(3).sendHeaders(RESPONSE, true)
  peer.expects(frames.headers(3, RESPONSE, { endStream: true }))

  peer.sends(ack)
  peer.expectsGoaway(Code.noError, 3)
  t.notOk(connection.finished, 'stream 1 is still running')

  peer.sends(frames.data(1, { bytes: 'x', endStream: true }))
  recorder.stream(1).sendHeaders(RESPONSE, false)
  recorder.stream(1).sendHeaders(TRAILERS, true)
  peer.expects(frames.headers(1, RESPONSE), frames.headers(1, TRAILERS, { endStream: true }))
  t.ok(connection.finished)
  connection.destroy()
  t.equal(recorder.closedCount, 1)
  t.equal(recorder.closedCause, undefined, 'an orderly end')
  t.end()
})

t.test('RFC 9113 §6.8: requests above the last identifier are ignored, but decoded', t => {
  const { peer, connection, recorder } = withStream({ role: 'server' })
  connection.shutdown()
  peer.sends(firstPhase(peer, t))
  peer.expectsGoaway(Code.noError, 1)
  const inserted = Buffer.from('400161' + '0162', 'hex') // a: b, into the dynamic table
  peer.sends(
    frames.headers(3, Buffer.concat([literalBlock(REQUEST), inserted]), { endStream: true }),
  )
  t.notOk(recorder.streams.has(3))
  peer.sends(frames.headers(1, Buffer.of(0x80 | 62), { endStream: true })) // trailers by index
  t.same(recorder.on(1).lists.at(-1), ['a', 'b'])
  t.end()
})

t.test('RFC 9113 §6.8: DATA above the last identifier still counts on the connection', t => {
  const { peer, connection } = withStream({
    role: 'server',
    limits: { connectionWindowSize: 65_535 },
  })
  connection.shutdown()
  peer.sends(firstPhase(peer, t))
  peer.expectsGoaway(Code.noError, 1)
  let credit = 65_535
  peer.sends(frames.headers(3, REQUEST))
  for (let i = 0; i < 40; i++) {
    t.ok(credit >= 16_384, 'the connection window comes back')
    peer.sends(frames.data(3, { size: 16_384 }))
    credit -= 16_384
    for (const frame of peer.takes()) {
      if (frame.type === Type.windowUpdate && frame.streamId === 0)
        credit += frame.payload.readUInt32BE(0)
    }
  }
  t.end()
})

t.test(
  'RFC 9113 §5.1: after the last GOAWAY, DATA on a stream that was never opened is an error',
  t => {
    const { peer, connection } = withStream({ role: 'server' })
    connection.shutdown()
    peer.sends(firstPhase(peer, t))
    peer.expectsGoaway(Code.noError, 1)
    peer.sends(frames.headers(3, REQUEST), frames.data(3, { size: 1 }))
    peer.expectsNothing()
    peer.sends(frames.data(5, { size: 1 }))
    peer.expectsFatal(Code.protocolError, 1)
    t.ok(connection.finished)
    t.end()
  },
)

t.test('the second GOAWAY does not wait for an answer to the PING for ever', t => {
  const { peer, connection } = withStream({ role: 'server' })
  connection.shutdown()
  firstPhase(peer, t)
  peer.advance(4_999)
  peer.expectsNothing()
  peer.advance(1_001)
  peer.expectsGoaway(Code.noError, 1)
  t.end()
})

t.test('an idle connection that is shut down is finished after the round trip', t => {
  for (const role of ROLES) {
    const { peer, connection } = connect({ role })
    connection.shutdown()
    const sent = peer.takes()
    t.equal(sent[0]!.type, Type.goaway, role)
    const ping = sent.find(frame => frame.type === Type.ping)
    if (ping !== undefined) peer.sends(frames.ping(ping.payload, true))
    peer.takes()
    t.ok(connection.finished, role)
  }
  t.end()
})

t.test('shutdown called twice does nothing the second time', t => {
  const { peer, connection } = withStream({ role: 'server' })
  connection.shutdown()
  connection.shutdown()
  const ack = firstPhase(peer, t)
  connection.shutdown()
  peer.expectsNothing()
  peer.sends(ack)
  peer.expectsGoaway(Code.noError, 1)
  t.end()
})

t.test('a client that shuts down lets its calls end and opens no more', t => {
  const { peer, connection, open, on } = withStream({ role: 'client' })
  connection.shutdown()
  t.notOk(connection.canOpen)
  t.throws(() => open(true))
  for (const frame of peer.takes()) {
    if (frame.type === Type.ping) peer.sends(frames.ping(frame.payload, true))
  }
  t.notOk(connection.finished)
  peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
  on.stream!.sendData(Buffer.alloc(0), 0, 0, true)
  peer.takes()
  t.ok(on.ended)
  t.ok(connection.finished)
  t.end()
})
