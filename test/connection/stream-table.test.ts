import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Connection, type HeaderBlock, type Stream } from '../../src/connection/index.js'
import { ErrorCode } from '../../src/frame/index.js'
import { Code, frames, REQUEST, RESPONSE, Type } from '../support/frames.js'
import { connect, Peer, withStream } from '../support/peer.js'
import { Recorder, StreamRecorder } from '../support/recorder.js'

/** A client whose host opens the next waiting stream as soon as there is room, as a session does. */
class EagerClient extends Recorder {
  readonly connection: Connection
  readonly peer: Peer
  waiting = 0

  constructor() {
    super()
    this.connection = new Connection({ role: 'client', handler: this, host: this, now: 0 })
    this.peer = new Peer(this.connection, this, 0)
    this.peer.shakesHands({ concurrentStreamsMax: 1 })
  }

  open(endStream = false): Stream {
    const handler = new StreamRecorder(this.events)
    handler.stream = this.connection.open(REQUEST, endStream, handler)
    return handler.stream
  }

  override onCapacity(): void {
    super.onCapacity()
    while (this.waiting > 0 && this.connection.canOpen) {
      this.waiting--
      this.open(true)
    }
  }
}

t.test('identifiers of a client are odd and grow', t => {
  const { open, connection } = connect({ role: 'client' })
  t.same([open().id, open().id, open().id], [1, 3, 5])
  t.equal(connection.streamCount, 3)
  t.equal(inspect(connection).streams.ownIdMax, 5)
  inspect(connection).streams.startAt(1_001)
  t.equal(open().id, 1_001)
  for (const id of [1_001, 1_004, 3]) {
    t.throws(() => inspect(connection).streams.startAt(id), {
      name: 'RangeError',
      message: `first stream id is ${id}; expected an odd number from 1003`,
    })
  }
  t.end()
})

t.test('RFC 9113 §5.1.1: a client drains before identifiers run out', t => {
  const { open, connection } = connect({ role: 'client' })
  inspect(connection).streams.startAt(0x6000_0000 - 1)
  t.equal(connection.draining, false)
  t.equal(open().id, 0x5fff_ffff)
  t.equal(connection.draining, true)
  t.equal(connection.canOpen, false)
  t.throws(() => open(), { message: /1 are open, the connection is draining/ })
  t.end()
})

t.test('RFC 9113 §5.1.2: capacity is told once, and only to who asked in vain', t => {
  const { open, connection, peer, events } = connect({
    role: 'client',
    settings: { concurrentStreamsMax: 2 },
  })
  const [one, two] = [open(), open()]
  t.equal(connection.canOpen, false)
  one.stream!.reset(Code.cancel)
  t.same(events.splice(0), ['capacity'])
  two.stream!.reset(Code.cancel)
  t.same(events.splice(0), [], 'nobody asked')
  open()
  open()
  t.throws(() => open(), { message: 'no stream can be opened now: 2 are open' })
  peer.sends(frames.settings({ concurrentStreamsMax: 3 }))
  t.same(events.splice(0), ['capacity'])
  peer.sends(frames.settings({ concurrentStreamsMax: 4 }))
  t.same(events.splice(0), [])
  t.end()
})

t.test('our own cap holds whatever the peer allows, and an assumed one before its SETTINGS', t => {
  const capped = connect({ role: 'client', limits: { openStreamsMax: 1 } })
  capped.open()
  t.equal(capped.connection.canOpen, false)
  const early = connect({ role: 'client', handshake: false, limits: { peerStreamsAssumed: 2 } })
  early.open()
  early.open()
  t.equal(early.connection.canOpen, false)
  early.peer.sends(frames.settings({}))
  t.same(early.events.splice(0), ['settings', 'capacity'])
  t.end()
})

t.test('a server counts a closed stream while user code runs', t => {
  const { peer, recorder, connection } = connect({
    role: 'server',
    hold: true,
    limits: { streamsMax: 1 },
  })
  peer.requests(1)
  peer.sends(frames.rstStream(1, Code.cancel))
  t.equal(connection.streamCount, 0)
  t.equal(connection.runningCount, 1)
  peer.requests(3)
  t.equal(recorder.stream(3).held, false)
  peer.sends(frames.rstStream(3, Code.cancel))
  recorder.stream(1).release()
  recorder.stream(1).release()
  t.equal(connection.runningCount, 0)
  peer.requests(5)
  t.ok(recorder.streams.has(5))
  recorder.stream(5).release()
  t.equal(connection.runningCount, 1, 'an open stream counts, held or not')
  t.end()
})

t.test('an exception from a handler resets its stream and harms nobody else', t => {
  const { peer, recorder, open } = connect({ role: 'client' })
  const [bad, good] = [open(), open()]
  peer.takes()
  bad.throwFrom = 'onHeaders'
  peer.sends(frames.headers(1, RESPONSE), frames.headers(3, RESPONSE))
  peer.expects(frames.rstStream(1, Code.internalError))
  t.equal(good.lists.length, 1)
  t.match(recorder.handlerErrors, [{ streamId: 1, error: { message: /onHeaders/ } }])
  t.end()
})

