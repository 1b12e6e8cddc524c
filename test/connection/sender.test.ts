import fc from 'fast-check'
import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Code, frames, REQUEST, RESPONSE, TRAILERS, Type } from '../support/frames.js'
import { connect, streamIds, withStream } from '../support/peer.js'
import type { StreamRecorder } from '../support/recorder.js'
import type { PeerFrame } from '../support/strict-parser.js'

/** Octets that tell where they stand. */
function numbered(start: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i++) bytes[i] = (start + i) % 251
  return bytes
}

function dataOf(found: readonly PeerFrame[], streamId: number): Buffer {
  const own = found.filter(frame => frame.type === Type.data && frame.streamId === streamId)
  return Buffer.concat(own.map(frame => frame.payload))
}

t.test('RFC 9113 §6.9.1: what fits both windows leaves at once, the rest when they grow', t => {
  const { peer, stream, connection } = withStream({ role: 'client' })
  t.equal(stream.sendData(numbered(0, 100_000), 0, 100_000, true), false)
  t.equal(stream.bufferedSize, 100_000)
  t.equal(dataOf(peer.takes(), 1).length, 65_535)
  peer.sends(frames.windowUpdate(1, 100_000))
  peer.expectsNothing()
  peer.sends(frames.windowUpdate(0, 20_000))
  t.equal(dataOf(peer.takes(), 1).length, 20_000)
  peer.sends(frames.windowUpdate(0, 20_000))
  const last = peer.takes()
  t.equal(dataOf(last, 1).length, 14_465)
  t.equal(last.at(-1)!.flags, 1)
  t.equal(inspect(connection).sender.queuedSize, 0)
  t.end()
})

t.test('what waits is counted in octets, wherever they lie in their buffer', t => {
  const { peer, stream, connection } = withStream({ role: 'client' })
  const bytes = numbered(0, 100_000)
  stream.sendData(bytes, 0, 65_535, false)
  stream.sendData(bytes, 90_000, 90_100, false)
  t.equal(stream.bufferedSize, inspect(connection).sender.queuedSize)
  t.equal(stream.bufferedSize, 65_635)
  t.equal(dataOf(peer.takes(), 1).length, 65_535)
  t.same([stream.bufferedSize, inspect(connection).sender.queuedSize], [100, 100])
  peer.sends(frames.windowUpdate(1, 100), frames.windowUpdate(0, 100))
  t.same(dataOf(peer.takes(), 1), numbered(90_000, 100))
  t.same([stream.bufferedSize, inspect(connection).sender.queuedSize], [0, 0])
  t.end()
})

t.test('RFC 9113 §6.9.2: SETTINGS_INITIAL_WINDOW_SIZE moves every window, below zero too', t => {
  const { peer, stream } = withStream({ role: 'client' })
  stream.sendData(numbered(0, 50_000), 0, 50_000, false)
  peer.takes()
  peer.sends(frames.settings({ initialWindowSize: 10_000 }))
  peer.expects(frames.settingsAck())
  stream.sendData(numbered(0, 5_000), 0, 5_000, true)
  peer.sends(frames.windowUpdate(1, 40_000))
  peer.expectsNothing()
  peer.sends(frames.windowUpdate(1, 2_000))
  t.equal(dataOf(peer.takes(), 1).length, 2_000)
  peer.sends(frames.settings({ initialWindowSize: 13_000 }))
  t.equal(dataOf(peer.takes(), 1).length, 3_000)
  t.end()
})

t.test('RFC 9113 §6.9.2: a window past 2^31-1 is counted exactly before it is an error', t => {
  const { peer, open, connection } = connect({ role: 'client' })
  open()
  peer.takes()
  peer.sends(frames.windowUpdate(1, 1_000_000), frames.rstStream(1, Code.cancel))
  open()
  peer.takes()
  peer.sends(frames.settings({ initialWindowSize: 2 ** 31 - 1 }))
  t.equal(inspect(connection).core.over, false, 'the stream with the credit has gone')
  peer.sends(frames.settings({ initialWindowSize: 0 }), frames.windowUpdate(3, 5))
  peer.sends(frames.settings({ initialWindowSize: 2 ** 31 - 1 }))
  peer.takes().at(-1)
  t.match(inspect(connection).core.over, true)
  t.end()
})

t.test('RFC 9113 §6.9.1: WINDOW_UPDATE past 2^31-1 is an error of its stream', t => {
  const { peer, on } = withStream({ role: 'client' })
  peer.sends(frames.windowUpdate(1, 2 ** 31 - 65_536))
  t.equal(on.resetCode, undefined)
  peer.sends(frames.windowUpdate(1, 1))
  t.equal(on.resetCode, Code.flowControlError)
  t.end()
})

