import { AsyncResource } from 'node:async_hooks'

/**
 * The asynchronous context that belongs to no call: the one in which this file was loaded. A socket or a timer
 * that is shared must be made in it. Otherwise it keeps the context of whoever came first, and what it
 * causes later for others, a handler say, would find that caller's `AsyncLocalStorage`.
 */
const root = new AsyncResource('microwire', { requireManualDestroy: true })

/** Runs `run` in the context that belongs to no call. What it starts stays there. */
export function inRootContext<Args extends unknown[], Result>(
  run: (...args: Args) => Result,
  ...args: Args
): Result {
  return root.runInAsyncScope(run, undefined, ...args)
}

/** `callback`, to be called from anywhere: it runs in the context that is current now. */
export function inThisContext<Args extends unknown[]>(
  callback: (...args: Args) => void,
): (...args: Args) => void {
  return AsyncResource.bind(callback)
}