for (const name of ['onHeaders', 'onData'] as const) {
  t.test(`${name} that throws at the end of a stream does not leak it`, t => {
    const { peer, recorder, connection, open } = connect({ role: 'client' })
    const on = open(true)
    peer.takes()
    if (name === 'onData') peer.sends(frames.headers(1, RESPONSE))
    on.throwFrom = name
    peer.sends(
      name === 'onData'
        ? frames.data(1, { size: 5, endStream: true })
        : frames.headers(1, RESPONSE, { endStream: true }),
    )
    t.equal(recorder.handlerErrors.length, 1)
    t.equal(connection.streamCount, 0)
    t.equal(connection.runningCount, 0)
    t.equal(inspect(connection).receiver.retained, 0)
    peer.expectsNothing()
    connection.destroy()
    t.equal(on.lastCalls, 0)
    t.end()
  })
}

t.test('a stream that is over when its handler throws is completed once', t => {
  const { peer, recorder, connection } = connect({ role: 'server' })
  const { budget } = inspect(connection)
  let completed = 0
  const original = budget.completed
  budget.completed = () => {
    completed++
    original.call(budget)
  }
  peer.sends(frames.headers(1, REQUEST))
  peer.takes()
  recorder.on(1).whenData = () => {
    recorder.stream(1).sendHeaders(RESPONSE, true)
    throw new Error('from onData, when the response is complete')
  }
  peer.sends(frames.data(1, { size: 1, endStream: true }))
  t.equal(recorder.handlerErrors.length, 1)
  t.same([connection.streamCount, connection.runningCount, completed], [0, 0, 1])
  t.end()
})

for (const name of ['onReset', 'onLost'] as const) {
  t.test(`${name} may throw`, t => {
    const { peer, recorder, connection, on } = withStream({ role: 'client' })
    on.throwFrom = name
    if (name === 'onReset') peer.sends(frames.rstStream(1, Code.cancel))
    else connection.destroy()
    t.equal(recorder.handlerErrors.length, 1)
    t.equal(connection.streamCount, 0)
    t.end()
  })
}

t.test('an exception from onStream refuses that request only', t => {
  const recorder = new Recorder()
  const onStream = recorder.onStream.bind(recorder)
  recorder.onStream = (stream: Stream, headers: HeaderBlock, endStream: boolean) => {
    if (stream.id === 1) throw new Error('thrown on purpose')
    return onStream(stream, headers, endStream)
  }
  const connection = new Connection({ role: 'server', handler: recorder, host: recorder, now: 0 })
  const peer = new Peer(connection, recorder, 0)
  peer.shakesHands()
  peer.requests(1, 3)
  peer.expects(frames.rstStream(1, Code.internalError))
  t.same([...recorder.streams.keys()], [3])
  t.equal(connection.streamCount, 1)
  t.end()
})

t.test('RST_STREAM goes before the HEADERS of the stream that takes the place', t => {
  const client = new EagerClient()
  const stream = client.open()
  client.waiting = 1
  t.equal(client.connection.canOpen, false)
  client.peer.takes()
  stream.reset(Code.cancel)
  t.same(
    client.peer.takes().map(frame => [frame.type, frame.streamId]),
    [
      [Type.rstStream, 1],
      [Type.headers, 3],
    ],
  )
  t.end()
})

for (const size of [5, 10_000, 20_000, 0]) {
  t.test(`a stream opened while ${size} octets end another does not spoil them`, t => {
    const client = new EagerClient()
    const stream = client.open()
    client.waiting = 1
    t.equal(client.connection.canOpen, false)
    client.peer.takes()
    client.peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
    const body = Buffer.alloc(size, 'x')
    stream.sendData(body, 0, size, true)
    const found = client.peer.takes()
    t.same(
      found.map(frame => [frame.type, frame.streamId]),
      [...(size > 16_384 ? [[Type.data, 1]] : []), [Type.data, 1], [Type.headers, 3]],
    )
    t.same(
      Buffer.concat(found.filter(frame => frame.type === Type.data).map(frame => frame.payload)),
      body,
    )
    t.end()
  })
}

t.test('the same with beginData: the slab is that of the reservation', t => {
  const client = new EagerClient()
  const stream = client.open()
  client.waiting = 1
  t.equal(client.connection.canOpen, false)
  client.peer.takes()
  client.peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
  const offset = stream.beginData(4, true)
  stream.slab.write('last', offset)
  const found = client.peer.takes()
  t.same(
    found.map(frame => [frame.type, frame.streamId]),
    [
      [Type.data, 1],
      [Type.headers, 3],
    ],
  )
  t.equal(found[0]!.payload.toString(), 'last')
  t.end()
})

for (const how of ['sendData', 'beginData', 'reset'] as const) {
  t.test(`RFC 9113 §6.8: onClosed waits for the last ${how} of a drained connection`, t => {
    const { peer, recorder, connection } = connect({ role: 'server' })
    peer.requests(1)
    const stream = recorder.stream(1)
    stream.sendHeaders(RESPONSE, false)
    connection.shutdown()
    const opaque = peer.takes().find(frame => frame.type === Type.ping)!.payload
    peer.sends(frames.ping(Buffer.from(opaque), true))
    peer.takes()
    t.equal(connection.finished, false)
    if (how === 'sendData') stream.sendData(Buffer.from('last'), 0, 4, true)
    else if (how === 'reset') stream.reset(ErrorCode.Cancel)
    else {
      const offset = stream.beginData(4, true)
      stream.slab.write('last', offset)
    }
    t.equal(recorder.closedCount, 0, 'something is still to be written')
    t.equal(peer.takes().length, 1)
    t.equal(recorder.closedCount, 1)
    t.equal(connection.finished, true)
    t.end()
  })
}