t.test('RFC 9113 §6.9.1: the connection window binds a stream whose own is open', t => {
  const { peer, open, connection } = connect({ role: 'client' })
  const [one, two] = [open(), open()]
  peer.takes()
  one.stream!.sendData(Buffer.alloc(65_530), 0, 65_530, false)
  peer.takes()
  t.equal(inspect(connection).sender.window, 5)
  t.equal(two.stream!.beginData(6, false), -1)
  two.stream!.sendData(Buffer.alloc(6), 0, 6, true)
  peer.expects(frames.data(3, { size: 5 }))
  peer.sends(frames.windowUpdate(0, 1))
  peer.expects(frames.data(3, { size: 1, endStream: true }))
  t.end()
})

t.test('a prefix travels in the first frame of what it belongs to', t => {
  const { peer, stream } = withStream({ role: 'client' })
  const bytes = numbered(5, 40_000)
  t.equal(stream.sendPrefixed(numbered(0, 5), bytes, false), true)
  t.equal(stream.bufferedSize, 40_005)
  stream.sendData(numbered(40_005, 10), 0, 10, true)
  const found = peer.takes().filter(frame => frame.type === Type.data)
  t.same(
    found.map(frame => frame.payload.length),
    [16_384, 16_384, 40_015 - 32_768],
    'and what follows shares the last one',
  )
  t.same(
    found.map(frame => frame.flags),
    [0, 0, 1],
  )
  t.ok(dataOf(found, 1).equals(numbered(0, 40_015)))
  t.equal(stream.sendPrefixed(numbered(0, 5), bytes, false), true, 'ended: a no-op')
  peer.expectsNothing()
  t.end()
})

t.test('a prefix and its payload are back-pressure like any other octets', t => {
  const { peer, stream, on } = withStream({ role: 'client', limits: { streamBufferSize: 50_000 } })
  t.equal(stream.sendPrefixed(numbered(0, 5), numbered(5, 60_000), false), false)
  t.ok(dataOf(peer.takes(), 1).equals(numbered(0, 60_005)))
  t.equal(on.drains, 1)
  t.end()
})

t.test('streams take turns, a frame each', t => {
  const { peer, open } = connect({
    role: 'client',
    settings: { initialWindowSize: 1_000_000 },
  })
  const all = [open(), open(), open()]
  peer.takes()
  peer.sends(frames.windowUpdate(0, 10_000_000))
  for (const on of all) on.stream!.sendData(Buffer.alloc(200_000), 0, 200_000, true)
  const ids = peer.takes().map(frame => frame.streamId)
  t.same(ids.slice(0, 9), [1, 3, 5, 1, 3, 5, 1, 3, 5])
  t.end()
})

t.test('a closed window stops its own stream only', t => {
  const { peer, open } = connect({ role: 'client' })
  const [slow, fast] = [open(), open()]
  peer.takes()
  peer.sends(frames.windowUpdate(0, 1_000_000))
  slow.stream!.sendData(Buffer.alloc(100_000), 0, 100_000, true)
  peer.takes()
  fast.stream!.sendData(Buffer.alloc(60_000), 0, 60_000, true)
  t.equal(dataOf(peer.takes(), 3).length, 60_000)
  t.end()
})

t.test('sendData answers false above the high-water mark, and onDrain comes once', t => {
  const { peer, stream, on } = withStream({ role: 'client', limits: { streamBufferSize: 10_000 } })
  for (const size of [16_384, 16_384, 16_384, 16_383]) {
    t.equal(stream.sendData(Buffer.alloc(size), 0, size, false), true, 'fits the windows')
    peer.takes()
  }
  t.equal(stream.sendData(Buffer.alloc(9_999), 0, 9_999, false), true)
  t.equal(stream.sendData(Buffer.alloc(1), 0, 1, false), false)
  peer.takes()
  peer.sends(frames.windowUpdate(0, 100_000), frames.windowUpdate(1, 4_000))
  peer.takes()
  t.equal(on.drains, 0, 'more than half is left')
  peer.sends(frames.windowUpdate(1, 2_000))
  peer.takes()
  t.equal(on.drains, 1)
  peer.sends(frames.windowUpdate(1, 100_000))
  peer.takes()
  t.equal(on.drains, 1)
  t.end()
})

