import t from 'tap'
import { frames, REQUEST, RESPONSE, TRAILERS, Type, zeros } from '../support/frames.js'
import { type Connected, connect, withStream } from '../support/peer.js'

const WIDE = { initialWindowSize: 10_000_000 }

/** A server with answers to give on streams 1 to 2 * count - 1, and a wide connection window. */
function answering(count: number, limits = {}): Connected {
  const connected = connect({ role: 'server', settings: WIDE, limits })
  const { peer, recorder } = connected
  peer.sends(frames.windowUpdate(0, 100_000_000))
  for (let i = 0; i < count; i++) {
    peer.sends(frames.headers(1 + 2 * i, REQUEST, { endStream: true }))
    recorder.stream(1 + 2 * i).sendHeaders(RESPONSE, false)
  }
  peer.takes()
  return connected
}

t.test('streams with queued DATA take turns', t => {
  const { peer, recorder } = answering(3)
  for (const id of [1, 3, 5]) recorder.stream(id).sendData(zeros, 0, 400_000, true)
  const order = peer.takes().map(frame => frame.streamId)
  const [first, third, fifth] = [1, 3, 5].map(id => order.lastIndexOf(id))
  t.ok(Math.max(first!, third!, fifth!) - Math.min(first!, third!, fifth!) <= 8, order.join(' '))
  t.end()
})

t.test('a short answer does not wait for a long one', t => {
  const { peer, recorder } = answering(2)
  recorder.stream(1).sendData(zeros, 0, 1_000_000, true)
  recorder.stream(3).sendData(zeros, 0, 100, true)
  const frame = peer.takes().findIndex(({ streamId }) => streamId === 3)
  t.ok(frame >= 0 && frame < 10, `frame ${frame}`)
  t.end()
})

t.test('a stream without window does not hold up the others', t => {
  const { peer, recorder } = connect({ role: 'server', settings: { initialWindowSize: 2_000 } })
  peer.requests(1, 3)
  peer.sends(frames.windowUpdate(3, 100_000))
  for (const id of [1, 3]) {
    recorder.stream(id).sendHeaders(RESPONSE, false)
    recorder.stream(id).sendData(zeros, 0, 20_000, true)
  }
  const sent = (id: number): number =>
    lines.filter(line => line.startsWith(`DATA stream ${id}`)).length
  const lines = peer.takesLines()
  t.equal(sent(1), 1)
  t.match(lines.at(-1), /^DATA stream 3 END_STREAM/)
  t.end()
})

t.test('a connection window is shared out', t => {
  const { peer, recorder } = connect({ role: 'server', settings: WIDE })
  peer.requests(1, 3, 5, 7)
  for (const id of [1, 3, 5, 7]) {
    recorder.stream(id).sendHeaders(RESPONSE, false)
    recorder.stream(id).sendData(zeros, 0, 200_000, true)
  }
  const got = new Map<number, number>()
  for (let i = 0; i < 40; i++) {
    peer.sends(frames.windowUpdate(0, 10_000))
    for (const { type, streamId, payload } of peer.takes()) {
      if (type === Type.data) got.set(streamId, (got.get(streamId) ?? 0) + payload.length)
    }
  }
  const sizes = [...got.values()]
  t.equal(sizes.length, 4)
  t.ok(Math.max(...sizes) <= 2 * Math.min(...sizes) + 65_536, sizes.join(' '))
  t.end()
})

t.test('takeOutput gives no more than it is asked for, and one frame', t => {
  const { connection, peer, recorder } = answering(1)
  recorder.stream(1).sendData(zeros, 0, 900_000, true)
  let total = 0
  for (let rounds = 0; connection.hasOutput && rounds < 1_000; rounds++) {
    const size = connection.takeOutput(50_000).reduce((sum, { length }) => sum + length, 0)
    t.ok(size <= 50_000 + 65_536 + 16_384 + 18, `${size} octets`)
    total += size
  }
  t.ok(total >= 900_000)
  t.same(
    peer.recorder.events.filter(event => event.startsWith('reset')),
    [],
  )
  t.end()
})

t.test('bodies arrive whole and in order, whatever takeOutput is asked for', t => {
  for (const sizeMax of [1, 100, 16_384, 70_000, 1 << 20]) {
    const { peer, recorder } = answering(2)
    const bodies = new Map([1, 3].map(id => [id, pattern(150_000, id)]))
    for (const [id, bytes] of bodies) {
      for (let at = 0; at < bytes.length; at += 7_001) {
        recorder.stream(id).sendData(bytes, at, Math.min(at + 7_001, bytes.length), false)
      }
      recorder.stream(id).sendHeaders(TRAILERS, true)
    }
    const sent = peer.takes(sizeMax)
    for (const [id, bytes] of bodies) {
      const parts = sent.filter(frame => frame.type === Type.data && frame.streamId === id)
      t.ok(
        Buffer.concat(parts.map(frame => frame.payload)).equals(bytes),
        `stream ${id}, ${sizeMax}`,
      )
      t.same(sent.filter(frame => frame.streamId === id).at(-1)!.list, TRAILERS)
    }
  }
  t.end()
})

