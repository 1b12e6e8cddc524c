import { ConnectionError, ErrorCode } from '../../frame/index.js'
import type { ConnectionCore } from '../core/core.js'
import type { ConnectionHost } from '../core/host.js'
import type { SlotWaker } from './handler-slots.js'
import type { BudgetAccount, MemoryBudget } from './memory-budget.js'

/** A stream, as far as it holds anything. */
interface HoldingStream {
  readonly retained: number
  readonly queuedSize: number
  readonly charged: number
  /** Ends its call. */
  shed(fault: string): void
}

/** An HPACK table. */
interface Table {
  readonly tableSize: number
  readonly tableLength: number
}

/** The parts of a connection that hold something, and who ends what holds too much. */
export interface MemoryHolders {
  readonly host: ConnectionHost
  readonly turns: SlotWaker
  readonly headerReader: Table & { readonly fragmentsSize: number; readonly literalsSize: number }
  readonly headerWriter: Table
  readonly inbound: { readonly heldSize: number }
  readonly receiver: { readonly retained: number }
  readonly sender: { readonly queuedSize: number }
  readonly streams: { readonly headersSize: number; readonly costs: number }
  readonly map: { snapshot(): readonly HoldingStream[] }
}

/** Difference that is worth telling the budget. Unit: octets. */
const STEP = 16_384
/** A call that holds less is not worth ending. Unit: octets. */
const WORTH_SHEDDING = 4_096
/** A connection with its socket and driver, before it holds anything. Measured. Unit: octets. */
const CONNECTION_COST = 9_216
/** An entry of an HPACK table, beside what RFC 7541 counts: an object and two strings. Measured. Unit: octets. */
const ENTRY_COST = 80

/** What one connection holds for its peer, by kind. Unit: octets. */
export interface MemoryParts {
  /** Messages received and not read, whole or not, as they came. */
  readonly received: number
  /** Header lists of requests that are open, or whose handlers run. */
  readonly headers: number
  /** The connection itself, its socket, its driver. */
  readonly connection: number
  /** What streams and their calls cost beside, as long as they are open or their handlers run. */
  readonly streams: number
  /** Both HPACK tables. */
  readonly tables: number
  /** A frame or a header block that is not complete, and what was read and not looked at yet. */
  readonly frames: number
  /** What waits to be written, or for the peer to read it. */
  readonly output: number
  /** What the layers above charged: messages in their decoded form, inflated ones, requests whose handlers wait, and what mucp sockets keep. */
  readonly kept: number
}

/**
 * The memory that one peer makes us keep. Most of it is counted by the parts of the connection anyway, and looked up here at the end of a
 * turn; the layers above charge what only they know. Beyond half of `limits.memoryMax` the connection is frugal: no loans for speed, one large
 * message at a time. Beyond it the largest call ends with RESOURCE_EXHAUSTED, or the connection, where calls hold little.
 */
export class MemoryAccount implements BudgetAccount {
  readonly budget: MemoryBudget
  readonly #core: ConnectionCore
  readonly #holders: MemoryHolders
  /** What the budget knows. */
  #charged = 0
  #kept = 0
  /** Of calls that were given up: it will come back. */
  #doomed = 0
  /** A turn was asked for, whose end gives up what is too much. */
  #isAsked = false
  /** What the budget says of that. */
  #order: string | undefined = undefined

  constructor(core: ConnectionCore, budget: MemoryBudget, holders: MemoryHolders) {
    this.#core = core
    this.#holders = holders
    this.budget = budget
  }

  /** All parts together. Unit: octets. */
  get total(): number {
    const { streams, receiver } = this.#holders
    return (
      receiver.retained +
      streams.headersSize +
      streams.costs +
      this.#ownCost +
      this.#tables +
      this.#frames +
      this.#output +
      this.#kept
    )
  }

  get parts(): MemoryParts {
    const { streams, receiver } = this.#holders
    return {
      received: receiver.retained,
      headers: streams.headersSize,
      connection: this.#ownCost,
      streams: streams.costs,
      tables: this.#tables,
      frames: this.#frames,
      output: this.#output,
      kept: this.#kept,
    }
  }

  /** What the budget has been told of. Unit: octets. */
  get charged(): number {
    return this.#charged
  }

  /** The same without what will come back. */
  get kept(): number {
    return this.#charged - this.#doomed
  }