t.test('a full connection holds every stream back, and each hears of it', t => {
  const { peer, open } = connect({ role: 'client', limits: { connectionBufferSize: 50_000 } })
  const all = [open(), open(), open()]
  peer.takes()
  for (const on of all) on.stream!.sendData(Buffer.alloc(40_000), 0, 40_000, false)
  t.equal(all[2]!.stream!.sendData(Buffer.alloc(10), 0, 10, false), false)
  peer.takes()
  peer.sends(frames.windowUpdate(0, 1_000_000))
  peer.takes()
  t.ok(all[2]!.drains === 1, 'the last one goes on')
  t.end()
})

t.test('onDrain may send again, and may throw', t => {
  const { peer, stream, on, recorder, connection } = withStream({
    role: 'client',
    limits: { streamBufferSize: 100 },
  })
  on.whenDrain = () => void stream.sendData(Buffer.alloc(500), 0, 500, false)
  stream.sendData(Buffer.alloc(66_000), 0, 66_000, false)
  peer.takes()
  peer.sends(frames.windowUpdate(0, 100_000), frames.windowUpdate(1, 100_000))
  t.equal(dataOf(peer.takes(), 1).length, 965)
  t.equal(on.drains, 1)
  on.throwFrom = 'onDrain'
  stream.sendData(Buffer.alloc(120_000), 0, 120_000, false)
  peer.sends(frames.windowUpdate(0, 200_000), frames.windowUpdate(1, 200_000))
  peer.takes()
  t.equal(recorder.handlerErrors.length, 1)
  t.equal(connection.streamCount, 0)
  t.equal(inspect(connection).sender.queuedSize, 0)
  t.end()
})

t.test('RFC 9113 §8.1: trailers wait behind queued octets', t => {
  const { peer, stream, connection } = withStream({ role: 'server' })
  stream.sendHeaders(RESPONSE, false)
  stream.sendData(Buffer.alloc(70_000), 0, 70_000, false)
  stream.sendHeaders(TRAILERS, true, ['x', 'y'])
  t.equal(stream.writable, false)
  stream.sendHeaders(TRAILERS, true)
  stream.sendData(Buffer.alloc(5), 0, 5, true)
  peer.takes()
  peer.sends(frames.windowUpdate(0, 70_000), frames.windowUpdate(1, 70_000))
  const found = peer.takes()
  t.equal(dataOf(found, 1).length, 4_465)
  t.match(found.at(-1), { type: Type.headers, list: [...TRAILERS, 'x', 'y'] })
  t.equal(found.filter(frame => (frame.flags & 1) !== 0).length, 1)
  t.equal(connection.streamCount, 1)
  t.end()
})

t.test('fields that cannot be sent are refused at once, queue or not', t => {
  const { stream, connection, recorder } = withStream({ role: 'server' })
  stream.sendHeaders(RESPONSE, false)
  t.throws(() => stream.sendHeaders(['A', 'b'], true), { name: 'TypeError' })
  stream.sendData(Buffer.alloc(70_000), 0, 70_000, false)
  t.throws(() => stream.sendHeaders(['A', 'b'], true), { name: 'TypeError' })
  t.throws(() => stream.sendHeaders(TRAILERS, false), { name: 'TypeError', message: /trailers/ })
  t.equal(stream.writable, true)
  t.equal(connection.streamCount, 1)
  t.equal(recorder.handlerErrors.length, 0)
  t.end()
})

t.test('trailers that the peer has stopped accepting reset their stream', t => {
  const { peer, stream, connection, recorder } = withStream({ role: 'server' })
  stream.sendHeaders(RESPONSE, false)
  stream.sendData(Buffer.alloc(70_000), 0, 70_000, false)
  stream.sendHeaders(TRAILERS, true)
  peer.takes()
  peer.sends(frames.settings({ headerListSizeMax: 10 }), frames.windowUpdate(1, 10_000))
  peer.sends(frames.windowUpdate(0, 10_000))
  const found = peer.takes()
  t.match(found.at(-1), { type: Type.rstStream })
  t.equal(recorder.handlerErrors.length, 1)
  t.equal(connection.streamCount, 0)
  t.end()
})

t.test('beginData: only what can leave at once', t => {
  const { peer, stream } = withStream({ role: 'client' })
  const offset = stream.beginData(5, false)
  t.ok(offset >= 0)
  stream.slab.write('hello', offset)
  peer.expects(frames.data(1, { bytes: 'hello' }))
  t.equal(stream.beginData(16_384, false), -1, 'large')
  for (let i = 0; i < 5; i++) stream.beginData(13_000, false)
  t.equal(stream.beginData(13_000, false), -1, 'no window')
  peer.takes()
  peer.sends(frames.windowUpdate(0, 2_000_000), frames.windowUpdate(1, 2_000_000))
  for (let i = 0; i < 7; i++) stream.beginData(10_000, false)
  t.equal(stream.beginData(1, false), -1, 'enough is serialised')
  peer.takes()
  t.ok(stream.beginData(0, true) >= 0)
  peer.expects(frames.data(1, { endStream: true }))
  t.equal(stream.beginData(1, true), -1, 'ended')
  t.end()
})

