import t from 'tap'
import {
  Code,
  frames,
  literalBlock,
  REQUEST,
  RESPONSE,
  requestWith,
  TRAILERS,
  Type,
  zeros,
} from '../support/frames.js'
import { connect, FIXED_WINDOWS, type Peer, ROLES, streamIds, withStream } from '../support/peer.js'

// Bugs that other implementations had and fixed: each is named after the fix.

const NARROW = {
  ...FIXED_WINDOWS,
  streamWindowSize: 65_535,
  connectionWindowSize: 65_535,
}

/** What the peer may still send on the connection, from what it saw and spent. */
class Ledger {
  left = 65_535
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
  }

  /** Sends DATA, takes credit that came back, and keeps both in the book. */
  sends(frame: Buffer): void {
    this.left -= frame.length - 9
    if (this.left < 0) throw new Error('the connection window has leaked away')
    this.#peer.sends(frame)
    this.settles()
  }

  settles(): void {
    for (const { type, streamId, payload } of this.#peer.takes()) {
      if (type === Type.windowUpdate && streamId === 0) this.left += payload.readUInt32BE(0)
    }
  }
}

t.test('h2 08129b2: padded DATA on a reset stream does not leak connection window', t => {
  for (const role of ROLES) {
    const { peer, stream } = withStream({ role, limits: NARROW })
    stream.reset(Code.cancel)
    const ledger = new Ledger(peer)
    for (let i = 0; i < 1_000; i++) ledger.sends(frames.data(1, { size: 1, padding: 255 }))
    t.ok(ledger.left >= 32_767, `${role}: ${ledger.left} octets are left`)
  }
  t.end()
})

t.test('h2 1e68f99, c9d619c: a stream that is dropped with DATA unconsumed does not leak', t => {
  const { peer, recorder } = connect({ role: 'server', limits: NARROW })
  const ledger = new Ledger(peer)
  for (const id of streamIds(200)) {
    peer.sends(frames.headers(id, REQUEST))
    ledger.sends(frames.data(id, { size: 9_000 }))
    if (id % 4 === 1) recorder.stream(id).reset(Code.cancel)
    else peer.sends(frames.rstStream(id, Code.cancel))
    ledger.settles()
  }
  t.ok(ledger.left >= 32_767, `${ledger.left} octets are left`)
  t.end()
})

t.test(
  'h2 c9d619c: a stream that ended with DATA unconsumed gives it back when it is consumed',
  t => {
    const { peer, recorder } = connect({ role: 'server', limits: NARROW })
    const ledger = new Ledger(peer)
    for (const id of streamIds(100)) {
      peer.sends(frames.headers(id, REQUEST))
      ledger.sends(frames.data(id, { size: 9_000, endStream: true }))
      recorder.stream(id).sendHeaders(RESPONSE, true) // the stream is closed, its reader slow
      recorder.stream(id).consume(9_000)
      ledger.settles()
    }
    t.ok(ledger.left >= 32_767, `${ledger.left} octets are left`)
    t.end()
  },
)

t.test('h2 d9689ea: DATA after GOAWAY does not leak connection window', t => {
  const { peer, connection } = withStream({ role: 'server', limits: NARROW })
  connection.shutdown()
  const ping = peer.takes().find(frame => frame.type === Type.ping)!
  peer.sends(frames.ping(ping.payload, true))
  peer.takes()
  const ledger = new Ledger(peer)
  peer.sends(frames.headers(3, REQUEST))
  for (let i = 0; i < 90; i++) ledger.sends(frames.data(3, { size: 10_000, padding: 9 }))
  t.ok(ledger.left >= 32_767, `${ledger.left} octets are left`)
  t.end()
})

t.test('h2 9231cb0: padding of 255 does not overflow', t => {
  const { peer, recorder } = connect({ role: 'server' })
  peer.sends(frames.headers(1, REQUEST, { padding: 255, dependency: 0 }))
  peer.sends(
    frames.data(1, { size: 0, padding: 255 }),
    frames.data(1, { bytes: 'x', padding: 255, endStream: true }),
  )
  t.same(recorder.on(1).lists, [REQUEST])
  t.equal(recorder.on(1).body.toString(), 'x')
  t.end()
})

