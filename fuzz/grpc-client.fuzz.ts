import { inspect } from '../src/connection/connection.js'
import { Connection } from '../src/connection/index.js'
import type { RunningClientCall } from '../src/grpc/client/running-call.js'
import { CallConnector, ClientCall, requestHeaders } from '../src/grpc/index.js'
import { BareHost, pump } from './bare-host.js'
import { ClientCallRun, KINDS, methodOf } from './call-run.js'
import { cutsOf, digest, invariant, piecesOf, sameLines } from './invariant.js'

// T9: any octets in answer to calls of all four kinds: each call gets one status, and the same one however octets are cut.

/** Messages a call keeps decoded. */
const QUEUED_MAX = 256
const MESSAGE = Buffer.from('a request')

/** Octet 0 chooses deadlines and who gives up when, the rest arrives. */
export function fuzz(data: Buffer): void {
  const options = data[0] ?? 0
  const bytes = data.subarray(1)
  const whole = run(options, [Buffer.from(bytes)])
  const cut = run(options, piecesOf(bytes, cutsOf(bytes.length, digest(data))))
  // Cancelling is not the same wherever octets are cut: the rest of a piece has arrived already.
  // And what a lost connection leaves undecoded, beyond the queue of a call, is lost with it.
  const isShort = Math.max(cut.length, whole.length) < QUEUED_MAX
  if ((options & 8) === 0 && isShort)
    sameLines(cut, whole, 'I-SEG the same outcome however octets are cut')
}

function run(options: number, pieces: readonly Buffer[]): string[] {
  const thrown: unknown[] = []
  const connector = new CallConnector({ onError: error => thrown.push(error) })
  const host = new BareHost()
  const connection = new Connection({ role: 'client', handler: connector, host, now: 1_000 })
  const foreign = new Set<ClientCallRun>()
  const runs = KINDS.map((kind, index) => {
    const receiver = new ClientCallRun(kind, (options & 8) === 0 ? -1 : index)
    const method = methodOf(kind)
    const call = new ClientCall(
      method,
      {
        timers: connection.timers,
        ...((options & 1) === 0 ? {} : { deadline: 2_000 }),
      },
      receiver,
    )
    receiver.call = call
    watchHeaders(call, () => foreign.add(receiver))
    call.start(
      connector,
      connection,
      requestHeaders(method, { authority: 'localhost', scheme: 'http' }),
    )
    if (kind === 'unary' || kind === 'server') call.request(MESSAGE)
    else {
      call.write(MESSAGE)
      if ((options & 2) === 0) call.halfClose()
    }
    return receiver
  })
  for (const piece of pieces) pump(connection, host, piece, 1_000)
  host.check()
  connection.advance(1_500 + (options & 4) * 500)
  for (const { statuses } of foreign)
    invariant(statuses === 1, 'T9 an answer that is not gRPC ends its call, whether it ends or not')
  connection.destroy(new Error('the socket is gone'))
  host.check()
  if (thrown.length > 0) throw thrown[0]
  for (const { statuses } of runs)
    invariant(statuses === 1, 'I-STATE each call settles once', () => `${statuses}`)
  invariant(
    connection.timers.count === 0,
    'I-DEAD no timer is left',
    () => `${connection.timers.count}`,
  )
  invariant(inspect(connection).receiver.retained === 0, 'I-FC nothing is retained')
  return runs.flatMap(({ log }, index) => [`call ${index}`, ...log])
}

/** Tells of final headers that are no gRPC. */
function watchHeaders(made: ClientCall, onForeign: () => void): void {
  const call = made as RunningClientCall
  const onHeaders = call.onHeaders.bind(call)
  let isFirst = true
  call.onHeaders = (block, endStream) => {
    const fields = new Map<string, string>()
    for (let i = 0; i < block.list.length; i += 2) fields.set(block.list[i]!, block.list[i + 1]!)
    const status = Number(fields.get(':status'))
    if (isFirst && status >= 200) {
      isFirst = false
      if (!/^application\/grpc([+;]|$)/i.test(fields.get('content-type') ?? '')) onForeign()
    }
    onHeaders(block, endStream)
  }
}
