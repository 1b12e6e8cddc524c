import t from 'tap'
import {
  Code,
  frames,
  literalBlock,
  REQUEST,
  RESPONSE,
  requestBut,
  requestWith,
  TRAILERS,
  Type,
  tableSizeUpdate,
  zeros,
} from '../support/frames.js'
import { type Connected, connect, FIXED_WINDOWS, ROLES, withStream } from '../support/peer.js'

// What docs/edge-cases.md asks of both roles, where another test has it of one.

const RESERVED = 0x8000_0000

t.test('RFC 9113 §4.1: a client ignores the reserved bit as well', t => {
  const { peer, stream, events } = withStream({
    role: 'client',
    settings: { initialWindowSize: 0 },
  })
  stream.sendData(zeros, 0, 7, false)
  peer.sends(frames.headers(1 + RESERVED, RESPONSE), frames.data(1 + RESERVED, { size: 3 }))
  t.same(events, ['headers 1', 'data 1 3'])
  peer.sends(frames.windowUpdate(1 + RESERVED, 7 + RESERVED))
  peer.expects(frames.data(1, { size: 7 }))
  peer.sends(frames.rstStream(1 + RESERVED, Code.cancel))
  t.equal(events.at(-1), 'reset 1 CANCEL by peer')
  t.end()
})

t.test(
  'RFC 9113 §4.2: DATA and unknown frames that are too large are refused by either side',
  t => {
    for (const role of ROLES) {
      for (const type of [Type.data, 0xee, Type.priority]) {
        const { peer, events } = withStream({ role })
        if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
        events.splice(0)
        peer.sends(frames.raw(type, 0, 1, Buffer.alloc(0), 16_385))
        t.match(
          peer.takesLines().at(-1),
          /^(RST_STREAM stream 1|GOAWAY last \d) FRAME_SIZE_ERROR$/,
          `${role}, type ${type}`,
        )
        t.notOk(events.some(event => event.startsWith('data')))
      }
    }
    t.end()
  },
)

t.test(
  'RFC 9113 §6.2: END_STREAM of response and trailers counts once the whole block is there',
  t => {
    const { peer, events } = withStream({ role: 'client' })
    const whole = literalBlock(RESPONSE)
    peer.sends(
      frames.headers(1, whole.subarray(0, 5), { endHeaders: false }),
      frames.continuation(1, whole.subarray(5)),
    )
    t.same(events.splice(0), ['headers 1'])
    const last = literalBlock(TRAILERS)
    peer.sends(frames.headers(1, last.subarray(0, 5), { endHeaders: false, endStream: true }))
    t.same(events, [])
    peer.sends(frames.continuation(1, last.subarray(5)))
    t.same(events, ['headers 1 end'])
    t.end()
  },
)

t.test(
  'RFC 9113 §6.8: a block above the last identifier that does not decode ends the connection',
  t => {
    const { peer, connection } = withStream({ role: 'server' })
    connection.shutdown()
    const ping = peer.takes().find(frame => frame.type === Type.ping)!
    peer.sends(frames.ping(ping.payload, true))
    peer.takes()
    peer.sends(frames.headers(3, Buffer.of(0x80)))
    peer.expectsFatal(Code.compressionError)
    t.end()
  },
)

/** Windows that do not move, on the connection no more than on a stream. */
const NARROW = {
  ...FIXED_WINDOWS,
  streamWindowSize: 200_000,
  connectionWindowSize: 65_535,
}

t.test('RFC 9113 §6.1: padding and its length octet count in the window of the connection', t => {
  for (const role of ROLES) {
    for (const excess of [0, 1]) {
      const { peer, events } = withStream({ role, limits: { ...NARROW, frameSizeMax: 100_000 } })
      if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
      // 65_535 octets in all, a hundred of padding and its length among them.
      peer.sends(frames.data(1, { size: 65_535 - 101 + excess, padding: 100 }))
      const isRefused = peer.takesLines().some(line => line.startsWith('GOAWAY'))
      t.equal(isRefused, excess === 1, `${role}, ${excess} too many`)
      t.equal(events.at(-1) === `data 1 ${65_535 - 101}`, excess === 0)
    }
  }
  t.end()
})

t.test('RFC 9113 §6.1: padding counts in the window of a stream of a client', t => {
  const limits = { ...NARROW, streamWindowSize: 100 }
  for (const [padding, isRefused] of [
    [89, false],
    [90, true],
  ] as const) {
    const { peer, events } = withStream({ role: 'client', limits })
    peer.sends(frames.headers(1, RESPONSE), frames.data(1, { size: 10, padding }))
    const lines = peer.takesLines().filter(line => !line.startsWith('WINDOW_UPDATE'))
    t.same(lines, isRefused ? ['RST_STREAM stream 1 FLOW_CONTROL_ERROR'] : [])
    t.equal(events.includes('data 1 10'), !isRefused)
  }
  t.end()
})