t.test('h2 733bba7: buffered DATA is not sent after a reset', t => {
  const { peer, stream } = withStream({
    role: 'client',
    settings: { initialWindowSize: 2_000_000 },
  })
  stream.sendData(zeros, 0, 900_000, true) // part serialised, part queued
  stream.reset(Code.cancel)
  peer.sends(frames.windowUpdate(0, 2_000_000))
  peer.takes() // the scripted peer throws at DATA behind RST_STREAM
  peer.expectsNothing()
  t.equal(stream.bufferedSize, 0)
  t.end()
})

t.test('h2 0.4.14: a stream that is reset at once has its HEADERS before its RST_STREAM', t => {
  const { peer, open } = connect({ role: 'client' })
  open().stream!.reset(Code.cancel)
  peer.expects(frames.headers(1, REQUEST), frames.rstStream(1, Code.cancel))
  t.end()
})

t.test('h2 4549c4f: trailers behind queued DATA leave as soon as the DATA has', t => {
  const { peer, stream } = withStream({ role: 'server', settings: { initialWindowSize: 5_000 } })
  stream.sendHeaders(RESPONSE, false)
  stream.sendData(zeros, 0, 8_000, false)
  stream.sendHeaders(TRAILERS, true)
  peer.skips(2)
  peer.sends(frames.windowUpdate(1, 3_000))
  peer.expects(frames.data(1, { size: 3_000 }), frames.headers(1, TRAILERS, { endStream: true }))
  t.end()
})

t.test('h2 30998f2: a handler that waits for room hears of a reset', t => {
  const { peer, stream, events } = withStream({
    role: 'client',
    settings: { initialWindowSize: 0 },
  })
  t.equal(stream.sendData(zeros, 0, 100_000, false), false)
  peer.sends(frames.rstStream(1, Code.cancel), frames.windowUpdate(1, 100_000))
  peer.takes()
  t.same(events, ['reset 1 CANCEL by peer'], 'and of nothing after it')
  t.end()
})

t.test(
  'h2 93ccead: a handler that waits for room hears of it, though the windows were at zero',
  t => {
    const { peer, stream, on } = withStream({ role: 'client', settings: { initialWindowSize: 0 } })
    t.equal(stream.sendData(zeros, 0, 70_000, false), false)
    peer.sends(frames.settings({ initialWindowSize: 100_000 }))
    peer.takes()
    peer.sends(frames.windowUpdate(0, 100_000))
    peer.takes()
    t.equal(on.drains, 1)
    t.equal(stream.bufferedSize, 0)
    t.end()
  },
)

t.test('h2 a823490: RST_STREAM behind END_STREAM does not lose what came before', t => {
  const { peer, on } = withStream({ role: 'client' })
  peer.sends(
    frames.headers(1, RESPONSE),
    frames.data(1, { bytes: 'all of it', endStream: true }),
    frames.rstStream(1, Code.noError),
  )
  t.equal(on.body.toString(), 'all of it')
  t.ok(on.ended)
  t.end()
})

t.test('h2 7c97e89: taking output again and again without writing it makes no busy loop', t => {
  const { connection, peer, stream } = withStream({
    role: 'client',
    settings: { initialWindowSize: 0 },
  })
  stream.sendData(zeros, 0, 100, true)
  peer.takes()
  t.notOk(connection.hasOutput)
  t.same(connection.takeOutput(1 << 20), [])
  t.same(connection.takeOutput(0), [])
  t.end()
})

t.test('h2 4f51fff: 30_000 header fields do no harm', t => {
  const { peer } = connect({ role: 'server' })
  peer.sends(
    frames.headers(1, Buffer.concat([literalBlock(REQUEST), Buffer.alloc(16_000, 0x82)]), {
      endHeaders: false,
    }),
  )
  peer.sends(frames.continuation(1, Buffer.alloc(14_000, 0x82)))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.end()
})

t.test('h2 29e209d: a list that is far too large ends the connection, whatever its stream', t => {
  const { peer, stream } = withStream({ role: 'server' })
  stream.reset(Code.cancel)
  peer.takes()
  const block = literalBlock(Array.from({ length: 1_100 }, () => ['x', 'y']).flat())
  peer.sends(frames.headers(1, block, { endStream: true }))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.end()
})

t.test('h2 d361b75: frames on a stream whose request was never sent are a connection error', t => {
  for (const frame of [
    frames.headers(1, RESPONSE),
    frames.data(1, { size: 1 }),
    frames.rstStream(1, Code.cancel),
    frames.windowUpdate(1, 1),
  ]) {
    const { peer } = connect({ role: 'client' })
    peer.sends(frame)
    peer.expectsFatal(Code.protocolError)
  }
  t.end()
})

