import type { Stream } from '../../connection/index.js'
import type { Compression } from '../wire/compression.js'
import { LENGTH_PREFIX_SIZE, MessageFlag } from '../wire/length-prefix.js'
import type { CallLimits } from '../wire/limits.js'
import { type GrpcError, Status, stacklessError } from '../wire/status.js'
import { CodingJob } from './coding-job.js'
import type { MessageCoder } from './message-coder.js'
import { sendPayload } from './message-writer.js'

/** The call whose messages leave through an outbox. */
export interface OutboxOwner {
  /** What had to wait has left, and there is room for more: `add` answered false before. */
  onOutboxDrained(): void
  /** A message could not be compressed. Nothing more leaves. */
  onOutboxFailed(error: GrpcError): void
}

interface HeldMessage {
  readonly payload: Uint8Array
  /** Undefined: it leaves as it is. */
  readonly compression: Compression | undefined
}

const EMPTY: Buffer = Buffer.alloc(0)

/**
 * Messages of a call that cannot leave at once: there is no stream yet, or one has to be compressed
 * off the thread, and all others, and the end, stay behind it. Calls that
 * compress nothing and have a stream need none.
 */
export class MessageOutbox {
  readonly #owner: OutboxOwner
  readonly #limits: CallLimits
  #stream: Stream | undefined = undefined
  #coder: MessageCoder | undefined = undefined
  /** In the order they were written; the first may be with the coder. */
  #held: HeldMessage[] = []
  #size = 0
  /** Of it, what the stream's account knows. Most messages never wait here. */
  #charged = 0
  #job: CodingJob | undefined = undefined
  /** `add` answered false. */
  #wantsDrain = false
  /** END_STREAM goes with the last message. */
  #isEnd = false
  /** What follows the last message. */
  #last: (() => void) | undefined = undefined

  constructor(owner: OutboxOwner, limits: CallLimits) {
    this.#owner = owner
    this.#limits = limits
  }

  /** Octets that wait here, with prefixes and before compression. */
  get size(): number {
    return this.#size
  }

  /** Whether anything waits here. */
  get isWaiting(): boolean {
    return this.#held.length > 0
  }

  /** There is a stream: what waits begins to leave. False above its high-water mark, or when something still waits here. */
  open(stream: Stream, coder: MessageCoder): boolean {
    this.#stream = stream
    this.#coder = coder
    const isOpen = this.#run(true)
    if (!this.isWaiting && this.#isEnd) this.#end()
    this.#charge()
    return isOpen && !this.isWaiting
  }

  /** Sends a message, or keeps it. False when much waits: the owner hears when to go on. */
  add(payload: Uint8Array, compression: Compression | undefined, isEnd: boolean): boolean {
    this.#isEnd = isEnd
    this.#held.push({ payload, compression })
    this.#size += LENGTH_PREFIX_SIZE + payload.length
    if (this.#stream === undefined) return true
    const isOpen = this.#held.length > 1 || this.#run(true)
    if (!this.isWaiting) return isOpen
    this.#charge()
    const { streamBufferSize } = this.#stream.connection.limits
    if (this.#size + this.#stream.bufferedSize < streamBufferSize) return isOpen
    this.#wantsDrain = true
    return false
  }

  /** END_STREAM, behind all messages. */
  end(): void {
    this.#isEnd = true
    if (!this.isWaiting) this.#end()
  }

  /** Runs `last` behind all messages. */
  follow(last: () => void): void {
    if (this.isWaiting) this.#last = last
    else last()
  }

  /** The stream has room, says the connection: whether the owner is to know. Otherwise it hears when what waits here has left. */
  drained(): boolean {
    if (!this.isWaiting) return true
    this.#wantsDrain = true
    return false
  }

  /** Forgets everything: the call is over. */
  close(): void {
    if (this.#job !== undefined) this.#coder!.release(this.#job)
    this.#job = undefined
    this.#held = []
    this.#size = 0
    this.#charge()
    this.#last = undefined
    this.#wantsDrain = false
  }

  /** @internal The first message has been compressed. */
  onCoded(bytes: Buffer | undefined, error: unknown): void {
    this.#job = undefined
    if (bytes === undefined) {
      this.#fail(error)
      return
    }
    const isOpen = this.#run(this.#send(bytes))
    this.#charge()
    if (this.isWaiting) return
    const last = this.#last
    this.#last = undefined
    last?.()
    // Where the stream is full as well, its own onDrain follows.
    if (!this.#wantsDrain || !isOpen) return
    this.#wantsDrain = false
    this.#owner.onOutboxDrained()
  }

  /** What waits here is held for the peer as well. */
  #charge(): void {
    const difference = this.#size - this.#charged
    if (difference === 0 || this.#stream === undefined) return
    this.#charged = this.#size
    this.#stream.charge(difference)
  }

  /** Sends what can leave. `isOpen`: what the last send said. */
  #run(isOpen: boolean): boolean {
    let result = isOpen
    for (;;) {
      const first = this.#held[0]
      if (first === undefined) return result
      const payload = this.#code(first)
      if (payload === undefined) return result
      result = this.#send(payload)
    }
  }

  /** The first message as it leaves; undefined when it has to wait, or cannot be compressed. */
  #code({ payload, compression }: HeldMessage): Uint8Array | undefined {
    if (compression === undefined) return payload
    try {
      const coded = this.#coder!.compress(payload, compression, this.#limits, this)
      if (!(coded instanceof CodingJob)) return coded
      this.#job = coded
    } catch (error) {
      this.#fail(error)
    }
    return undefined
  }

  /** The first message leaves as `coded`, unless that is larger. */
  #send(coded: Uint8Array): boolean {
    const { payload, compression } = this.#held.shift()!
    this.#size -= LENGTH_PREFIX_SIZE + payload.length
    const isSmaller = compression !== undefined && coded.length < payload.length
    const isEnd = this.#isEnd && this.#held.length === 0
    if (isSmaller) return sendPayload(this.#stream!, coded, MessageFlag.Compressed, isEnd)
    return sendPayload(this.#stream!, payload, MessageFlag.Plain, isEnd)
  }

  #end(): void {
    this.#stream?.sendData(EMPTY, 0, 0, true)
  }

  #fail(cause: unknown): void {
    this.close()
    this.#owner.onOutboxFailed(
      stacklessError(Status.Internal, 'message cannot be compressed', { cause }),
    )
  }
}