t.test('an empty chunk is sent only to end the stream', t => {
  const { peer, stream } = withStream({ role: 'client' })
  t.equal(stream.sendData(Buffer.alloc(0), 0, 0, false), true)
  peer.expectsNothing()
  stream.sendData(Buffer.alloc(0), 0, 0, true)
  peer.expects(frames.data(1, { endStream: true }))
  const other = withStream({ role: 'client' })
  other.stream.sendData(Buffer.alloc(65_536), 0, 65_536, false)
  other.stream.sendData(Buffer.alloc(0), 0, 0, true)
  other.peer.takes()
  other.peer.sends(frames.windowUpdate(0, 9), frames.windowUpdate(1, 9))
  other.peer.expects(frames.data(1, { size: 1, endStream: true }))
  t.end()
})

t.test('RFC 1122 §4.2.3.4: a sliver of a window waits for more, but not for long', t => {
  for (const which of [0, 1]) {
    const { peer, stream, connection } = withStream({ role: 'client' })
    peer.sends(frames.windowUpdate(which === 0 ? 1 : 0, 100_000))
    stream.sendData(Buffer.alloc(70_000), 0, 70_000, true)
    peer.takes()
    peer.sends(frames.windowUpdate(which, 10))
    peer.expectsNothing()
    peer.advance(49)
    peer.expectsNothing()
    peer.advance(2)
    t.equal(dataOf(peer.takes(), 1).length, 10)
    peer.sends(frames.windowUpdate(which, 10))
    peer.sends(frames.windowUpdate(which, 2_000))
    t.equal(dataOf(peer.takes(), 1).length, 2_010, 'no wait once there is more')
    connection.destroy()
    t.equal(connection.timers.count, 0)
  }
  t.end()
})

t.test('the queue of a stream that is reset is dropped and frees the connection', t => {
  const { peer, open, connection } = connect({ role: 'client' })
  const [one, two] = [open(), open()]
  peer.takes()
  one.stream!.sendData(Buffer.alloc(100_000), 0, 100_000, true)
  two.stream!.sendData(Buffer.alloc(10), 0, 10, true)
  t.equal(inspect(connection).sender.queuedSize, 100_000)
  one.stream!.reset(Code.cancel)
  t.equal(inspect(connection).sender.queuedSize, 0)
  peer.expects(frames.data(3, { size: 10, endStream: true }), frames.rstStream(1, Code.cancel))
  t.end()
})

t.test('model: never past a window, nothing lost or out of order, END_STREAM once', t => {
  const step = fc.record({
    kind: fc.constantFrom(
      'send',
      'send',
      'send',
      'stream',
      'connection',
      'initial',
      'take',
      'wait',
    ),
    stream: fc.nat(3),
    size: fc.oneof(fc.nat(20), fc.nat(2_000), fc.nat(40_000)),
    end: fc.boolean(),
  })
  const property = fc.property(
    fc.array(step, { maxLength: 60, size: 'max' }),
    fc.nat(70_000),
    (steps, initial) => {
      const { peer, open, connection } = connect({
        role: 'client',
        settings: { initialWindowSize: initial },
        limits: { writeStallTimeoutMs: Number.POSITIVE_INFINITY },
      })
      const all: StreamRecorder[] = streamIds(4).map(() => open())
      const sent = [0, 0, 0, 0]
      const ended = [false, false, false, false]
      const found: PeerFrame[] = []
      for (const { kind, stream, size, end } of steps) {
        if (kind === 'send' && !ended[stream]) {
          all[stream]!.stream!.sendData(numbered(sent[stream]!, size), 0, size, end)
          sent[stream] = sent[stream]! + size
          ended[stream] = end
        } else if (kind === 'stream') peer.sends(frames.windowUpdate(1 + 2 * stream, size + 1))
        else if (kind === 'connection') peer.sends(frames.windowUpdate(0, size + 1))
        else if (kind === 'initial') peer.sends(frames.settings({ initialWindowSize: size }))
        else if (kind === 'take') found.push(...peer.takes(size + 1))
        else peer.advance(51)
      }
      // The windows open: everything must come. `takes` has checked both of them all the time.
      peer.sends(frames.settings({ initialWindowSize: 1 << 24 }), frames.windowUpdate(0, 1 << 26))
      for (const id of streamIds(4)) peer.sends(frames.windowUpdate(id, 1 << 24))
      peer.advance(51)
      found.push(...peer.takes())
      for (const [i, size] of sent.entries()) {
        if (!dataOf(found, 1 + 2 * i).equals(numbered(0, size))) return false
        const ends = found.filter(f => f.streamId === 1 + 2 * i && (f.flags & 1) !== 0)
        if (ends.length !== (ended[i] ? 1 : 0)) return false
      }
      return inspect(connection).sender.queuedSize === 0
    },
  )
  fc.assert(property, { seed: 69, numRuns: 300 })
  t.end()
})