t.test('h2 0.4.14: GOAWAY of the peer does not kill the streams that the peer opened', t => {
  const { peer, recorder, events } = connect({ role: 'server' })
  peer.sends(frames.headers(1, REQUEST), frames.headers(3, REQUEST), frames.goaway(0, Code.noError))
  peer.sends(frames.data(1, { endStream: true }), frames.headers(5, REQUEST, { endStream: true }))
  for (const id of [1, 3]) recorder.stream(id).sendHeaders(RESPONSE, true)
  const lines = peer.takesLines()
  t.equal(lines.filter(line => line.includes(':status')).length, 2)
  t.notOk(events.some(event => event.startsWith('lost')))
  t.end()
})

t.test('h2 3a241be: interim responses are not counted as streams', t => {
  const { peer, connection, open } = connect({
    role: 'client',
    settings: { concurrentStreamsMax: 1 },
  })
  for (const id of streamIds(10)) {
    open(true)
    peer.sends(frames.headers(id, [':status', '100']), frames.headers(id, [':status', '103']))
    t.equal(connection.streamCount, 1)
    peer.sends(frames.headers(id, RESPONSE, { endStream: true }))
    t.equal(connection.streamCount, 0)
    t.ok(connection.canOpen)
  }
  t.end()
})

t.test('h2 0.4.7: a request that ends at once must not announce content', t => {
  const { peer, events } = connect({ role: 'server' })
  peer.sends(frames.headers(1, requestWith('content-length', '1'), { endStream: true }))
  peer.expects(frames.rstStream(1, Code.protocolError))
  t.same(events, [])
  t.end()
})

t.test(
  'h2 0.4.3: DATA sent before our SETTINGS were acknowledged is measured by the protocol default',
  t => {
    const { peer, events } = connect({
      role: 'server',
      handshake: false,
      limits: { ...NARROW, streamWindowSize: 10 },
    })
    peer.takes()
    peer.sends(
      frames.preface(),
      frames.settings(),
      frames.headers(1, REQUEST),
      frames.data(1, { size: 16_384 }),
    )
    t.equal(events.at(-1), 'data 1 16384')
    t.end()
  },
)

t.test('h2 0.4.6: a header list that is too large is no PROTOCOL_ERROR', t => {
  const { peer } = connect({ role: 'server' })
  peer.sends(
    frames.headers(1, requestWith(...Array.from({ length: 600 }, () => ['x', 'y']).flat())),
  )
  t.match(peer.takesLines(), [/^RST_STREAM stream 1 (ENHANCE_YOUR_CALM|REFUSED_STREAM)$/])
  t.end()
})

t.test(
  'nghttp2 92ad06a7: frames and calls after the connection was ended find nothing to break',
  t => {
    const { peer, connection, stream } = withStream({ role: 'server' })
    peer.sends(frames.windowUpdate(0, 0), frames.data(1, { size: 1 }))
    peer.takes()
    stream.sendHeaders(RESPONSE, false)
    stream.sendData(zeros, 0, 1_000, true)
    connection.shutdown()
    peer.sends(frames.headers(3, REQUEST), frames.settings(), frames.ping())
    peer.expectsNothing()
    t.ok(connection.finished)
    t.end()
  },
)

t.test('nghttp2 d3f0a6d9: RST_STREAM is never sent for a stream that we know nothing of', t => {
  const { peer } = connect({ role: 'server' })
  peer.requests(9)
  peer.sends(frames.rstStream(3, Code.cancel), frames.windowUpdate(5, 1), frames.priority(7))
  peer.expectsNothing()
  peer.sends(frames.windowUpdate(11, 0)) // idle: an error of the connection, not RST_STREAM
  peer.expectsFatal(Code.protocolError)
  t.end()
})

t.test(
  'nginx 5f92d7afb: an initial window that changes while DATA waits moves every waiting stream',
  t => {
    const { peer, recorder } = connect({ role: 'server', settings: { initialWindowSize: 10_000 } })
    peer.requests(1, 3)
    for (const id of [1, 3]) {
      recorder.stream(id).sendHeaders(RESPONSE, false)
      recorder.stream(id).sendData(zeros, 0, 20_000, true)
    }
    peer.takes()
    for (const initialWindowSize of [0, 5_000, 30_000]) {
      peer.sends(frames.settings({ initialWindowSize }))
      const ends = peer.takesLines().filter(line => line.includes('END_STREAM'))
      t.equal(ends.length, initialWindowSize === 30_000 ? 2 : 0)
    }
    t.end()
  },
)

