import t from 'tap'
import { Code, frames, literalBlock, REQUEST, RESPONSE, Type, zeros } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

const RESERVED = 0x8000_0000

t.test('RFC 9113 §4.1: the reserved bit is ignored on receipt', t => {
  const { peer, events } = connect({ role: 'server' })
  peer.sends(frames.headers(1 + RESERVED, REQUEST), frames.data(1 + RESERVED, { size: 3 }))
  peer.sends(frames.windowUpdate(1, 5 + RESERVED), frames.windowUpdate(0, 5 + RESERVED))
  t.same(events, ['request 1', 'data 1 3'])
  peer.sends(frames.goaway(RESERVED, Code.noError))
  t.equal(events.at(-1), 'goaway 0 NO_ERROR')
  t.notOk(peer.takesLines().some(line => line.startsWith('GOAWAY')))
  for (const role of ROLES) {
    const both = withStream({ role })
    both.peer.sends(
      frames.raw(Type.settings, 0, RESERVED),
      frames.raw(Type.ping, 0, RESERVED, Buffer.from('abcdefgh')),
      frames.raw(Type.rstStream, 0, 1 + RESERVED, Buffer.of(0, 0, 0, 8)),
    )
    both.peer.expects(frames.settingsAck(), frames.ping('abcdefgh', true))
    t.same(both.events, ['reset 1 CANCEL by peer'], role)
  }
  t.end()
})

t.test('RFC 9113 §4.1: undefined flags are ignored', t => {
  for (const role of ROLES) {
    const { peer, events, stream } = withStream({ role, settings: { initialWindowSize: 0 } })
    if (role === 'server') stream.sendHeaders(RESPONSE, false)
    stream.sendData(zeros, 0, 5, false)
    peer.takes()
    const id = role === 'client' ? 1 : 3
    const block = literalBlock(role === 'client' ? RESPONSE : REQUEST)
    const increment = Buffer.of(0, 0, 0, 5)
    peer.sends(
      frames.headers(id, block.subarray(0, 9), { endHeaders: false, extraFlags: 0xd2 }),
      frames.raw(Type.continuation, 0xff, id, block.subarray(9)), // PADDED means nothing here
      frames.data(1, { size: 2, extraFlags: 0xf6 }),
      frames.raw(Type.settings, 0xfe, 0),
      frames.raw(Type.ping, 0xfe, 0, Buffer.from('abcdefgh')),
      frames.raw(Type.windowUpdate, 0xff, 1, increment),
      frames.raw(Type.priority, 0xff, 1, Buffer.of(0, 0, 0, 0, 9)),
    )
    peer.expects(frames.settingsAck(), frames.ping('abcdefgh', true), frames.data(1, { size: 5 }))
    t.same(events, [role === 'client' ? 'headers 1' : 'request 3', 'data 1 2'])
    peer.sends(frames.raw(Type.rstStream, 0xff, 1, Buffer.of(0, 0, 0, 8)))
    t.equal(events.at(-1), 'reset 1 CANCEL by peer')
    peer.expectsNothing()
    peer.sends(frames.raw(Type.goaway, 0xff, 0, Buffer.alloc(8)))
    t.ok(events.includes('goaway 0 NO_ERROR'), role)
  }
  t.end()
})

t.test('RFC 9113 §4.1: frames of unknown type are discarded, wherever they belong', t => {
  for (const role of ROLES) {
    const { peer, events } = withStream({ role })
    for (const type of [0x0a, 0x0b, 0x0c, 0x20, 0xee, 0xff]) {
      for (const streamId of [0, 1, 2, 99]) {
        peer.sends(
          frames.raw(type, 0xff, streamId),
          frames.raw(type, 0, streamId, zeros.subarray(0, 999)),
        )
      }
    }
    peer.expectsNothing()
    t.same(events, [], role)
  }
  t.end()
})

