import { AsyncResource } from 'node:async_hooks'

/**
 * The asynchronous context that belongs to no call: the one in which this file was loaded. A socket or a timer
 * that is shared must be made in it. Otherwise it keeps the context of whoever came first, and what it
 * causes later for others, a handler say, would find that caller's `AsyncLocalStorage`.
 */
const root = new AsyncResource('microwire', { requireManualDestroy: true })

/** Runs `run` outside the asynchronous context of any call, for work that calls share. */
export function inRootContext<Args extends unknown[], Result>(
  run: (...args: Args) => Result,
  ...args: Args
): Result {
  return root.runInAsyncScope(run, undefined, ...args)
}

/** Binds `callback` to the current asynchronous context. */
export function inThisContext<Args extends unknown[]>(
  callback: (...args: Args) => void,
): (...args: Args) => void {
  return AsyncResource.bind(callback)
}
