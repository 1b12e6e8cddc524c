import t from 'tap'
import { Code, frames, literalBlock, REQUEST, RESPONSE, Type, zeros } from '../support/frames.js'
import { type Connected, connect, type Peer, ROLES, withStream } from '../support/peer.js'

const FOREVER = Number.POSITIVE_INFINITY

/** Nothing until `ms` are over, then the end with this code. */
function endsAfter(peer: Peer, ms: number, code: number): void {
  peer.advance(ms - 1)
  peer.expectsNothing()
  peer.advance(1_001) // timers may be as coarse as a second
  peer.expectsFatal(code)
}

t.test('Slowloris (C6): a silent peer is given 10 s for its preface', t => {
  for (const role of ROLES) {
    const { peer } = connect({ role, handshake: false })
    peer.takes()
    endsAfter(peer, 10_000, Code.protocolError)
  }
  t.end()
})

t.test('Slowloris (C6): half a preface, or a preface without SETTINGS, does not help', t => {
  for (const start of [frames.preface().subarray(0, 12), frames.preface()]) {
    const { peer } = connect({ role: 'server', handshake: false })
    peer.takes()
    peer.sends(start)
    endsAfter(peer, 10_000, Code.protocolError)
  }
  t.end()
})

t.test(
  'RFC 9113 §6.5.3: SETTINGS that nobody acknowledges end in SETTINGS_TIMEOUT after 20 s',
  t => {
    for (const role of ROLES) {
      const { peer } = connect({ role, handshake: false })
      peer.sends(...(role === 'server' ? [frames.preface()] : []), frames.settings())
      peer.takes()
      endsAfter(peer, 20_000, Code.settingsTimeout)
    }
    t.end()
  },
)

t.test('RFC 9113 §6.5.3: an acknowledgement in time ends the wait', t => {
  for (const role of ROLES) {
    const { peer, connection } = connect({ role })
    peer.advance(3_600_000)
    peer.expectsNothing()
    t.notOk(connection.finished)
  }
  t.end()
})

t.test('Slowloris (B1): a header block must be complete in 10 s', t => {
  for (const role of ROLES) {
    const { peer } = withStream({ role })
    const [id, list] = role === 'client' ? [1, RESPONSE] : [3, REQUEST]
    peer.sends(frames.headers(id, literalBlock(list).subarray(0, 10), { endHeaders: false }))
    endsAfter(peer, 10_000, Code.enhanceYourCalm)
  }
  t.end()
})

t.test('Slowloris (B1): CONTINUATION frames do not start the time anew', t => {
  const { peer } = connect({ role: 'server' })
  const block = literalBlock(REQUEST)
  peer.sends(frames.headers(1, block.subarray(0, 10), { endHeaders: false }))
  for (let i = 0; i < 4; i++) {
    peer.advance(2_400)
    peer.sends(frames.continuation(1, block.subarray(10 + i, 11 + i), false))
    peer.expectsNothing()
  }
  peer.advance(1_500)
  peer.expectsFatal(Code.enhanceYourCalm)
  t.end()
})

t.test('Slowloris (B1): a block that was completed leaves no deadline behind', t => {
  const { peer, events } = connect({ role: 'server' })
  const block = literalBlock(REQUEST)
  peer.sends(frames.headers(1, block.subarray(0, 10), { endHeaders: false }))
  peer.advance(9_000)
  peer.sends(frames.continuation(1, block.subarray(10)))
  peer.advance(60_000)
  peer.expectsNothing()
  t.same(events, ['request 1'])
  t.end()
})

// A stall is noticed when nothing was taken from one look to the next, 60 s apart: within two looks.
t.test(
  'CVE-2026-49975 (C8): replies pinned behind a closed window end after one to two minutes',
  t => {
    for (const role of ROLES) {
      const { peer, stream, on } = withStream({ role, settings: { initialWindowSize: 0 } })
      if (role === 'server') stream.sendHeaders(RESPONSE, false)
      stream.sendData(zeros, 0, 5_000, true)
      peer.takes()
      peer.advance(59_000)
      peer.expectsNothing()
      peer.advance(62_000)
      peer.expectsFatal(Code.enhanceYourCalm)
      t.ok(on.lost !== undefined, role)
    }
    t.end()
  },
)

t.test(
  'CVE-2019-9517 (C8): output that nobody takes ends the connection after one to two minutes',
  t => {
    const { peer, connection, stream, recorder } = withStream({ role: 'server' })
    stream.sendHeaders(RESPONSE, true)
    t.ok(connection.hasOutput)
    peer.advance(59_000)
    t.equal(recorder.closedCount, 0)
    peer.advance(62_000)
    t.equal(recorder.closedCount, 1)
    t.end()
  },
)

