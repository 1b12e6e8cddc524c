import fc from 'fast-check'
import t from 'tap'
import type { Connection } from '../../src/connection/index.js'
import { Code, frames, REQUEST, Type } from '../support/frames.js'
import { connect, FIXED_WINDOWS, type Peer, withStream } from '../support/peer.js'

/** Credit that came in WINDOW_UPDATE frames, by stream; the other frames do not matter here. */
function credits(peer: Peer): Map<number, number> {
  const sums = new Map<number, number>()
  for (const frame of peer.takes()) {
    if (frame.type !== Type.windowUpdate) continue
    const increment = frame.payload.readUInt32BE(0)
    sums.set(frame.streamId, (sums.get(frame.streamId) ?? 0) + increment)
  }
  return sums
}

/** Sends DATA of `size` octets in frames of at most 16,384. */
function upload(peer: Peer, connection: Connection, id: number, size: number): void {
  for (let left = size; left > 0 && !connection.over; left -= 16_384) {
    peer.sends(frames.data(id, { size: Math.min(left, 16_384) }))
  }
}

t.test('RFC 9113 §6.9.2: the greeting opens the connection window to its size', t => {
  for (const size of [65_535, 65_536, 100_000, 1_048_576, 2 ** 31 - 1]) {
    const { connection, peer } = connect({
      role: 'server',
      handshake: false,
      limits: { connectionWindowSize: size, receiveBufferMax: Number.POSITIVE_INFINITY },
    })
    t.equal(credits(peer).get(0) ?? 0, size - 65_535)
    t.equal(connection.receiver.window, size)
  }
  t.end()
})

t.test('RFC 9113 §6.9.1: DATA past the connection window ends the connection', t => {
  const { peer, connection } = withStream({
    role: 'server',
    limits: { ...FIXED_WINDOWS, connectionWindowSize: 65_535, receiveBufferMax: 65_535 },
  })
  upload(peer, connection, 1, 65_535)
  t.equal(connection.over, false)
  peer.takes()
  peer.sends(frames.data(1, { size: 1 }))
  peer.expectsGoaway(Code.flowControlError)
  t.end()
})

t.test('RFC 9113 §6.9.1: DATA past its stream window is a stream error', t => {
  const { peer, connection, on } = withStream({
    role: 'server',
    limits: { ...FIXED_WINDOWS, streamWindowSize: 20_000 },
  })
  upload(peer, connection, 1, 20_000)
  t.equal(on.resetCode, undefined)
  upload(peer, connection, 1, 1)
  t.equal(on.resetCode, Code.flowControlError)
  t.equal(connection.receiver.retained, 0)
  t.end()
})

t.test('RFC 9113 §6.9.3: until our smaller window is acknowledged the old one holds', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    handshake: false,
    limits: { ...FIXED_WINDOWS, streamWindowSize: 10_000 },
  })
  peer.sends(frames.preface(), frames.settings({}), frames.headers(1, REQUEST))
  upload(peer, connection, 1, 30_000)
  t.equal(recorder.on(1).resetCode, undefined)
  peer.sends(frames.settingsAck())
  recorder.stream(1).consume(30_000)
  t.equal(credits(peer).get(1), 30_000)
  upload(peer, connection, 1, 10_000)
  t.equal(recorder.on(1).resetCode, undefined)
  upload(peer, connection, 1, 1)
  t.equal(recorder.on(1).resetCode, Code.flowControlError)
  t.end()
})

t.test('RFC 9113 §6.9.2: a window that shrinks below what was consumed is opened again', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    handshake: false,
    limits: { ...FIXED_WINDOWS, streamWindowSize: 1_000 },
  })
  peer.sends(frames.preface(), frames.settings({}), frames.headers(1, REQUEST))
  upload(peer, connection, 1, 20_000)
  recorder.stream(1).consume(20_000)
  t.equal(credits(peer).get(1), undefined, 'little of 65,535')
  peer.sends(frames.settingsAck())
  t.equal(credits(peer).get(1), 20_000, 'but more than 1,000: nobody else would say it')
  t.end()
})

