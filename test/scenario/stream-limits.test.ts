import t from 'tap'
import { Code, frames, REQUEST, RESPONSE } from '../support/frames.js'
import { connect, ROLES, streamIds, withStream } from '../support/peer.js'

t.test('RFC 9113 §5.1.2: a request above our limit is refused', t => {
  const { peer, events } = connect({ role: 'server', limits: { streamsMax: 2 } })
  peer.sends(frames.headers(1, REQUEST), frames.headers(3, REQUEST), frames.headers(5, REQUEST))
  peer.expects(frames.rstStream(5, Code.refusedStream))
  t.same(events, ['request 1', 'request 3'])
  peer.sends(frames.rstStream(1, Code.cancel), frames.headers(7, REQUEST))
  t.equal(events.at(-1), 'request 7')
  peer.expectsNothing()
  t.end()
})

t.test('RFC 9113 §5.1.2: half-closed streams count, closed ones do not', t => {
  const { peer, recorder, connection } = connect({ role: 'server', limits: { streamsMax: 1 } })
  peer.requests(1)
  t.equal(connection.streamCount, 1)
  peer.requests(3)
  peer.expects(frames.rstStream(3, Code.refusedStream))
  recorder.stream(1).sendHeaders(RESPONSE, true)
  t.equal(connection.streamCount, 0)
  peer.requests(5)
  peer.expects(frames.headers(1, RESPONSE, { endStream: true }))
  t.ok(recorder.streams.has(5))
  t.end()
})

t.test('B10: header lists of open requests are bounded together', t => {
  const large = (mark: string) => [...REQUEST, 'x-large', mark.repeat(1_000)]
  const { peer, recorder } = connect({ role: 'server', limits: { openHeadersSizeMax: 3_000 } })
  peer.sends(frames.headers(1, large('a')), frames.headers(3, large('b')))
  peer.expects()
  peer.sends(frames.headers(5, large('c')))
  peer.expects(frames.rstStream(5, Code.refusedStream))
  recorder.stream(1).sendHeaders(RESPONSE, true)
  peer.sends(frames.headers(7, large('d')), frames.rstStream(1, Code.cancel))
  peer.expects(
    frames.headers(1, RESPONSE, { endStream: true }),
    frames.rstStream(7, Code.refusedStream),
  )
  peer.sends(frames.headers(9, large('e')))
  peer.expects()
  t.same([...recorder.streams.keys()], [1, 3, 9])
  t.end()
})

t.test('B10: a request larger than the bound is taken alone', t => {
  const { peer, recorder } = connect({ role: 'server', limits: { openHeadersSizeMax: 0 } })
  peer.requests(1, 3)
  peer.expects(frames.rstStream(3, Code.refusedStream))
  recorder.stream(1).reset(Code.cancel)
  peer.requests(5)
  peer.expects(frames.rstStream(1, Code.cancel))
  t.ok(recorder.streams.has(5))
  t.end()
})

t.test('B10: requests that come again count once: they share their list', t => {
  const { peer, recorder } = connect({ role: 'server', limits: { openHeadersSizeMax: 1_000 } })
  const ids = streamIds(500, 1)
  peer.requests(...ids)
  peer.expects()
  t.equal(recorder.streams.size, 500)
  t.end()
})

t.test('RFC 9113 §5.1.2: a limit of 0 refuses every request', t => {
  const { peer, events } = connect({ role: 'server', limits: { streamsMax: 0 } })
  peer.requests(1, 3)
  peer.expects(frames.rstStream(1, Code.refusedStream), frames.rstStream(3, Code.refusedStream))
  t.same(events, [])
  t.end()
})

t.test('RFC 9113 §5.1.2: frames behind a refused request are ignored', t => {
  const { peer } = connect({ role: 'server', limits: { streamsMax: 0 } })
  peer.sends(frames.headers(1, REQUEST), frames.data(1, { size: 100 }), frames.windowUpdate(1, 1))
  peer.sends(frames.data(1, { endStream: true }), frames.rstStream(1, Code.cancel))
  peer.expects(frames.rstStream(1, Code.refusedStream))
  t.end()
})

t.test('CVE-2023-44487 (A1): a handler that still runs counts, though its stream is closed', t => {
  const { peer, recorder, connection } = connect({
    role: 'server',
    limits: { streamsMax: 2 },
    hold: true,
  })
  peer.requests(1, 3)
  peer.sends(frames.rstStream(1, Code.cancel), frames.rstStream(3, Code.cancel))
  t.equal(connection.streamCount, 0)
  t.equal(connection.runningCount, 2)
  peer.requests(5)
  t.equal(recorder.stream(5).hold(), false, 'the next one waits')
  recorder.stream(1).release()
  t.equal(connection.runningCount, 2)
  t.equal(recorder.stream(5).hold(), true)
  peer.requests(7)
  t.equal(recorder.stream(7).hold(), false)
  recorder.stream(1).release() // twice: counts once
  recorder.stream(5).reset(Code.cancel)
  recorder.stream(5).release()
  recorder.stream(3).release()
  recorder.stream(7).release()
  t.equal(connection.runningCount, 1, 'stream 7 is still open')
  peer.sends(frames.rstStream(7, Code.cancel))
  t.equal(connection.runningCount, 0)
  t.end()
})

