import t from 'tap'
import type { Stream } from '../../src/connection/index.js'
import {
  Code,
  frames,
  REQUEST,
  RESPONSE,
  requestBut,
  requestWith,
  TRAILERS,
} from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

t.test('RFC 9113 §5.1: on an idle stream only HEADERS and PRIORITY are legal', t => {
  const wrong: Record<string, (id: number) => Buffer> = {
    DATA: id => frames.data(id, { size: 1 }),
    RST_STREAM: id => frames.rstStream(id, Code.cancel),
    WINDOW_UPDATE: id => frames.windowUpdate(id, 1),
    CONTINUATION: id => frames.continuation(id, Buffer.alloc(0)),
  }
  for (const role of ROLES) {
    for (const [name, build] of Object.entries(wrong)) {
      for (const id of [2, 7]) {
        const { peer, connection } = withStream({ role })
        peer.sends(build(id))
        peer.expectsFatal(Code.protocolError)
        t.ok(connection.finished, `${role}, ${name} on ${id}`)
      }
    }
    const { peer } = withStream({ role })
    peer.sends(frames.priority(7), frames.priority(2))
    peer.expectsNothing()
  }
  t.end()
})

t.test('RFC 9113 §5.1.1: a client opens odd streams, each above the one before', t => {
  for (const id of [2, 4, 0x7fff_fffe]) {
    const { peer, recorder } = connect({ role: 'server' })
    peer.sends(frames.headers(id, REQUEST))
    peer.expectsFatal(Code.protocolError, 0)
    t.equal(recorder.streams.size, 0)
  }
  const { peer, events } = connect({ role: 'server' })
  peer.requests(5, 7)
  t.same(events, ['request 5 end', 'request 7 end'])
  peer.sends(frames.headers(3, REQUEST))
  peer.expectsFatal(Code.protocolError, 7)
  t.end()
})

t.test('RFC 9113 §5.1.1: opening a stream closes the idle ones below it', t => {
  for (const frame of [frames.data(3, { size: 1 }), frames.headers(3, REQUEST)]) {
    const { peer } = connect({ role: 'server' })
    peer.requests(5)
    peer.sends(frame)
    t.match(
      peer.takesLines().at(-1),
      /^(GOAWAY last 5|RST_STREAM stream 3) (PROTOCOL_ERROR|STREAM_CLOSED)$/,
    )
  }
  t.end()
})

t.test('RFC 9113 §8.4: a client never opens a stream that a server asks for', t => {
  const { peer } = withStream({ role: 'client' })
  peer.sends(frames.headers(2, REQUEST))
  peer.expectsFatal(Code.protocolError)
  const odd = withStream({ role: 'client' })
  odd.peer.sends(frames.headers(3, RESPONSE)) // a stream we have not opened
  odd.peer.expectsFatal(Code.protocolError)
  t.end()
})

t.test('CVE-2023-44487 (A4): skipped identifiers are legal and cost nothing', t => {
  const { peer, events, connection } = connect({ role: 'server' })
  peer.requests(0x7fff_ffff)
  t.same(events, [`request ${0x7fff_ffff} end`])
  t.equal(connection.streamCount, 1)
  peer.sends(frames.headers(1, REQUEST))
  t.match(peer.takesLines().at(-1), /^GOAWAY .*(PROTOCOL_ERROR|STREAM_CLOSED)$/)
  t.end()
})

t.test('RFC 9113 §5.1: after END_STREAM, DATA and HEADERS are a stream error STREAM_CLOSED', t => {
  for (const late of [
    frames.data(1, { size: 1 }),
    frames.data(1),
    frames.headers(1, TRAILERS, { endStream: true }),
  ]) {
    const server = connect({ role: 'server' })
    server.peer.requests(1)
    server.peer.sends(late)
    server.peer.expects(frames.rstStream(1, Code.streamClosed))
    t.same(server.events, ['request 1 end', 'reset 1 STREAM_CLOSED by us'])
    t.same(server.recorder.handlerErrors, [], 'no handler is called behind its last call')

    const client = withStream({ role: 'client' })
    client.peer.sends(frames.headers(1, RESPONSE, { endStream: true }), late)
    client.peer.expects(frames.rstStream(1, Code.streamClosed))
    t.same(client.events, ['headers 1 end', 'reset 1 STREAM_CLOSED by us'])
    t.same(client.recorder.handlerErrors, [])
  }
  t.end()
})

