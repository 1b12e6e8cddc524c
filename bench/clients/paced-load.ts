import type { Reply, Request } from '../child.js'
import { PREFIXED_MESSAGE } from '../payload.js'
import { type CallBytes, callBytes } from '../wire/call-bytes.js'
import { RawConnection, type RawHandler } from '../wire/raw-connection.js'

/** Most calls of one load: as many are prepared. */
const CALLS_MAX = 80_000

/**
 * An open loop: calls are due at a steady rate, whether or not earlier ones are answered. Latency
 * counts from when a call was due, so a server that stalls pays for all that had to wait.
 */
class PacedLoad implements RawHandler {
  readonly finished: Promise<void>
  /** Of each call, in order. Unit: ms. */
  readonly latencies: Float64Array
  readonly #calls: CallBytes
  readonly #perMs: number
  readonly #connection: RawConnection
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}
  #begin = 0
  #sent = 0
  #answered = 0

  constructor(port: number, calls: CallBytes, count: number, rate: number) {
    this.#calls = calls
    this.#perMs = rate / 1_000
    this.latencies = new Float64Array(count)
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#connection = new RawConnection(port, this)
  }

  onData(): void {}

  onTrailers(streamId: number): void {
    const call = (streamId - 1) >>> 1
    this.latencies[call] = performance.now() - (this.#begin + call / this.#perMs)
    this.#answered += 1
  }

  onTurn(): void {
    if (this.#begin === 0) {
      this.#begin = performance.now()
      this.#tick()
    }
    if (this.#answered < this.latencies.length) return
    this.#connection.close()
    this.#resolve()
  }

  onFailure(error: Error): void {
    this.#connection.close()
    this.#reject(error)
  }

  /** Sends what is due by now; spins, for a timer is no better than a millisecond. */
  #tick(): void {
    const count = this.latencies.length
    const due = Math.min(count, Math.ceil((performance.now() - this.#begin) * this.#perMs))
    const allowed = Math.floor(this.#connection.connectionWindow / PREFIXED_MESSAGE.length)
    const next = Math.min(due, this.#sent + allowed)
    if (next > this.#sent) {
      const { bytes, offsets } = this.#calls
      this.#connection.socket.write(bytes.subarray(offsets[this.#sent], offsets[next]))
      this.#connection.connectionWindow -= (next - this.#sent) * PREFIXED_MESSAGE.length
      this.#sent = next
    }
    if (this.#sent < count && !this.#connection.socket.destroyed) setImmediate(() => this.#tick())
  }
}

let prepared: { readonly path: string; readonly calls: CallBytes } | undefined

/** Calls at `rate` in a second. Answers quantiles of their latency in microseconds. */
export async function paced(request: Request): Promise<Reply> {
  const path = String(request['path'])
  const count = Math.min(CALLS_MAX, Number(request['calls']))
  if (prepared?.path !== path) prepared = { path, calls: callBytes(path, CALLS_MAX, false) }
  const load = new PacedLoad(
    Number(request['port']),
    prepared.calls,
    count,
    Number(request['rate']),
  )
  await load.finished
  const sorted = load.latencies.sort()
  const quantile = (share: number): number =>
    sorted[Math.min(count - 1, Math.floor(count * share))]! * 1_000
  return { p50: quantile(0.5), p99: quantile(0.99), 'p99.9': quantile(0.999) }
}
