import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import type { ConnectionLimits } from '../../src/connection/index.js'
import { recordOf } from '../../src/connection/streams/stream-record.js'
import { frames, Type } from '../support/frames.js'
import { type WithStream, withStream } from '../support/peer.js'

function upload(limits: Partial<ConnectionLimits>): WithStream {
  return withStream({ role: 'server', limits: { streamWindowSize: 65_535, ...limits } })
}

interface Seen {
  readonly pings: Buffer[]
  readonly settings: number
  /** What the peer may send on its stream by now. */
  readonly window: number
}

/** Sends `size` octets and consumes them; gives back the PINGs and what the peer knows of the window. */
function sends(connected: WithStream, size: number): Seen {
  const { peer, stream } = connected
  for (let left = size; left > 0; left -= 16_000) {
    const piece = Math.min(left, 16_000)
    peer.sends(frames.data(1, { size: piece }))
    stream.consume(piece)
  }
  return looks(connected)
}

function looks({ peer, connection, stream }: WithStream): Seen {
  const found = peer.takes()
  return {
    pings: found.filter(frame => frame.type === Type.ping).map(frame => Buffer.from(frame.payload)),
    settings: found.filter(frame => frame.type === Type.settings).length,
    window: inspect(connection).receiver.initialWindow + recordOf(stream).receiveCredit,
  }
}

t.test('small traffic is not measured', t => {
  const connected = upload({})
  t.same(sends(connected, 32_000).pings, [])
  t.end()
})

t.test(
  'most of a window in one round trip doubles it for whoever keeps up, up to the bounds',
  t => {
    const connected = upload({ streamWindowSizeMax: 200_000, connectionWindowSizeMax: 400_000 })
    const { peer, connection } = connected
    for (const window of [131_070, 200_000]) {
      const { pings } = sends(connected, 400_000)
      t.equal(pings.length, 1, 'one measurement at a time')
      peer.sends(frames.ping(pings[0]!, true))
      const seen = sends(connected, 66_000)
      t.equal(seen.settings, 0, 'no window of others is raised')
      t.ok(seen.window >= window - 66_000 && seen.window <= window, `${seen.window}`)
      t.equal(inspect(connection).receiver.initialWindow, 65_535)
      if (seen.pings.length > 0) peer.sends(frames.ping(seen.pings[0]!, true))
    }
    sends(connected, 400_000)
    t.same(sends(connected, 800_000).pings, [], 'wide enough')
    t.equal(inspect(connection).core.over, false)
    t.end()
  },
)

t.test('a peer that waits for the window at every turn gets a wider one', t => {
  const connected = upload({ streamWindowSize: 100_000 })
  const { pings } = sends(connected, 51_000)
  t.equal(pings.length, 1)
  // No more than the first window: its updates are on their way while the PING is.
  sends(connected, 49_000)
  connected.peer.sends(frames.ping(pings[0]!, true))
  t.ok(sends(connected, 60_000).window > 100_000)
  t.end()
})

t.test('a round trip in which little came changes nothing', t => {
  const connected = upload({})
  const { pings } = sends(connected, 48_000)
  connected.peer.sends(frames.ping(pings[0]!, true))
  t.ok(looks(connected).window <= 65_535)
  t.equal(sends(connected, 48_000).pings.length, 1, 'the next measurement starts afresh')
  t.end()
})

t.test('a connection that leaves is not measured', t => {
  const connected = upload({})
  connected.connection.shutdown()
  connected.peer.takes()
  t.same(sends(connected, 64_000).pings, [])
  t.end()
})

t.test('the wider connection window is granted', t => {
  const connected = upload({ connectionWindowSize: 65_535, streamWindowSizeMax: 1 << 20 })
  const { pings } = sends(connected, 160_000)
  connected.peer.sends(frames.ping(pings[0]!, true))
  looks(connected)
  t.ok(inspect(connected.connection).receiver.window > 400_000)
  t.end()
})