t.test('RFC 9113 §5.1: after END_STREAM, WINDOW_UPDATE, PRIORITY and RST_STREAM are legal', t => {
  for (const role of ROLES) {
    const { peer, events, stream } = withStream({ role, settings: { initialWindowSize: 0 } })
    if (role === 'client') peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
    else peer.sends(frames.data(1, { endStream: true }))
    if (role === 'server') stream.sendHeaders(RESPONSE, false)
    stream.sendData(Buffer.from('late'), 0, 4, false)
    peer.takes()
    events.splice(0)
    peer.sends(frames.priority(1), frames.windowUpdate(1, 4))
    peer.expects(frames.data(1, { bytes: 'late' }))
    peer.sends(frames.rstStream(1, Code.cancel))
    peer.expectsNothing()
    t.same(events, ['reset 1 CANCEL by peer'], role)
  }
  t.end()
})

t.test('RFC 9113 §5.1: with END_STREAM sent we still receive everything', t => {
  const client = connect({ role: 'client' })
  client.open(true)
  client.peer.skips(1)
  client.peer.sends(
    frames.headers(1, RESPONSE),
    frames.windowUpdate(1, 1),
    frames.priority(1),
    frames.data(1, { size: 2 }),
  )
  client.peer.sends(frames.headers(1, TRAILERS, { endStream: true }))
  client.peer.expectsNothing()
  t.same(client.events, ['headers 1', 'data 1 2', 'headers 1 end'])

  const server = withStream({ role: 'server' })
  server.stream.sendHeaders(RESPONSE, true)
  server.peer.skips(1)
  server.peer.sends(frames.data(1, { size: 2 }), frames.data(1, { endStream: true }))
  t.same(server.events, ['data 1 2', 'data 1 0 end'])
  t.end()
})

/** Both sides have ended stream 1. */
function closed(role: 'client' | 'server'): ReturnType<typeof withStream> {
  const connected = withStream({ role })
  if (role === 'client') {
    connected.stream.sendData(Buffer.alloc(0), 0, 0, true)
    connected.peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
  } else {
    connected.peer.sends(frames.data(1, { endStream: true }))
    connected.stream.sendHeaders(RESPONSE, true)
  }
  connected.peer.takes()
  connected.events.splice(0)
  return connected
}

t.test(
  'RFC 9113 §5.1: on a closed stream late WINDOW_UPDATE, RST_STREAM and PRIORITY do no harm',
  t => {
    for (const role of ROLES) {
      const { peer, events, connection } = closed(role)
      t.equal(connection.streamCount, 0)
      peer.sends(frames.windowUpdate(1, 1), frames.priority(1), frames.rstStream(1, Code.cancel))
      peer.expectsNothing()
      t.same(events, [], role)
    }
    t.end()
  },
)

t.test('RFC 9113 §5.1: on a closed stream DATA and HEADERS are an error STREAM_CLOSED', t => {
  for (const role of ROLES) {
    for (const frame of [
      frames.data(1, { size: 1 }),
      frames.headers(1, TRAILERS, { endStream: true }),
    ]) {
      const { peer, events } = closed(role)
      peer.sends(frame)
      t.match(peer.takesLines().at(-1), /^(RST_STREAM stream 1|GOAWAY last \d) STREAM_CLOSED$/)
      t.notOk(events.some(event => event.startsWith('data') || event.startsWith('headers')))
    }
  }
  t.end()
})

