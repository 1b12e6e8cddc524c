import { answerRunner, type Reply, type Request } from '../child.js'
import { PREFIXED_MESSAGE } from '../payload.js'
import type { Variety } from '../real/orders.js'
import { type CallBytes, callBytes, orderCallBytes } from '../wire/call-bytes.js'
import { RawConnection, type RawHandler } from '../wire/raw-connection.js'
import { closedLoop } from './closed-loop.js'
import { paced } from './paced-load.js'
import { rawDownload, rawUpload } from './raw-load.js'
import { download, echo, upload } from './stream-load.js'

// Our own loader: writes requests that were encoded beforehand.

interface UnaryLoadOptions {
  readonly tls: boolean
  readonly port: number
  readonly inFlight: number
  readonly calls: CallBytes
  readonly count: number
  /** Octets of DATA in each answer. */
  readonly answerSize: number
}

/** One connection in a closed loop: as many calls in flight as asked for, until all are answered. */
class UnaryLoad implements RawHandler {
  readonly finished: Promise<void>
  readonly #options: UnaryLoadOptions
  readonly #connection: RawConnection
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}
  #sent = 0
  #answered = 0
  #dataSize = 0

  constructor(options: UnaryLoadOptions) {
    this.#options = options
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#connection = new RawConnection(options.port, this, { tls: options.tls })
  }

  onData(_streamId: number, _bytes: Buffer, start: number, end: number): void {
    this.#dataSize += end - start
  }

  onTrailers(): void {
    this.#answered += 1
  }

  onTurn(): void {
    if (this.#answered === this.#options.count) this.#finish()
    else this.#send()
  }

  onFailure(error: Error): void {
    this.#reject(error)
  }

  #send(): void {
    const { calls, count, inFlight } = this.#options
    const connection = this.#connection
    const free = inFlight - (this.#sent - this.#answered)
    const allowed = Math.floor(connection.connectionWindow / calls.payloadSize)
    const batch = Math.min(free, allowed, count - this.#sent)
    if (batch <= 0) return
    const next = this.#sent + batch
    connection.socket.write(calls.bytes.subarray(calls.offsets[this.#sent], calls.offsets[next]))
    this.#sent = next
    connection.connectionWindow -= batch * calls.payloadSize
  }

  #finish(): void {
    this.#connection.close()
    const expected = this.#options.count * this.#options.answerSize
    if (this.#dataSize === expected) this.#resolve()
    else this.#reject(new Error(`${this.#dataSize} octets of data; expected ${expected}`))
  }
}

const prepared = new Map<string, CallBytes>()

/** Connections that make one call each and end, `connections` at a time. */
async function short(request: Request): Promise<Reply> {
  const calls = callsFor(request, 1)
  const options = {
    port: Number(request['port']),
    tls: request['tls'] === true,
    inFlight: 1,
    calls,
    count: 1,
    answerSize: Number(request['answerSize'] ?? PREFIXED_MESSAGE.length),
  }
  const once = async (): Promise<void> => await new UnaryLoad(options).finished
  const seconds = await closedLoop(Number(request['calls']), Number(request['connections']), once)
  return { calls: Number(request['calls']), seconds }
}

/** The prepared calls of earlier rounds serve again, as long as they are enough. */
function callsFor(request: Request, count: number): CallBytes {
  const path = String(request['path'])
  const key = `${path} ${request['varying']} ${request['orders']}`
  let calls = prepared.get(key)
  if (calls === undefined || calls.offsets.length <= count) {
    calls =
      request['orders'] === undefined
        ? callBytes(path, count, request['varying'] === true)
        : orderCallBytes(path, count, request['orders'] as Variety)
    prepared.set(key, calls)
  }
  return calls
}

async function unary(request: Request): Promise<Reply> {
  const connections = Number(request['connections'])
  const count = Math.ceil(Number(request['calls']) / connections)
  const calls = callsFor(request, count)
  const options = {
    port: Number(request['port']),
    tls: request['tls'] === true,
    inFlight: Number(request['inFlight']),
    calls,
    count,
    answerSize: Number(request['answerSize'] ?? PREFIXED_MESSAGE.length),
  }
  const begin = performance.now()
  const loads = Array.from({ length: connections }, () => new UnaryLoad(options))
  await Promise.all(loads.map(load => load.finished))
  return { calls: count * connections, seconds: (performance.now() - begin) / 1_000 }
}

answerRunner({ ready: 1 }, { unary, short, paced, echo, upload, download, rawUpload, rawDownload })