  /** DATA that waits for windows of the peer, or for its turn. Unit: octets. */
  get queuedSize(): number {
    return this.#holders.sender.queuedSize
  }

  /** Nothing can be given up any more. */
  get isOver(): boolean {
    return this.#core.over
  }

  /** Whether to save: more than half of what may be is held, here or by all. */
  get isShort(): boolean {
    return this.#charged > this.#core.limits.memoryMax / 2 || this.budget.isShort
  }

  /** The layer above keeps `size` octets more for this peer; less where it is negative. */
  charge(size: number): void {
    this.#kept += size
    if (size < 0 && this.#doomed > 0) this.#redeem(-size)
    this.update()
  }

  /** Looks what is held now. Too much of it is for the end of a turn, which is asked for. */
  update(): void {
    const { total } = this
    const difference = total - this.#charged
    if (difference < STEP && difference > -STEP && this.#charged > 0 && !this.isOver) return
    this.#charged = total
    this.budget.change(this, difference)
    if (difference <= 0) return
    if (this.#excess > 0) this.#ask()
    this.budget.check()
  }

  /** The end of a turn. */
  turnEnded(): void {
    this.update()
    if (!this.#isAsked || this.isOver) return
    this.#isAsked = false
    const order = this.#order
    this.#order = undefined
    this.#core.onTime(this.#core.now, () => this.#shedAll(order))
    this.#settle()
    if (order !== undefined) this.budget.done(this)
  }

  /** Of all connections this one holds most. */
  order(fault: string): void {
    this.#order = fault
    this.#ask()
  }

  #ask(): void {
    if (this.#isAsked || this.isOver) return
    this.#isAsked = true
    this.#holders.turns.wake()
  }

  #shedAll(order: string | undefined): void {
    if (order !== undefined) this.#shed(`${order}: this connection holds most, ${this.kept}`)
    const { limits, role } = this.#core
    while (this.#excess > 0 && !this.isOver) {
      this.#shed(
        `the ${role} holds ${this.total} octets for this connection; its limits.memoryMax is ${limits.memoryMax}`,
      )
    }
  }

  get #excess(): number {
    return this.total - this.#doomed - this.#core.limits.memoryMax
  }

  #settle(): void {
    const difference = this.total - this.#charged
    this.#charged += difference
    this.budget.change(this, difference)
  }

  /** Ends the largest call, or the connection. */
  #shed(fault: string): void {
    const stream = this.#largestStream()
    if (stream === undefined) {
      this.#core.fail(new ConnectionError(ErrorCode.EnhanceYourCalm, 'RFC 9113 §10.5', fault))
      return
    }
    const size = sizeOf(stream)
    const { charged } = stream
    stream.shed(`${fault}: this call, with ${size} of them, ends`)
    // Whoever keeps it for the call needs a moment.
    const left = Math.min(charged, stream.charged)
    this.#doomed += left
    this.budget.doom(left)
  }

  #largestStream(): HoldingStream | undefined {
    let found: HoldingStream | undefined
    let foundSize = WORTH_SHEDDING
    for (const stream of this.#holders.map.snapshot()) {
      const size = sizeOf(stream)
      if (size <= foundSize) continue
      found = stream
      foundSize = size
    }
    return found
  }

  #redeem(size: number): void {
    const back = Math.min(size, this.#doomed)
    this.#doomed -= back
    this.budget.doom(-back)
  }

  // What a connection holds by itself goes with it.

  get #ownCost(): number {
    const { host } = this.#holders
    return this.#core.over ? 0 : CONNECTION_COST + (host.cost ?? 0)
  }

  get #tables(): number {
    const { headerReader, headerWriter } = this.#holders
    if (this.#core.over) return 0
    return (
      headerReader.tableSize +
      headerReader.literalsSize +
      headerWriter.tableSize +
      ENTRY_COST * (headerReader.tableLength + headerWriter.tableLength)
    )
  }

  get #frames(): number {
    if (this.#core.over) return 0
    const { headerReader, inbound } = this.#holders
    return headerReader.fragmentsSize + inbound.heldSize
  }

  get #output(): number {
    if (this.#core.over) return 0
    const { host, sender } = this.#holders
    return this.#core.output.size + sender.queuedSize + (host.heldSize ?? 0)
  }
}

function sizeOf(stream: HoldingStream): number {
  return stream.retained + stream.queuedSize + stream.charged
}