t.test(
  'RFC 9113 §5.1: after RST_STREAM of the peer, DATA and HEADERS are an error STREAM_CLOSED',
  t => {
    for (const role of ROLES) {
      for (const frame of [
        frames.data(1, { size: 1 }),
        frames.headers(1, role === 'client' ? RESPONSE : TRAILERS, { endStream: true }),
      ]) {
        const { peer, events } = withStream({ role })
        peer.sends(frames.rstStream(1, Code.cancel), frame)
        t.match(peer.takesLines().at(-1), /^(RST_STREAM stream 1|GOAWAY last \d) STREAM_CLOSED$/)
        t.equal(events[0], 'reset 1 CANCEL by peer', role)
      }
    }
    t.end()
  },
)

t.test('RFC 9113 §5.1: after our RST_STREAM whatever was on its way is ignored', t => {
  for (const role of ROLES) {
    const { peer, events, stream, recorder } = withStream({ role })
    stream.reset(Code.cancel)
    peer.expects(frames.rstStream(1, Code.cancel))
    const list = role === 'client' ? RESPONSE : TRAILERS
    peer.sends(
      frames.windowUpdate(1, 1),
      frames.data(1, { size: 100 }),
      frames.priority(1),
      frames.headers(1, list, { endStream: true }),
      frames.rstStream(1, Code.cancel),
    )
    peer.expectsNothing()
    t.same(events, [], `${role}: reset was ours, so no handler call follows`)
    t.same(recorder.handlerErrors, [])
  }
  t.end()
})

t.test('RFC 9113 §5.4.2: RST_STREAM is never answered by RST_STREAM', t => {
  for (const role of ROLES) {
    const { peer } = withStream({ role })
    for (let i = 0; i < 5; i++) peer.sends(frames.rstStream(1, Code.streamClosed))
    peer.expectsNothing()
  }
  t.end()
})

t.test(
  'RFC 9113 §8.1: a server may answer early and reset with NO_ERROR; the client keeps the response',
  t => {
    const { peer, events, on, stream } = withStream({ role: 'client' })
    peer.sends(
      frames.headers(1, RESPONSE),
      frames.data(1, { bytes: 'enough' }),
      frames.headers(1, TRAILERS, { endStream: true }),
      frames.rstStream(1, Code.noError),
    )
    t.same(events, ['headers 1', 'data 1 6', 'headers 1 end', 'reset 1 NO_ERROR by peer'])
    t.equal(on.body.toString(), 'enough')
    t.ok(stream.sendData(Buffer.from('late'), 0, 4, false), 'a no-op')
    peer.expectsNothing()
    t.end()
  },
)

t.test('RFC 9113 §8.1: our early answer may be followed by RST_STREAM NO_ERROR', t => {
  const { peer, stream } = withStream({ role: 'server' })
  stream.sendHeaders(RESPONSE, false)
  stream.sendHeaders(TRAILERS, true)
  stream.reset(Code.noError)
  peer.expects(
    frames.headers(1, RESPONSE),
    frames.headers(1, TRAILERS, { endStream: true }),
    frames.rstStream(1, Code.noError),
  )
  t.end()
})

t.test('RFC 9113 §8.4: PUSH_PROMISE is a connection error', t => {
  const server = withStream({ role: 'server' })
  server.peer.sends(frames.pushPromise(1, 2, REQUEST))
  server.peer.expectsFatal(Code.protocolError)
  const client = withStream({ role: 'client' }) // ENABLE_PUSH=0 is acknowledged
  client.peer.sends(frames.pushPromise(1, 2, REQUEST))
  client.peer.expectsFatal(Code.protocolError)
  t.end()
})

t.test(
  'RFC 9113 §8.4: a push sent before our SETTINGS were acknowledged is decoded and cancelled, or ends the connection',
  t => {
    const { peer, open, events } = connect({ role: 'client', handshake: false })
    open(true)
    peer.takes()
    peer.sends(frames.settings(), frames.pushPromise(1, 2, REQUEST))
    t.match(
      peer.takesLines().at(-1),
      /^(RST_STREAM stream 2 (CANCEL|REFUSED_STREAM)|GOAWAY last 0 PROTOCOL_ERROR)$/,
    )
    t.notOk(events.some(event => event.startsWith('request')))
    t.end()
  },
)

