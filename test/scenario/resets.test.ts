import t from 'tap'
import {
  Code,
  frames,
  REQUEST,
  RESPONSE,
  requestWith,
  TRAILERS,
  Type,
  zeros,
} from '../support/frames.js'
import { type Connected, connect, ROLES, streamIds, withStream } from '../support/peer.js'

/** What the peer was sent, counted. */
function outcome({ peer, recorder }: Connected): {
  resets: number
  last: string
  requests: number
} {
  const lines = peer.takesLines()
  const resets = lines.filter(line => line.startsWith('RST_STREAM')).length
  return { resets, last: lines.at(-1) ?? '', requests: recorder.streams.size }
}

const CALM = /^GOAWAY last \d+ ENHANCE_YOUR_CALM$/

t.test('CVE-2023-44487 (A1): 3_000 requests that are reset at once end the connection', t => {
  const connected = connect({ role: 'server' })
  const pairs = streamIds(3_000).flatMap(id => [
    frames.headers(id, REQUEST, { endStream: true }),
    frames.rstStream(id, Code.cancel),
  ])
  connected.peer.sends(Buffer.concat(pairs))
  const { last, requests } = outcome(connected)
  t.match(last, CALM)
  t.ok(requests <= 1_001, `${requests} streams were created`)
  connected.connection.destroy()
  t.equal(connected.connection.streamCount, 0)
  t.end()
})

t.test(
  'CVE-2023-44487 (A1): a request that is reset in the same chunk never reaches user code',
  t => {
    const reached: number[] = []
    const { peer, recorder } = connect({
      role: 'server',
      onReceived: () => {
        for (const [id, on] of recorder.streams) if (on.lastCalls === 0) reached.push(id)
      },
    })
    peer.sends(frames.headers(1, REQUEST, { endStream: true }), frames.rstStream(1, Code.cancel))
    t.same(reached, [])
    t.same(recorder.take(), ['request 1 end', 'reset 1 CANCEL by peer'])
    t.end()
  },
)

t.test('CVE-2023-44487 (A1): 100_000 resets at a pace below the refill are tolerated', t => {
  const connected = connect({
    role: 'server',
    limits: { keepaliveIntervalMs: Number.POSITIVE_INFINITY },
  })
  const { peer, recorder } = connected
  const request = frames.headers(1, REQUEST, { endStream: true })
  const reset = frames.rstStream(1, Code.cancel)
  for (let id = 1; id < 20_000; id += 2) {
    request.writeUInt32BE(id, 5)
    reset.writeUInt32BE(id, 5)
    peer.sends(request, reset)
    peer.advance(20)
    recorder.streams.clear()
    recorder.take()
  }
  t.equal(outcome(connected).last, '')
  t.end()
})

t.test('CVE-2023-44487 (A1): calls cancelled after their handler started cost nothing', t => {
  const connected = connect({ role: 'server', hold: true })
  const { peer, recorder } = connected
  for (const id of streamIds(5_000)) {
    peer.sends(frames.headers(id, REQUEST, { endStream: true }))
    recorder.stream(id).sendHeaders(RESPONSE, false)
    peer.sends(frames.rstStream(id, Code.cancel))
    recorder.stream(id).release()
  }
  t.notMatch(outcome(connected).last, /GOAWAY/)
  t.end()
})

t.test('CVE-2023-44487 (A1): streams that end well earn the budget back', t => {
  const connected = connect({ role: 'server', limits: { resetsMax: 10, resetsPerSecond: 0 } })
  const { peer, recorder } = connected
  for (let id = 1; id < 400; id += 4) {
    peer.sends(frames.headers(id, REQUEST, { endStream: true }), frames.rstStream(id, Code.cancel))
    peer.sends(frames.headers(id + 2, REQUEST, { endStream: true }))
    recorder.stream(id + 2).sendHeaders(RESPONSE, true)
  }
  t.notMatch(outcome(connected).last, /GOAWAY/)
  t.end()
})

