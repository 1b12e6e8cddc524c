import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Code, frames, REQUEST, RESPONSE } from '../support/frames.js'
import { type Connected, connect, FIXED_WINDOWS } from '../support/peer.js'

// RFC 9113 §5.1: who resets a stream has to take what the peer sent before it could know.

const WINDOW = 262_144
const limits = { ...FIXED_WINDOWS, streamWindowSize: WINDOW }

/** A client that has cancelled its only call while the answer was on its way. */
function cancelled(): Connected {
  const connected = connect({ role: 'client', limits })
  const { peer, open } = connected
  const { stream } = open(true)
  peer.takes()
  peer.sends(frames.headers(1, RESPONSE))
  stream!.reset(Code.cancel)
  peer.takes()
  return connected
}

/** Octets in DATA frames of `size` each. */
function data(id: number, octets: number, size: number): Buffer {
  const frame = frames.data(id, { size })
  return Buffer.concat(Array.from({ length: octets / size }, () => frame))
}

t.test('§5.1: a whole window of small messages is under way when a call is cancelled', t => {
  const { peer, connection } = cancelled()
  for (let i = 0; i < 16; i++) peer.sends(data(1, WINDOW / 16, 4))
  t.equal(
    inspect(connection).core.over,
    false,
    '65,536 frames; the budget for frames of no use is 10,000',
  )
  t.equal(inspect(connection).receiver.retained, 0)
  t.end()
})

t.test('CVE-2019-9512: what goes on after the window of a cancelled stream is a flood', t => {
  const { peer, connection } = cancelled()
  peer.sends(data(1, WINDOW, 16_384))
  peer.sends(data(1, 9_990, 1))
  t.equal(inspect(connection).core.over, false)
  peer.sends(data(1, 20, 1))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.end()
})

t.test('§5.1: of a window only what is left may be under way', t => {
  const { peer, connection, recorder, open } = connect({ role: 'client', limits })
  const call = open(true)
  peer.takes()
  peer.sends(frames.headers(1, RESPONSE), frames.data(1, { size: 16_000 }))
  call.stream!.reset(Code.cancel)
  peer.takes()
  // What the first 16,000 octets took of the window was not given back.
  peer.sends(data(1, WINDOW - 16_000, 15_384))
  peer.sends(data(1, 9_990, 1))
  t.equal(inspect(connection).core.over, false)
  peer.sends(data(1, 20, 1))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.equal(recorder.closedCount, 1)
  t.end()
})

t.test('CVE-2025-8671: nothing is under way on a stream that broke a rule', t => {
  const { peer, connection, open } = connect({ role: 'client', limits })
  open(true)
  peer.takes()
  peer.sends(frames.headers(1, RESPONSE), frames.windowUpdate(1, 0))
  peer.takes()
  peer.sends(data(1, 9_990, 1))
  t.equal(inspect(connection).core.over, false)
  peer.sends(data(1, 20, 1))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.end()
})

t.test('DATA without octets has no window to be under way in', t => {
  const { peer, connection } = cancelled()
  const empty = frames.data(1, { size: 0 })
  peer.sends(Buffer.concat(Array.from({ length: 9_990 }, () => empty)))
  t.equal(inspect(connection).core.over, false)
  peer.sends(Buffer.concat(Array.from({ length: 20 }, () => empty)))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.end()
})

for (const [name, changed] of [
  ['that was refused', { streamsMax: 0 }],
  ['that a handler had enough of', {}],
] as const) {
  t.test(`§5.1: a client sends small messages on a stream ${name}`, t => {
    const { peer, connection, recorder } = connect({
      role: 'server',
      limits: { ...limits, ...changed },
    })
    peer.sends(frames.headers(1, REQUEST))
    recorder.streams.get(1)?.stream?.reset(Code.noError)
    peer.takes()
    peer.sends(data(1, 65_536, 4))
    t.equal(inspect(connection).core.over, false, '16,384 frames')
    t.end()
  })
}

t.test('§6.8: a client sends small messages on a stream that came after our GOAWAY', t => {
  const { peer, connection } = connect({ role: 'server', limits })
  peer.sends(frames.headers(1, REQUEST))
  connection.shutdown()
  const ping = peer.takes().find(({ type }) => type === 6)
  peer.sends(frames.ping(ping!.payload, true))
  peer.takes()
  peer.sends(frames.headers(3, REQUEST), data(3, 65_536, 4))
  t.equal(inspect(connection).core.over, false, '16,384 frames')
  t.end()
})
