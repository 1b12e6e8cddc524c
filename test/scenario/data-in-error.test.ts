import t from 'tap'
import type { ConnectionLimits } from '../../src/connection/index.js'
import { Code, frames, REQUEST, RESPONSE, requestWith, Type } from '../support/frames.js'
import { type Connected, connect, FIXED_WINDOWS, ROLES, streamIds } from '../support/peer.js'

const NARROW = {
  ...FIXED_WINDOWS,
  streamWindowSize: 65_535,
  connectionWindowSize: 65_535,
}
const ROUNDS = 20
const SIZE = 9_000

interface Fault {
  readonly code: number
  readonly limits?: Partial<ConnectionLimits>
  readonly only?: readonly ('client' | 'server')[]
  /** What the peer sends before the DATA that is wrong. */
  readonly before: (id: number, role: 'client' | 'server') => Buffer[]
}

const FAULTS: Record<string, Fault> = {
  'after END_STREAM': {
    code: Code.streamClosed,
    before: (id, role) => [
      frames.headers(id, role === 'client' ? RESPONSE : REQUEST, { endStream: true }),
    ],
  },
  'beyond the window of its stream': {
    code: Code.flowControlError,
    limits: { streamWindowSize: SIZE - 1 },
    before: (id, role) => [frames.headers(id, role === 'client' ? RESPONSE : REQUEST)],
  },
  'beyond content-length': {
    code: Code.protocolError,
    before: (id, role) => {
      const length = ['content-length', '1']
      return [
        frames.headers(id, role === 'client' ? [...RESPONSE, ...length] : requestWith(...length)),
      ]
    },
  },
  'before the response': { code: Code.protocolError, only: ['client'], before: () => [] },
}

/** Sends the DATA; returns the credit of the connection that came back, and the code of the reset. */
function answer({ peer }: Connected, id: number): { credit: number; code: number } {
  peer.sends(frames.data(id, { size: SIZE }))
  let [credit, code] = [0, -1]
  for (const { type, streamId, payload } of peer.takes()) {
    if (type === Type.windowUpdate && streamId === 0) credit += payload.readUInt32BE(0)
    if (type === Type.rstStream && streamId === id) code = payload.readUInt32BE(0)
  }
  return { credit, code }
}

t.test('RFC 9113 §6.9: DATA in error counts on the connection and comes back', t => {
  for (const [name, { code, limits, before, only }] of Object.entries(FAULTS)) {
    for (const role of only ?? ROLES) {
      const connected = connect({ role, limits: { ...NARROW, ...limits } })
      let left = 65_535
      for (const id of streamIds(ROUNDS)) {
        if (role === 'client') connected.open()
        connected.peer.takes()
        connected.peer.sends(...before(id, role))
        const found = answer(connected, id)
        t.equal(found.code, code, `${name}, ${role}, stream ${id}`)
        left += found.credit - SIZE
        t.ok(left >= SIZE && left <= 65_535, `${left} octets are left`)
      }
      t.same(connected.recorder.handlerErrors, [], 'no handler is called behind its last call')
    }
  }
  t.end()
})

t.test('RFC 9113 §6.9: DATA in error leaves less of the window of the connection', t => {
  for (const [name, { before, only, limits }] of Object.entries(FAULTS)) {
    if (limits !== undefined) continue // the window of a stream is too small for the rest
    for (const role of only ?? ROLES) {
      for (const excess of [0, 1]) {
        const connected = connect({ role, limits: { ...NARROW, frameSizeMax: 100_000 } })
        const { peer, open, events } = connected
        if (role === 'client') for (let i = 0; i < 2; i++) open()
        peer.takes()
        peer.sends(...before(1, role))
        t.equal(answer(connected, 1).credit, 0, `${name}, ${role}`)
        peer.sends(frames.headers(3, role === 'client' ? RESPONSE : REQUEST))
        // Credit comes back at half of the window: one frame takes all that is left.
        peer.sends(frames.data(3, { size: 65_535 - SIZE + excess }))
        t.equal(events.includes(`data 3 ${65_535 - SIZE + excess}`), excess === 0)
        if (excess === 1) peer.expectsFatal(Code.flowControlError)
      }
    }
  }
  t.end()
})
