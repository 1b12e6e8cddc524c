import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import {
  Code,
  frames,
  indexed,
  REQUEST,
  RESPONSE,
  requestWith,
  TRAILERS,
} from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

for (const ending of ['destroy', 'onStream destroys'] as const) {
  t.test(`after the end nothing of the same chunk is handled: ${ending}`, t => {
    let requests = 0
    const { peer, recorder, connection } = connect({
      role: 'server',
      onStream: () => {
        if (++requests === 1 && ending !== 'destroy') connection.destroy()
      },
    })
    if (ending === 'destroy') {
      peer.sends(frames.headers(1, REQUEST))
      recorder.on(1).whenData = () => connection.destroy()
      peer.sends(
        frames.data(1, { size: 3 }),
        frames.headers(3, REQUEST),
        frames.ping(),
        frames.headers(5, REQUEST, { endStream: true }),
      )
    } else {
      peer.sends(
        frames.headers(1, REQUEST),
        frames.headers(3, REQUEST),
        frames.data(3, { size: 4 }),
      )
    }
    t.equal(requests, 1)
    t.equal(connection.streamCount, 0)
    t.equal(recorder.events.at(-1), 'closed')
    t.equal(connection.timers.count, 0)
    peer.expectsNothing()
    t.end()
  })
}

t.test('octets after the end are taken and ignored', t => {
  const { connection } = connect({ role: 'server' })
  connection.destroy()
  t.equal(connection.receive(Buffer.alloc(50), 10, 50, 2_000), 50)
  t.equal(connection.hasOutput, false)
  t.end()
})

t.test('the turn ends at its budget of frames, and goes on where it stood', t => {
  const { peer, recorder } = connect({ role: 'server', limits: { turnFramesMax: 3 } })
  peer.sends(...Array.from({ length: 10 }, (_, i) => frames.headers(1 + 2 * i, REQUEST)))
  t.equal(peer.turns, 4)
  t.equal(recorder.streams.size, 10)
  t.end()
})

t.test('the turn ends at its budget of octets, in the middle of a frame', t => {
  const { peer, recorder } = connect({ role: 'server', limits: { turnSizeMax: 1_000 } })
  peer.sends(frames.headers(1, REQUEST), frames.data(1, { size: 5_000, endStream: true }))
  t.equal(peer.turns, 6)
  t.equal(recorder.on(1).body.length, 5_000)
  t.end()
})

t.test('a blocked connection takes nothing before its answers are read', t => {
  const { connection, peer } = connect({ role: 'server', limits: { controlFramesPause: 2 } })
  const pings = Buffer.concat(Array.from({ length: 6 }, () => frames.ping()))
  t.equal(connection.receive(pings, 0, pings.length, 1_000), 3 * 17)
  t.equal(connection.blocked, true)
  t.equal(connection.receive(pings, 51, pings.length, 1_000), 51)
  t.equal(peer.takes().length, 3)
  t.equal(connection.receive(pings, 51, pings.length, 1_000), 102)
  t.end()
})