t.test('nginx 2d71bdcf8: CONTINUATION frames in one read do not run into each other', t => {
  const { peer, recorder } = connect({ role: 'server' })
  const list = requestWith('a', 'x'.repeat(3_000), 'b', 'y'.repeat(3_000))
  const block = literalBlock(list)
  const pieces = Array.from({ length: 7 }, (_, i) =>
    block.subarray(900 + i * 900, i === 6 ? block.length : 1_800 + i * 900),
  )
  peer.sends(
    frames.headers(1, block.subarray(0, 900), { endHeaders: false, padding: 100 }),
    ...pieces.map((piece, i) => frames.continuation(1, piece, i === 6)),
  )
  t.same(recorder.on(1).lists, [list])
  t.end()
})

t.test('nginx 3c65267a0: a zero WINDOW_UPDATE from a server is refused as well', t => {
  const { peer, events } = withStream({ role: 'client' })
  peer.sends(frames.windowUpdate(1, 0))
  peer.expects(frames.rstStream(1, Code.protocolError))
  t.same(events, ['reset 1 PROTOCOL_ERROR by us'])
  t.end()
})

t.test(
  'nginx a277069b1: pseudo-header fields out of order behind regular ones are malformed',
  t => {
    const { peer, events } = connect({ role: 'server' })
    peer.sends(frames.headers(1, ['x', 'y', ...REQUEST]))
    peer.expects(frames.rstStream(1, Code.protocolError))
    t.same(events, [])
    t.end()
  },
)

t.test('nginx 4e89ce224: TE twice is no way around its rule', t => {
  const { peer } = connect({ role: 'server' })
  peer.sends(frames.headers(1, requestWith('te', 'gzip')))
  peer.expects(frames.rstStream(1, Code.protocolError))
  t.end()
})

t.test('hyperframe: the reserved bit of GOAWAY and WINDOW_UPDATE is masked', t => {
  const { peer, events, stream } = withStream({
    role: 'client',
    settings: { initialWindowSize: 0 },
  })
  stream.sendData(zeros, 0, 5, true)
  peer.sends(frames.windowUpdate(1, 0x8000_0005))
  peer.expects(frames.data(1, { size: 5, endStream: true }))
  peer.sends(frames.goaway(0x8000_0001, Code.noError))
  t.equal(events.at(-1), 'goaway 1 NO_ERROR')
  t.end()
})

t.test('python-hpack 4.2.0: a field with an empty value is found by exact match', t => {
  const { peer, stream } = withStream({ role: 'server' })
  stream.sendHeaders([':status', '200', 'x-empty', '', 'accept-encoding', ''], false)
  stream.sendHeaders(['x-empty', '', 'x-empty', 'full', 'accept-encoding', ''], true)
  peer.expects(
    frames.headers(1, [':status', '200', 'x-empty', '', 'accept-encoding', '']),
    frames.headers(1, ['x-empty', '', 'x-empty', 'full', 'accept-encoding', ''], {
      endStream: true,
    }),
  )
  t.end()
})

t.test('node #64113: user code that destroys the connection from onReceived is safe', t => {
  let destroy = (): void => {}
  const connected = connect({ role: 'server', onReceived: () => destroy() })
  destroy = () => connected.connection.destroy(new Error('from user code'))
  connected.peer.sends(frames.headers(1, REQUEST), frames.data(1, { size: 1 }))
  t.equal(connected.recorder.closedCount, 1)
  t.equal(connected.recorder.on(1).lastCalls, 1)
  connected.peer.expectsNothing()
  t.end()
})

t.test('strings outlive the octets they came from', t => {
  const { peer, recorder } = connect({ role: 'server' })
  peer.sends(
    frames.headers(1, requestWith('long', 'z'.repeat(5_000))),
    frames.data(1, { bytes: 'lent' }),
  )
  t.equal(
    recorder.on(1).lists[0]!.at(-1),
    'z'.repeat(5_000),
    'read after the chunk was overwritten',
  )
  t.end()
})