t.test('a request with a body of one octet is two frames in one buffer', t => {
  const { connection, open } = connect({ role: 'client' })
  open(false, REQUEST).stream!.sendData(Buffer.from('x'), 0, 1, true)
  t.equal(connection.takeOutput(1 << 20).length, 1)
  t.end()
})

/** A server's connection on which both lists have been sent twice, and the next streams of the peer. */
function warm(options: Partial<Parameters<typeof connect>[0]> = {}) {
  const connected = connect({ role: 'server', ...options })
  const { peer, recorder } = connected
  let id = -1
  const next = () => {
    id += 2
    peer.sends(frames.headers(id, REQUEST, { endStream: true }))
    return recorder.stream(id)
  }
  /** The same by single frames. */
  const slowly = (size: number): PeerFrame[] => {
    const stream = next()
    stream.sendHeaders(RESPONSE, false)
    const at = stream.beginData(size, false)
    stream.slab.fill(7, at, at + size)
    stream.sendHeaders(TRAILERS, true)
    return peer.takes()
  }
  slowly(1)
  slowly(1)
  return { ...connected, next, slowly }
}

t.test('a response in one piece is the same octets as its three frames', t => {
  for (const size of [0, 1, 100, 16_000]) {
    const sent: unknown[] = []
    const observer = { onFrame: (...frame: unknown[]) => void (frame[0] && sent.push(frame)) }
    const { peer, next, slowly, connection } = warm({ observer })
    const expected = slowly(size).map(({ type, flags, payload }) => ({ type, flags, payload }))
    const told = sent.splice(0).slice(-3) as number[][]
    const stream = next()
    const before = inspect(connection).sender.window
    const at = stream.beginResponse(RESPONSE, size, TRAILERS)
    t.ok(at > 0)
    stream.slab.fill(7, at, at + size)
    t.ok(stream.closed)
    t.same(
      peer.takes().map(({ type, flags, payload }) => ({ type, flags, payload })),
      expected,
    )
    t.same(
      (sent.slice(-3) as number[][]).map(frame => frame.toSpliced(3, 1)),
      told.map(frame => frame.toSpliced(3, 1)),
      'the observer sees three frames',
    )
    t.equal(inspect(connection).sender.window, before - size)
  }
  t.end()
})

t.test('a response goes in one piece only where all of it can: else nothing is sent', t => {
  const lists = [...RESPONSE]
  const cases: readonly [string, (of: ReturnType<typeof warm>) => number][] = [
    ['a list not sent before', of => of.next().beginResponse(lists, 1, TRAILERS)],
    ['trailers as headers', of => of.next().beginResponse(TRAILERS, 1, TRAILERS)],
    ['headers as trailers', of => of.next().beginResponse(RESPONSE, 1, RESPONSE)],
    ['large content', of => of.next().beginResponse(RESPONSE, 16_384, TRAILERS)],
    [
      'a small window',
      of => {
        of.peer.sends(frames.settings({ initialWindowSize: 99 }))
        of.peer.takes()
        return of.next().beginResponse(RESPONSE, 100, TRAILERS)
      },
    ],
    [
      'a peer that takes small lists only',
      of => {
        of.peer.sends(frames.settings({ headerListSizeMax: 40 }))
        of.peer.takes()
        return of.next().beginResponse(RESPONSE, 1, TRAILERS)
      },
    ],
    [
      'a stream that has ended',
      of => {
        const stream = of.next()
        stream.reset(Code.cancel)
        of.peer.takes()
        return stream.beginResponse(RESPONSE, 1, TRAILERS)
      },
    ],
  ]
  for (const [name, run] of cases) {
    const of = warm()
    t.equal(run(of), -1, name)
    of.peer.expectsNothing()
  }
  t.end()
})
