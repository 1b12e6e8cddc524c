import type { CallBytes } from '../wire/call-bytes.js'
import { RawConnection, type RawHandler, type RawOptions } from '../wire/raw-connection.js'

/** A connection that stays: for streams that are held, and for calls now and again. */
export class HeldConnection implements RawHandler {
  /** Settles when the server's SETTINGS are here and ours are acknowledged, as far as we can tell. */
  readonly ready: Promise<void>
  readonly #connection: RawConnection
  #turn: () => void = () => {}
  #reject: (error: Error) => void = () => {}
  #failure: Error | undefined
  #usable = false
  /** Calls of the prepared bytes that are sent, and answers to them. */
  #sent = 0
  #answered = 0

  constructor(port: number, options: RawOptions) {
    this.#connection = new RawConnection(port, this, options)
    this.ready = this.#until(() => this.#usable)
  }

  /** Makes `count` calls in a closed loop, `inFlight` of them under way. They go on where the last ones ended. */
  async call(calls: CallBytes, count: number, inFlight: number): Promise<void> {
    const last = this.#sent + count
    await this.#until(() => {
      const free = inFlight - (this.#sent - this.#answered)
      this.#send(calls, Math.min(free, last - this.#sent))
      return this.#answered === last
    })
  }

  /** Sends the first `count` of `calls` as far as the windows allow, and does not wait for answers. */
  async send(calls: CallBytes, count: number): Promise<void> {
    await this.#until(() => {
      this.#send(calls, count - this.#sent)
      return this.#sent === count
    })
  }

  /** Writes octets once the windows allow what is in them: for stream 1, and for others. */
  async write(bytes: Buffer, othersSize: number, streamSize: number): Promise<void> {
    const connection = this.#connection
    const size = othersSize + streamSize
    await this.#until(
      () => connection.connectionWindow >= size && connection.streamWindow >= streamSize,
    )
    connection.connectionWindow -= size
    connection.streamWindow -= streamSize
    await new Promise(resolve => connection.socket.write(bytes, resolve))
  }

  /** Ends the connection; settles when the socket is gone. */
  async close(): Promise<void> {
    const { socket } = this.#connection
    if (socket.destroyed) return
    const closed = new Promise(resolve => socket.once('close', resolve))
    this.#connection.close()
    await closed
  }

  onData(): void {}

  onTrailers(): void {
    this.#answered += 1
  }

  onTurn(): void {
    this.#usable = true
    this.#turn()
  }

  onFailure(error: Error): void {
    this.#failure = error
    this.#reject(error)
  }

  #send(calls: CallBytes, wanted: number): void {
    const allowed = Math.floor(this.#connection.connectionWindow / calls.payloadSize)
    const count = Math.min(wanted, calls.payloadSize === 0 ? wanted : allowed)
    if (count <= 0) return
    const { offsets, bytes } = calls
    const next = this.#sent + count
    if (next >= offsets.length) throw new Error(`only ${offsets.length - 1} calls are prepared`)
    this.#connection.socket.write(bytes.subarray(offsets[this.#sent], offsets[next]))
    this.#connection.connectionWindow -= count * calls.payloadSize
    this.#sent = next
  }

  /** Tries at once and after each read until `done` says so. */
  #until(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      this.#turn = () => {
        if (!done()) return
        this.#turn = () => {}
        resolve()
      }
      if (this.#failure !== undefined) reject(this.#failure)
      else this.#turn()
    })
  }
}
