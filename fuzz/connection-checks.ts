import { inspect } from '../src/connection/connection.js'
import { recordOf } from '../src/connection/streams/stream-record.js'
import type { ConnectionRun } from './connection-run.js'
import { invariant } from './invariant.js'

const INTERNAL_ERROR = 2

/** What must hold between any two calls, once all output has been taken. */
export function checkSteady(run: ConnectionRun): void {
  const { connection, peer } = run
  const { receiver, sender, streams } = inspect(connection)
  const { limits } = connection
  checkFailure(run)
  peer.checkWhole()
  invariant(
    receiver.retained <= Math.max(limits.receiveBufferMax, 65_535) + 16_384,
    'I-BOUND octets retained',
  )
  invariant(
    streams.counted <= limits.streamsMax || run.role === 'client',
    'I-BOUND streams counted',
  )
  if (inspect(connection).core.over) return
  const window = 65_535 + (peer.granted.get(0) ?? 0) - (peer.charged.get(0) ?? 0)
  invariant(
    window === receiver.window,
    'I-FC the connection window is what was granted less what came',
    () => `${window}, ${receiver.window}`,
  )
  let retained = 0
  let queued = 0
  let live = 0
  for (const item of run.streams) {
    if (item.stream === undefined) continue
    const stream = recordOf(item.stream)
    if (streams.get(stream.id) !== stream) continue
    live++
    retained += stream.retained
    queued += stream.queuedSize
    invariant(!stream.closed, 'I-STATE a closed stream is still listed')
    invariant(!item.over, 'I-STATE a stream that is over is still listed')
    invariant(
      stream.retained === item.owed,
      'I-FC octets retained are those not consumed',
      () => `${stream.retained}, ${item.owed}`,
    )
    const credit = (peer.granted.get(stream.id) ?? 0) - (peer.charged.get(stream.id) ?? 0)
    invariant(
      credit === stream.receiveCredit,
      'I-FC a stream window is what was granted less what came',
      () => `stream ${stream.id}: ${credit}, ${stream.receiveCredit}`,
    )
    if (stream.readable && item.owed === 0) {
      const room = receiver.initialWindow + stream.receiveCredit
      invariant(
        room >= receiver.initialWindow / 2,
        'I-FC all consumed, and the stream window is open',
        () => `${room}`,
      )
    }
  }
  invariant(
    live === connection.streamCount,
    'I-STATE streams listed are those with an owner',
    () => `${live}, ${connection.streamCount}`,
  )
  invariant(
    retained === receiver.retained,
    'I-FC retained in all is the sum over streams',
    () => `${retained}, ${receiver.retained}`,
  )
  invariant(
    queued === sender.queuedSize,
    'I-FC queued in all is the sum over streams',
    () => `${queued}, ${sender.queuedSize}`,
  )
  if (retained === 0) {
    const least = Math.min(limits.connectionWindowSize, limits.receiveBufferMax) / 2
    invariant(
      receiver.window >= least,
      'I-FC all consumed, and the connection window is open',
      () => `${receiver.window}`,
    )
  }
}

/** Nothing that must not happen has happened inside a callback, and the core has not failed by itself. */
function checkFailure(run: ConnectionRun): void {
  if (run.failure !== undefined) throw run.failure
  const cause = run.closedCause
  if (cause?.cause instanceof Error) throw cause.cause
  invariant(run.peer.failure !== INTERNAL_ERROR, "I-NOTHROW INTERNAL_ERROR is never a peer's doing")
}

/** After the end: silence, no timers, nobody left waiting. */
export function checkDead(run: ConnectionRun): void {
  const { connection } = run
  const events = run.events.length
  const output = run.output.length
  if (inspect(connection).core.over) {
    run.receive(Buffer.from('000008060000000000313233343536373800000401000000ff', 'hex'))
    run.receive(Buffer.alloc(64, 0xff))
    run.take()
    invariant(
      run.events.length === events,
      'I-DEAD an event after the end',
      () => run.events.at(-1)!,
    )
    invariant(run.output.length === output, 'I-DEAD output after the end')
    invariant(connection.finished, 'I-DEAD finished once the last word is taken')
  }
  checkFailure(run)
  connection.destroy(new Error('the socket is gone'))
  run.take()
  invariant(run.closedCount === 1, 'I-STATE onClosed is called once', () => `${run.closedCount}`)
  invariant(
    connection.streamCount === 0,
    'I-DEAD no stream is left',
    () => `${connection.streamCount}`,
  )
  invariant(
    connection.timers.count === 0,
    'I-DEAD no timer is left',
    () => `${connection.timers.count}`,
  )
  invariant(inspect(connection).receiver.retained === 0, 'I-DEAD nothing is retained')
  invariant(connection.finished, 'I-DEAD finished after destroy')
  for (const { stream } of run.streams) {
    invariant(stream === undefined || stream.closed, 'I-STATE every stream has ended')
  }
}
