import t from 'tap'
import { Code, frames, REQUEST, RESPONSE, zeros } from '../support/frames.js'
import { connect, ROLES, type WithStream, withStream } from '../support/peer.js'

/** Every way in which stream 1 may close; the peer has sent it 60_000 octets that wait to be consumed. */
const ENDS: Record<string, (connected: WithStream, role: 'client' | 'server') => void> = {
  'END_STREAM of both, ours last': (connected, role) => {
    connected.peer.sends(frames.data(1, { endStream: true }))
    sendsEnd(connected, role)
  },
  'END_STREAM of both, theirs last': (connected, role) => {
    sendsEnd(connected, role)
    connected.peer.sends(frames.data(1, { endStream: true }))
  },
  'RST_STREAM of the peer': ({ peer }) => peer.sends(frames.rstStream(1, Code.cancel)),
  'RST_STREAM of the peer, with DATA queued': connected => {
    queues(connected)
    connected.peer.sends(frames.rstStream(1, Code.cancel))
  },
  'RST_STREAM of ours': ({ stream }) => stream.reset(Code.cancel),
  'RST_STREAM of ours, with DATA queued': connected => {
    queues(connected)
    connected.stream.reset(Code.cancel)
  },
  'an error of the peer': ({ peer }) => peer.sends(frames.windowUpdate(1, 0)),
}

/** More than the windows take. */
function queues({ peer, stream }: WithStream): void {
  stream.sendData(zeros, 0, 100_000, true)
  peer.takes()
}

function sendsEnd({ stream }: WithStream, role: 'client' | 'server'): void {
  if (role === 'server') stream.sendHeaders(RESPONSE, true)
  else stream.sendData(zeros, 0, 0, true)
}

t.test('RFC 9113 §5.1: nothing is sent on a stream that is closed', t => {
  for (const role of ROLES) {
    for (const [name, closes] of Object.entries(ENDS)) {
      const connected = withStream({ role, limits: { streamWindowSize: 65_535 } })
      const { peer, stream } = connected
      if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
      for (let i = 0; i < 4; i++) peer.sends(frames.data(1, { size: 15_000 }))
      peer.takes()
      closes(connected, role)
      const last = peer.takes().filter(({ streamId }) => streamId !== 0)
      const word = name.startsWith('RST_STREAM of the peer') ? 0 : 1 // END_STREAM or RST_STREAM
      t.equal(last.length, word, `${role}, ${name}`)
      t.ok(stream.closed, `${role}, ${name}`)
      t.equal(stream.bufferedSize, 0, 'what was queued is dropped')
      stream.sendHeaders(RESPONSE, false)
      stream.sendData(zeros, 0, 10, false)
      stream.sendPrefixed(Buffer.of(0), Buffer.of(0), true)
      t.equal(stream.beginData(10, true), -1)
      stream.consume(60_000)
      stream.expect(1_000_000)
      stream.reset(Code.internalError)
      stream.release()
      peer.sends(frames.windowUpdate(0, 200_000), frames.windowUpdate(1, 200_000))
      const sent = peer.takes().filter(({ streamId }) => streamId !== 0)
      t.same(sent, [], `${role}, ${name}`) // WINDOW_UPDATE of the connection may go
    }
  }
  t.end()
})

t.test('RFC 9113 §5.1: after our END_STREAM only WINDOW_UPDATE and RST_STREAM are sent', t => {
  for (const role of ROLES) {
    const connected = withStream({ role, limits: { streamWindowSize: 65_535 } })
    const { peer, stream } = connected
    if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
    sendsEnd(connected, role)
    for (let i = 0; i < 4; i++) peer.sends(frames.data(1, { size: 15_000 }))
    peer.takes()
    t.notOk(stream.writable)
    stream.sendHeaders(RESPONSE, false)
    stream.sendHeaders(RESPONSE, true)
    stream.sendData(zeros, 0, 10, false)
    stream.sendData(zeros, 0, 0, true)
    stream.sendPrefixed(Buffer.of(0), Buffer.of(0), true)
    t.equal(stream.beginData(10, true), -1)
    peer.expectsNothing()
    stream.consume(60_000)
    t.ok(peer.takesLines().includes('WINDOW_UPDATE stream 1 +60000'), role)
    stream.reset(Code.cancel)
    t.same(peer.takesLines(), ['RST_STREAM stream 1 CANCEL'])
  }
  t.end()
})

t.test('RFC 9113 §5.1: no window is given to a stream that its peer has ended', t => {
  for (const role of ROLES) {
    const { peer, stream } = withStream({ role, limits: { streamWindowSize: 65_535 } })
    if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
    for (let i = 0; i < 4; i++) peer.sends(frames.data(1, { size: 15_000, endStream: i === 3 }))
    peer.takes()
    stream.expect(1_000_000)
    stream.consume(60_000)
    const sent = peer.takes().filter(({ streamId }) => streamId !== 0)
    t.same(sent, [], role)
  }
  t.end()
})

t.test('RFC 9113 §5.1.1: a skipped identifier is closed, not idle', t => {
  const { peer, events } = connect({ role: 'server' })
  peer.requests(9)
  peer.sends(frames.rstStream(3, Code.cancel), frames.windowUpdate(5, 1), frames.priority(7))
  peer.expectsNothing()
  t.same(events, ['request 9 end'])
  peer.sends(frames.headers(7, REQUEST))
  peer.expectsFatal(Code.protocolError, 9)
  t.end()
})