t.test('padding is consumed as it comes', t => {
  const { peer, connection } = withStream({
    role: 'server',
    limits: { ...FIXED_WINDOWS, streamWindowSize: 10_000 },
  })
  let granted = 0
  for (let i = 0; i < 200; i++) {
    peer.sends(frames.data(1, { size: 1, padding: 255 }))
    granted += credits(peer).get(1) ?? 0
  }
  t.equal(connection.over, false)
  t.equal(connection.streams.get(1)!.retained, 200)
  t.ok(granted > 200 * 256 - 10_000)
  t.end()
})

t.test('consume: never more than was received, nothing for a stream that has gone', t => {
  const { peer, stream, connection } = withStream({ role: 'server' })
  upload(peer, connection, 1, 1_000)
  stream.consume(-5)
  stream.consume(0)
  t.equal(connection.receiver.retained, 1_000)
  stream.consume(5_000)
  t.equal(connection.receiver.retained, 0)
  upload(peer, connection, 1, 1_000)
  stream.reset(Code.cancel)
  t.equal(connection.receiver.retained, 0)
  stream.consume(1_000)
  t.equal(connection.receiver.retained, 0)
  stream.expect(1 << 20)
  peer.expects(frames.rstStream(1, Code.cancel))
  t.end()
})

t.test('expect opens the window for a whole message at once, and only for what lacks', t => {
  const { peer, stream, connection } = withStream({
    role: 'server',
    limits: { ...FIXED_WINDOWS, streamWindowSize: 65_535 },
  })
  stream.expect(60_000)
  peer.expectsNothing()
  stream.expect(1_000_000)
  peer.expects(frames.windowUpdate(1, 1_000_000 - 65_535))
  stream.expect(1_000_000)
  peer.expectsNothing()
  upload(peer, connection, 1, 1_000_000)
  t.equal(connection.over, false)
  t.equal(stream.retained, 1_000_000)
  t.end()
})

t.test('RFC 9113 §6.9.1: no window of ours passes 2^31-1', t => {
  for (const streamWindowSize of [65_535, 2 ** 31 - 1]) {
    const { peer, stream, connection } = withStream({
      role: 'server',
      limits: { ...FIXED_WINDOWS, streamWindowSize },
    })
    let window = streamWindowSize
    for (let i = 0; i < 10; i++) {
      stream.expect(2 ** 31 - 1)
      upload(peer, connection, 1, 40_000)
      window -= 40_000
      stream.consume(40_000)
      window += credits(peer).get(1) ?? 0
      t.ok(window <= 2 ** 31 - 1, `${window}`)
    }
  }
  t.end()
})

for (const receiveBufferMax of [65_535, 262_144, 600_000, 4_000_000]) {
  t.test(`credit comes back with a receive buffer of ${receiveBufferMax}`, t => {
    const { peer, stream, connection } = withStream({
      role: 'server',
      limits: { ...FIXED_WINDOWS, receiveBufferMax, streamWindowSize: 1 << 20 },
    })
    let { window } = connection.receiver
    t.equal(window, Math.min(receiveBufferMax, 1 << 20), 'no more than may wait')
    for (let i = 0; i < 500; i++) {
      if (window < 16_384) break
      upload(peer, connection, 1, 16_384)
      stream.consume(16_384)
      window += (credits(peer).get(0) ?? 0) - 16_384
    }
    t.ok(window >= 16_384, `${window} octets of window are left`)
    t.equal(window, connection.receiver.window)
    t.end()
  })
}

t.test('what waits unconsumed is bounded; a connection stuck at the bound loses its largest', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { ...FIXED_WINDOWS, receiveBufferMax: 65_536 * 2, streamWindowSize: 1 << 20 },
  })
  peer.sends(frames.headers(1, REQUEST), frames.headers(3, REQUEST))
  let sent = 0
  while (connection.receiver.window > 0) {
    const size = Math.min(16_384, connection.receiver.window)
    peer.sends(frames.data(sent % 3 === 0 ? 3 : 1, { size }))
    sent++
  }
  peer.takes()
  peer.advance(9_999)
  t.equal(connection.streamCount, 2)
  peer.advance(2)
  t.equal(recorder.on(1).resetCode, Code.enhanceYourCalm)
  t.equal(recorder.on(3).resetCode, undefined)
  t.ok(connection.receiver.window > 0, 'the others go on')
  t.end()
})