/** Frames that no stream may have, by what they meet. */
const wrong: [rule: string, role: 'client' | 'server', code: number, bytes: Buffer[]][] = [
  ['§5.1: DATA on an idle stream', 'server', Code.protocolError, [frames.data(1, { size: 1 })]],
  ['§5.1: DATA on an idle stream', 'client', Code.protocolError, [frames.data(1, { size: 1 })]],
  ['§5.1: RST_STREAM on an idle stream', 'server', Code.protocolError, [frames.rstStream(1, 8)]],
  [
    '§5.1: WINDOW_UPDATE on an idle stream',
    'server',
    Code.protocolError,
    [frames.windowUpdate(1, 1)],
  ],
  ['§5.1: a stream of the other side', 'server', Code.protocolError, [frames.windowUpdate(2, 1)]],
  [
    '§5.1.1: an even stream of a client',
    'server',
    Code.protocolError,
    [frames.headers(2, REQUEST)],
  ],
  ['§5.1: HEADERS from a server', 'client', Code.protocolError, [frames.headers(2, RESPONSE)]],
  [
    '§5.1.1: a stream that was skipped',
    'server',
    Code.protocolError,
    [frames.headers(5, REQUEST), frames.headers(3, REQUEST)],
  ],
  ['§6.9: WINDOW_UPDATE of 0', 'server', Code.protocolError, [frames.windowUpdate(0, 0)]],
  [
    '§6.9.1: the connection window past 2^31-1',
    'client',
    Code.flowControlError,
    [frames.windowUpdate(0, 2 ** 31 - 1)],
  ],
  ['§6.10: CONTINUATION alone', 'server', Code.protocolError, [frames.continuation(1, indexed(2))]],
  [
    '§6.10: a frame inside a header block',
    'server',
    Code.protocolError,
    [frames.headers(1, indexed(2), { endHeaders: false }), frames.ping()],
  ],
  [
    '§6.10: CONTINUATION of another stream',
    'server',
    Code.protocolError,
    [frames.headers(1, indexed(2), { endHeaders: false }), frames.continuation(3, indexed(2))],
  ],
  ['§8.4: PUSH_PROMISE', 'client', Code.protocolError, [frames.pushPromise(1, 2, REQUEST)]],
  [
    '§6.3: PRIORITY of 4 octets, idle',
    'server',
    Code.frameSizeError,
    [frames.raw(2, 0, 1, Buffer.alloc(4))],
  ],
  ['7540 §5.3.1: PRIORITY on itself', 'server', Code.protocolError, [frames.priority(3, 3)]],
  [
    '7540 §5.3.1: HEADERS on itself',
    'server',
    Code.protocolError,
    [frames.headers(1, REQUEST, { dependency: 1 })],
  ],
  [
    '9218 §7.1: PRIORITY_UPDATE from a server',
    'client',
    Code.protocolError,
    [frames.priorityUpdate(1)],
  ],
]
for (const [rule, role, code, bytes] of wrong) {
  t.test(`RFC ${rule.startsWith('§') ? '9113 ' : ''}${rule} (${role})`, t => {
    const { peer, connection, recorder } = connect({ role })
    peer.sends(...bytes)
    peer.expectsGoaway(code)
    t.equal(connection.finished, true)
    t.match(recorder.closedCause, { name: 'ConnectionError' })
    t.end()
  })
}

t.test('RFC 9113 §6.3: PRIORITY of a wrong size on an open stream is a stream error', t => {
  const { peer, on } = withStream({ role: 'server' })
  peer.sends(frames.raw(2, 0, 1, Buffer.alloc(6)))
  peer.expects(frames.rstStream(1, Code.frameSizeError))
  t.equal(on.resetCode, Code.frameSizeError)
  t.end()
})

for (const role of ROLES) {
  t.test(`${role}: unknown frames and PRIORITY are passed over`, t => {
    const { peer, connection, on } = withStream({ role })
    peer.sends(
      frames.raw(0xee, 0xff, 1, Buffer.alloc(100)),
      frames.priority(1),
      frames.priority(99),
    )
    if (role === 'server') peer.sends(frames.priorityUpdate(1))
    peer.expectsNothing()
    t.equal(inspect(connection).core.over, false)
    t.equal(on.lastCalls, 0)
    t.end()
  })
}

t.test('RFC 9113 §8.1.1: content-length and DATA must agree', t => {
  for (const [length, sizes, ok] of [
    [5, [5], true],
    [5, [2, 3], true],
    [5, [2, 2], false],
    [5, [6], false],
    [0, [0], true],
    [0, [1], false],
  ] as [number, number[], boolean][]) {
    const { peer, recorder, connection } = connect({ role: 'server' })
    peer.sends(frames.headers(1, requestWith('content-length', `${length}`)))
    for (const [i, size] of sizes.entries()) {
      const endStream = i === sizes.length - 1
      if (connection.streamCount > 0) peer.sends(frames.data(1, { size, endStream }))
    }
    t.equal(recorder.on(1).resetCode, ok ? undefined : Code.protocolError, `${length}: ${sizes}`)
  }
  t.end()
})

