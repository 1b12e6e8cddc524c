/** State of a session. `idle`: no connection is needed; `waiting`: the next attempt is scheduled. */
export type SessionState = 'idle' | 'connecting' | 'ready' | 'waiting' | 'closed'

/** What has a state that others watch. */
export class Watched {
  #state: SessionState = 'idle'
  /** Most sessions are watched by nobody. */
  #watchers: Set<() => void> | undefined = undefined

  get state(): SessionState {
    return this.#state
  }

  /** Calls `onChange` after each change of `state`, in the midst of it: it must neither throw nor act on the session. Returns how to stop. */
  watch(onChange: () => void): () => void {
    this.#watchers ??= new Set()
    this.#watchers.add(onChange)
    return () => this.#watchers?.delete(onChange)
  }

  /** The session changes to `state`: whoever watches hears of it. */
  protected enter(state: SessionState): void {
    this.#state = state
    if (this.#watchers === undefined) return
    for (const watcher of [...this.#watchers]) watcher()
  }
}
