/** A result that becomes a promise only when someone asks for it. Settles once. */
export class LazyResult<T> {
  #promise: Promise<T> | undefined
  #resolve: ((value: T) => void) | undefined
  #reject: ((error: unknown) => void) | undefined
  #outcome: { value: T } | { error: unknown } | undefined

  get promise(): Promise<T> {
    if (this.#promise === undefined) {
      this.#promise = new Promise<T>((resolve, reject) => {
        this.#resolve = resolve
        this.#reject = reject
      })
      // Whoever asked may have stopped listening: that must not end the process.
      this.#promise.catch(() => undefined)
      this.#tell()
    }
    return this.#promise
  }

  resolve(value: T): void {
    this.#outcome ??= { value }
    this.#tell()
  }

  reject(error: unknown): void {
    this.#outcome ??= { error }
    this.#tell()
  }

  #tell(): void {
    const outcome = this.#outcome
    if (outcome === undefined) return
    if ('value' in outcome) this.#resolve?.(outcome.value)
    else this.#reject?.(outcome.error)
  }
}
