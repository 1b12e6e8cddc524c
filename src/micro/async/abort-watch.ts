/** Something that ends when its caller's signal is aborted. */
export interface Abortable {
  onAbort(reason: unknown): void
}

/** Calls under way, by signal: one listener serves them all. */
const watched = new WeakMap<AbortSignal, { calls: Set<Abortable>; listener: () => void }>()

/** Tells `call` when `signal` is aborted. It must not be aborted yet. */
export function watchSignal(signal: AbortSignal, call: Abortable): void {
  let entry = watched.get(signal)
  if (entry === undefined) {
    const calls = new Set<Abortable>()
    const listener = (): void => {
      watched.delete(signal)
      for (const each of calls) each.onAbort(signal.reason)
    }
    entry = { calls, listener }
    watched.set(signal, entry)
    signal.addEventListener('abort', listener, { once: true })
  }
  entry.calls.add(call)
}

/** `call` is over. The last one takes the listener with it. */
export function unwatchSignal(signal: AbortSignal, call: Abortable): void {
  const entry = watched.get(signal)
  if (entry === undefined) return
  entry.calls.delete(call)
  if (entry.calls.size > 0) return
  watched.delete(signal)
  signal.removeEventListener('abort', entry.listener)
}
