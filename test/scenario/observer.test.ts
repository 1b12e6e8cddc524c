import t from 'tap'
import { frames, REQUEST, RESPONSE, zeros } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

/** An observer that writes lines, and the lines. */
function watching(): {
  seen: string[]
  observer: { onFrame: (...frame: [boolean, number, number, number, number]) => void }
} {
  const seen: string[] = []
  const onFrame = (
    sent: boolean,
    type: number,
    flags: number,
    streamId: number,
    size: number,
  ): void => {
    seen.push(`${sent ? '>' : '<'} ${type} ${flags} ${streamId} ${size}`)
  }
  return { seen, observer: { onFrame } }
}

t.test('the observer sees each frame header that arrives, in order', t => {
  const { seen, observer } = watching()
  const { peer } = connect({ role: 'server', observer })
  seen.splice(0)
  const request = frames.headers(1, REQUEST)
  peer.sendsInPieces(
    3,
    request,
    frames.data(1, { size: 5, padding: 2 }),
    frames.raw(0xee, 3, 9, zeros.subarray(0, 4)),
  )
  t.same(seen, [`< 1 4 1 ${request.length - 9}`, '< 0 8 1 8', '< 238 3 9 4'])
  t.end()
})

t.test('the observer sees each frame header that is sent, as it stands on the wire', t => {
  for (const role of ROLES) {
    const { seen, observer } = watching()
    const { connection, peer, stream } = withStream({
      role,
      observer,
      settings: { initialWindowSize: 100_000 },
    })
    seen.splice(0)
    if (role === 'server') stream.sendHeaders(RESPONSE, false)
    const offset = stream.beginData(3, false)
    stream.slab.write('abc', offset, 'latin1')
    stream.sendData(zeros, 0, 40_000, true)
    connection.ping(() => {})
    peer.sends(frames.settings(), frames.windowUpdate(0, 0))
    const wire = peer
      .takes()
      .map(
        ({ type, flags, streamId, payload }) => `> ${type} ${flags} ${streamId} ${payload.length}`,
      )
    t.same(
      seen.filter(line => line.startsWith('>')),
      wire,
      role,
    )
  }
  t.end()
})

t.test('the observer sees the greeting', t => {
  const { seen, observer } = watching()
  const { peer } = connect({ role: 'server', handshake: false, observer })
  const wire = peer
    .takes()
    .map(({ type, flags, streamId, payload }) => `> ${type} ${flags} ${streamId} ${payload.length}`)
  t.same(seen, wire)
  t.end()
})

t.test('the observer sees each CONTINUATION that is sent', t => {
  const { seen, observer } = watching()
  const { peer, stream } = withStream({ role: 'server', observer })
  seen.splice(0)
  stream.sendHeaders([...RESPONSE, 'x-long', '~'.repeat(40_000)], true)
  const wire = peer
    .takes()
    .map(({ type, flags, streamId, payload }) => `> ${type} ${flags} ${streamId} ${payload.length}`)
  t.equal(wire.length, 3)
  t.same(seen, wire)
  t.end()
})
