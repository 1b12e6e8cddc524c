import type { Runtime } from '../../../transport/index.js'
import type { Context } from '../../call/context.js'
import { isCallError } from '../../errors/error-mapping.js'

/** Between two warnings of one method. Reason: a handler that always fails must not fill the disk. Unit: ms. */
export const WARNING_INTERVAL_MS = 60_000

/** How much of a stack a warning repeats. Unit: UTF-16 code units. */
const STACK_SIZE_MAX = 4_096

/** A handler's exception, as a warning of the process shows it. */
class HandlerWarning extends Error {
  override readonly name = 'HandlerWarning'
  readonly code = 'HANDLER_FAILED'
  /** Node prints it below the message. */
  readonly detail: string

  constructor(text: string, cause: unknown) {
    super(text, { cause })
    this.detail = stackOf(cause)
  }
}

/**
 * What hears of exceptions where no `onError` was given: the process's warnings, so that nobody looks for a bug in vain.
 * One for each method in `WARNING_INTERVAL_MS`; the next one has the number of those in between.
 */
export function errorWarnings(
  runtime: Pick<Runtime, 'now' | 'warn'>,
): (error: unknown, context: Context | undefined) => void {
  const warned = new Map<string, { at: number; more: number }>()
  return (error, context) => {
    // It is for whoever called, or published.
    if (isCallError(error)) return
    const what =
      context === undefined ? 'the server' : `the handler of ${context.path || context.method}`
    const now = runtime.now()
    const before = warned.get(what)
    if (before !== undefined && now - before.at < WARNING_INTERVAL_MS) {
      before.more++
      return
    }
    warned.set(what, { at: now, more: 0 })
    const more =
      before === undefined || before.more === 0 ? '' : `, and ${before.more} times before`
    const text = `${what} failed${more}; give createServer an onError to hear of each`
    runtime.warn?.(new HandlerWarning(text, error))
  }
}

/** Anything may be thrown, and a getter of it may throw in its turn. */
function stackOf(error: unknown): string {
  try {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return String(text).slice(0, STACK_SIZE_MAX)
  } catch {
    return 'an exception without a text'
  }
}