t.test('a connection that makes progress is not stuck', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { ...FIXED_WINDOWS, connectionWindowSize: 65_535, receiveBufferMax: 65_535 },
  })
  peer.sends(frames.headers(1, REQUEST))
  upload(peer, connection, 1, 65_535)
  peer.advance(9_000)
  recorder.stream(1).consume(100)
  peer.advance(2_000)
  t.equal(recorder.on(1).resetCode, undefined, 'a hundred octets are progress')
  peer.advance(10_001)
  t.equal(recorder.on(1).resetCode, Code.enhanceYourCalm)
  t.end()
})

t.test('a window that has opened again in time is not stuck', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { ...FIXED_WINDOWS, connectionWindowSize: 65_535, receiveBufferMax: 65_535 },
  })
  peer.sends(frames.headers(1, REQUEST))
  upload(peer, connection, 1, 65_535)
  recorder.stream(1).consume(40_000)
  peer.advance(10_001)
  t.equal(recorder.on(1).resetCode, undefined)
  t.equal(connection.receiver.window, 40_000)
  t.end()
})

t.test('a stuck connection whose reset budget is spent ends, without an exception', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: {
      ...FIXED_WINDOWS,
      connectionWindowSize: 65_535,
      receiveBufferMax: 65_535,
      resetsMax: 5,
      resetsPerSecond: 0,
    },
  })
  peer.sends(frames.headers(1, REQUEST))
  upload(peer, connection, 1, 65_535)
  t.doesNotThrow(() => peer.advance(10_001))
  t.equal(connection.over, true)
  t.match(recorder.closedCause, { message: /stream errors/ })
  t.ok(recorder.receivedCount > 0)
  t.end()
})

t.test('model: initial window + WINDOW_UPDATE - received is what we think the peer has', t => {
  const step = fc.record({
    kind: fc.constantFrom('data', 'data', 'consume', 'expect', 'reset'),
    stream: fc.nat(2),
    size: fc.oneof(fc.nat(300), fc.nat(16_000)),
    padding: fc.option(fc.nat(255), { nil: undefined }),
  })
  const property = fc.property(
    fc.array(step, { maxLength: 80, size: 'max' }),
    fc.integer({ min: 1_000, max: 200_000 }),
    fc.integer({ min: 65_535, max: 300_000 }),
    (steps, streamWindowSize, connectionWindowSize) => {
      const { peer, connection, recorder } = connect({
        role: 'server',
        limits: { ...FIXED_WINDOWS, streamWindowSize, connectionWindowSize },
      })
      peer.sends(...[1, 3, 5].map(id => frames.headers(id, REQUEST)))
      peer.takes()
      const windows = new Map([1, 3, 5].map(id => [id, streamWindowSize]))
      let window = connectionWindowSize
      for (const { kind, stream: index, size, padding } of steps) {
        const id = 1 + 2 * index
        const stream = recorder.stream(id)
        const frame = frames.data(id, padding === undefined ? { size } : { size, padding })
        const charged = frame.length - 9
        const available = Math.min(window, windows.get(id)!, 16_384)
        if (kind === 'data' && charged > 0 && charged <= available && !stream.closed) {
          peer.sends(frame)
          window -= charged
          windows.set(id, windows.get(id)! - charged)
        } else if (kind === 'consume') stream.consume(size)
        else if (kind === 'expect') stream.expect(size)
        else if (kind === 'reset' && size < 10) stream.reset(Code.cancel)
        for (const [to, credit] of credits(peer)) {
          if (to === 0) window += credit
          else windows.set(to, windows.get(to)! + credit)
        }
        if (connection.receiver.window !== window) return false
        if (window > connectionWindowSize) return false
        if (stream.closed) continue
        if (connection.receiver.initialWindow + stream.receiveCredit !== windows.get(id))
          return false
        // A reader that has consumed everything never finds the window more than half closed.
        if (stream.retained === 0 && windows.get(id)! < streamWindowSize / 2) return false
      }
      const held = [1, 3, 5].reduce((sum, id) => sum + recorder.stream(id).retained, 0)
      return held === connection.receiver.retained && recorder.closedCount === 0
    },
  )
  fc.assert(property, { seed: 6_9_1, numRuns: 200 })
  t.end()
})
