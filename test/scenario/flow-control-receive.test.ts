import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import type { ConnectionLimits } from '../../src/connection/index.js'
import { Code, frames, REQUEST, RESPONSE, Type, zeros } from '../support/frames.js'
import { connect, FIXED_WINDOWS, type Peer, ROLES, withStream } from '../support/peer.js'

/** No estimate that moves the windows. */
const EXACT = { ...FIXED_WINDOWS, streamWindowSize: 262_144 }

/** Sum of the increments seen for a stream, or for the connection (0). */
function credit(peer: Peer, streamId: number): number {
  let sum = 0
  for (const frame of peer.takes()) {
    if (frame.type === Type.windowUpdate && frame.streamId === streamId)
      sum += frame.payload.readUInt32BE(0)
  }
  return sum
}

function receiver(
  role: 'client' | 'server',
  limits: Partial<ConnectionLimits>,
  consume = false,
): ReturnType<typeof withStream> {
  const connected = withStream({ role, limits: { ...EXACT, ...limits }, consume })
  if (role === 'client') connected.peer.sends(frames.headers(1, RESPONSE))
  connected.events.splice(0)
  return connected
}

/** DATA frames of `size` octets in all. */
function body(streamId: number, size: number): Buffer[] {
  const parts: Buffer[] = []
  for (let left = size; left > 0; left -= 16_384)
    parts.push(frames.data(streamId, { size: Math.min(left, 16_384) }))
  return parts
}

t.test('RFC 9113 §6.9.1: DATA beyond the window of a stream is a stream error', t => {
  for (const role of ROLES) {
    const { peer, events } = receiver(role, { streamWindowSize: 100 })
    peer.sends(frames.data(1, { size: 100 }))
    t.equal(events.at(-1), 'data 1 100')
    peer.expectsNothing()
    peer.sends(frames.data(1, { size: 1 }))
    peer.expects(frames.rstStream(1, Code.flowControlError))
    t.equal(events.at(-1), 'reset 1 FLOW_CONTROL_ERROR by us')
  }
  t.end()
})

t.test('RFC 9113 §6.9.1: DATA beyond the window of the connection is a connection error', t => {
  for (const role of ROLES) {
    const { peer, events } = receiver(role, {
      streamWindowSize: 200_000,
      connectionWindowSize: 65_535,
      frameSizeMax: 100_000,
    })
    peer.sends(frames.data(1, { size: 65_535 }))
    t.equal(events.length, 1)
    peer.takes()
    peer.sends(frames.data(1, { size: 65_536 }))
    peer.expectsFatal(Code.flowControlError)
    t.notOk(events.includes('data 1 65536'))
  }
  t.end()
})

t.test('RFC 9113 §6.1: padding and its length octet count in both windows', t => {
  const stream = receiver('server', { streamWindowSize: 100 })
  stream.peer.sends(frames.data(1, { size: 10, padding: 90 })) // 101 octets
  stream.peer.expects(frames.rstStream(1, Code.flowControlError))

  const exact = receiver('server', { streamWindowSize: 100 })
  exact.peer.sends(frames.data(1, { size: 10, padding: 89 }))
  t.same(exact.events, ['data 1 10'])
  t.end()
})

t.test('CVE-2019-9518 (C5): padding comes back by itself', t => {
  const { peer, stream } = receiver('server', {
    streamWindowSize: 65_535,
    connectionWindowSize: 65_535,
  })
  let onStream = 65_535
  let onConnection = 65_535
  for (let i = 0; i < 2_000; i++) {
    if (onStream < 257 || onConnection < 257) t.fail(`no window left after ${i} frames`)
    peer.sends(frames.data(1, { size: 1, padding: 255 }))
    stream.consume(1)
    onStream -= 257
    onConnection -= 257
    for (const frame of peer.takes()) {
      if (frame.type !== Type.windowUpdate) continue
      if (frame.streamId === 0) onConnection += frame.payload.readUInt32BE(0)
      else onStream += frame.payload.readUInt32BE(0)
    }
  }
  t.ok(
    onStream >= 32_767 && onConnection >= 32_767,
    `${onStream} and ${onConnection} octets are left`,
  )
  t.ok(onStream <= 65_535 && onConnection <= 65_535, 'never more than was granted')
  t.end()
})

t.test('RFC 9113 §6.1: padding around an announced message does not stall it', t => {
  const { peer, stream } = receiver('server', { ...FIXED_WINDOWS, streamWindowSize: 65_535 })
  stream.expect(200_000) // nothing is consumed before the message is complete
  let left = 65_535 + credit(peer, 1)
  t.equal(left, 200_000)
  for (let received = 0; received < 200_000; ) {
    const padding = left > 256 ? 256 : 0 // its length octet included
    const size = Math.min(1_000, left - padding, 200_000 - received)
    if (size <= 0) t.fail(`${left} octets of window are left after ${received}`)
    if (size <= 0) break
    peer.sends(frames.data(1, padding > 0 ? { size, padding: 255 } : { size }))
    received += size
    left += credit(peer, 1) - size - padding
  }
  t.end()
})

