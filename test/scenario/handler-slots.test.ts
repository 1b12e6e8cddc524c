import t from 'tap'
import { Code, frames, REQUEST, RESPONSE } from '../support/frames.js'
import { connect, streamIds } from '../support/peer.js'

t.test(
  'RFC 9113 §5.1.2: a client within the limit is not refused for handlers of streams it has reset',
  t => {
    const { connection, peer, recorder } = connect({
      role: 'server',
      hold: true,
      limits: { streamsMax: 10 },
    })
    peer.requests(...streamIds(10))
    peer.sends(...streamIds(10).map(id => frames.rstStream(id, Code.cancel)))
    t.equal(connection.runningCount, 10, 'they have not settled')
    peer.requests(...streamIds(10, 21))
    peer.expectsNothing()
    t.equal(connection.streamCount, 10)
    t.equal(recorder.stream(21).held, false, 'but their handlers wait')
    const turns = recorder.receivedCount
    recorder.stream(1).release()
    t.equal(recorder.receivedCount, turns + 1, 'the handler is told when one has settled')
    t.equal(recorder.stream(21).hold(), true)
    t.equal(recorder.stream(23).hold(), false)
    peer.requests(41)
    peer.expects(frames.rstStream(41, Code.refusedStream))
    t.end()
  },
)

t.test('CVE-2023-44487 (A1): resets of requests whose handlers wait are paid for', t => {
  const { peer } = connect({
    role: 'server',
    hold: true,
    limits: { streamsMax: 10, resetsMax: 50 },
  })
  peer.requests(...streamIds(10))
  peer.sends(...streamIds(10).map(id => frames.rstStream(id, Code.cancel)))
  let count = 0
  for (const id of streamIds(3_000, 21)) {
    if (peer.connection.finished) break
    peer.sends(frames.headers(id, REQUEST, { endStream: true }), frames.rstStream(id, Code.cancel))
    peer.takes()
    count++
  }
  t.ok(count < 60, `${count} were taken`)
  t.end()
})

t.test(
  'B10: header lists of requests that were reset while handlers run may have as much again',
  t => {
    const large = (mark: string) => [...REQUEST, 'x-large', mark.repeat(1_000)]
    const { peer, recorder } = connect({
      role: 'server',
      hold: true,
      limits: { openHeadersSizeMax: 2_600 },
    })
    peer.sends(frames.headers(1, large('a')), frames.headers(3, large('b')))
    peer.sends(frames.rstStream(1, Code.cancel), frames.rstStream(3, Code.cancel))
    peer.sends(frames.headers(5, large('c')), frames.headers(7, large('d')))
    peer.expectsNothing()
    peer.sends(frames.rstStream(5, Code.cancel), frames.headers(9, large('e')))
    peer.expects(frames.rstStream(9, Code.refusedStream))
    recorder.stream(1).release()
    peer.sends(frames.headers(11, large('f')))
    peer.expectsNothing()
    t.end()
  },
)

t.test(
  'a larger streamsMax makes larger bursts bearable: all calls may be cancelled at once',
  t => {
    const { peer } = connect({ role: 'server', limits: { streamsMax: 4_000 } })
    const ids = streamIds(4_000)
    peer.requests(...ids)
    peer.sends(...ids.map(id => frames.rstStream(id, Code.cancel)))
    peer.expectsNothing()
    const strict = connect({ role: 'server', limits: { streamsMax: 4_000, resetsMax: 100 } })
    t.equal(strict.connection.limits.resetsMax, 100, 'what is given holds')
    const endless = connect({ role: 'server', limits: { streamsMax: 0xffff_ffff } })
    t.equal(endless.connection.limits.resetsMax, 10_000)
    t.end()
  },
)

t.test('gRPC A6: what a server refused is not asked for again at once', t => {
  const { connection, peer, open, events } = connect({ role: 'client' })
  for (let i = 0; i < 20; i++) open(true)
  peer.takes()
  peer.sends(...streamIds(15, 11).map(id => frames.rstStream(id, Code.refusedStream)))
  t.equal(connection.streamCount, 5)
  t.equal(connection.canOpen, false, 'five were taken, five are open')
  peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
  t.equal(events.at(-1), 'capacity', 'one has ended')
  open(true)
  t.equal(connection.canOpen, false)
  peer.advance(49)
  t.equal(connection.canOpen, false)
  peer.advance(1)
  t.equal(events.at(-1), 'capacity')
  for (let i = 0; i < 5; i++) open(true)
  t.equal(connection.canOpen, false, 'twice as many after a pause')
  peer.advance(50 * 20)
  t.equal(connection.canOpen, true)
  t.end()
})

t.test('gRPC A6: a server that refuses the only stream is asked again after a pause', t => {
  const { connection, peer, open, events } = connect({ role: 'client' })
  open(true)
  peer.takes()
  peer.sends(frames.rstStream(1, Code.refusedStream))
  t.equal(connection.canOpen, false)
  peer.advance(50)
  t.equal(events.at(-1), 'capacity')
  open(true)
  t.equal(connection.canOpen, false)
  connection.destroy()
  t.equal(connection.timers.count, 0)
  t.end()
})