/** CVE-2025-8671: ways to make an endpoint send RST_STREAM. Each is given a stream that is open. */
const PRIMITIVES: Record<string, (id: number) => Buffer> = {
  'WINDOW_UPDATE of 0': id =>
    Buffer.concat([frames.headers(id, REQUEST), frames.windowUpdate(id, 0)]),
  'WINDOW_UPDATE that overflows': id =>
    Buffer.concat([frames.headers(id, REQUEST), frames.windowUpdate(id, 0x7fff_ffff)]),
  'PRIORITY of four octets': id =>
    Buffer.concat([frames.headers(id, REQUEST), frames.raw(Type.priority, 0, id, Buffer.alloc(4))]),
  'PRIORITY on itself': id => Buffer.concat([frames.headers(id, REQUEST), frames.priority(id, id)]),
  'DATA after END_STREAM': id =>
    Buffer.concat([frames.headers(id, REQUEST, { endStream: true }), frames.data(id, { size: 1 })]),
  'HEADERS after END_STREAM': id =>
    Buffer.concat([
      frames.headers(id, REQUEST, { endStream: true }),
      frames.headers(id, TRAILERS, { endStream: true }),
    ]),
  'a malformed request': id => frames.headers(id, requestWith('X', '1'), { endStream: true }),
  'DATA beyond content-length': id =>
    Buffer.concat([
      frames.headers(id, requestWith('content-length', '0')),
      frames.data(id, { size: 1 }),
    ]),
}

for (const [name, build] of Object.entries(PRIMITIVES)) {
  t.test(`CVE-2025-8671 (A2): ${name}, again and again, ends the connection`, t => {
    const connected = connect({ role: 'server' })
    for (const id of streamIds(3_000)) connected.peer.sends(build(id))
    const { resets, last, requests } = outcome(connected)
    t.match(last, name === 'PRIORITY on itself' ? /^GOAWAY .* PROTOCOL_ERROR$/ : CALM)
    t.ok(resets <= 100, `${resets} resets`)
    t.ok(requests <= 101, `${requests} requests`)
    t.end()
  })
}

t.test('CVE-2025-8671 (A2): a few stream errors are tolerated', t => {
  const connected = connect({ role: 'server' })
  for (const id of streamIds(50)) connected.peer.sends(frames.headers(id, requestWith('X', '1')))
  const { resets, last } = outcome(connected)
  t.equal(resets, 50)
  t.notMatch(last, /GOAWAY/)
  t.end()
})

t.test(
  'CVE-2019-9514 (D4): RST_STREAM on closed streams costs, and too many end the connection',
  t => {
    const { peer } = connect({ role: 'server' })
    peer.requests(1)
    const frame = frames.rstStream(1, Code.cancel)
    for (let i = 0; i < 30_000 && !peer.connection.finished; i++) {
      peer.sends(frame)
      if (i % 100 === 0) peer.takes()
    }
    t.ok(peer.connection.hasOutput || peer.connection.finished, 'ended by GOAWAY')
    t.end()
  },
)

t.test('our own resets cost nothing', t => {
  const connected = connect({ role: 'server' })
  for (const id of streamIds(5_000)) {
    connected.peer.sends(frames.headers(id, REQUEST, { endStream: true }))
    connected.recorder.stream(id).reset(Code.cancel)
  }
  t.notMatch(outcome(connected).last, /GOAWAY/)
  t.end()
})

t.test('a client does not count the resets of its server', t => {
  const connected = connect({ role: 'client' })
  for (let i = 0; i < 1_100; i++) {
    const on = connected.open(true)
    connected.peer.sends(frames.rstStream(on.id, Code.refusedStream))
    connected.peer.advance(50)
  }
  t.notMatch(outcome(connected).last, /GOAWAY/)
  t.end()
})

t.test('RFC 9113 §6.4: a reset frees the stream for both sides', t => {
  for (const role of ROLES) {
    const { peer, stream, connection } = withStream({
      role,
      limits: { streamsMax: 1 },
      settings: { concurrentStreamsMax: 1 },
    })
    stream.reset(Code.cancel)
    t.equal(connection.streamCount, 0)
    peer.expects(frames.rstStream(1, Code.cancel))
    if (role === 'client') t.ok(connection.canOpen)
    else {
      peer.requests(3)
      peer.expectsNothing()
      t.equal(connection.streamCount, 1)
    }
    stream.reset(Code.internalError) // twice: once on the wire
    peer.expectsNothing()
  }
  t.end()
})

