import t from 'tap'
import { Code, frames, REQUEST, RESPONSE, TRAILERS, Type, zeros } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

/** A server's stream needs a response before its DATA. */
function sender(role: 'client' | 'server', settings = {}): ReturnType<typeof withStream> {
  const connected = withStream({ role, settings })
  if (role === 'server') connected.stream.sendHeaders(RESPONSE, false)
  connected.peer.takes()
  return connected
}

t.test('RFC 9113 §6.9.2: a smaller initial window may leave a stream below zero', t => {
  const { peer, stream } = sender('client')
  stream.sendData(zeros, 0, 60_000, false)
  peer.skips(4) // 60_000 octets in frames of 16_384

  peer.sends(frames.settings({ initialWindowSize: 16_384 }))
  peer.expects(frames.settingsAck()) // 16_384 - 60_000 are left: -43_616

  stream.sendData(zeros, 0, 1, false)
  peer.expectsNothing()
  peer.sends(frames.windowUpdate(stream.id, 43_616))
  peer.expectsNothing()
  peer.sends(frames.windowUpdate(stream.id, 1))
  peer.expects(frames.data(stream.id, { size: 1 }))
  t.end()
})

t.test('RFC 9113 §6.9.1: DATA stops at the window of the stream', t => {
  for (const role of ROLES) {
    const { peer, stream } = sender(role, { initialWindowSize: 2_000 })
    stream.sendData(zeros, 0, 5_000, true)
    peer.expects(frames.data(1, { size: 2_000 }))
    peer.sends(frames.windowUpdate(1, 2_000))
    peer.expects(frames.data(1, { size: 2_000 }))
    peer.sends(frames.windowUpdate(1, 10_000))
    peer.expects(frames.data(1, { size: 1_000, endStream: true }))
  }
  t.end()
})

t.test('RFC 9113 §6.9.1: DATA stops at the window of the connection', t => {
  for (const role of ROLES) {
    const { peer, stream } = sender(role, { initialWindowSize: 1_000_000 })
    stream.sendData(zeros, 0, 70_000, true)
    const sizes = peer.takes().map(frame => frame.payload.length)
    t.equal(
      sizes.reduce((sum, size) => sum + size),
      65_535,
      role,
    )
    peer.sends(frames.windowUpdate(1, 1_000))
    peer.expectsNothing()
    peer.sends(frames.windowUpdate(0, 3_000))
    peer.expects(frames.data(1, { size: 3_000 }))
    peer.sends(frames.windowUpdate(0, 10_000))
    peer.expects(frames.data(1, { size: 1_465, endStream: true }))
  }
  t.end()
})

t.test('RFC 9113 §6.9.2: a larger initial window lets waiting DATA go', t => {
  for (const role of ROLES) {
    const { peer, stream } = sender(role, { initialWindowSize: 0 })
    stream.sendData(zeros, 0, 5, true)
    peer.expectsNothing()
    peer.sends(frames.settings({ initialWindowSize: 5 }))
    peer.expects(frames.settingsAck(), frames.data(1, { size: 5, endStream: true }))
  }
  t.end()
})

t.test('RFC 9113 §6.9.2: the initial window changes every stream, half-closed ones as well', t => {
  const { peer, recorder } = connect({ role: 'server', settings: { initialWindowSize: 4_000 } })
  peer.requests(1, 3)
  for (const id of [1, 3]) {
    recorder.stream(id).sendHeaders(RESPONSE, false)
    recorder.stream(id).sendData(zeros, 0, 10_000, true)
  }
  peer.skips(4)
  peer.sends(frames.windowUpdate(3, 1_000), frames.settings({ initialWindowSize: 9_000 }))
  const sent = peer.takes()
  const sum = (id: number): number =>
    sent
      .filter(frame => frame.streamId === id)
      .reduce((all, frame) => all + frame.payload.length, 0)
  t.equal(sum(1), 5_000)
  t.equal(sum(3), 6_000)
  t.end()
})

