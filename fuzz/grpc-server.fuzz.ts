import { inspect } from '../src/connection/connection.js'
import { Connection } from '../src/connection/index.js'
import { CallAcceptor } from '../src/grpc/index.js'
import { BareHost, pump } from './bare-host.js'
import { Application } from './call-run.js'
import { cutsOf, digest, invariant, piecesOf } from './invariant.js'

// T9: any octets into a server with methods of all four kinds: every call that starts ends once, whatever comes.

/** Octet 0 chooses limits, the rest arrives. */
export function fuzz(data: Buffer): void {
  const options = data[0] ?? 0
  const bytes = data.subarray(1)
  const choice = digest(data)
  for (const cuts of [[], cutsOf(bytes.length, choice)]) {
    const application = new Application()
    let fault: unknown
    const handler = new CallAcceptor(application.router, {
      limits: (options & 1) === 0 ? { messageSizeMax: 300, queuedMessagesMax: 2 } : {},
      onError: error => {
        fault ??= error
      },
    })
    const host = new BareHost()
    if ((options & 8) !== 0) host.takesTurns()
    const limits = (options & 8) === 0 ? undefined : { turnCallsMax: 1 }
    const connection = new Connection({ role: 'server', handler, host, now: 1_000, limits })
    for (const piece of piecesOf(bytes, cuts)) {
      pump(connection, host, piece, 1_000)
      // Sometimes a turn comes late.
      if ((options & 16) === 0) host.runTurn(connection)
    }
    host.check()
    connection.advance(1_000 + (options & 6) * 1_000)
    connection.destroy(new Error('the socket is gone'))
    for (let turns = 0; host.runTurn(connection); turns++) {
      invariant(turns <= data.length, 'I-BOUND turns for what is left')
    }
    host.check()
    // A codec that refuses a message is no handler that threw.
    if (fault !== undefined) throw fault
    application.checkSettled()
    invariant(
      inspect(connection).streams.counted === 0,
      'I-STATE no stream counts after the end',
      () => `${inspect(connection).streams.counted}`,
    )
    invariant(
      connection.timers.count === 0,
      'I-DEAD no timer is left',
      () => `${connection.timers.count}`,
    )
    invariant(inspect(connection).receiver.retained === 0, 'I-FC nothing is retained')
  }
}
