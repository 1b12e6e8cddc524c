import type { HandlerSlots } from '../../connection/index.js'
import type { HandlerPlaces } from './transport.js'

/** The places of a peer, as its sockets offer them. */
export class SlotPlaces implements HandlerPlaces {
  readonly waitMaxMs: number
  readonly #slots: HandlerSlots

  constructor(slots: HandlerSlots, waitMaxMs: number) {
    this.#slots = slots
    this.waitMaxMs = waitMaxMs
  }

  get max(): number {
    return this.#slots.bound
  }

  tryTake(): boolean {
    return this.#slots.tryTake()
  }

  wait(onTaken: () => void): () => void {
    return this.#slots.wait(onTaken)
  }

  free(): void {
    this.#slots.free()
  }
}
