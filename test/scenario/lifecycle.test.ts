import t from 'tap'
import { Connection, TimerWheel } from '../../src/connection/index.js'
import { Code, frames, REQUEST, RESPONSE, requestWith, TRAILERS, zeros } from '../support/frames.js'
import { connect, Peer, ROLES, withStream } from '../support/peer.js'
import { Pipe } from '../support/pipe.js'
import { Random } from '../support/random.js'
import { Recorder } from '../support/recorder.js'

/** What a client of stream 1 and 3 sends to a server, and the other way round. */
const SESSION = {
  server: [
    frames.preface(),
    frames.settings({ initialWindowSize: 1_000 }),
    frames.headers(1, REQUEST, { endHeaders: false, padding: 4 }),
    frames.continuation(1, Buffer.alloc(0)),
    frames.settingsAck(),
    frames.data(1, { bytes: 'first part', padding: 3 }),
    frames.headers(3, requestWith('x', 'y'), { endStream: true }),
    frames.ping(),
    frames.data(1, { bytes: 'the end', endStream: true }),
    frames.windowUpdate(0, 70_000),
    frames.rstStream(3, Code.cancel),
    frames.goaway(0, Code.noError, 'bye'),
  ],
  client: [
    frames.settings({ concurrentStreamsMax: 10 }),
    frames.headers(1, [':status', '103']),
    frames.headers(1, RESPONSE, { endHeaders: false }),
    frames.continuation(1, Buffer.alloc(0)),
    frames.settingsAck(),
    frames.data(1, { bytes: 'answer', padding: 3 }),
    frames.windowUpdate(3, 100),
    frames.headers(1, TRAILERS, { endStream: true }),
    frames.ping(),
    frames.rstStream(3, Code.refusedStream),
    frames.goaway(3, Code.noError),
  ],
} as const

t.test(
  'the socket may go at any octet of a session: each call settles once, nothing is left',
  t => {
    for (const role of ROLES) {
      const session = Buffer.concat(SESSION[role])
      let checked = 0
      for (let cut = 0; cut <= session.length; cut++) {
        const { connection, peer, recorder, open } = connect({ role, handshake: false })
        const calls = role === 'client' ? [open(), open()] : []
        if (cut > 0) peer.sends(session.subarray(0, cut))
        if (cut % 3 > 0) peer.takes()
        connection.destroy(new Error('the socket has gone'))
        calls.push(...recorder.streams.values())
        const settled = calls.every(call => call.lastCalls === 1 || call.ended)
        const left = connection.streamCount + connection.runningCount + connection.timers.count
        if (!settled || left !== 0 || recorder.closedCount !== 1 || !connection.finished) {
          t.fail(
            `${role}, cut at ${cut}: settled ${settled}, left ${left}, closed ${recorder.closedCount}`,
          )
          break
        }
        checked++
      }
      t.equal(checked, session.length + 1, role)
    }
    t.end()
  },
)

t.test('after destroy everything is a no-op', t => {
  for (const role of ROLES) {
    const { connection, peer, stream, events, open } = withStream({ role })
    connection.destroy(new Error('gone'))
    t.same(events.splice(0), ['lost 1', 'closed with cause'], role)
    connection.destroy()
    connection.shutdown()
    connection.ping(() => t.fail('answered'))
    peer.sends(frames.ping(), frames.data(1, { size: 1 }))
    peer.advance(1_000_000)
    stream.sendHeaders(RESPONSE, false)
    t.equal(stream.sendData(zeros, 0, 10, true), true)
    t.equal(stream.beginData(10, true), -1)
    stream.reset(Code.cancel)
    stream.consume(10)
    stream.expect(10)
    stream.release()
    t.notOk(stream.writable)
    t.notOk(connection.canOpen)
    if (role === 'client') t.throws(() => open(true))
    peer.expectsNothing()
    t.same(events, [])
  }
  t.end()
})

t.test('destroy hands its cause to every stream and to the host', t => {
  const { connection, peer, recorder, open } = connect({ role: 'client' })
  const calls = [open(), open(true), open()]
  peer.takes() // what has not left cannot have been processed
  const cause = new Error('ECONNRESET')
  connection.destroy(cause)
  for (const call of calls) {
    t.equal(call.lost, cause)
    t.equal(call.unprocessed, false, 'it may have been processed')
  }
  t.equal(recorder.closedCause, cause)
  t.equal(recorder.receivedCount > 0, true, 'user code hears of it from onReceived')
  t.end()
})

