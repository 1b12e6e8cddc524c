import { type CallKind, Metadata } from '../../../grpc/index.js'
import type { Cancellable, Message, Runtime, Socket } from '../../../transport/index.js'
import { LazyResult } from '../../async/lazy-result.js'
import type { CallOptions } from '../../call/call-options.js'
import { MucpGuard } from '../../call/race-limit.js'
import type { CallRoute } from '../../discovery/call-route.js'
import { CLIENT_ID } from '../../errors/client-ids.js'
import { atAddress, MicroError } from '../../errors/micro-error.js'
import { closeSocket } from '../../mucp/close-socket.js'
import { MucpHeader } from '../../mucp/header.js'
import { metadataFields } from '../../mucp/metadata.js'
import type { ClientStream } from '../calls/client-stream.js'
import {
  cancelHeader,
  dialError,
  endHeader,
  endOfSocket,
  type MucpCodec,
  transportError,
} from './codec.js'

/** A stream's own socket, and what its messages carry. */
export interface OpenedSocket {
  readonly socket: Socket
  readonly codec: MucpCodec
  readonly header: ReadonlyMap<string, string>
  readonly id: string
}

/** What a stream is made of. */
export interface MucpStreamParts {
  /** Hears how the call went. Undefined: a fixed address. */
  readonly route: CallRoute | undefined
  readonly kind: CallKind
  readonly runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly options: CallOptions
  /** See `ClientOptions.endGraceMs`. */
  readonly endGraceMs: number
  readonly open: () => Promise<OpenedSocket>
  readonly onClosed: () => void
}

/** The last word, which may not arrive any more. */
async function trySend(socket: Socket, message: Message): Promise<void> {
  try {
    await socket.send(message)
  } catch {}
}

const NO_BODY: Uint8Array = new Uint8Array(0)
const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined })

/** A stream over a transport, on a socket of its own. */
export class MucpStream implements ClientStream {
  readonly #parts: MucpStreamParts
  readonly #guard: MucpGuard
  readonly #headers = new LazyResult<Metadata>()
  readonly #trailers = new LazyResult<Metadata>()
  readonly #opening: Promise<OpenedSocket>
  #opened: OpenedSocket | undefined
  /** Reads are one after the other: a socket has one `receive` at a time. */
  #reading: Promise<unknown> = Promise.resolve()
  /** Ends a read that waits on the socket. */
  #interrupt: (() => void) | undefined
  /** A read waits on the socket. */
  #waiting = false
  /** The server is go-micro <= 4.9: after our end it says nothing of its own. */
  #isSilentAtEnd = false
  #endGrace: Cancellable | undefined
  #endSent = false
  /** The server's handler has ended: an error came, or the one response. */
  #serverEnded = false
  #gotHeaders = false
  #ended = false
  /** What every read fails with, until the reader says that it wants no more. */
  #failure: { error: unknown } | undefined
  #onEnded: (() => void) | undefined