t.test('RFC 9113 §5.1: what is queued is dropped when the stream is reset', t => {
  for (const byPeer of [true, false]) {
    const { peer, stream } = withStream({ role: 'client', settings: { initialWindowSize: 10 } })
    stream.sendData(zeros, 0, 10_000, true)
    peer.skips(1)
    if (byPeer) peer.sends(frames.rstStream(1, 8))
    else stream.reset(8)
    peer.sends(frames.windowUpdate(1, 100_000), frames.settings({ initialWindowSize: 100_000 }))
    const lines = peer.takesLines()
    t.same(
      lines.filter(line => line.startsWith('DATA')),
      [],
    )
    t.equal(stream.bufferedSize, 0)
  }
  t.end()
})

t.test('CVE-2019-9517 (C2): the queue of the connection pushes back on every stream', t => {
  const { recorder, peer } = answering(3, { connectionBufferSize: 100_000 })
  peer.takes()
  t.equal(recorder.stream(1).sendData(zeros, 0, 200_000, false), false)
  t.equal(
    recorder.stream(3).sendData(zeros, 0, 50_000, false),
    false,
    'little of its own, but all is full',
  )
  peer.takes()
  t.equal(recorder.on(1).drains, 1)
  t.equal(recorder.on(3).drains, 1)
  t.equal(recorder.stream(1).sendData(zeros, 0, 20_000, false), true, 'there is room again')
  t.end()
})

t.test('onDrain may send again at once', t => {
  const { peer, stream, on } = withStream({ role: 'client', settings: WIDE })
  peer.sends(frames.windowUpdate(0, 100_000_000))
  let left = 50
  on.whenDrain = () => {
    while (left > 0) {
      left--
      if (!stream.sendData(zeros, 0, 100_000, left === 0)) return
    }
  }
  on.whenDrain()
  const size = peer.takes().reduce((sum, frame) => sum + frame.payload.length, 0)
  t.equal(size, 50 * 100_000)
  t.notOk(stream.writable)
  t.end()
})

t.test('the host hears of output once until it takes it', t => {
  const { peer, recorder, stream } = withStream({ role: 'client' })
  const before = recorder.outputCount
  stream.sendData(zeros, 0, 10, false)
  stream.sendData(zeros, 0, 10, false)
  t.equal(recorder.outputCount, before + 1)
  peer.takes()
  stream.sendData(zeros, 0, 10, false)
  t.equal(recorder.outputCount, before + 2)
  t.end()
})

t.test('hasOutput is false when windows hold everything back', t => {
  const { connection, peer, stream } = withStream({
    role: 'client',
    settings: { initialWindowSize: 0 },
  })
  stream.sendData(zeros, 0, 10_000, true)
  peer.expectsNothing()
  t.notOk(connection.hasOutput)
  t.end()
})

/** Octets that differ from place to place. */
function pattern(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8) * 17 + seed) & 0xff
  return bytes
}

t.test('the host hears of DATA that is queued, if it could leave', t => {
  const { peer, recorder, stream } = withStream({ role: 'client', settings: WIDE })
  peer.sends(frames.windowUpdate(0, 1_000_000))
  const before = recorder.outputCount
  stream.sendData(zeros, 0, 500_000, true)
  t.equal(recorder.outputCount, before + 1)
  t.ok(peer.connection.hasOutput)
  t.end()
})

t.test('memory of a batch that was written is used again, that of no other', t => {
  const [first, second] = [answering(1), answering(1)]
  const answer = ({ connection, recorder }: Connected, text: string): string => {
    recorder.stream(1).sendData(Buffer.from(text), 0, text.length, false)
    return Buffer.concat(connection.takeOutput(1 << 20)).toString('latin1', 9)
  }
  let kept: readonly Buffer[] = []
  for (let i = 0; i < 2_000; i++) {
    t.equal(answer(first, `first ${i}`), `first ${i}`)
    if (i % 3 > 0) first.connection.outputWritten()
    if (i % 5 === 0) {
      second.recorder.stream(1).sendData(Buffer.from(`kept ${i}`), 0, `kept ${i}`.length, false)
      kept = second.connection.takeOutput(1 << 20)
    }
    const wanted = `kept ${i - (i % 5)}`
    if (Buffer.concat(kept).toString('latin1', 9) !== wanted) t.fail(`${wanted} was written over`)
  }
  t.end()
})
