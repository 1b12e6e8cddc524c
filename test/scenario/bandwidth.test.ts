import t from 'tap'
import { frames, RESPONSE, SettingId, Type } from '../support/frames.js'
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

function initialWindow(seen: readonly PeerFrame[]): number | undefined {
  const settings = seen.find(({ type, flags }) => type === Type.settings && (flags & 1) === 0)
  if (settings === undefined) return undefined
  for (let i = 0; i < settings.payload.length; i += 6) {
    if (settings.payload.readUInt16BE(i) === SettingId.initialWindowSize)
      return settings.payload.readUInt32BE(i + 2)
  }
  return undefined
}

t.test('RFC 9113 §6.9: a window that comes whole in one round trip is doubled', t => {
  for (const role of ROLES) {
    const { peer } = receiving(role)
    const ping = sends(peer, 60_000).find(({ type }) => type === Type.ping)
    t.ok(ping, `${role}: half a window starts a measurement`)
    sends(peer, 90_000)
    peer.sends(frames.ping(ping!.payload, true))
    const seen = peer.takes()
    t.equal(initialWindow(seen), 200_000)
    t.ok(seen.some(({ type, streamId }) => type === Type.windowUpdate && streamId === 0))
    peer.sends(frames.settingsAck())
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
  t.equal(initialWindow(slow.peer.takes()), undefined)
  t.end()
})

t.test('windows stop at their maxima', t => {
  const { peer } = receiving('server')
  let window = 100_000
  for (let round = 0; round < 10; round++) {
    const ping = sends(peer, 500_000).find(({ type }) => type === Type.ping)
    if (ping === undefined) break
    sends(peer, 500_000)
    peer.sends(frames.ping(ping.payload, true))
    const next = initialWindow(peer.takes())
    if (next === undefined) continue
    peer.sends(frames.settingsAck())
    t.equal(next, window * 2)
    window = next
  }
  t.equal(window, 400_000)
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