t.test(
  'an exception from a handler resets that stream with INTERNAL_ERROR and harms nobody else',
  t => {
    const { peer, recorder, events } = connect({ role: 'server' })
    peer.sends(frames.headers(1, REQUEST), frames.headers(3, REQUEST))
    recorder.on(1).throwFrom = 'onData'
    peer.sends(frames.data(1, { size: 1 }), frames.data(3, { size: 2 }))
    peer.expects(frames.rstStream(1, Code.internalError))
    t.equal(events.at(-1), 'data 3 2')
    recorder.on(3).throwFrom = 'onHeaders'
    peer.sends(frames.headers(3, TRAILERS, { endStream: true }))
    peer.expects(frames.rstStream(3, Code.internalError))
    t.end()
  },
)

t.test('an exception at the very end of a stream leaves nothing behind', t => {
  const client = connect({ role: 'client' })
  const call = client.open(true)
  call.throwFrom = 'onHeaders'
  client.peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
  t.equal(client.connection.streamCount, 0)
  const other = client.open(true)
  other.throwFrom = 'onData'
  client.peer.sends(frames.headers(3, RESPONSE), frames.data(3, { size: 1, endStream: true }))
  t.equal(client.connection.streamCount, 0)
  t.same(
    client.recorder.handlerErrors.map(({ streamId }) => streamId),
    [1, 3],
  )
  client.open(true)
  t.notOk(client.connection.finished)
  t.end()
})

t.test('an exception from onStream resets the stream', t => {
  const { peer, connection } = connect({
    role: 'server',
    onStream: stream => {
      if (stream.id === 1) throw new Error('thrown on purpose')
    },
  })
  peer.sends(frames.headers(1, REQUEST), frames.headers(3, REQUEST, { endStream: true }))
  peer.expects(frames.rstStream(1, Code.internalError))
  t.equal(connection.streamCount, 1)
  t.end()
})

t.test('an exception from onReset, onLost or onDrain harms nobody else', t => {
  const client = connect({ role: 'client', settings: { initialWindowSize: 0 } })
  const [first, second, third] = [client.open(), client.open(), client.open()]
  first.throwFrom = 'onReset'
  second.throwFrom = 'onDrain'
  third.throwFrom = 'onLost'
  second.stream!.sendData(zeros, 0, 70_000, false)
  client.peer.takes()
  client.peer.sends(
    frames.rstStream(1, Code.cancel),
    frames.windowUpdate(0, 100_000),
    frames.windowUpdate(3, 100_000),
  )
  client.peer.takes()
  client.connection.destroy()
  t.equal(client.recorder.closedCount, 1)
  t.equal(third.lastCalls, 1)
  t.end()
})

t.test('a handler may reset its stream from inside a call', t => {
  const { peer, recorder, stream } = withStream({ role: 'server' })
  recorder.on(1).whenData = () => stream.reset(Code.cancel)
  peer.sends(frames.data(1, { size: 1 }), frames.data(1, { size: 1, endStream: true }))
  peer.expects(frames.rstStream(1, Code.cancel))
  t.same(recorder.take(), ['data 1 1'])
  t.end()
})

t.test('onStream may answer, reset, or answer and reset at once', t => {
  const answer = connect({ role: 'server', onStream: stream => stream.sendHeaders(RESPONSE, true) })
  answer.peer.requests(1)
  answer.peer.expects(frames.headers(1, RESPONSE, { endStream: true }))
  const reset = connect({ role: 'server', onStream: stream => stream.reset(Code.cancel) })
  reset.peer.sends(frames.headers(1, REQUEST), frames.data(1, { size: 1 }))
  reset.peer.expects(frames.rstStream(1, Code.cancel))
  t.same(reset.events, ['request 1'])
  t.end()
})
