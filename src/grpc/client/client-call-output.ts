import type { Stream } from '../../connection/index.js'
import type { CallBatch } from '../message/call-batch.js'
import { MessageOutbox, type OutboxOwner } from '../message/message-outbox.js'
import { sendPayload } from '../message/message-writer.js'
import type { Compression } from '../wire/compression.js'
import { compressionOf } from '../wire/find-compression.js'
import { LENGTH_PREFIX_SIZE, MessageFlag } from '../wire/length-prefix.js'
import { DEFAULT_CALL_LIMITS } from '../wire/limits.js'
import type { GrpcError } from '../wire/status.js'
import type { ClientCallOptions } from './client-call-options.js'

const EMPTY: Buffer = Buffer.alloc(0)

/** The messages of a call of a client on their way out: before there is a stream, and behind one that is being compressed. */
export abstract class ClientCallOutput implements OutboxOwner {
  /** Whether messages leave compressed from now on, if the call has a compression. Default: true. */
  compressing = true
  readonly #options: ClientCallOptions
  protected readonly compression: Compression | undefined
  /** The one plain message that nearly all calls wait with, while there is no stream. */
  #first: Uint8Array | undefined
  /** More messages without a stream, and all of a call that compresses. */
  #outbox: MessageOutbox | undefined

  /** @throws RangeError when the compression is unknown. */
  constructor(options: ClientCallOptions) {
    this.#options = options
    this.compression = compressionOf(options)
    this.#first = undefined
    this.#outbox = undefined
  }

  /** For its messages alone. */
  abstract onOutboxDrained(): void
  /** For its messages alone. */
  abstract onOutboxFailed(error: GrpcError): void

  /** Octets that have not been given to a stream. */
  protected get heldSize(): number {
    const first = this.#first === undefined ? 0 : LENGTH_PREFIX_SIZE + this.#first.length
    return first + (this.#outbox?.size ?? 0)
  }

  /** Sends a message, or keeps it. False when its stream takes no more. */
  protected sendMessage(
    stream: Stream | undefined,
    batch: CallBatch | undefined,
    payload: Uint8Array,
    isEnd: boolean,
  ): boolean {
    if (this.compression === undefined && this.#outbox === undefined) {
      if (stream !== undefined) return sendPayload(stream, payload, MessageFlag.Plain, isEnd)
      if (this.#first === undefined) {
        this.#first = payload
        return true
      }
    }
    this.#outbox ??= this.#newOutbox(stream, batch)
    return this.#outbox.add(payload, this.compressing ? this.compression : undefined, isEnd)
  }

  /** END_STREAM, behind all messages. */
  protected sendEnd(stream: Stream | undefined): void {
    if (this.#outbox !== undefined) this.#outbox.end()
    else stream?.sendData(EMPTY, 0, 0, true)
  }

  /** There is a stream: sends what has waited for it, and the end if it has come. False when the stream takes no more. */
  protected flush(stream: Stream, batch: CallBatch, isEnded: boolean): boolean {
    const first = this.#first
    this.#first = undefined
    if (this.#outbox !== undefined) return this.#open(this.#outbox, stream, batch)
    if (first !== undefined) return sendPayload(stream, first, MessageFlag.Plain, isEnded)
    return isEnded ? stream.sendData(EMPTY, 0, 0, true) : true
  }

  /** The stream has room: whether the call is to know now. Otherwise `onOutboxDrained` follows. */
  protected isDrained(): boolean {
    return this.#outbox === undefined || this.#outbox.drained()
  }

  /** The call is over: nothing more leaves. */
  protected closeOutput(): void {
    this.#first = undefined
    this.#outbox?.close()
  }

  /** An outbox that only waited for a stream is needed no more: what follows leaves without the detour. */
  #open(outbox: MessageOutbox, stream: Stream, batch: CallBatch): boolean {
    const isOpen = outbox.open(stream, batch.coder(stream.connection))
    if (this.compression === undefined && !outbox.isWaiting) this.#outbox = undefined
    return isOpen
  }

  #newOutbox(stream: Stream | undefined, batch: CallBatch | undefined): MessageOutbox {
    const outbox = new MessageOutbox(this, this.#options.limits ?? DEFAULT_CALL_LIMITS)
    if (stream !== undefined) outbox.open(stream, batch!.coder(stream.connection))
    if (this.#first !== undefined) outbox.add(this.#first, undefined, false)
    this.#first = undefined
    return outbox
  }
}