t.test(
  'RFC 9113 §6.9.3: a server that has not acknowledged our smaller window may use the old one',
  t => {
    const { peer, open, events } = connect({
      role: 'client',
      handshake: false,
      limits: { ...NARROW, streamWindowSize: 1_000 },
    })
    open(true)
    peer.takes()
    peer.sends(frames.settings(), frames.headers(1, RESPONSE), frames.data(1, { size: 5_000 }))
    t.equal(events.at(-1), 'data 1 5000')
    peer.expects(frames.settingsAck())
    peer.sends(frames.settingsAck(), frames.data(1, { size: 1 }))
    peer.expects(frames.rstStream(1, Code.flowControlError))
    t.end()
  },
)

t.test('RFC 9113 §6.5.2: DATA that waits leaves in frames of the size that holds by then', t => {
  for (const role of ROLES) {
    const { peer, stream } = withStream({
      role,
      settings: { initialWindowSize: 5_000, frameSizeMax: 30_000 },
    })
    if (role === 'server') stream.sendHeaders(RESPONSE, false)
    stream.sendData(zeros, 0, 60_000, true)
    peer.takes()
    peer.sends(frames.settings({ frameSizeMax: 16_384 }))
    peer.expects(frames.settingsAck())
    peer.sends(frames.settings({ initialWindowSize: 60_000 }))
    const sent = peer.takes() // checks the sizes too
    const sizes = sent.filter(({ type }) => type === Type.data).map(({ payload }) => payload.length)
    t.ok(Math.max(...sizes) <= 16_384, `${role}: ${sizes.join(', ')}`)
    t.equal(
      sizes.reduce((sum, size) => sum + size),
      55_000,
      'five thousand had left before',
    )
  }
  t.end()
})

t.test('RFC 9113 §6.9.2: a server obeys a smaller initial window, below zero as well', t => {
  const { peer, stream } = withStream({ role: 'server' })
  stream.sendHeaders(RESPONSE, false)
  stream.sendData(zeros, 0, 60_000, false)
  peer.takes()
  peer.sends(frames.settings({ initialWindowSize: 10_000 })) // -50_000 are left
  peer.expects(frames.settingsAck())
  stream.sendData(zeros, 0, 5, true)
  peer.sends(frames.windowUpdate(1, 50_000))
  peer.expectsNothing()
  peer.sends(frames.windowUpdate(1, 5))
  peer.expects(frames.data(1, { size: 5, endStream: true }))
  t.end()
})

/** A client whose one request has this answer. */
function answered(
  list: readonly string[],
  ...rest: Buffer[]
): { lines: string[]; events: string[] } {
  const { peer, events } = withStream({ role: 'client' })
  peer.sends(frames.headers(1, list), ...rest)
  return { lines: peer.takesLines(), events }
}

t.test('RFC 9113 §8.1.1: DATA of a response must add up to content-length, padding apart', t => {
  const announced = [...RESPONSE, 'content-length', '10']
  const right = answered(
    announced,
    frames.data(1, { size: 4, padding: 200 }),
    frames.data(1, { size: 6 }),
    frames.headers(1, TRAILERS, { endStream: true }),
  )
  t.equal(right.events.at(-1), 'headers 1 end')
  t.same(right.lines, [])
  const wrong: Record<string, Buffer[]> = {
    'too many': [frames.data(1, { size: 11 })],
    'too few': [frames.data(1, { size: 9, endStream: true })],
    'too few, then trailers': [
      frames.data(1, { size: 9 }),
      frames.headers(1, TRAILERS, { endStream: true }),
    ],
  }
  for (const [name, rest] of Object.entries(wrong)) {
    const { lines, events } = answered(announced, ...rest)
    t.same(lines, ['RST_STREAM stream 1 PROTOCOL_ERROR'], name)
    t.equal(events.at(-1), 'reset 1 PROTOCOL_ERROR by us', name)
    t.notOk(events.some(event => event.endsWith('end')))
  }
  const { peer } = withStream({ role: 'client' })
  peer.sends(frames.headers(1, announced, { endStream: true }))
  peer.expects(frames.rstStream(1, Code.protocolError))
  t.end()
})

t.test('RFC 9110 §8.6: a 204 that announces content which it cannot carry is taken', t => {
  const { peer, events } = withStream({ role: 'client' })
  const list = [':status', '204', 'content-length', '500']
  peer.sends(frames.headers(1, list, { endStream: true }))
  peer.expectsNothing()
  t.same(events, ['headers 1 end'])
  t.end()
})

