import { ErrorCode, type Stream, Timer } from '../../connection/index.js'
import {
  type BatchedCall,
  CallBatch,
  dispatchCall,
  type TurnBudget,
} from '../message/call-batch.js'
import { Status, stacklessError } from '../wire/status.js'
import type { CallSettings } from './call-options.js'
import type { ServerCall } from './server-call.js'

/** A call whose handler may have to wait. */
export interface WaitingCall extends ServerCall, BatchedCall {
  readonly stream: Stream
  /** What its request holds. Unit: octets. */
  readonly heldSize: number
  onReset(errorCode: number, byPeer: boolean): void
}

/**
 * The calls of one server connection: those that have news, and those that wait until a
 * handler has settled, because as many run as may. Only handlers of calls that were cancelled,
 * and go on, can bring that about; their clients are within the limit and not to be refused.
 */
export class ServerCallBatch extends CallBatch {
  readonly #settings: CallSettings
  /** Since when they wait, the first one first. Most connections never have any. */
  #waiting: Map<WaitingCall, number> | undefined
  #timer: Timer | undefined

  constructor(settings: CallSettings) {
    super()
    this.#settings = settings
    this.#waiting = undefined
    this.#timer = undefined
  }

  /** Whether the call's handler may start now; if not, the call waits, and is dispatched again. */
  admit(call: WaitingCall): boolean {
    const { stream } = call
    const isNext = stream.held || this.#waiting === undefined || this.#waiting.size === 0
    if (isNext && stream.hold()) return true
    const { connection } = stream
    this.#waiting ??= new Map()
    if (!this.#waiting.has(call)) {
      this.#waiting.set(call, connection.now)
      // Its window is open again, and the request is nobody's yet.
      stream.charge(call.heldSize)
    }
    this.#timer ??= new Timer(this)
    if (!this.#timer.scheduled) this.#schedule(call, connection.now)
    return false
  }

  /** The call is over: it waits no more, unless what came of it is to be handled all the same. */
  leave(call: WaitingCall): void {
    if (call.route.keepsReceived !== true) this.#remove(call)
  }

  /** Starts those that wait, in turn, as handlers have settled and the turn may hold; true when more can start in the next turn. */
  startWaiting(turn: TurnBudget | undefined): boolean {
    const waiting = this.#waiting
    if (waiting === undefined || waiting.size === 0) return false
    let count = 0
    for (const call of waiting.keys()) {
      const isOver = call.stream.closed && call.route.keepsReceived !== true
      if (!isOver && !call.stream.hold()) return false
      this.#remove(call)
      if (isOver) continue
      dispatchCall(call)
      if (turn?.isOver(++count) === true) return waiting.size > 0
    }
    return false
  }

  /** Those that have waited too long are refused: their clients may go elsewhere. */
  onTimer(_timer: Timer, now: number): void {
    const { limits, onError } = this.#settings
    let first: WaitingCall | undefined
    let count = 0
    for (const [call, since] of this.#waiting!) {
      if (since + limits.startTimeoutMs > now) {
        this.#schedule(call, since)
        break
      }
      first ??= call
      count++
      this.#remove(call)
      call.stream.reset(ErrorCode.RefusedStream)
      call.onReset(ErrorCode.RefusedStream, false)
    }
    if (first === undefined || onError === undefined) return
    const { fault } = first.stream.connection.handlerSlots
    const text = `${count} calls refused after ${limits.startTimeoutMs} ms: ${fault}, those of cancelled calls among them; handlers must settle when their signal aborts`
    onError(stacklessError(Status.Unavailable, text), first)
  }

  #remove(call: WaitingCall): void {
    if (this.#waiting?.delete(call) !== true) return
    call.stream.charge(-call.heldSize)
    if (this.#waiting.size > 0) return
    const { handlerSlots, timers } = call.stream.connection
    handlerSlots.withdraw()
    timers.cancel(this.#timer!)
  }

  #schedule(call: WaitingCall, since: number): void {
    const { timers } = call.stream.connection
    timers.schedule(this.#timer!, since + this.#settings.limits.startTimeoutMs)
  }
}