t.test('RFC 9113 §8.1.1: trailers end the content too soon', t => {
  const { peer, recorder } = connect({ role: 'server' })
  peer.sends(
    frames.headers(1, requestWith('content-length', '5')),
    frames.data(1, { size: 4 }),
    frames.headers(1, TRAILERS, { endStream: true }),
  )
  t.equal(recorder.on(1).resetCode, Code.protocolError)
  t.end()
})

t.test('RFC 9110 §8.6: responses without content may say how long it would be', t => {
  const length = ['content-length', '5']
  for (const [request, status, ok] of [
    [[':method', 'HEAD', ...REQUEST.slice(2)], '200', true],
    [REQUEST, '204', true],
    [REQUEST, '304', true],
    [REQUEST, '200', false],
  ] as [readonly string[], string, boolean][]) {
    const { peer, open } = connect({ role: 'client' })
    const on = open(true, request)
    peer.sends(frames.headers(1, [':status', status, ...length], { endStream: true }))
    t.equal(on.resetCode, ok ? undefined : Code.protocolError, `${request[1]} ${status}`)
  }
  t.end()
})

t.test('RFC 9113 §8.1: interim responses come first, bounded, and never end a stream', t => {
  const interim = [':status', '103']
  const { peer, on } = withStream({ role: 'client', limits: { interimResponsesMax: 2 } })
  peer.sends(frames.headers(1, interim), frames.headers(1, interim))
  t.equal(on.lists.length, 2)
  peer.sends(frames.headers(1, interim))
  t.equal(on.resetCode, Code.protocolError)
  const other = withStream({ role: 'client' })
  other.peer.sends(frames.headers(1, interim, { endStream: true }))
  t.equal(other.on.resetCode, Code.protocolError)
  const late = withStream({ role: 'client' })
  late.peer.sends(frames.headers(1, RESPONSE), frames.headers(1, interim))
  t.equal(late.on.resetCode, Code.protocolError, 'after the response there are only trailers')
  t.end()
})

t.test('RFC 9113 §8.1: DATA before the response is a stream error', t => {
  const { peer, on } = withStream({ role: 'client' })
  peer.sends(frames.data(1, { size: 5 }))
  t.equal(on.resetCode, Code.protocolError)
  t.equal(on.chunks.length, 0)
  t.end()
})

t.test('RFC 9113 §5.1: frames after END_STREAM', t => {
  const open = withStream({ role: 'server' })
  open.peer.sends(frames.data(1, { endStream: true, size: 1 }), frames.data(1, { size: 1 }))
  t.equal(open.on.resetCode, Code.streamClosed, 'half-closed (remote)')
  for (const late of [
    frames.data(1, { size: 1 }),
    frames.headers(1, TRAILERS, { endStream: true }),
  ]) {
    const closed = withStream({ role: 'server' })
    closed.peer.sends(frames.data(1, { endStream: true, size: 1 }))
    closed.stream.sendHeaders(RESPONSE, true)
    closed.peer.takes()
    closed.peer.sends(late)
    closed.peer.expectsGoaway(Code.streamClosed)
  }
  t.end()
})

t.test('RFC 9113 §5.1: what was under way when we reset a stream is dropped', t => {
  const { peer, stream, connection } = withStream({ role: 'server' })
  stream.reset(Code.cancel)
  peer.takes()
  peer.sends(
    frames.data(1, { size: 100 }),
    frames.windowUpdate(1, 5),
    frames.headers(1, TRAILERS, { endStream: true }),
    frames.rstStream(1, Code.cancel),
  )
  t.equal(inspect(connection).core.over, false)
  peer.expectsNothing()
  t.end()
})