t.test('RFC 9113 §5.5: an unknown frame inside a header block is a connection error', t => {
  for (const role of ROLES) {
    const { peer } = withStream({ role })
    const list = role === 'client' ? RESPONSE : REQUEST
    const id = role === 'client' ? 1 : 3
    peer.sends(frames.headers(id, list, { endHeaders: false }), frames.raw(0xee, 0, 0))
    peer.expectsFatal(Code.protocolError)
  }
  t.end()
})

t.test('RFC 9113 §4.2: a frame that is too large fails on its header alone', t => {
  for (const role of ROLES) {
    for (const [type, streamId] of [
      [Type.headers, 1],
      [Type.settings, 0],
      [Type.ping, 0],
      [Type.goaway, 0],
      [Type.windowUpdate, 0],
      [Type.rstStream, 1],
    ] as const) {
      const { peer } = withStream({ role })
      peer.sends(frames.raw(type, 0, streamId, Buffer.alloc(0), 16_385))
      peer.expectsFatal(Code.frameSizeError)
    }
    const { peer } = withStream({ role })
    peer.sends(frames.headers(1, literalBlock(RESPONSE), { endHeaders: false }))
    peer.sends(frames.raw(Type.continuation, 4, 1, Buffer.alloc(0), 16_385))
    peer.expectsFatal(Code.frameSizeError)
  }
  t.end()
})

t.test(
  'RFC 9113 §4.2: DATA that is too large is a FRAME_SIZE_ERROR, of stream or connection',
  t => {
    for (const role of ROLES) {
      const { peer, events } = withStream({ role })
      if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
      peer.sends(frames.raw(Type.data, 0, 1, zeros.subarray(0, 16_385)))
      t.match(peer.takesLines().at(-1), /^(RST_STREAM stream 1|GOAWAY last [01]) FRAME_SIZE_ERROR$/)
      t.notOk(
        events.some(event => event.startsWith('data')),
        role,
      )
    }
    t.end()
  },
)

t.test('RFC 9113 §4.2: a frame of exactly 16_384 octets is always legal', t => {
  for (const role of ROLES) {
    const { peer, events } = withStream({ role })
    if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
    peer.sends(frames.data(1, { size: 16_384 }))
    t.equal(events.at(-1), 'data 1 16384')
  }
  t.end()
})

t.test('RFC 9113 §6.5.3: a larger MAX_FRAME_SIZE of ours holds before it is acknowledged', t => {
  const { peer, events } = connect({
    role: 'server',
    handshake: false,
    limits: { frameSizeMax: 32_768 },
  })
  peer.takes()
  peer.sends(frames.preface(), frames.settings(), frames.headers(1, REQUEST))
  peer.sends(frames.data(1, { size: 32_768 }))
  t.equal(events.at(-1), 'data 1 32768')
  peer.sends(frames.raw(Type.data, 0, 1, Buffer.alloc(0), 32_769))
  t.match(peer.takesLines().at(-1), /FRAME_SIZE_ERROR/)
  t.end()
})

