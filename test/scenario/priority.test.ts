import t from 'tap'
import { Code, frames, REQUEST, RESPONSE, Type } from '../support/frames.js'
import { connect, ROLES, type WithStream, withStream } from '../support/peer.js'

t.test('RFC 9113 §5.3.1: a stream that depends on itself is a connection error', t => {
  for (const role of ROLES) {
    const { peer } = withStream({ role })
    peer.sends(frames.priority(1, 1))
    peer.expectsFatal(Code.protocolError)
  }
  const { peer } = connect({ role: 'server' })
  peer.sends(frames.headers(1, REQUEST, { dependency: 1 }))
  peer.expectsFatal(Code.protocolError)
  const client = withStream({ role: 'client' })
  client.peer.sends(frames.headers(1, RESPONSE, { dependency: 1 }))
  client.peer.expectsFatal(Code.protocolError)
  t.end()
})

/** Ways to bring stream 1 from open to each other state. RFC 9113 §5.1. */
const STATES: Record<string, (connected: WithStream, role: 'client' | 'server') => void> = {
  open: () => {},
  'half-closed (local)': ({ stream }, role) => ends(stream, role),
  'half-closed (remote)': ({ peer }, role) => peer.sends(peerEnds(role)),
  closed: ({ peer, stream }, role) => {
    ends(stream, role)
    peer.sends(peerEnds(role))
  },
  'reset by us': ({ stream }) => stream.reset(Code.cancel),
  'reset by the peer': ({ peer }) => peer.sends(frames.rstStream(1, Code.cancel)),
}

function ends(stream: WithStream['stream'], role: 'client' | 'server'): void {
  if (role === 'server') stream.sendHeaders(RESPONSE, true)
  else stream.sendData(Buffer.alloc(0), 0, 0, true)
}

function peerEnds(role: 'client' | 'server'): Buffer {
  return role === 'client'
    ? frames.headers(1, RESPONSE, { endStream: true })
    : frames.data(1, { endStream: true })
}

t.test('RFC 9113 §5.3.2: PRIORITY means nothing in any state', t => {
  for (const role of ROLES) {
    for (const [state, reach] of Object.entries(STATES)) {
      const connected = withStream({ role })
      const { peer, events, connection } = connected
      reach(connected, role)
      peer.takes()
      events.splice(0)
      const { streamCount } = connection
      peer.sends(frames.priority(1), frames.priority(99), frames.priority(2)) // the others are idle
      peer.sends(frames.priority(1, 99))
      peer.expectsNothing()
      t.same(events, [], `${role}, ${state}`)
      t.equal(connection.streamCount, streamCount)
    }
    const { peer, events } = connect({ role })
    peer.sends(frames.priority(1), frames.priority(3, 1))
    peer.expectsNothing()
    t.same(events, [], `${role}, before any stream`)
  }
  const { peer, events } = connect({ role: 'server' })
  peer.sends(frames.priority(5), frames.headers(3, REQUEST, { endStream: true }))
  t.same(events, ['request 3 end'], 'PRIORITY opens nothing, and closes nothing below')
  peer.expectsNothing()
  t.end()
})

t.test('RFC 9218 §7.1: PRIORITY_UPDATE is checked and ignored', t => {
  const { peer, events } = withStream({ role: 'server' })
  peer.sends(frames.priorityUpdate(1), frames.priorityUpdate(9))
  peer.expectsNothing()
  t.same(events, [])

  const onClient = withStream({ role: 'client' })
  onClient.peer.sends(frames.priorityUpdate(1))
  onClient.peer.expectsFatal(Code.protocolError)
  const wrong: [string, Buffer, number][] = [
    [
      'on a stream',
      frames.raw(Type.priorityUpdate, 0, 1, Buffer.of(0, 0, 0, 1)),
      Code.protocolError,
    ],
    ['of stream 0', frames.priorityUpdate(0), Code.protocolError],
    ['too short', frames.raw(Type.priorityUpdate, 0, 0, Buffer.of(0, 0, 1)), Code.frameSizeError],
  ]
  for (const [name, frame, code] of wrong) {
    const { peer: other, connection } = withStream({ role: 'server' })
    other.sends(frame)
    other.expectsFatal(code)
    t.ok(connection.finished, name)
  }
  t.end()
})
