import t from 'tap'
import { corpora, corporaMissing } from '../support/corpora.js'
import { Code, frames, REQUEST, RESPONSE, TRAILERS, zeros } from '../support/frames.js'
import { type Connected, connect, ROLES } from '../support/peer.js'
import { Random } from '../support/random.js'
import type { StreamRecorder } from '../support/recorder.js'
import { RandomSession } from '../support/session.js'

/** User code that may ask for more than the peer's SETTINGS_MAX_HEADER_LIST_SIZE allows. */
function livesWithin(connected: Connected, random: Random, session: RandomSession): void {
  try {
    lives(connected, random, session)
  } catch (error) {
    if (!(error instanceof RangeError) || !error.message.includes('HEADER_LIST_SIZE')) throw error
  }
}

/** Some user code: answers, sends, resets, consumes, as one seed has it. */
function lives(connected: Connected, random: Random, session: RandomSession): void {
  const { recorder, connection, open } = connected
  if (connection.role === 'client' && connection.canOpen && random.chance(0.4)) {
    const call = open(random.chance(0.3))
    recorder.streams.set(call.id, call)
    session.opened(call.id)
  }
  for (const call of recorder.streams.values()) {
    const stream = call.stream
    if (stream === undefined || call.lastCalls > 0) continue
    const roll = random.next()
    if (roll < 0.2) stream.consume(random.integer(0, 500))
    else if (roll < 0.4 && connection.role === 'server' && !answered.has(call)) {
      answered.add(call)
      stream.sendHeaders(RESPONSE, false)
    } else if (roll < 0.6 && (connection.role === 'client' || answered.has(call))) {
      stream.sendData(zeros, 0, random.integer(0, 60_000), random.chance(0.2))
    } else if (roll < 0.65 && answered.has(call)) stream.sendHeaders(TRAILERS, true)
    else if (roll < 0.68) stream.reset(Code.cancel)
    else if (roll < 0.7) stream.expect(random.integer(0, 10_000))
  }
}

/** PINGs are what a session has plenty of. */
const PATIENT = { pingStrikesMax: Number.POSITIVE_INFINITY }

const answered = new WeakSet<StreamRecorder>()

t.test('whatever a peer sends, calls settle once, windows hold and nothing is left', t => {
  for (const role of ROLES) {
    let fatal = 0
    for (let seed = 1; seed <= 250; seed++) {
      const random = new Random(seed)
      const connected = connect({
        role,
        limits: { ...PATIENT, resetsMax: 50, keepaliveIntervalMs: 60_000 },
      })
      const { peer, connection, recorder } = connected
      const session = new RandomSession(random, role, seed % 3 === 0 ? 0.05 : 0)
      try {
        for (let round = 0; round < 20; round++) {
          livesWithin(connected, random, session)
          peer.sends(...session.frames(random.integer(1, 6)))
          if (random.chance(0.7)) peer.takes(random.integer(1, 50_000))
          if (random.chance(0.1)) peer.advance(random.integer(1, 5_000))
        }
        peer.takes()
        if (connection.finished) {
          if (seed % 3 !== 0)
            throw new Error(`ended though no rule was broken: ${String(recorder.closedCause)}`)
          fatal++
        }
        connection.destroy()
      } catch (error) {
        t.fail(`${role}, seed ${seed}: ${(error as Error).message}`)
        break
      }
      const left = connection.streamCount + connection.runningCount + connection.timers.count
      const unsettled = [...recorder.streams.values()].filter(
        call => call.lastCalls !== 1 && !call.ended && call.stream?.closed !== true,
      )
      if (left !== 0 || unsettled.length > 0 || recorder.closedCount !== 1) {
        t.fail(`${role}, seed ${seed}: ${left} left, ${unsettled.length} unsettled`)
        break
      }
      if (recorder.handlerErrors.length > 0) {
        t.fail(`${role}, seed ${seed}: ${String(recorder.handlerErrors[0]!.error)}`)
        break
      }
    }
    t.ok(
      fatal > 20 && fatal < 83,
      `${role}: ${fatal} of 83 wild sessions ended in a connection error`,
    )
  }
  t.end()
})

/** Events and output after the session was fed in pieces of these sizes. */
function outcome(role: 'client' | 'server', session: readonly Buffer[], piece: number): unknown {
  const connected = connect({ role, limits: PATIENT })
  const { peer, recorder, connection, open } = connected
  if (role === 'client') for (let i = 0; i < 4; i++) open(i % 2 === 0)
  peer.takes()
  peer.sendsInPieces(piece, ...session)
  const sent = peer.takesLines()
  connection.destroy()
  return {
    events: recorder.events,
    sent,
    bodies: [...recorder.streams.values()].map(({ body }) => body.toString('hex')),
  }
}

t.test('how the octets are cut changes neither events nor output', t => {
  for (const role of ROLES) {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(1_000 + seed)
      const script = new RandomSession(random, role, seed % 2 === 0 ? 0.1 : 0)
      if (role === 'client') for (const id of [1, 3, 5, 7]) script.opened(id)
      const session = script.frames(40)
      const whole = JSON.stringify(outcome(role, session, 1 << 20))
      for (const piece of [1, 7, random.integer(2, 100)]) {
        const cut = JSON.stringify(outcome(role, session, piece))
        if (cut === whole) continue
        t.equal(cut, whole, `${role}, seed ${seed}, pieces of ${piece}`)
        break
      }
    }
  }
  t.pass('compared')
  t.end()
})

const NAME = 'nghttp2-corpus'
const files = corpora(NAME)

t.test(
  `${NAME}: recorded sessions play the same, whole and one octet at a time`,
  { skip: files === undefined ? corporaMissing(NAME) : false },
  t => {
    const play = (bytes: Buffer, piece: number): string => {
      const { peer, recorder, connection } = connect({ role: 'server', handshake: false })
      peer.sendsInPieces(piece, bytes)
      const sent = peer.takesLines()
      connection.destroy()
      if (connection.timers.count + connection.streamCount > 0) throw new Error('something is left')
      return JSON.stringify([recorder.events, sent])
    }
    let ended = 0
    for (const [path, bytes] of files!) {
      if (!path.includes('/corpus/') || bytes.length === 0) continue
      const whole = play(bytes, 1 << 20)
      if (whole.includes('GOAWAY')) ended++
      t.equal(play(bytes, 1), whole, path)
    }
    t.ok(ended > 20, `${ended} sessions ended in an error`)
    t.end()
  },
)

t.test('what one side sends, the other side of ours takes', t => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed)
    const { peer, recorder } = connect({ role: 'server', consume: true })
    const bodies = new Map<number, Buffer>()
    for (let id = 1; id < 20; id += 2) {
      const body = random.bytes(random.integer(0, 3_000))
      bodies.set(id, body)
      const cut = random.integer(0, body.length)
      peer.sends(
        frames.headers(id, REQUEST, { padding: random.integer(0, 255) }),
        frames.data(id, { bytes: body.subarray(0, cut), padding: random.integer(0, 255) }),
        frames.data(id, { bytes: body.subarray(cut), endStream: true }),
      )
    }
    for (const [id, body] of bodies) {
      if (!recorder.on(id).body.equals(body) || !recorder.on(id).ended)
        t.fail(`seed ${seed}, stream ${id}`)
    }
  }
  t.pass('bodies are whole')
  t.end()
})