t.test('RFC 9113 §6: a fixed size that is wrong is a connection error FRAME_SIZE_ERROR', t => {
  const wrong: Record<string, (id: number) => Buffer> = {
    'RST_STREAM of 3': id => frames.raw(Type.rstStream, 0, id, Buffer.alloc(3)),
    'RST_STREAM of 5': id => frames.raw(Type.rstStream, 0, id, Buffer.alloc(5)),
    'WINDOW_UPDATE of 3': id => frames.raw(Type.windowUpdate, 0, id, Buffer.alloc(3)),
    'WINDOW_UPDATE of 5': () => frames.raw(Type.windowUpdate, 0, 0, Buffer.alloc(5)),
    'PING of 7': () => frames.raw(Type.ping, 0, 0, Buffer.alloc(7)),
    'PING of 9': () => frames.raw(Type.ping, 0, 0, Buffer.alloc(9)),
    'PING ack of 0': () => frames.raw(Type.ping, 1, 0),
    'SETTINGS of 5': () => frames.raw(Type.settings, 0, 0, Buffer.alloc(5)),
    'SETTINGS of 7': () => frames.raw(Type.settings, 0, 0, Buffer.alloc(7)),
    'SETTINGS ack of 6': () => frames.raw(Type.settings, 1, 0, Buffer.of(0, 1, 0, 0, 16, 0)),
    'GOAWAY of 7': () => frames.raw(Type.goaway, 0, 0, Buffer.alloc(7)),
    'GOAWAY of 0': () => frames.raw(Type.goaway, 0, 0),
  }
  for (const role of ROLES) {
    for (const [name, build] of Object.entries(wrong)) {
      const { peer, connection } = withStream({ role })
      peer.sends(build(1))
      peer.expectsFatal(Code.frameSizeError)
      t.ok(connection.finished, `${role}, ${name}`)
    }
  }
  t.end()
})

t.test('RFC 9113 §6.3: PRIORITY of a wrong size is a stream error FRAME_SIZE_ERROR', t => {
  for (const role of ROLES) {
    for (const size of [0, 4, 6]) {
      const { peer, events } = withStream({ role })
      peer.sends(frames.raw(Type.priority, 0, 1, Buffer.alloc(size)))
      peer.expects(frames.rstStream(1, Code.frameSizeError))
      t.same(events, ['reset 1 FRAME_SIZE_ERROR by us'])
    }
  }
  t.end()
})

t.test('RFC 9113 §6.4: PRIORITY of a wrong size on an idle stream ends the connection', t => {
  const { peer } = connect({ role: 'server' })
  peer.sends(frames.raw(Type.priority, 0, 5, Buffer.alloc(4))) // RST_STREAM on idle is forbidden
  peer.expectsFatal(Code.frameSizeError)
  t.end()
})

t.test('RFC 9113 §6.2: HEADERS too short for its flags ends the connection', t => {
  for (const role of ROLES) {
    for (const [flags, payload] of [
      [0x0c, Buffer.alloc(0)], // PADDED, no length octet
      [0x24, Buffer.alloc(4)], // PRIORITY, four octets
      [0x2c, Buffer.alloc(5)], // both, five octets
    ] as const) {
      const { peer } = withStream({ role })
      peer.sends(frames.raw(Type.headers, flags, role === 'client' ? 1 : 3, payload))
      peer.expectsFatal(Code.frameSizeError)
    }
    const { peer } = withStream({ role })
    peer.sends(frames.raw(Type.data, 0x8, 1)) // PADDED, no length octet
    peer.expectsFatal(Code.frameSizeError)
  }
  t.end()
})

t.test('RFC 9113 §6.1: padding as long as the payload is a connection error', t => {
  for (const [pad, rest] of [
    [1, 0],
    [5, 4],
    [255, 254],
  ] as const) {
    for (const role of ROLES) {
      const payload = Buffer.concat([Buffer.of(pad), Buffer.alloc(rest)])
      const data = withStream({ role })
      data.peer.sends(frames.raw(Type.data, 0x8, 1, payload))
      data.peer.expectsFatal(Code.protocolError)
      const headers = withStream({ role })
      headers.peer.sends(frames.raw(Type.headers, 0xc, role === 'client' ? 1 : 3, payload))
      headers.peer.expectsFatal(Code.protocolError)
    }
  }
  t.end()
})

t.test('RFC 9113 §6.1: padding of any legal size is taken off', t => {
  for (const padding of [0, 1, 254, 255]) {
    const { peer, recorder } = connect({ role: 'server' })
    peer.sends(frames.headers(1, REQUEST, { padding, dependency: 0 }))
    peer.sends(
      frames.data(1, { bytes: 'hello', padding }),
      frames.data(1, { padding, endStream: true }),
    )
    const { lists, body, ended } = recorder.on(1)
    t.same(lists, [REQUEST])
    t.equal(body.toString(), 'hello', `padding of ${padding}`)
    t.ok(ended)
  }
  t.end()
})