t.test('RFC 9113 §6.9.2: the initial window does not change the window of the connection', t => {
  const { peer, stream } = sender('client', { initialWindowSize: 0 })
  peer.sends(frames.settings({ initialWindowSize: 500_000 }))
  stream.sendData(zeros, 0, 100_000, false)
  const size = peer
    .takes()
    .reduce((sum, frame) => sum + (frame.type === Type.data ? frame.payload.length : 0), 0)
  t.equal(size, 65_535)
  t.end()
})

t.test('RFC 9113 §6.9.2: an initial window that overflows a stream is a connection error', t => {
  for (const role of ROLES) {
    const { peer } = sender(role)
    peer.sends(frames.windowUpdate(1, 1)) // one above the initial window
    peer.sends(frames.settings({ initialWindowSize: 0x7fff_ffff }))
    peer.expectsFatal(Code.flowControlError)
  }
  t.end()
})

t.test('RFC 9113 §6.9.2: streams that are over do not make the initial window overflow', t => {
  for (const role of ROLES) {
    const { peer, stream } = sender(role)
    peer.sends(frames.windowUpdate(1, 0x7000_0000))
    stream.reset(Code.cancel)
    peer.takes()
    peer.sends(frames.settings({ initialWindowSize: 0x7fff_ffff }))
    peer.expects(frames.settingsAck())
  }
  t.end()
})

t.test('RFC 9113 §6.9: an increment of 0 is an error', t => {
  for (const role of ROLES) {
    const onStream = sender(role)
    onStream.peer.sends(frames.windowUpdate(1, 0))
    onStream.peer.expects(frames.rstStream(1, Code.protocolError))
    t.same(onStream.events, ['reset 1 PROTOCOL_ERROR by us'])
    const onConnection = sender(role)
    onConnection.peer.sends(frames.windowUpdate(0, 0))
    onConnection.peer.expectsFatal(Code.protocolError)
  }
  t.end()
})

t.test('RFC 9113 §6.9.1: a window may reach 2^31 - 1 and not one octet more', t => {
  for (const role of ROLES) {
    const onStream = sender(role)
    onStream.peer.sends(frames.windowUpdate(1, 0x7fff_ffff - 65_535))
    onStream.peer.expectsNothing()
    onStream.peer.sends(frames.windowUpdate(1, 1))
    onStream.peer.expects(frames.rstStream(1, Code.flowControlError))
    t.same(onStream.events, ['reset 1 FLOW_CONTROL_ERROR by us'])

    const onConnection = sender(role)
    onConnection.peer.sends(frames.windowUpdate(0, 0x7fff_ffff - 65_535))
    onConnection.peer.expectsNothing()
    onConnection.peer.sends(frames.windowUpdate(0, 1))
    onConnection.peer.expectsFatal(Code.flowControlError)

    const atOnce = sender(role)
    atOnce.peer.sends(frames.windowUpdate(0, 0x7fff_ffff))
    atOnce.peer.expectsFatal(Code.flowControlError)
  }
  t.end()
})

t.test('RFC 9113 §6.9.1: a negative window may be raised by a full increment', t => {
  const { peer, stream } = sender('client')
  stream.sendData(zeros, 0, 65_535, false)
  peer.takes()
  peer.sends(frames.settings({ initialWindowSize: 0 })) // -65_535
  peer.expects(frames.settingsAck())
  peer.sends(frames.windowUpdate(1, 0x7fff_ffff))
  peer.expectsNothing()
  t.end()
})

t.test('RFC 9113 §6.9: only DATA counts', t => {
  for (const role of ROLES) {
    const { peer, stream } = sender(role, { initialWindowSize: 0 })
    stream.sendHeaders(TRAILERS, true)
    peer.expects(frames.headers(1, TRAILERS, { endStream: true }))
  }
  t.end()
})