t.test('a slow peer that takes something now and then is not stalled', t => {
  const { peer, stream, connection } = withStream({
    role: 'client',
    settings: { initialWindowSize: 0 },
  })
  stream.sendData(zeros, 0, 100_000, true)
  for (let i = 0; i < 10; i++) {
    peer.advance(50_000)
    peer.sends(frames.windowUpdate(1, 5_000))
    t.equal(peer.takes().filter(frame => frame.type === Type.data).length, 1)
  }
  t.notOk(connection.finished)
  t.end()
})

t.test(
  'gRPC A8: keepalive sends a PING after a silence, and gives up when it is not answered',
  t => {
    for (const role of ROLES) {
      const limits = { keepaliveIntervalMs: 60_000, keepaliveTimeoutMs: 5_000 }
      const { peer, recorder, on } = withStream({ role, limits })
      peer.advance(59_000)
      peer.expectsNothing()
      peer.advance(2_000)
      const [ping, ...rest] = peer.takes()
      t.equal(ping!.type, Type.ping, role)
      t.equal(rest.length, 0)
      peer.sends(frames.ping(ping!.payload, true))
      peer.advance(50_000)
      peer.expectsNothing()
      peer.advance(11_000)
      t.equal(peer.takes()[0]?.type, Type.ping, 'again')
      t.equal(recorder.closedCount, 0)
      peer.advance(6_000)
      t.equal(recorder.closedCount, 1)
      t.ok(recorder.closedCause instanceof Error)
      t.equal(on.lastCalls, 1)
    }
    t.end()
  },
)

t.test('gRPC A8: whatever arrives proves that the peer lives', t => {
  const limits = { keepaliveIntervalMs: 60_000, keepaliveTimeoutMs: 5_000 }
  const { peer } = withStream({ role: 'client', limits })
  for (let i = 0; i < 10; i++) {
    peer.advance(40_000)
    peer.sends(frames.priority(1))
  }
  peer.expectsNothing()
  t.end()
})

t.test('gRPC A8: a client without calls sends no keepalive', t => {
  const { peer } = connect({ role: 'client', limits: { keepaliveIntervalMs: 10_000 } })
  peer.advance(3_600_000)
  peer.expectsNothing()
  t.end()
})

t.test('an idle connection stays by default, and leaves after idleTimeoutMs if asked', t => {
  const stays = connect({ role: 'server', limits: { keepaliveIntervalMs: FOREVER } })
  stays.peer.advance(10 * 86_400_000)
  stays.peer.expectsNothing()

  const leaves = connect({ role: 'server', limits: { idleTimeoutMs: 300_000 } })
  leaves.peer.advance(299_000)
  leaves.peer.requests(1)
  leaves.peer.advance(600_000)
  t.notOk(leaves.connection.draining, 'a stream is open')
  leaves.recorder.stream(1).sendHeaders(RESPONSE, true)
  leaves.peer.takes()
  leaves.peer.advance(299_000)
  leaves.peer.expectsNothing()
  leaves.peer.advance(2_000)
  t.match(leaves.peer.takesLines()[0], /^GOAWAY last 2147483647 NO_ERROR$/)
  t.end()
})

t.test('a connection that is over has no deadline', t => {
  const ends: Record<string, (connected: Connected) => void> = {
    'an error of the peer': ({ peer }) => peer.sends(frames.windowUpdate(0, 0)),
    destroy: ({ connection }) => connection.destroy(),
    'destroy with output waiting': ({ connection, recorder }) => {
      recorder.streams.get(1)?.stream?.sendHeaders(RESPONSE, false)
      connection.destroy()
    },
    'destroy with DATA waiting': ({ peer, connection, recorder }) => {
      peer.sends(frames.settings({ initialWindowSize: 0 }))
      recorder.streams.get(1)?.stream?.sendHeaders(RESPONSE, false)
      recorder.streams.get(1)?.stream?.sendData(zeros, 0, 50_000, false)
      peer.takes()
      connection.destroy()
    },
    'destroy inside a header block': ({ peer, connection }) => {
      peer.sends(frames.headers(3, Buffer.alloc(0), { endHeaders: false }))
      connection.destroy()
    },
    'destroy while a PING waits': ({ connection }) => {
      connection.ping(() => t.fail('answered'))
      connection.destroy()
    },
    'destroy while shutting down': ({ connection }) => {
      connection.shutdown()
      connection.destroy()
    },
    'a stalled peer': ({ peer, recorder }) => {
      recorder.streams.get(1)?.stream?.sendHeaders(RESPONSE, false)
      peer.advance(3 * 86_400_000)
    },
  }
  for (const role of ROLES) {
    for (const [name, end] of Object.entries(ends)) {
      const connected = withStream({
        role,
        limits: { keepaliveIntervalMs: 60_000, idleTimeoutMs: 100_000 },
      })
      end(connected)
      connected.peer.takes()
      connected.connection.destroy()
      t.equal(connected.connection.deadline, FOREVER, `${role}, ${name}`)
      t.equal(connected.connection.timers.count, 0, `${role}, ${name}`)
      t.equal(connected.recorder.closedCount, 1, `${role}, ${name}`)
    }
  }
  t.end()
})
