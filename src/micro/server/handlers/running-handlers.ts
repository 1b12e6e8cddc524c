import type { Cancellable, Runtime } from '../../../transport/index.js'
import type { Context, Door } from '../../call/context.js'

/** A handler that had not settled when the server stopped waiting for it. */
export interface AbandonedHandler {
  /** With its package: `greeter.v1.Greeter`. Empty for the handler of a topic. */
  readonly service: string
  /** The method in JavaScript: `hello`; or the topic. */
  readonly method: string
  readonly door: Door
  /** The caller's address. */
  readonly peer: string
  /** How long it had run. Unit: ms. */
  readonly runningMs: number
}

/**
 * Reported to `onError` for handlers that do not settle although their calls have ended: they
 * ignore their signal, or the `return()` of an iterator hangs.
 */
export class HandlerAbandonedError extends Error {
  readonly code = 'HANDLER_ABANDONED'
  readonly handlers: readonly AbandonedHandler[]

  constructor(when: string, handlers: readonly AbandonedHandler[]) {
    const names = handlers.slice(0, NAMES_MAX).map(each => {
      return `${each.service}${each.service === '' ? '' : '.'}${each.method} after ${each.runningMs} ms`
    })
    const more = handlers.length > NAMES_MAX ? ` and ${handlers.length - NAMES_MAX} more` : ''
    super(
      `${handlers.length} handler${handlers.length === 1 ? '' : 's'} had not settled ${when}: ${names.join(', ')}${more}. Let them watch context.signal`,
    )
    this.name = 'HandlerAbandonedError'
    this.handlers = handlers
  }
}

/** `cancelledAt` of a call that goes on: a small integer, as its time is. */
export const NOT_CANCELLED = -1

/** How many handlers the text of one error names. */
const NAMES_MAX = 10

/** Of a call of any door: the links of the list that it is in while its handler runs. */
export interface RunningHandler {
  /** Unit: ms, on the server's clock. */
  startedAt: number
  /** When the call was over, for the handler that still runs. -1: it is not, or has been told of. */
  cancelledAt: number
  previous: RunningHandler | undefined
  next: RunningHandler | undefined
  readonly context: Context
  /** The call no longer counts against its client. */
  release(): void
}

/**
 * All handlers of one server that run, whichever door their calls came by: what `stop` waits for. A list of
 * links within the calls, for a set would cost each call an allocation and keep what it once held.
 */
export class RunningHandlers {
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly #graceMs: number
  readonly #onError: (error: unknown, context: Context | undefined) => void
  #first: RunningHandler | undefined
  #count = 0
  #timer: Cancellable | undefined
  #onIdle: (() => void)[] = []

  /** @param graceMs from the end of a call until its handler no longer counts. Unit: ms */
  constructor(
    runtime: Pick<Runtime, 'now' | 'schedule'>,
    graceMs: number,
    onError: (error: unknown, context: Context | undefined) => void,
  ) {
    this.#runtime = runtime
    this.#graceMs = graceMs
    this.#onError = onError
  }

  get count(): number {
    return this.#count
  }

  add(handler: RunningHandler, now: number): void {
    handler.startedAt = now
    const first = this.#first
    handler.next = first
    if (first !== undefined) first.previous = handler
    this.#first = handler
    this.#count++
  }

  /** The handler has settled. Does nothing for one that is not in the list. */
  delete(handler: RunningHandler): void {
    const { previous, next } = handler
    if (previous === undefined && this.#first !== handler) return
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    handler.previous = undefined
    handler.next = undefined
    this.#count--
    if (this.#count > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    for (const told of this.#onIdle.splice(0)) told()
  }

  /** The handler's call is over, and has been told so. */
  cancelled(handler: RunningHandler): void {
    if (handler.previous === undefined && this.#first !== handler) return
    handler.cancelledAt = this.#runtime.now()
    this.#arm(this.#graceMs)
  }

  /** Settles when no handler runs. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise(resolve => this.#onIdle.push(resolve))
  }

  /** Those that run now. */
  list(): AbandonedHandler[] {
    const now = this.#runtime.now()
    const found: AbandonedHandler[] = []
    for (let each = this.#first; each !== undefined; each = each.next)
      found.push(described(each, now))
    // They were put in front.
    return found.reverse()
  }

  #arm(delayMs: number): void {
    if (this.#timer !== undefined || delayMs === Number.POSITIVE_INFINITY) return
    this.#timer = this.#runtime.schedule(delayMs, () => {
      this.#timer = undefined
      this.#releaseLate()
    })
  }

  /** Handlers that ignore the end of their calls must not use up what their clients may have at once. */
  #releaseLate(): void {
    const now = this.#runtime.now()
    let nextAt = Number.POSITIVE_INFINITY
    for (let each = this.#first; each !== undefined; ) {
      const following: RunningHandler | undefined = each.next
      const lateAt = each.cancelledAt + this.#graceMs
      if (each.cancelledAt >= 0 && lateAt <= now) this.#abandon(each, now)
      else if (each.cancelledAt >= 0) nextAt = Math.min(nextAt, lateAt)
      each = following
    }
    this.#arm(nextAt - now)
  }

  #abandon(handler: RunningHandler, now: number): void {
    handler.cancelledAt = NOT_CANCELLED
    handler.release()
    const when = `${this.#graceMs} ms after the end of its call`
    this.#onError(new HandlerAbandonedError(when, [described(handler, now)]), handler.context)
  }
}

function described({ context, startedAt }: RunningHandler, now: number): AbandonedHandler {
  const { service, method, door, peer } = context
  return {
    service,
    method,
    door,
    peer: peer.address,
    runningMs: Math.max(0, Math.round(now - startedAt)),
  }
}