t.test('RFC 9113 §5.2.2: reading goes on while windows are closed', t => {
  for (const role of ROLES) {
    const { peer, stream, events } = sender(role, { initialWindowSize: 0x7fff_0000 })
    stream.sendData(zeros, 0, 100_000, false) // uses up the window of the connection
    peer.takes()
    peer.sends(
      frames.ping(),
      frames.settings({ headerListSizeMax: 50_000 }),
      role === 'client' ? frames.headers(1, RESPONSE) : frames.headers(3, REQUEST),
      frames.data(1, { size: 7 }),
    )
    peer.expects(frames.ping('12345678', true), frames.settingsAck())
    t.same(events.slice(-2), [role === 'client' ? 'headers 1' : 'request 3', 'data 1 7'])
    peer.sends(frames.rstStream(1, Code.cancel))
    t.equal(events.at(-1), 'reset 1 CANCEL by peer', role)
  }
  t.end()
})

t.test('RFC 9113 §5.2.1: a stream may send 65_535 octets before anybody says otherwise', t => {
  for (const role of ROLES) {
    const { peer, stream } = sender(role)
    peer.sends(frames.windowUpdate(0, 1_000_000))
    stream.sendData(zeros, 0, 65_536, true)
    const sizes = peer.takes().map(({ payload }) => payload.length)
    t.equal(
      sizes.reduce((sum, size) => sum + size),
      65_535,
      role,
    )
  }
  t.end()
})

t.test('RFC 9113 §6.9.1: empty DATA with END_STREAM goes out with no window left', t => {
  for (const role of ROLES) {
    const empty = sender(role, { initialWindowSize: 0 })
    empty.stream.sendData(zeros, 0, 0, true)
    empty.peer.expects(frames.data(1, { endStream: true }))

    const negative = sender(role, { initialWindowSize: 10 })
    negative.stream.sendData(zeros, 0, 10, false)
    negative.peer.skips(1)
    negative.peer.sends(frames.settings({ initialWindowSize: 0 }))
    negative.peer.expects(frames.settingsAck())
    negative.stream.sendData(zeros, 0, 0, true)
    negative.peer.expects(frames.data(1, { endStream: true }))
  }
  t.end()
})

t.test('END_STREAM and trailers wait for the DATA before them', t => {
  const ends = sender('client', { initialWindowSize: 3_000 })
  ends.stream.sendData(zeros, 0, 5_000, false)
  ends.stream.sendData(zeros, 0, 0, true)
  ends.peer.expects(frames.data(1, { size: 3_000 }))
  ends.peer.sends(frames.windowUpdate(1, 10_000))
  const lines = ends.peer.takesLines()
  t.match(lines[0], /^DATA stream 1 (END_STREAM )?2000 octets/)
  t.match(lines.at(-1), /END_STREAM/)

  const trailers = sender('server', { initialWindowSize: 3_000 })
  trailers.stream.sendData(zeros, 0, 5_000, false)
  trailers.stream.sendHeaders(TRAILERS, true)
  trailers.peer.expects(frames.data(1, { size: 3_000 }))
  t.notOk(trailers.stream.writable, 'we have said all we have to say')
  trailers.peer.sends(frames.windowUpdate(1, 10_000))
  trailers.peer.expects(
    frames.data(1, { size: 2_000 }),
    frames.headers(1, TRAILERS, { endStream: true }),
  )
  t.end()
})

t.test('RFC 9113 §5.1: WINDOW_UPDATE on a stream that ended a moment ago is no error', t => {
  for (const role of ROLES) {
    const { peer, stream } = sender(role)
    stream.reset(Code.cancel)
    peer.expects(frames.rstStream(1, Code.cancel))
    peer.sends(frames.windowUpdate(1, 1), frames.windowUpdate(1, 0x7fff_ffff))
    peer.expectsNothing()
  }
  t.end()
})