t.test('gRPC A6: requests whose HEADERS never left were not processed', t => {
  const { connection, peer, open } = connect({ role: 'client' })
  const sent = open()
  peer.takes()
  const unsent = [open(true), open()]
  connection.destroy(new Error('ECONNRESET'))
  t.equal(sent.unprocessed, false)
  for (const call of unsent) t.equal(call.unprocessed, true)
  t.end()
})

t.test('destroy from inside a handler is safe', t => {
  const { connection, peer, recorder } = withStream({ role: 'server' })
  recorder.on(1).whenData = () => connection.destroy(new Error('enough'))
  peer.sends(frames.data(1, { size: 1 }), frames.data(1, { size: 2 }), frames.headers(3, REQUEST))
  t.same(recorder.take(), ['data 1 1', 'lost 1', 'closed with cause'])
  peer.expectsNothing()
  t.equal(connection.timers.count, 0)
  t.end()
})

t.test('node #64113: handlers send from inside receive, and output is taken afterwards', t => {
  const { connection, peer, recorder } = connect({
    role: 'server',
    onStream: stream => {
      stream.sendHeaders(RESPONSE, false)
      stream.sendData(Buffer.from('early'), 0, 5, false)
    },
  })
  peer.sends(frames.headers(1, REQUEST), frames.data(1, { size: 3, endStream: true }))
  t.ok(connection.hasOutput)
  recorder.stream(1).sendHeaders(TRAILERS, true)
  peer.expects(
    frames.headers(1, RESPONSE),
    frames.data(1, { bytes: 'early' }),
    frames.headers(1, TRAILERS, { endStream: true }),
  )
  t.end()
})

t.test('connections share a timer wheel without sharing anything else', t => {
  const timers = new TimerWheel(0)
  const make = (): { peer: Peer; recorder: Recorder; connection: Connection } => {
    const recorder = new Recorder()
    const connection = new Connection({
      role: 'server',
      handler: recorder,
      host: recorder,
      now: 0,
      timers,
    })
    return { recorder, connection, peer: new Peer(connection, recorder, 0) }
  }
  const [first, second] = [make(), make()]
  second.peer.shakesHands()
  first.peer.takes()
  timers.advance(15_000)
  t.equal(first.recorder.closedCount, 1, 'no preface')
  t.equal(second.recorder.closedCount, 0)
  first.connection.destroy()
  second.connection.destroy()
  t.equal(timers.count, 0)
  t.end()
})

t.test('two connections talk through a pipe that cuts anywhere', t => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed)
    const pipe = new Pipe({
      seed,
      client: { consume: true },
      server: { consume: true },
      pieceMax: seed % 3 === 0 ? 50 : 40_000,
    })
    const bodies = Array.from({ length: 6 }, () => random.bytes(random.integer(0, 60_000)))
    const calls = bodies.map(body => {
      const on = pipe.client.recorder.streamRecorder()
      on.stream = pipe.client.connection.open(REQUEST, false, on)
      on.stream.sendData(body, 0, body.length, true)
      return on
    })
    pipe.run()
    for (const [id, on] of pipe.server.recorder.streams) {
      on.stream!.sendHeaders(RESPONSE, false)
      on.stream!.sendData(on.body, 0, on.body.length, false)
      on.stream!.sendHeaders(TRAILERS, true)
      if (!on.body.equals(bodies[(id - 1) / 2]!)) t.fail(`seed ${seed}: request body of ${id}`)
    }
    pipe.run()
    for (const [i, call] of calls.entries()) {
      if (!call.body.equals(bodies[i]!)) t.fail(`seed ${seed}: response body ${i}`)
      if (!call.ended || call.lastCalls > 0) t.fail(`seed ${seed}: call ${i} has not ended well`)
    }
    t.equal(
      pipe.client.connection.streamCount + pipe.server.connection.streamCount,
      0,
      `seed ${seed}`,
    )
  }
  t.end()
})

t.test('both ends of a pipe shut down in good order', t => {
  const pipe = new Pipe({ seed: 3, server: { consume: true } })
  const on = pipe.client.recorder.streamRecorder()
  on.stream = pipe.client.connection.open(REQUEST, true, on)
  pipe.run()
  pipe.server.connection.shutdown()
  pipe.run()
  t.notOk(pipe.server.connection.finished)
  t.notOk(pipe.client.connection.canOpen)
  const stream = pipe.server.recorder.stream(1)
  stream.sendHeaders(RESPONSE, true)
  pipe.run()
  t.ok(on.ended)
  t.ok(pipe.server.connection.finished)
  t.ok(pipe.client.connection.finished)
  t.end()
})
