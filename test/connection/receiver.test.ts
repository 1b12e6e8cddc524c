import fc from 'fast-check'
import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import type { Connection } from '../../src/connection/index.js'
import { recordOf } from '../../src/connection/streams/stream-record.js'
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
  for (let left = size; left > 0 && !inspect(connection).core.over; left -= 16_384) {
    peer.sends(frames.data(id, { size: Math.min(left, 16_384) }))
  }
}

t.test('RFC 9113 §6.9.2: the greeting opens the connection window to its size', t => {
  for (const size of [65_535, 65_536, 100_000, 1_048_576, 2 ** 31 - 1]) {
    const { connection, peer } = connect({
      role: 'server',
      handshake: false,
      limits: { connectionWindowSize: size },
    })
    t.equal(credits(peer).get(0) ?? 0, size - 65_535)
    t.equal(inspect(connection).receiver.window, size)
  }
  t.end()
})

t.test('RFC 9113 §6.9.1: DATA past the connection window ends the connection', t => {
  const { peer, connection } = withStream({
    role: 'server',
    limits: { ...FIXED_WINDOWS, connectionWindowSize: 65_535, frameSizeMax: 100_000 },
  })
  peer.sends(frames.data(1, { size: 65_535 }))
  t.equal(inspect(connection).core.over, false)
  peer.takes()
  peer.sends(frames.data(1, { size: 65_536 }))
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
  t.equal(inspect(connection).receiver.retained, 0)
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
  t.equal(inspect(connection).core.over, false)
  t.equal(inspect(connection).streams.get(1)!.retained, 200)
  t.ok(granted > 200 * 256 - 10_000)
  t.end()
})

t.test('consume: never more than was received, nothing for a stream that has gone', t => {
  const { peer, stream, connection } = withStream({ role: 'server' })
  upload(peer, connection, 1, 1_000)
  stream.consume(-5)
  stream.consume(0)
  t.equal(inspect(connection).receiver.retained, 1_000)
  stream.consume(5_000)
  t.equal(inspect(connection).receiver.retained, 0)
  upload(peer, connection, 1, 1_000)
  stream.reset(Code.cancel)
  t.equal(inspect(connection).receiver.retained, 0)
  stream.consume(1_000)
  t.equal(inspect(connection).receiver.retained, 0)
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
  t.equal(inspect(connection).core.over, false)
  t.equal(recordOf(stream).retained, 1_000_000)
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

t.test('credit of the connection comes back on receipt, whoever reads', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { ...FIXED_WINDOWS, connectionWindowSize: 65_535, streamWindowSize: 1 << 20 },
  })
  peer.sends(frames.headers(1, REQUEST), frames.headers(3, REQUEST))
  let window = 65_535
  for (let i = 0; i < 100; i++) {
    t.ok(window >= 16_384, `${window} octets of window are left`)
    peer.sends(frames.data(1 + 2 * (i % 2), { size: 16_384 }))
    window += (credits(peer).get(0) ?? 0) - 16_384
  }
  t.equal(inspect(connection).receiver.retained, 100 * 16_384)
  t.equal(recorder.on(1).resetCode ?? recorder.on(3).resetCode, undefined)
  peer.advance(60_000)
  t.equal(connection.streamCount, 2, 'and no timer ends it')
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
        if (inspect(connection).receiver.window !== window) return false
        if (window > connectionWindowSize) return false
        if (stream.closed) continue
        if (
          inspect(connection).receiver.initialWindow + recordOf(stream).receiveCredit !==
          windows.get(id)
        )
          return false
        // A reader that has consumed everything never finds the window more than half closed.
        if (recordOf(stream).retained === 0 && windows.get(id)! < streamWindowSize / 2) return false
      }
      const held = [1, 3, 5].reduce((sum, id) => sum + recordOf(recorder.stream(id)).retained, 0)
      return held === inspect(connection).receiver.retained && recorder.closedCount === 0
    },
  )
  fc.assert(property, { seed: 6_9_1, numRuns: 200 })
  t.end()
})