t.test('RFC 9113 §6.1: a peer that pads every frame gets room for the last one too', t => {
  for (const total of [65_800, 200_000, 200_100, 200_200]) {
    const { peer, stream } = receiver('server', { ...FIXED_WINDOWS, streamWindowSize: 65_535 })
    let left = 65_535
    for (let received = 0; received < total; ) {
      const size = Math.min(1_000, left - 256, total - received)
      if (size <= 0) t.fail(`${left} octets of window are left after ${received} of ${total}`)
      if (size <= 0) break
      peer.sends(frames.data(1, { size, padding: 255 }))
      received += size
      if (received === size) stream.expect(total - received)
      left += credit(peer, 1) - size - 256
    }
  }
  t.end()
})

t.test(
  'RFC 9113 §6.9: a stream gets credit for what was consumed, the connection for what came',
  t => {
    for (const role of ROLES) {
      const { peer, stream } = receiver(role, {
        streamWindowSize: 100_000,
        connectionWindowSize: 100_000,
      })
      peer.sends(...body(1, 90_000))
      const lines = peer.takesLines()
      t.ok(lines.length > 0 && lines.every(line => line.startsWith('WINDOW_UPDATE +')), role)
      stream.consume(90_000)
      t.equal(credit(peer, 1), 90_000, `${role}: stream`)
    }
    t.end()
  },
)

t.test('RFC 9113 §6.9: a reader that keeps up never runs the peer dry', t => {
  for (const role of ROLES) {
    const { peer, events } = receiver(role, {}, true)
    const windows = new Map([
      [0, 1_048_576],
      [1, 262_144],
    ])
    for (let i = 0; i < 500; i++) {
      peer.sends(frames.data(1, { size: 16_384 }))
      for (const [id, left] of windows) windows.set(id, left - 16_384)
      for (const frame of peer.takes()) {
        if (frame.type !== Type.windowUpdate) continue
        windows.set(frame.streamId, windows.get(frame.streamId)! + frame.payload.readUInt32BE(0))
      }
      for (const [id, left] of windows)
        if (left < 16_384) t.fail(`window of ${id} is ${left} after ${i} frames`)
    }
    t.equal(events.length, 500)
    t.ok(
      windows.get(1)! <= 262_144 && windows.get(0)! <= 1_048_576,
      `${role}: never more than was granted`,
    )
  }
  t.end()
})

t.test('C7: nothing that a stream holds is taken from the window of the connection', t => {
  for (const role of ROLES) {
    for (const byPeer of [true, false]) {
      const { peer, stream, connection } = receiver(role, {
        streamWindowSize: 60_000,
        connectionWindowSize: 65_535,
      })
      peer.sends(...body(1, 60_000))
      t.ok(credit(peer, 0) >= 60_000 - 32_768, `${role}: it came back on receipt`)
      if (byPeer) peer.sends(frames.rstStream(1, Code.cancel))
      else stream.reset(Code.cancel)
      t.equal(credit(peer, 0), 0, 'and not once more')
      stream.consume(60_000) // late: must not be counted again
      t.equal(credit(peer, 0), 0)
      t.equal(inspect(connection).receiver.retained, 0)
    }
  }
  t.end()
})

t.test(
  'RFC 9113 §5.1: DATA on a stream we have reset counts on the connection and comes back',
  t => {
    for (const role of ROLES) {
      const { peer, stream } = receiver(role, {
        streamWindowSize: 65_535,
        connectionWindowSize: 65_535,
      })
      stream.reset(Code.cancel)
      peer.takes()
      let left = 65_535
      for (let i = 0; i < 20; i++) {
        t.ok(left >= 16_384, `${role}: ${left} left`)
        peer.sends(frames.data(1, { size: 16_000, padding: 200 }))
        left += credit(peer, 0) - 16_201
      }
      t.ok(left <= 65_535)
    }
    t.end()
  },
)

t.test('RFC 9113 §5.1: DATA on a refused stream counts on the connection and comes back', t => {
  const { peer } = connect({
    role: 'server',
    limits: { ...EXACT, streamsMax: 0, connectionWindowSize: 65_535 },
  })
  peer.sends(frames.headers(1, REQUEST))
  let left = 65_535
  for (let i = 0; i < 15; i++) {
    peer.sends(frames.data(1, { size: 16_384 }))
    left += credit(peer, 0) - 16_384
    t.ok(left >= 16_384)
  }
  t.end()
})

t.test('RFC 9113 §6.9.1: the window of the connection holds for ignored DATA too', t => {
  const { peer, stream } = receiver('server', {
    streamWindowSize: 65_535,
    connectionWindowSize: 65_535,
  })
  stream.reset(Code.cancel)
  peer.sends(...body(1, 65_535 + 200_000)) // in one chunk: no credit can have reached the peer
  const lines = peer.takesLines()
  const overrun = lines.some(
    line => line.startsWith('GOAWAY') && line.endsWith('FLOW_CONTROL_ERROR'),
  )
  const granted = lines.filter(line => line.startsWith('WINDOW_UPDATE +')).length
  t.ok(overrun || granted > 0, 'either it is caught, or the credit was already on its way')
  t.end()
})