t.test('RFC 9113 §5.1.2: a client obeys the limit of the peer', t => {
  const { peer, connection, open, events } = connect({
    role: 'client',
    settings: { concurrentStreamsMax: 2 },
  })
  const first = open(true)
  open(true)
  t.notOk(connection.canOpen)
  t.throws(() => open(true))
  peer.skips(2)
  peer.expectsNothing()
  peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
  t.ok(first.ended)
  t.ok(connection.canOpen)
  t.ok(events.includes('capacity'))
  open(true)
  peer.expects(frames.headers(5, REQUEST, { endStream: true }))
  t.end()
})

t.test('RFC 9113 §5.1.2: a limit that sinks closes nothing; one that rises gives capacity', t => {
  const { peer, connection, open, events } = connect({ role: 'client' })
  for (let i = 0; i < 3; i++) open(true)
  peer.skips(3)
  peer.sends(frames.settings({ concurrentStreamsMax: 1 }))
  t.same(events, [])
  t.equal(connection.streamCount, 3)
  t.notOk(connection.canOpen)
  peer.sends(
    frames.headers(1, RESPONSE, { endStream: true }),
    frames.headers(3, RESPONSE, { endStream: true }),
  )
  t.notOk(connection.canOpen, 'one is running, one is allowed')
  peer.sends(frames.settings({ concurrentStreamsMax: 0 }))
  t.notOk(events.includes('capacity'))
  peer.sends(frames.settings({ concurrentStreamsMax: 2 }))
  t.equal(events.at(-1), 'capacity')
  t.ok(connection.canOpen)
  t.end()
})

t.test('RFC 9113 §6.5.2: a client opens at most 100 streams before it knows the limit', t => {
  const { peer, connection, open } = connect({ role: 'client', handshake: false })
  for (let i = 0; i < 100; i++) open(true)
  t.notOk(connection.canOpen)
  peer.sends(frames.settings())
  t.ok(connection.canOpen, 'SETTINGS without a limit: none')
  t.end()
})

t.test('our own cap holds whatever the peer allows', t => {
  const { connection, open } = connect({ role: 'client', limits: { openStreamsMax: 3 } })
  for (let i = 0; i < 3; i++) open(true)
  t.notOk(connection.canOpen)
  t.end()
})

t.test('RFC 9113 §5.1.1: a client numbers its streams 1, 3, 5', t => {
  const { peer, open } = connect({ role: 'client' })
  for (let i = 0; i < 4; i++) open(i % 2 === 0)
  t.same(
    peer.takes().map(frame => frame.streamId),
    streamIds(4),
  )
  t.end()
})

t.test('a server cannot open streams', t => {
  const { connection, recorder } = connect({ role: 'server' })
  t.notOk(connection.canOpen)
  t.throws(() => connection.open(REQUEST, true, recorder.streamRecorder()))
  t.end()
})

t.test('RFC 9113 §8.7: a refused stream tells the client that it was not processed', t => {
  const { peer, events, on } = withStream({ role: 'client' })
  peer.sends(frames.rstStream(1, Code.refusedStream))
  t.same(events, ['reset 1 REFUSED_STREAM by peer'])
  t.equal(on.resetCode, Code.refusedStream)
  t.end()
})

t.test('CVE-2023-44487 (A3): hammering at the limit ends the connection', t => {
  const { peer, recorder } = connect({ role: 'server', limits: { streamsMax: 1 } })
  peer.sends(frames.headers(1, REQUEST))
  const ids = streamIds(3_000, 3)
  for (const id of ids) peer.sends(frames.headers(id, REQUEST, { endStream: true }))
  const lines = peer.takesLines()
  t.match(lines.at(-1), /^GOAWAY last \d+ ENHANCE_YOUR_CALM$/)
  t.ok(lines.length <= 1_002, `${lines.length} frames answered`)
  t.equal(recorder.streams.size, 1)
  t.end()
})

t.test('an accepted request forgives the refused ones', t => {
  const { peer, recorder } = connect({
    role: 'server',
    limits: { streamsMax: 1, refusedStreamsMax: 10 },
  })
  let id = 1
  for (let round = 0; round < 20; round++) {
    peer.sends(frames.headers(id, REQUEST, { endStream: true }))
    const accepted = id
    peer.requests(...streamIds(9, id + 2))
    id += 18
    recorder.stream(accepted).sendHeaders(RESPONSE, true)
    t.notOk(
      peer.takesLines().some(line => line.startsWith('GOAWAY')),
      `round ${round}`,
    )
    id += 2
  }
  t.end()
})

t.test('the counters are zero when everything is over', t => {
  for (const role of ROLES) {
    const { connection, peer } = withStream({ role })
    t.equal(connection.streamCount, 1)
    peer.sends(frames.rstStream(1, Code.cancel))
    t.equal(connection.streamCount, 0)
    t.equal(connection.runningCount, 0, role)
  }
  t.end()
})
