import t from 'tap'
import { Code, frames, REQUEST, RESPONSE, TRAILERS, Type } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

t.test(
  'RFC 9113 §6.8: streams above the last identifier are lost unprocessed, the others go on',
  t => {
    const { peer, open, events, connection } = connect({ role: 'client' })
    const [first, second, third] = [open(true), open(true), open(true)]
    peer.skips(3)
    peer.sends(frames.goaway(3, Code.noError, 'bye'))
    t.same(events, ['goaway 3 NO_ERROR', 'lost 5 unprocessed'])
    t.ok(connection.draining)
    t.notOk(connection.canOpen)
    t.throws(() => open(true))

    peer.sends(frames.headers(1, RESPONSE), frames.headers(1, TRAILERS, { endStream: true }))
    t.ok(first.ended)
    t.notOk(connection.finished, 'stream 3 is still running')
    peer.sends(frames.headers(3, RESPONSE, { endStream: true }))
    t.ok(second.ended)
    t.equal(third.unprocessed, true)
    peer.takes()
    t.ok(connection.finished, 'nothing is left to wait for')
    t.end()
  },
)

t.test('RFC 9113 §6.8: a second GOAWAY may lower the last identifier', t => {
  const { peer, open, events } = connect({ role: 'client' })
  for (let i = 0; i < 3; i++) open(true)
  peer.sends(frames.goaway(0x7fff_ffff, Code.noError), frames.goaway(3, Code.noError))
  peer.sends(frames.goaway(3, Code.noError), frames.goaway(1, Code.noError))
  t.same(
    events.filter(event => event.startsWith('lost')),
    ['lost 5 unprocessed', 'lost 3 unprocessed'],
  )
  t.end()
})

t.test('RFC 9113 §6.8: the last identifier must not rise', t => {
  for (const role of ROLES) {
    const { peer } = withStream({ role })
    peer.sends(frames.goaway(role === 'client' ? 1 : 0, Code.noError))
    peer.sends(frames.goaway(role === 'client' ? 3 : 2, Code.noError))
    peer.expectsFatal(Code.protocolError)
  }
  t.end()
})

t.test('RFC 9113 §6.8: a GOAWAY from a client does not touch its own requests', t => {
  const { peer, stream, events, connection } = withStream({ role: 'server' })
  peer.sends(frames.goaway(0, Code.noError))
  t.same(events, ['goaway 0 NO_ERROR'])
  t.notOk(connection.finished)
  peer.sends(frames.data(1, { bytes: 'still', endStream: true }))
  t.equal(events.at(-1), 'data 1 5 end')
  stream.sendHeaders(RESPONSE, true)
  peer.expectsNext(frames.headers(1, RESPONSE, { endStream: true }))
  t.end()
})

t.test('RFC 9113 §6.8: debug data is cut to 256 octets', t => {
  const { peer, recorder } = connect({ role: 'client' })
  peer.sends(frames.goaway(0, Code.enhanceYourCalm, 'x'.repeat(5_000)))
  t.equal(recorder.goawayDebug, 'x'.repeat(256))
  t.end()
})

t.test('RFC 9113 §7: an unknown error code in GOAWAY or RST_STREAM is nothing special', t => {
  const { peer, events } = withStream({ role: 'client' })
  peer.sends(frames.rstStream(1, 0xdead_beef))
  t.same(events, ['reset 1 0xdeadbeef by peer'])
  peer.sends(frames.goaway(1, 0xdead_beef))
  t.ok(events.includes('goaway 1 0xdeadbeef'))
  peer.takes()
  t.end()
})

t.test('RFC 9113 §5.4.1: an error GOAWAY names the last stream that was processed', t => {
  const { peer } = connect({ role: 'server' })
  peer.requests(1, 3, 9)
  peer.sends(frames.windowUpdate(0, 0))
  peer.expectsFatal(Code.protocolError, 9)

  const client = connect({ role: 'client' })
  for (let i = 0; i < 3; i++) client.open(true)
  client.peer.skips(3)
  client.peer.sends(frames.windowUpdate(0, 0))
  client.peer.expectsFatal(Code.protocolError, 0) // a server opens none
  t.end()
})

t.test('RFC 9113 §5.4.1: each running stream hears of a connection error once', t => {
  for (const role of ROLES) {
    const { peer, events } = withStream({ role })
    peer.sends(frames.windowUpdate(0, 0))
    peer.expectsFatal(Code.protocolError)
    t.equal(events.filter(event => event.startsWith('lost 1')).length, 1, role)
  }
  t.end()
})

t.test('RFC 9113 §6.8: an error GOAWAY from the peer loses every stream', t => {
  const { peer, open, connection } = connect({ role: 'client' })
  const [first, second] = [open(true), open(true)]
  peer.takes() // what has not left cannot have been processed
  peer.sends(frames.goaway(1, Code.internalError))
  t.equal(second.unprocessed, true)
  connection.destroy()
  t.equal(first.unprocessed, false, 'it may have been processed')
  t.equal(first.lastCalls, 1)
  t.end()
})

t.test('CVE-2026-27135 (D10): after our error GOAWAY a megabyte of anything is dropped', t => {
  const { peer, connection, events } = withStream({ role: 'server' })
  peer.sends(frames.windowUpdate(0, 0))
  peer.takes()
  const before = events.length
  for (let i = 0; i < 16; i++) peer.sends(Buffer.alloc(65_536, i))
  peer.sends(frames.headers(3, REQUEST), frames.ping(), frames.goaway(0, 0))
  peer.expectsNothing()
  t.equal(events.length, before)
  t.ok(connection.finished)
  t.end()
})

t.test('CVE-2019-9515 (D8): more than ten GOAWAY frames end the connection', t => {
  const { peer } = withStream({ role: 'client' })
  for (let i = 0; i < 11; i++) peer.sends(frames.goaway(0x7fff_ffff, Code.noError))
  t.match(peer.takesLines().at(-1), /^GOAWAY .* ENHANCE_YOUR_CALM$/)
  t.end()
})

t.test('RFC 9113 §6.8: a client without streams is finished when its server says GOAWAY', t => {
  const { peer, connection } = connect({ role: 'client' })
  peer.sends(frames.goaway(0, Code.noError))
  const sent = peer.takes()
  t.ok(sent.every(frame => frame.type === Type.goaway))
  t.ok(connection.finished)
  t.end()
})
