import t from 'tap'
import { Connection, TimerWheel } from '../../src/connection/index.js'
import { Code, frames, REQUEST, RESPONSE, Type } from '../support/frames.js'
import { connect, Peer, ROLES, withStream } from '../support/peer.js'
import { Pipe } from '../support/pipe.js'
import { Recorder } from '../support/recorder.js'

t.test('RFC 9113 §3.4: each side greets', t => {
  const client = connect({ role: 'client', handshake: false })
  const bytes = Buffer.concat(client.connection.takeOutput(10_000))
  t.ok(bytes.subarray(0, 24).equals(frames.preface()))
  t.equal(bytes[24 + 3], Type.settings)
  const server = connect({ role: 'server', handshake: false })
  t.equal(server.connection.takeOutput(10_000)[0]![3], Type.settings)
  t.equal(server.recorder.outputCount, 0, 'the host looks by itself in the beginning')
  t.end()
})

t.test('limits are checked in the constructor', t => {
  const host = new Recorder()
  t.throws(
    () =>
      new Connection({ role: 'client', handler: host, host, now: 0, limits: { frameSizeMax: 1 } }),
    { name: 'RangeError', message: /limits\.frameSizeMax is 1/ },
  )
  t.end()
})

t.test('onOutput: once until takeOutput, and only outside a turn', t => {
  const { connection, recorder, peer, open } = connect({ role: 'client' })
  recorder.outputCount = 0
  peer.sends(frames.ping())
  t.equal(recorder.outputCount, 0)
  peer.takes()
  const on = open()
  on.stream!.sendData(Buffer.alloc(10), 0, 10, false)
  t.equal(recorder.outputCount, 1)
  connection.takeOutput(1_000)
  on.stream!.sendData(Buffer.alloc(10), 0, 10, false)
  t.equal(recorder.outputCount, 2)
  t.equal(connection.hasOutput, true)
  connection.takeOutput(1_000)
  t.equal(connection.hasOutput, false)
  t.end()
})

t.test('takeOutput hands out queued DATA up to the size asked for', t => {
  const { connection, peer, stream } = withStream({
    role: 'client',
    settings: { initialWindowSize: 1 << 20 },
  })
  peer.sends(frames.windowUpdate(0, 1 << 20))
  stream.sendData(Buffer.alloc(300_000), 0, 300_000, true)
  connection.takeOutput(0)
  for (let left = 300_000; left > 0; ) {
    const size = connection.takeOutput(50_000).reduce((sum, piece) => sum + piece.length, 0)
    t.ok(size > 0 && size <= 50_000 + 1_024 + 9, `${size}`)
    left -= size - 9 * Math.ceil(size / 16_393)
    if (!connection.hasOutput) break
  }
  t.equal(stream.bufferedSize, 0)
  t.end()
})

t.test('outputWritten lets the memory be used again, and only then', t => {
  const { connection, stream } = withStream({ role: 'client' })
  const once = (): Buffer => {
    stream.sendData(Buffer.alloc(100, 1), 0, 100, false)
    return connection.takeOutput(1_000)[0]!
  }
  const first = once()
  const second = once()
  t.notOk(first.buffer === second.buffer && first.byteOffset === second.byteOffset)
  connection.outputWritten()
  const third = once()
  t.ok(third.buffer === second.buffer && third.byteOffset === second.byteOffset)
  t.end()
})

t.test('open: not on a server, not after the end, not with fields that cannot be sent', t => {
  const server = connect({ role: 'server' })
  t.equal(server.connection.canOpen, false)
  t.throws(() => server.open(), { name: 'TypeError', message: /a server cannot open streams/ })
  const client = connect({ role: 'client', settings: { headerListSizeMax: 400 } })
  t.throws(() => client.open(false, [...REQUEST, 'A', 'b']), { name: 'TypeError' })
  t.throws(() => client.open(false, [':method', 'GET']), { message: /must have :scheme/ })
  t.throws(() => client.open(false, [...REQUEST, 'x', 'y'.repeat(400)]), {
    name: 'HeaderListError',
  })
  t.throws(() => client.open(false, REQUEST, ['te', 'gzip']), { name: 'TypeError' })
  t.equal(client.connection.streamCount, 0)
  t.equal(client.open(false, REQUEST).id, 1, 'no identifier was used up')
  client.connection.destroy()
  t.throws(() => client.open(), { message: /no stream can be opened now/ })
  t.end()
})

for (const role of ROLES) {
  t.test(`destroy tells each stream once, then the host (${role})`, t => {
    const { connection, recorder, events, on } = withStream({ role })
    const cause = new Error('socket closed')
    connection.destroy(cause)
    connection.destroy()
    t.same(events.splice(0), ['lost 1', 'closed with cause'])
    t.equal(on.lost, cause)
    t.equal(on.unprocessed, false)
    t.equal(recorder.closedCause, cause)
    t.equal(connection.finished, true)
    t.equal(connection.hasOutput, false)
    t.equal(connection.streamCount, 0)
    t.equal(connection.runningCount, 0)
    connection.shutdown()
    connection.advance(100_000)
    t.same(events.splice(0), [])
    t.end()
  })
}

