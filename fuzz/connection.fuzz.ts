import { inspect } from '../src/connection/connection.js'
import { checkDead, checkSteady } from './connection-checks.js'
import { ConnectionRun } from './connection-run.js'
import { checkAgainstModel } from './endpoint-model.js'
import { type OracleResult, readFrames } from './frame-oracle.js'
import { cutsOf, digest, invariant, piecesOf, sameLines } from './invariant.js'

// T6 and T7: any octets into a connection of either role, whole and in pieces.

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** Octet 0 chooses limits and what the application does, the rest arrives. */
export function fuzzServer(data: Buffer): void {
  fuzzRole('server', data)
}

export function fuzzClient(data: Buffer): void {
  fuzzRole('client', data)
}

function fuzzRole(role: 'client' | 'server', data: Buffer): void {
  const config = data[0] ?? 0
  const bytes = data.subarray(1)
  const octets = framesOf(role, bytes)
  const sent = octets.frames
  const choice = digest(data)

  const whole = new ConnectionRun({ role, config, sent })
  whole.receive(Buffer.from(bytes))
  whole.take()
  checkSteady(whole)
  checkAgainstModel(whole, octets)

  for (const cuts of [
    cutsOf(bytes.length, choice),
    cutsOf(bytes.length, 1 | ((choice >>> 3) << 2)),
  ]) {
    const cut = new ConnectionRun({ role, config, sent })
    for (const piece of piecesOf(bytes, cuts)) cut.receive(piece)
    cut.take()
    compare(cut, whole)
    checkDead(cut)
  }

  // What comes out is taken after each piece, and the books are checked at each step.
  const stepped = new ConnectionRun({ role, config, sent })
  for (const piece of piecesOf(bytes, cutsOf(bytes.length, choice | 3))) {
    stepped.receive(piece)
    stepped.take(1 + (choice & 0x3fff))
    checkSteady(stepped)
  }
  passTime(stepped)
  checkDead(stepped)
  checkDead(whole)
}

/** A turn decides one thing only: a connection that has done its work ends with the turn, and reads no more. */
function compare(cut: ConnectionRun, whole: ConnectionRun): void {
  const early = [cut, whole].find(
    run => inspect(run.connection).core.over && run.closedCause === undefined,
  )
  const count = early?.events.length
  const lines = early?.peer.lines.length
  const rule = 'however octets are cut'
  sameLines(
    cut.events.slice(0, last(count)),
    whole.events.slice(0, last(count)),
    `I-SEG the same events ${rule}`,
  )
  sameLines(
    cut.peer.lines.slice(0, lines),
    whole.peer.lines.slice(0, lines),
    `I-SEG the same output ${rule}`,
  )
  if (early === undefined) sameLines(cut.state(), whole.state(), `I-SEG the same state ${rule}`)
}

/** Without the line that says how it ended. */
function last(count: number | undefined): number | undefined {
  return count === undefined ? undefined : count - 1
}

/** All timers run out, one after the other. */
function passTime(run: ConnectionRun): void {
  const { connection } = run
  const end = run.now + 100_000
  for (let fired = 0; connection.deadline <= end; fired++) {
    invariant(fired < 2_000, 'I-BOUND timers come again and again')
    run.now = Math.max(run.now, connection.deadline)
    connection.advance(run.now)
    run.take()
    checkSteady(run)
  }
}

function framesOf(role: 'client' | 'server', bytes: Buffer): OracleResult {
  if (role === 'client') return readFrames(bytes, 16_384)
  if (bytes.toString('latin1', 0, PREFACE.length) === PREFACE) {
    return readFrames(bytes.subarray(PREFACE.length), 16_384)
  }
  const isPart = PREFACE.startsWith(bytes.toString('latin1'))
  return { frames: [], errorCode: isPart ? undefined : 1 }
}