t.test('RFC 9113 §10.5.1: trailers of a response past the soft limit end their stream', t => {
  const { peer, events } = withStream({ role: 'client', limits: { headerFieldsMax: 20 } })
  const many = Array.from({ length: 21 }, (_, i) => [`x${i}`, '']).flat()
  peer.sends(frames.headers(1, RESPONSE), frames.headers(1, many, { endStream: true }))
  peer.expects(frames.rstStream(1, Code.enhanceYourCalm))
  t.same(events, ['headers 1', 'reset 1 ENHANCE_YOUR_CALM by us'])
  t.end()
})

t.test('RFC 9113 §8.1: trailers may be empty, and do not come twice', t => {
  const { peer, events } = withStream({ role: 'server' })
  peer.sends(frames.headers(1, [], { endStream: true }))
  t.same(events, ['headers 1 end'])
  peer.sends(frames.headers(1, TRAILERS, { endStream: true }))
  peer.expects(frames.rstStream(1, Code.streamClosed))
  t.end()
})

t.test('Slowloris (B1): trailers must be complete in 10 s as well', t => {
  for (const role of ROLES) {
    const { peer, recorder, events } = withStream({ role })
    if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
    const half = literalBlock(TRAILERS).subarray(0, 5)
    peer.sends(frames.headers(1, half, { endHeaders: false, endStream: true }))
    peer.takes()
    peer.advance(9_000)
    t.equal(recorder.closedCount, 0, role)
    peer.advance(3_000)
    t.match(peer.takesLines().at(-1), /^GOAWAY /)
    t.notOk(events.some(event => event.endsWith('end')))
  }
  t.end()
})

t.test('RFC 9113 §8.1: request DATA behind our response still counts, and comes back', t => {
  const { peer, stream } = withStream({
    role: 'server',
    limits: { ...NARROW, streamWindowSize: 65_535 },
    consume: true,
  })
  stream.sendHeaders(RESPONSE, true)
  peer.takes()
  const left = new Map([
    [0, 65_535],
    [1, 65_535],
  ])
  for (let i = 0; i < 20; i++) {
    for (const [id, window] of left) left.set(id, window - 16_384)
    t.ok(Math.min(...left.values()) >= 0, 'the windows have not run dry')
    peer.sends(frames.data(1, { size: 16_384 }))
    for (const { type, streamId, payload } of peer.takes()) {
      if (type !== Type.windowUpdate) t.fail(`frame of type ${type}`)
      left.set(streamId, left.get(streamId)! + payload.readUInt32BE(0))
    }
    t.ok(Math.max(...left.values()) <= 65_535, 'never more than was granted')
  }
  t.end()
})

t.test('RFC 9113 §8.7: REFUSED_STREAM never goes to a request that user code has seen', t => {
  const refused = (connected: Connected): number[] =>
    connected.peer
      .takes()
      .filter(
        ({ type, payload }) =>
          type === Type.rstStream && payload.readUInt32BE(0) === Code.refusedStream,
      )
      .map(({ streamId }) => streamId)
  const ends: Record<string, (connected: Connected) => void> = {
    'a rule is broken': ({ peer }) => peer.sends(frames.windowUpdate(1, 0)),
    'the handler throws': ({ peer, recorder }) => {
      recorder.on(1).throwFrom = 'onData'
      peer.sends(frames.data(1, { size: 1 }))
    },
    'trailers are malformed': ({ peer }) =>
      peer.sends(frames.headers(1, [':path', '/'], { endStream: true })),
    'the server leaves': ({ connection }) => connection.shutdown(),
  }
  for (const [name, happens] of Object.entries(ends)) {
    const connected = connect({ role: 'server', limits: { streamsMax: 1 } })
    connected.peer.sends(frames.headers(1, REQUEST))
    happens(connected)
    t.same(refused(connected), [], name)
  }
  const full = connect({ role: 'server', limits: { streamsMax: 1 } })
  full.peer.sends(frames.headers(1, REQUEST), frames.headers(3, REQUEST))
  t.same(refused(full), [3])
  t.same([...full.recorder.streams.keys()], [1], 'nobody has seen it')
  t.end()
})

t.test('RFC 9113 §8.2.2: te is judged each time it comes', t => {
  const rest = requestBut('te', undefined)
  for (const list of [
    [...rest, 'te', 'gzip', 'te', 'trailers'],
    [...rest, 'te', 'trailers', 'te', 'gzip'],
    [...rest, 'te', 'trailers', 'te', 'trailers'],
    [...rest, 'te', ''],
    [...rest, 'te', 'trailers,gzip'],
  ]) {
    const { peer, events } = connect({ role: 'server' })
    peer.sends(frames.headers(1, list))
    peer.expects(frames.rstStream(1, Code.protocolError))
    t.same(events, [])
  }
  t.end()
})