t.test('destroy without a cause is no error for the host', t => {
  const { connection, recorder, on } = withStream({ role: 'client' })
  connection.destroy()
  t.equal(recorder.closedCount, 1)
  t.equal(recorder.closedCause, undefined)
  t.ok(on.lost instanceof Error)
  t.end()
})

t.test('onReceived ends each turn, and an exception from it harms nobody', t => {
  let throws = true
  const { connection, recorder, peer } = connect({
    role: 'server',
    onReceived: () => {
      if (throws) throw new Error('thrown on purpose')
    },
  })
  const before = recorder.receivedCount
  peer.sends(frames.ping())
  connection.advance(1_001)
  connection.destroy()
  t.equal(recorder.receivedCount, before + 3)
  t.ok(recorder.handlerErrors.length >= 3)
  t.ok(recorder.handlerErrors.every(({ streamId }) => streamId === 0))
  throws = false
  t.end()
})

t.test('an error of our own is INTERNAL_ERROR on the wire, and its cause is kept', t => {
  const bug = new Error('a bug')
  const { peer, recorder } = connect({
    role: 'server',
    observer: {
      onFrame: (sent, type) => {
        if (!sent && type === Type.ping) throw bug
      },
    },
  })
  peer.sends(frames.ping())
  t.equal(peer.expectsGoaway(Code.internalError), 'internal error (RFC 9113 section 5.4.1)')
  t.equal(recorder.closedCause?.cause, bug)
  t.end()
})

t.test('RFC 9113 §5.4.1: nothing comes out behind an error GOAWAY', t => {
  const { peer, stream, connection } = withStream({ role: 'server' })
  stream.sendHeaders(RESPONSE, false)
  stream.sendData(Buffer.alloc(100_000), 0, 100_000, true)
  peer.takes()
  peer.sends(frames.data(3, { size: 1 }))
  const found = peer.takes()
  t.equal(found.length, 1)
  t.equal(found[0]!.type, Type.goaway)
  stream.sendData(Buffer.alloc(10), 0, 10, true)
  t.equal(connection.hasOutput, false)
  t.equal(connection.finished, true)
  t.end()
})

t.test('timers on a shared wheel: a turn of their own, after which user code is dispatched', t => {
  const timers = new TimerWheel(0)
  const recorder = new Recorder()
  const connection = new Connection({
    role: 'server',
    handler: recorder,
    host: recorder,
    now: 0,
    timers,
    limits: { idleTimeoutMs: 21_000 },
  })
  const peer = new Peer(connection, recorder, 0)
  peer.shakesHands()
  peer.sends(frames.headers(1, REQUEST))
  peer.sends(frames.rstStream(1, Code.cancel))
  peer.takes()
  recorder.outputCount = 0
  const before = recorder.receivedCount
  timers.advance(20_999)
  t.equal(connection.draining, false)
  timers.advance(21_000)
  t.equal(connection.draining, true)
  t.ok(recorder.receivedCount > before, 'whoever waits for what it changed hears of it')
  t.equal(recorder.outputCount, 1)
  t.equal(connection.now, 21_000)
  connection.destroy()
  t.equal(timers.count, 0)
  timers.advance(100_000)
  t.end()
})

t.test('both ends over a pipe that cuts anywhere: every octet arrives', t => {
  for (const seed of [1, 2, 3]) {
    const pipe = new Pipe({
      seed,
      pieceMax: 5_000,
      server: { consume: true },
      client: { consume: true },
    })
    pipe.run()
    const { client, server } = pipe
    const body = Buffer.alloc(200_000, seed)
    const handlers = Array.from({ length: 5 }, () => {
      const handler = client.recorder.streamRecorder()
      handler.stream = client.connection.open(REQUEST, false, handler)
      handler.stream.sendData(body, 0, body.length, true)
      return handler
    })
    pipe.run()
    for (const on of server.recorder.streams.values()) {
      t.equal(on.body.length, body.length)
      on.stream!.sendHeaders(RESPONSE, false)
      on.stream!.sendData(on.body, 0, body.length, true)
    }
    pipe.run()
    for (const handler of handlers) t.ok(handler.body.equals(body))
    t.equal(client.connection.streamCount + server.connection.streamCount, 0)
    server.connection.shutdown()
    pipe.run()
    t.equal(client.connection.finished, true, 'a client without streams leaves at once')
    pipe.advance(5_001)
    t.equal(client.connection.finished && server.connection.finished, true)
    t.equal(client.connection.timers.count + server.connection.timers.count, 0)
  }
  t.end()
})

t.test('onClosed may come before the last GOAWAY: it is taken until finished', t => {
  for (const role of ROLES) {
    const { connection, recorder, peer } = connect({ role })
    peer.takes()
    const seen: boolean[] = []
    const onClosed = recorder.onClosed.bind(recorder)
    recorder.onClosed = cause => {
      onClosed(cause)
      seen.push(connection.hasOutput, connection.finished)
    }
    const bad = frames.windowUpdate(0, 0)
    connection.receive(bad, 0, bad.length, 0)
    t.same(seen, [true, false], `${role}: called once, from within receive`)
    const last = Buffer.concat(connection.takeOutput(1_000))
    t.equal(last[3], Type.goaway)
    t.equal(connection.finished, true, 'now the socket may be closed')
  }
  t.end()
})
