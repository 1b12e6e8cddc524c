import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import type { Stream } from '../../src/connection/index.js'
import { recordOf, StreamRecord } from '../../src/connection/streams/stream-record.js'
import { StreamEvent, StreamState } from '../../src/connection/streams/stream-state.js'
import { Code, frames, REQUEST, RESPONSE, TRAILERS } from '../support/frames.js'
import { connect, withStream } from '../support/peer.js'

t.test('RFC 9113 §5.1: what a stream can still do, state by state', t => {
  const can = (stream: Stream): string =>
    `${stream.writable ? 'w' : '-'}${stream.readable ? 'r' : '-'}${stream.closed ? 'c' : '-'}`
  const { connection } = connect({ role: 'client' })
  const fresh = (): StreamRecord =>
    new StreamRecord(1, inspect(connection), {
      onHeaders() {},
      onData() {},
      onDrain() {},
      onReset() {},
      onLost() {},
    })
  const expected: Record<keyof typeof StreamState, string> = {
    Idle: '---',
    Open: 'wr-',
    HalfClosedLocal: '-r-',
    HalfClosedRemote: 'w--',
    ResetSent: '--c',
    Closed: '--c',
  }
  const { Request, SendEnd, ReceiveEnd, SendReset, Lost } = StreamEvent
  const ways: Record<keyof typeof StreamState, StreamEvent[]> = {
    Idle: [],
    Open: [Request],
    HalfClosedLocal: [Request, SendEnd],
    HalfClosedRemote: [Request, ReceiveEnd],
    ResetSent: [Request, SendReset],
    Closed: [Request, Lost],
  }
  for (const [name, value] of Object.entries(StreamState)) {
    const stream = fresh()
    for (const event of ways[name as keyof typeof StreamState]) stream.apply(event)
    t.equal(stream.state, value)
    t.equal(can(stream), expected[name as keyof typeof StreamState], name)
  }
  t.end()
})

t.test('a message both ways', t => {
  const { peer, stream, on, connection } = withStream({ role: 'client' })
  stream.sendData(Buffer.from('ping'), 0, 4, true)
  peer.expects(frames.data(1, { bytes: 'ping', endStream: true }))
  peer.sends(
    frames.headers(1, RESPONSE),
    frames.data(1, { bytes: 'pong' }),
    frames.headers(1, TRAILERS, { endStream: true }),
  )
  t.same(on.lists, [RESPONSE, TRAILERS])
  t.equal(on.body.toString(), 'pong')
  t.equal(on.lastCalls, 0)
  t.equal(connection.streamCount, 0)
  t.equal(stream.closed, true)
  t.end()
})

t.test('sending on a stream that has ended is a no-op', t => {
  const { peer, stream } = withStream({ role: 'server' })
  peer.sends(frames.rstStream(1, Code.cancel))
  stream.sendHeaders(RESPONSE, false)
  t.equal(stream.sendData(Buffer.alloc(10), 0, 10, true), true)
  t.equal(stream.beginData(10, true), -1)
  stream.reset(Code.cancel)
  stream.consume(10)
  stream.expect(1 << 20)
  peer.expectsNothing()
  t.end()
})

t.test('reset: no handler call follows, RST_STREAM is sent once', t => {
  const { peer, stream, on } = withStream({ role: 'client' })
  stream.reset(Code.cancel)
  stream.reset(Code.cancel)
  peer.expects(frames.rstStream(1, Code.cancel))
  peer.sends(frames.headers(1, RESPONSE), frames.data(1, { size: 5 }), frames.rstStream(1, 0))
  t.equal(on.lists.length + on.chunks.length + on.lastCalls, 0)
  t.end()
})

t.test('a handler may be replaced', t => {
  const { peer, recorder, stream, on } = withStream({ role: 'server' })
  const other = recorder.streamRecorder()
  other.stream = stream
  stream.handler = other
  peer.sends(frames.data(1, { size: 3, endStream: true }))
  t.equal(on.chunks.length, 0)
  t.equal(other.body.length, 3)
  t.end()
})

t.test('dropQueue forgets all that waits', t => {
  const { stream, connection } = withStream({ role: 'server' })
  stream.sendHeaders(RESPONSE, false)
  stream.sendData(Buffer.alloc(70_000), 0, 70_000, false)
  stream.sendHeaders(TRAILERS, true, ['a', 'b'])
  t.equal(stream.bufferedSize, 70_000)
  const record = recordOf(stream)
  t.equal(record.dropQueue(), 70_000)
  t.equal(stream.bufferedSize, 0)
  t.equal(record.queueHead, undefined)
  t.equal(record.queuedTrailers, undefined)
  t.equal(inspect(connection).streams.get(1), stream)
  t.end()
})

t.test('release without hold changes nothing', t => {
  const { stream, connection } = withStream({ role: 'server' })
  stream.release()
  t.equal(connection.runningCount, 1)
  stream.hold()
  stream.release()
  t.equal(connection.runningCount, 1)
  stream.reset(Code.cancel)
  t.equal(connection.runningCount, 0)
  t.end()
})

t.test('all streams share one shape: no field is added later', t => {
  const fresh = withStream({ role: 'server' })
  const keys = Object.keys(fresh.stream)
  const used = withStream({ role: 'server' })
  used.peer.sends(frames.data(1, { size: 100 }), frames.windowUpdate(1, 10))
  used.stream.hold()
  used.stream.sendHeaders(RESPONSE, false)
  used.stream.sendData(Buffer.alloc(100_000), 0, 100_000, false)
  used.stream.sendHeaders(TRAILERS, true)
  used.peer.takes()
  used.peer.sends(frames.headers(3, REQUEST), frames.rstStream(1, 8))
  t.same(Object.keys(used.stream), keys)
  t.end()
})