t.test('RFC 9113 §8.3.1: host alone is enough; host and :authority may differ in case only', t => {
  const { peer, recorder, events } = connect({ role: 'server' })
  peer.sends(frames.headers(1, [...requestBut(':authority', undefined), 'host', 'a:1']))
  t.same(recorder.on(1).lists[0]!.slice(-2), ['host', 'a:1'])
  peer.sends(frames.headers(3, requestWith('host', 'LOCALHOST:50051')))
  t.same(events, ['request 1', 'request 3'])
  peer.sends(frames.headers(5, requestWith('host', 'localhost:50052')))
  peer.expects(frames.rstStream(5, Code.protocolError))
  t.end()
})

t.test('RFC 9113 §4.3.1: an update of 0 and one to the new size are taken by a client', t => {
  const { peer, open, events } = connect({ role: 'client', limits: { decoderTableSizeMax: 1_000 } })
  open(true)
  peer.takes()
  const block = Buffer.concat([tableSizeUpdate(0), tableSizeUpdate(1_000), literalBlock(RESPONSE)])
  peer.sends(frames.headers(1, block))
  t.same(events, ['headers 1'])
  t.end()
})

t.test('gRPC A8: HEADERS of ours take the strikes back, without any DATA', t => {
  const { peer, recorder } = withStream({ role: 'server' })
  for (let id = 3; id < 23; id += 2) {
    peer.sends(frames.ping(), frames.ping())
    peer.requests(id)
    recorder.stream(id).sendHeaders(RESPONSE, true)
    const lines = peer.takesLines()
    t.equal(lines.filter(line => line.startsWith('PING ACK')).length, 2)
    t.notOk(
      lines.some(line => line.startsWith('GOAWAY')),
      `stream ${id}`,
    )
  }
  t.end()
})

t.test('gRPC A8: without a stream PINGs two hours apart are no strikes, closer ones are', t => {
  const apart = (ms: number): string => {
    const { peer } = connect({ role: 'server', limits: { keepaliveIntervalMs: 1e9 } })
    const lines: string[] = []
    for (let i = 0; i < 6; i++) {
      peer.sends(frames.ping())
      lines.push(...peer.takesLines())
      peer.advance(ms)
    }
    return lines.at(-1)!
  }
  t.match(apart(7_200_000), /^PING ACK/)
  t.match(apart(7_100_000), /^GOAWAY last 0 ENHANCE_YOUR_CALM$/)
  t.end()
})

t.test('RFC 9113 §6.8: a GOAWAY that names a stream no client opens is a connection error', t => {
  const { peer } = withStream({ role: 'client' })
  peer.sends(frames.goaway(2, Code.noError))
  peer.expectsFatal(Code.protocolError)
  t.end()
})

t.test('RFC 9113 §8.1.1: content-length may come twice, but not with two values', t => {
  const lengths: [first: string, second: string, isTaken: boolean][] = [
    ['5', '5', true],
    ['5', '6', false],
    ['6', '5', false],
    ['0', '5', false],
  ]
  for (const [first, second, isTaken] of lengths) {
    const fields = ['content-length', first, 'content-length', second]
    const { peer, events } = connect({ role: 'server' })
    peer.sends(frames.headers(1, requestWith(...fields)), frames.data(1, { size: 5 }))
    t.same(events, isTaken ? ['request 1', 'data 1 5'] : [], `${first}, ${second}`)
    const response = answered([...RESPONSE, ...fields], frames.data(1, { size: 5 }))
    const found = isTaken ? ['headers 1', 'data 1 5'] : ['reset 1 PROTOCOL_ERROR by us']
    t.same(response.events, found, `${first}, ${second} from a server`)
  }
  const { peer, events } = connect({ role: 'server' })
  const list = requestWith('content-length', '5', 'content-length', '0')
  peer.sends(frames.headers(1, list, { endStream: true }))
  peer.expects(frames.rstStream(1, Code.protocolError))
  t.same(events, [])
  t.end()
})

t.test('RFC 9113 §8.1.1: what is no number is refused without END_STREAM as well', t => {
  for (const value of ['', '+5', '-0', '5.0', '0x5', '5e0', '5 5', '5,5', '9'.repeat(16)]) {
    const { peer, events } = connect({ role: 'server' })
    peer.sends(frames.headers(1, requestWith('content-length', value)))
    peer.expects(frames.rstStream(1, Code.protocolError))
    t.same(events, [], value)
  }
  t.end()
})