t.test('RFC 9113 §6.9.3: until our smaller window is acknowledged, the old one holds', t => {
  for (const role of ROLES) {
    const limits = { ...EXACT, streamWindowSize: 1_000 }
    const { peer, events, open } = connect({ role, handshake: false, limits })
    if (role === 'client') open()
    peer.takes()
    if (role === 'server') peer.sends(frames.preface())
    const headers = frames.headers(1, role === 'client' ? RESPONSE : REQUEST)
    peer.sends(frames.settings(), headers, frames.data(1, { size: 5_000 }))
    t.equal(events.at(-1), 'data 1 5000', 'sent under the initial 65_535')
    t.notOk(
      peer.takesLines().some(line => line.startsWith('RST_STREAM') || line.startsWith('GOAWAY')),
    )
    peer.sends(frames.settingsAck()) // the window is -4_000 from here on
    peer.sends(frames.data(1, { size: 1 }))
    peer.expects(frames.rstStream(1, Code.flowControlError))
  }
  t.end()
})

t.test('RFC 9113 §6.9.2: our larger window holds once the peer may know of it', t => {
  const { peer, events } = connect({
    role: 'server',
    handshake: false,
    limits: { ...EXACT, streamWindowSize: 200_000 },
  })
  peer.takes()
  peer.sends(frames.preface(), frames.settings(), frames.headers(1, REQUEST), ...body(1, 200_000))
  t.equal(events.filter(event => event.startsWith('data')).length, 13)
  peer.expects(frames.settingsAck())
  t.end()
})

t.test('expect grants the window of an announced message at once', t => {
  for (const role of ROLES) {
    const { peer, stream } = receiver(role, { streamWindowSize: 1_000 })
    peer.sends(frames.data(1, { size: 500 }))
    stream.expect(50_000)
    const granted = credit(peer, 1)
    t.ok(granted >= 49_500 - 500 && granted <= 51_000, `${role}: granted ${granted}`)
    peer.sends(...body(1, 49_500))
    peer.expectsNothing()
    t.equal(stream.writable, true)
  }
  t.end()
})

t.test('RFC 9113 §6.9: no WINDOW_UPDATE for a stream whose peer has ended it', t => {
  const { peer, stream } = receiver('server', { streamWindowSize: 65_535 })
  peer.sends(...body(1, 60_000), frames.data(1, { endStream: true }))
  stream.consume(60_000)
  t.equal(credit(peer, 1), 0)
  t.end()
})

t.test('RFC 9113 §6.9.1: windows on both levels hold under random traffic', t => {
  const { peer, stream, on } = receiver('server', {
    streamWindowSize: 70_000,
    connectionWindowSize: 80_000,
  })
  let seed = 7
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return seed % below
  }
  const windows = [80_000, 70_000] as [number, number]
  let [sent, received, consumed] = [0, 0, 0]
  for (let i = 0; i < 3_000; i++) {
    const room = Math.min(windows[0], windows[1], 16_000)
    if (room > 0 && random(3) > 0) {
      const size = random(room) + 1
      peer.sends(frames.data(1, { bytes: zeros.subarray(0, size) }))
      windows[0] -= size
      windows[1] -= size
      sent += size
    }
    received = on.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    if (random(2) === 0 && received > consumed) {
      const size = random(received - consumed) + 1
      stream.consume(size)
      consumed += size
    }
    for (const frame of peer.takes()) {
      const at = frame.streamId as 0 | 1
      if (frame.type === Type.windowUpdate) windows[at] += frame.payload.readUInt32BE(0)
    }
    if (windows[0] > 80_000 || windows[1] > 70_000) t.fail(`windows are ${windows.join()}`)
  }
  t.equal(received, sent)
  t.ok(sent > 200_000, `${sent} octets went through`)
  t.end()
})

t.test('RFC 9113 §6.9.1: we never grant a stream more than 2^31 - 1', t => {
  for (const role of ROLES) {
    const { peer, stream } = receiver(role, { streamWindowSize: 65_535 })
    stream.expect(0x7fff_ffff)
    stream.expect(0x7fff_ffff)
    t.ok(65_535 + credit(peer, 1) <= 0x7fff_ffff, role)
    peer.sends(...body(1, 60_000))
    stream.consume(60_000)
    stream.expect(0x7fff_ffff)
    t.ok(5_535 + credit(peer, 1) <= 0x7fff_ffff, role)

    const again = withStream({ role })
    for (let i = 0; i < 3; i++) again.stream.expect(0x7fff_ffff)
    const updates = again.peer.takes().filter(({ type }) => type === Type.windowUpdate)
    t.equal(updates.length, 1, 'and no WINDOW_UPDATE of 0')
  }
  t.end()
})