t.test('sending on a stream that is over is a no-op', t => {
  const { peer, stream } = withStream({ role: 'server' })
  peer.sends(frames.rstStream(1, Code.cancel))
  stream.sendHeaders(RESPONSE, false)
  t.equal(stream.sendData(Buffer.from('x'), 0, 1, false), true)
  stream.sendHeaders(TRAILERS, true)
  stream.reset(Code.internalError)
  stream.consume(0)
  stream.release()
  t.notOk(stream.writable)
  peer.expectsNothing()
  t.end()
})

t.test('RFC 9113 §8.1: a response may end before the request does', t => {
  const { peer, stream, on } = withStream({ role: 'client' })
  peer.sends(
    frames.headers(1, [':status', '200']),
    frames.headers(1, TRAILERS, { endStream: true }),
  )
  t.ok(on.ended)
  t.ok(stream.writable, 'our side is still open')
  stream.sendData(Buffer.from('rest'), 0, 4, true)
  peer.expects(frames.data(1, { bytes: 'rest', endStream: true }))
  t.end()
})

t.test('RFC 9113 §8.3.1: HEAD and GET are requests like any other', t => {
  const { peer, events } = connect({ role: 'server' })
  peer.sends(frames.headers(1, requestBut(':method', 'GET'), { endStream: true }))
  peer.sends(frames.headers(3, requestWith('x', '1'), { endStream: true }))
  t.same(events, ['request 1 end', 'request 3 end'])
  t.end()
})

t.test('RFC 9113 §5.1: a stream is closed by whichever frame ends its second side', t => {
  const ends: Record<string, Buffer[]> = {
    HEADERS: [frames.headers(1, RESPONSE, { endStream: true })],
    DATA: [frames.headers(1, RESPONSE), frames.data(1, { size: 1, endStream: true })],
    'empty DATA': [frames.headers(1, RESPONSE), frames.data(1, { endStream: true })],
    trailers: [frames.headers(1, RESPONSE), frames.headers(1, TRAILERS, { endStream: true })],
  }
  for (const [name, octets] of Object.entries(ends)) {
    const { peer, connection, open } = connect({ role: 'client' })
    const { stream } = open(true)
    peer.sends(...octets)
    t.equal(connection.streamCount, 0, name)
    t.ok(stream!.closed, name)
  }
  const requestEnds: Record<string, Buffer> = {
    DATA: frames.data(1, { size: 1, endStream: true }),
    'empty DATA': frames.data(1, { endStream: true }),
    trailers: frames.headers(1, TRAILERS, { endStream: true }),
  }
  for (const [name, frame] of Object.entries(requestEnds)) {
    const { peer, connection, stream } = withStream({ role: 'server' })
    stream.sendHeaders(RESPONSE, true)
    t.equal(connection.streamCount, 1)
    peer.sends(frame)
    t.equal(connection.streamCount, 0, `request: ${name}`)
    t.ok(stream.closed)
  }
  for (const ending of ['DATA', 'beginData', 'trailers'] as const) {
    const { peer, connection, stream } = withStream({ role: 'client' })
    peer.sends(frames.headers(1, RESPONSE, { endStream: true }))
    if (ending === 'DATA') stream.sendData(Buffer.from('x'), 0, 1, true)
    else if (ending === 'beginData') writesOne(stream)
    else stream.sendHeaders(TRAILERS, true)
    t.equal(connection.streamCount, 0, `our request: ${ending}`)
  }
  for (const ending of ['HEADERS', 'DATA', 'beginData', 'trailers'] as const) {
    const { peer, connection, recorder } = connect({ role: 'server' })
    peer.requests(1)
    const stream = recorder.stream(1)
    stream.sendHeaders(RESPONSE, ending === 'HEADERS')
    if (ending === 'DATA') stream.sendData(Buffer.from('x'), 0, 1, true)
    else if (ending === 'beginData') writesOne(stream)
    else if (ending === 'trailers') stream.sendHeaders(TRAILERS, true)
    t.equal(connection.streamCount, 0, ending)
    t.ok(stream.closed, ending)
  }
  t.end()
})

function writesOne(stream: Stream): void {
  const offset = stream.beginData(1, true)
  stream.slab[offset] = 0
}