t.test('sendData answers false above the high-water mark, and onDrain says when to go on', t => {
  const { peer, stream, on, events } = sender('client', { initialWindowSize: 0 })
  t.equal(stream.sendData(zeros, 0, 30_000, false), true)
  t.equal(stream.sendData(zeros, 0, 40_000, false), false)
  t.equal(stream.bufferedSize, 70_000)
  peer.expectsNothing()
  peer.sends(frames.windowUpdate(1, 60_000))
  peer.takes()
  t.ok(on.drains <= 1)
  peer.sends(frames.windowUpdate(1, 10_000), frames.windowUpdate(0, 10_000))
  peer.takes()
  t.equal(stream.bufferedSize, 0)
  t.same(events, ['drain 1'], 'once')
  t.end()
})

t.test('beginData gives room for one frame, or -1 when it does not fit the windows', t => {
  const { peer, stream } = sender('client', { initialWindowSize: 100 })
  t.equal(stream.beginData(101, false), -1)
  peer.expectsNothing()
  const offset = stream.beginData(5, false)
  t.ok(offset >= 0)
  stream.slab.write('hello', offset, 'latin1')
  const next = stream.beginData(95, true)
  stream.slab.fill(0, next, next + 95)
  peer.expects(frames.data(1, { bytes: 'hello' }), frames.data(1, { size: 95, endStream: true }))
  t.notOk(stream.writable)
  t.end()
})

t.test('beginData and sendData may use up the window of the connection to the last octet', t => {
  const { peer, stream } = sender('client', { initialWindowSize: 1_000_000 })
  for (let i = 0; i < 6; i++) stream.sendData(zeros, 0, 10_000, false)
  const left = 65_535 - 60_000
  t.equal(stream.beginData(left + 1, false), -1)
  const offset = stream.beginData(left, false)
  t.ok(offset >= 0)
  stream.slab.fill(0, offset, offset + left)
  const size = peer.takes().reduce((sum, frame) => sum + frame.payload.length, 0)
  t.equal(size, 65_535)
  t.equal(stream.beginData(1, false), -1)
  t.end()
})

t.test('beginData never overtakes what is queued', t => {
  const { peer, stream } = sender('client', { initialWindowSize: 2_000 })
  stream.sendData(zeros, 0, 2_005, false)
  peer.expects(frames.data(1, { size: 2_000 }))
  peer.sends(frames.settings({ initialWindowSize: 2_002 })) // two more octets: not enough for what waits
  t.equal(stream.beginData(1, false), -1)
  t.end()
})

/** A server whose stream has used up its window, with more to send and a wide connection window. */
function dry(): ReturnType<typeof withStream> {
  const connected = sender('server')
  connected.peer.sends(frames.windowUpdate(0, 10_000_000))
  connected.stream.sendData(zeros, 0, 65_535, false)
  connected.stream.sendData(zeros, 0, 60_000, true)
  connected.peer.takes()
  return connected
}

t.test('CVE-2019-9511 (C1): a window opened octet by octet gives no frame for each octet', t => {
  const { peer } = dry()
  let count = 0
  for (let i = 0; i < 2_000; i++) {
    peer.sends(frames.windowUpdate(1, 1))
    count += peer.takes().filter(frame => frame.type === Type.data).length
    peer.advance(1)
    count += peer.takes().filter(frame => frame.type === Type.data).length
  }
  t.ok(count <= 100, `${count} DATA frames for 2_000 octets of window`)
  t.ok(count >= 1)
  t.end()
})

t.test('CVE-2019-9511 (C1): a small window is used in the end', t => {
  const { peer } = dry()
  peer.sends(frames.windowUpdate(1, 7))
  peer.expectsNothing()
  peer.advance(1_000)
  peer.expects(frames.data(1, { size: 7 }))
  t.end()
})

t.test('RFC 9113 §6.9.2: a peer whose whole window is small is not kept waiting', t => {
  const { peer, stream } = sender('server', { initialWindowSize: 1 })
  stream.sendData(zeros, 0, 5, true)
  peer.expects(frames.data(1, { size: 1 }))
  peer.sends(frames.windowUpdate(1, 1))
  peer.expects(frames.data(1, { size: 1 }))
  t.end()
})
