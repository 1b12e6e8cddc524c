/**
 * The header lists of requests: those that are open, and those that are closed while user code
 * runs. Counted against `openHeadersSizeMax`.
 */
export class HeaderLists {
  readonly #sizeMax: number
  /** Of requests that are open. Unit: octets. */
  #openSize = 0
  /** Of those that are closed while user code runs. Unit: octets. */
  #lingeringSize = 0

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Of both kinds. Unit: octets. */
  get size(): number {
    return this.#openSize + this.#lingeringSize
  }

  /** One request is always taken, whatever its size. Those that were reset while user code runs may have as much again. */
  hasRoomFor(size: number): boolean {
    const all = this.size
    if (all === 0) return true
    return this.#openSize + size <= this.#sizeMax && all + size <= 2 * this.#sizeMax
  }

  open(size: number): void {
    this.#openSize += size
  }

  /** The stream has ended; `lingers`: user code runs on. */
  close(size: number, lingers: boolean): void {
    this.#openSize -= size
    if (lingers) this.#lingeringSize += size
  }

  /** User code has settled on a stream that was closed before. */
  settle(size: number): void {
    this.#lingeringSize -= size
  }
}