t.test('RFC 9113 §6.1: padding may fill a frame to its last octet', t => {
  const { peer, events } = withStream({ role: 'server' })
  peer.sends(frames.data(1, { size: 16_384 - 256, padding: 255 }))
  t.same(events, ['data 1 16128'])
  t.end()
})

t.test('RFC 9113 §6.2: the priority fields of HEADERS are skipped', t => {
  const { peer, recorder } = connect({ role: 'server' })
  peer.sends(frames.headers(3, REQUEST, { dependency: 1 }))
  t.same(recorder.on(3).lists, [REQUEST])
  t.end()
})

t.test('RFC 9113 §6: frames of streams are not for stream 0', t => {
  const wrong = {
    DATA: frames.data(0, { size: 1 }),
    HEADERS: frames.headers(0, REQUEST),
    PRIORITY: frames.priority(0),
    RST_STREAM: frames.rstStream(0, Code.cancel),
    PUSH_PROMISE: frames.pushPromise(0, 2, REQUEST),
    CONTINUATION: frames.continuation(0, literalBlock(REQUEST)),
  }
  for (const role of ROLES) {
    for (const [name, frame] of Object.entries(wrong)) {
      const { peer, connection } = withStream({ role })
      peer.sends(frame)
      peer.expectsFatal(Code.protocolError)
      t.ok(connection.finished, `${role}, ${name}`)
    }
  }
  t.end()
})

t.test('RFC 9113 §6: frames of the connection are not for a stream', t => {
  const wrong = {
    SETTINGS: frames.raw(Type.settings, 0, 1),
    'SETTINGS ack': frames.raw(Type.settings, 1, 1),
    PING: frames.raw(Type.ping, 0, 1, Buffer.alloc(8)),
    GOAWAY: frames.raw(Type.goaway, 0, 1, Buffer.alloc(8)),
  }
  for (const role of ROLES) {
    for (const [name, frame] of Object.entries(wrong)) {
      const { peer, connection } = withStream({ role })
      peer.sends(frame)
      peer.expectsFatal(Code.protocolError)
      t.ok(connection.finished, `${role}, ${name}`)
    }
  }
  t.end()
})

t.test('RFC 9113 §4: how the octets are cut makes no difference', t => {
  const session = [
    frames.headers(1, REQUEST, { endHeaders: false, padding: 3 }),
    frames.continuation(1, literalBlock(['a', 'b']), false),
    frames.continuation(1, Buffer.alloc(0)),
    frames.data(1, { bytes: 'some body', padding: 9 }),
    frames.ping(),
    frames.headers(3, REQUEST, { endStream: true }),
    frames.settings({ initialWindowSize: 1 }),
    frames.data(1, { bytes: 'more', endStream: true }),
    frames.rstStream(3, Code.cancel),
    frames.data(1, { size: 1 }), // STREAM_CLOSED
    frames.windowUpdate(0, 0), // and the end
  ]
  const run = (size: number): unknown => {
    const { peer, recorder, events } = connect({ role: 'server' })
    peer.sendsInPieces(size, ...session)
    const { lists, body } = recorder.on(1)
    return { events, lists, body: body.toString(), sent: peer.takesLines() }
  }
  const whole = run(1 << 20)
  for (const size of [1, 2, 3, 5, 8, 9, 10, 13, 50])
    t.same(withoutCuts(run(size)), withoutCuts(whole))
  t.end()
})

/** Where DATA is cut may show in the number of calls, never in their octets. */
function withoutCuts(outcome: unknown): unknown {
  const { events, ...rest } = outcome as { events: string[] }
  return { ...rest, events: events.filter(event => !event.startsWith('data')) }
}
