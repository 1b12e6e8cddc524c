import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { recordOf } from '../../src/connection/streams/stream-record.js'
import { frames, RESPONSE, Type } from '../support/frames.js'
import { type Peer, ROLES, type WithStream, withStream } from '../support/peer.js'
import type { PeerFrame } from '../support/strict-parser.js'

const LIMITS = {
  streamWindowSize: 100_000,
  connectionWindowSize: 400_000,
  streamWindowSizeMax: 400_000,
  connectionWindowSizeMax: 1_600_000,
}

function receiving(role: 'client' | 'server', limits = {}): WithStream {
  const connected = withStream({ role, limits: { ...LIMITS, ...limits }, consume: true })
  if (role === 'client') connected.peer.sends(frames.headers(1, RESPONSE))
  connected.peer.takes()
  return connected
}

/** Sends `size` octets of DATA; what came back. */
function sends(peer: Peer, size: number): PeerFrame[] {
  const seen: PeerFrame[] = []
  for (let left = size; left > 0; left -= 10_000) {
    peer.sends(frames.data(1, { size: Math.min(left, 10_000) }))
    seen.push(...peer.takes())
  }
  return seen
}

/** What WINDOW_UPDATE gave stream 1. */
function creditOf(seen: readonly PeerFrame[]): number {
  return seen
    .filter(({ type, streamId }) => type === Type.windowUpdate && streamId === 1)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
}

t.test('RFC 9113 §6.9: a window that comes whole in one round trip is doubled', t => {
  for (const role of ROLES) {
    const { peer } = receiving(role)
    const ping = sends(peer, 60_000).find(({ type }) => type === Type.ping)
    t.ok(ping, `${role}: half a window starts a measurement`)
    sends(peer, 90_000)
    peer.sends(frames.ping(ping!.payload, true))
    const opened = peer.takes()
    t.ok(opened.some(({ type, streamId }) => type === Type.windowUpdate && streamId === 0))
    const seen = sends(peer, 100_000)
    t.notOk(
      seen.some(({ type }) => type === Type.settings),
      'no other stream gets more',
    )
    t.ok(creditOf(seen) >= 150_000 && creditOf(seen) <= 250_000, `${role}: ${creditOf(seen)}`)
    peer.sends(...Array.from({ length: 15 }, () => frames.data(1, { size: 10_000 })))
    t.notOk(peer.takesLines().some(line => /^(RST_STREAM|GOAWAY)/.test(line)))
  }
  t.end()
})

t.test('little traffic is never measured, and a slow path keeps its windows', t => {
  const quiet = receiving('server')
  t.same(
    sends(quiet.peer, 40_000).filter(({ type }) => type === Type.ping),
    [],
  )

  const slow = receiving('server')
  const ping = sends(slow.peer, 60_000).find(({ type }) => type === Type.ping)
  sends(slow.peer, 20_000)
  slow.peer.sends(frames.ping(ping!.payload, true))
  const seen = sends(slow.peer, 100_000)
  t.ok(creditOf(seen) <= 150_000, `${creditOf(seen)}`)
  t.end()
})

t.test('windows stop at their maxima', t => {
  const { peer, connection, stream } = receiving('server')
  for (let round = 0; round < 10; round++) {
    const ping = sends(peer, 500_000).find(({ type }) => type === Type.ping)
    if (ping === undefined) break
    sends(peer, 500_000)
    peer.sends(frames.ping(ping.payload, true))
  }
  sends(peer, 1_000_000)
  const window = inspect(connection).receiver.initialWindow + recordOf(stream).receiveCredit
  t.ok(window > 200_000 && window <= 400_000, `${window}`)
  t.ok(inspect(connection).receiver.window <= 1_600_000)
  t.end()
})

t.test('one measurement at a time', t => {
  const { peer } = receiving('server')
  t.equal(sends(peer, 2_000_000).filter(({ type }) => type === Type.ping).length, 1)
  t.end()
})

t.test('a connection that is leaving measures nothing', t => {
  const { peer, connection } = receiving('server')
  connection.shutdown()
  peer.takes()
  t.same(
    sends(peer, 500_000).filter(({ type }) => type === Type.ping),
    [],
  )
  t.end()
})