  constructor(parts: MucpStreamParts) {
    this.#parts = parts
    parts.route?.begin()
    const { runtime, options } = parts
    this.#guard = new MucpGuard(
      runtime,
      options.signal,
      options.timeoutMs ?? Number.POSITIVE_INFINITY,
      () => MicroError.timeout('context deadline exceeded', { id: CLIENT_ID }),
      reason => this.cancel(reason),
    )
    this.#opening = this.#guard.race(this.#open())
    this.#opening.catch(error => this.#finish({ error }))
  }

  get headers(): Promise<Metadata> {
    return this.#headers.promise
  }

  get trailers(): Promise<Metadata> {
    return this.#trailers.promise
  }

  get ended(): boolean {
    return this.#ended
  }

  whenEnded(listener: () => void): void {
    if (this.#ended) listener()
    else this.#onEnded = listener
  }

  write(request: unknown): Promise<void> | undefined {
    if (this.#endSent) throw new TypeError('send after closeSend')
    return this.#ended ? undefined : this.#write(request)
  }

  request(message: unknown): void {
    this.#write(message).catch(error => this.cancel(error))
  }

  async send(request: unknown): Promise<void> {
    await this.write(request)
  }

  async closeSend(): Promise<void> {
    const { kind } = this.#parts
    // A server-streaming call has sent its request: go-micro's clients send no end after it.
    if (this.#endSent || this.#ended || kind === 'server') return
    this.#endSent = true
    const { header } = await this.#opening
    // With this, go-micro's server (>= 4.10) and ours end the socket once the handler has
    // settled: after our end there is no EOS from the server.
    await this.#sendMessage(endHeader(header).set(MucpHeader.Connection, 'close'), NO_BODY)
    this.#armEndGrace()
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const result = this.#reading.then(() => this.#read())
    this.#reading = result.catch(() => undefined)
    return result
  }

  async receive(): Promise<unknown> {
    return (await this.next()).value
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    this.#finish(undefined)
    this.#failure = undefined
    return DONE
  }

  cancel(reason?: unknown): void {
    this.#finish({
      error: reason ?? new MicroError(499, 'the call was cancelled', { id: CLIENT_ID }),
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  async #open(): Promise<OpenedSocket> {
    let opened: OpenedSocket
    try {
      opened = await this.#parts.open()
    } catch (cause) {
      if (cause instanceof MicroError || cause instanceof TypeError) throw cause
      throw dialError(cause)
    }
    if (this.#ended) {
      void closeSocket(opened.socket)
      return opened
    }
    this.#opened = opened
    const { header, codec, id } = opened
    await this.#sendMessage(header, codec.encodeOpening(id))
    return opened
  }

  async #write(request: unknown): Promise<void> {
    const { codec, header, id } = this.#opened ?? (await this.#opening)
    await this.#sendMessage(header, codec.encode(request, id, this.#parts.kind === 'server'))
  }

  /** A socket that fails here fails in `receive` as well: that is where the caller learns of it. */
  async #sendMessage(header: ReadonlyMap<string, string>, body: Uint8Array): Promise<void> {
    if (this.#ended) return
    try {
      await this.#opened!.socket.send({ header: header as Map<string, string>, body })
    } catch (cause) {
      if (cause instanceof RangeError) throw transportError(cause)
    }
  }

  async #read(): Promise<IteratorResult<unknown, undefined>> {
    let message: Message | undefined
    try {
      const { socket } = await this.#opening
      if (!this.#ended) message = await this.#receive(socket)
    } catch (cause) {
      this.#finish({ error: transportError(cause) })
    }
    return this.#ended ? this.#result() : this.#onMessage(message)
  }

  /** A read that waits hears at once of whatever else ends the call, also on a link that is dead. */
  async #receive(socket: Socket): Promise<Message | undefined> {
    this.#waiting = true
    this.#armEndGrace()
    try {
      return await new Promise((resolve, reject) => {
        this.#interrupt = () => resolve(undefined)
        socket.receive().then(resolve, reject)
      })
    } finally {
      this.#waiting = false
      this.#endGrace?.cancel()
      this.#endGrace = undefined
    }
  }

  /** A server that neither says its end nor knows `Connection: close` is at it when it has said nothing for a while. */
  #armEndGrace(): void {
    const { runtime, endGraceMs } = this.#parts
    const isDue = this.#isSilentAtEnd && this.#endSent && this.#waiting && !this.#ended
    if (!isDue || endGraceMs === Number.POSITIVE_INFINITY || this.#endGrace !== undefined) return
    this.#endGrace = runtime.schedule(endGraceMs, () => this.#finish(undefined))
    this.#endGrace.ref()
  }

  #onMessage(message: Message | undefined): IteratorResult<unknown, undefined> {
    if (message === undefined) {
      // After our own end the socket's end is the stream's.
      this.#finish(this.#endSent ? undefined : { error: endOfSocket(this.#opened!.socket) })
      return this.#result()
    }
    const { header } = message
    this.#isSilentAtEnd = header.has(MucpHeader.Id) && !header.has(MucpHeader.ID)
    const metadata = Metadata.fromHeaders(metadataFields(header))
    const reply = this.#opened!.codec.read(message)
    if (reply.kind === 'error') {
      this.#serverEnded = true
      this.#finish({ error: atAddress(reply.error, this.#opened!.socket.remote) })
      return this.#result()
    }
    this.#tellHeaders(metadata)
    if (this.#ended) return this.#result()
    if (reply.kind === 'message') {
      this.#serverEnded = this.#parts.kind === 'client'
      return { done: false, value: reply.value }
    }
    this.#endSent = true
    this.#trailers.resolve(metadata)
    this.#finish(undefined)
    return this.#result()
  }

  /** The first message's header is what comes ahead of the messages. */
  #tellHeaders(metadata: Metadata): void {
    if (this.#gotHeaders) return
    this.#gotHeaders = true
    this.#parts.route?.answered()
    this.#headers.resolve(metadata)
    try {
      this.#parts.options.onHeaders?.(metadata)
    } catch (error) {
      this.cancel(error)
    }
  }

  /** The failure, each time: a second reader must not take it for the end. */
  #result(): IteratorResult<unknown, undefined> {
    if (this.#failure !== undefined) throw this.#failure.error
    return DONE
  }

  #finish(failure: { error: unknown } | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    this.#parts.route?.end(failure?.error)
    // Also ends the wait for a socket.
    this.#guard.stop(failure?.error ?? new MicroError(499, 'the call is over', { id: CLIENT_ID }))
    this.#interrupt?.()
    if (failure === undefined) {
      this.#headers.resolve(new Metadata())
      this.#trailers.resolve(new Metadata())
      this.#tellTrailers()
    } else {
      this.#headers.reject(failure.error)
      this.#trailers.reject(failure.error)
    }
    this.#shut(failure?.error)
    this.#parts.onClosed()
    this.#onEnded?.()
  }

  #tellTrailers(): void {
    const { onTrailers } = this.#parts.options
    if (onTrailers === undefined) return
    void this.#trailers.promise.then(onTrailers).catch(error => {
      this.#failure ??= { error }
    })
  }

  /** As Go's `Close`: the last word, then the end of the socket. */
  #shut(failure: unknown): void {
    const opened = this.#opened
    if (opened === undefined) return
    if (!this.#endSent) {
      this.#endSent = true
      // Not awaited: a server that reads nothing must not keep the socket open. `close` lets it leave.
      const last = { header: this.#lastHeader(opened, failure), body: NO_BODY }
      void trySend(opened.socket, last)
    }
    void closeSocket(opened.socket)
  }

  /** EOS where all requests were sent, or nobody reads them; elsewhere it would tell a handler that it has them all. */
  #lastHeader({ header }: OpenedSocket, failure: unknown): Map<string, string> {
    if (this.#serverEnded || this.#parts.kind === 'server') return endHeader(header)
    return cancelHeader(header, failure)
  }
}
