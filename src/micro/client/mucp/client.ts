import { Metadata } from '../../../grpc/index.js'
import type { Runtime, Transport } from '../../../transport/index.js'
import type { CallOptions } from '../../call/call-options.js'
import { metadataOf } from '../../call/metadata-init.js'
import { MucpGuard } from '../../call/race-limit.js'
import type { Target } from '../../discovery/target.js'
import { abortError } from '../../errors/abort-error.js'
import { clientClosed } from '../../errors/client-closed.js'
import { atAddress, MicroError } from '../../errors/micro-error.js'
import { closeSocket } from '../../mucp/close-socket.js'
import { END_OF_STREAM, formatTimeout, MucpHeader, readMucpFields } from '../../mucp/header.js'
import { mergeInto, metadataFields } from '../../mucp/metadata.js'
import { isUnserved } from '../../mucp/unserved.js'
import type { ServiceMethod } from '../../service/service.js'
import type { AuthorizedOptions } from '../calls/authorized-options.js'
import { backoffMs } from '../calls/back-off.js'
import { findWithin } from '../calls/find-within.js'
import { asSeen, attemptExpired, callExpired, closedError, unsent } from './call-errors.js'
import { dialError, MucpCodec } from './codec.js'
import { exchange } from './exchange.js'
import { type PooledSocket, type PoolOptions, SocketPool } from './socket-pool.js'
import { MucpStream } from './stream.js'

/** What the calls of one client over a transport have in common. Defaults: those of go-micro >= 4.10. */
export interface MucpClientOptions {
  readonly transport: Transport
  readonly runtime: Pick<Runtime, 'now' | 'schedule'>
  /** Whole calls. Unit: ms. */
  readonly timeoutMs: number
  /** One attempt. Unit: ms. */
  readonly connectionTimeoutMs: number
  /** Setting up a socket. Unit: ms. */
  readonly dialTimeoutMs: number
  /** Attempts after the first. */
  readonly retries: number
  /** See `ClientOptions.endGraceMs`. */
  readonly endGraceMs: number
  readonly pool: PoolOptions
}

/** The client's half of the micro RPC protocol. */
export class MucpClient {
  readonly options: MucpClientOptions
  readonly #pool: SocketPool
  readonly #streams = new Set<MucpStream>()
  #closed = false
  #idNext = 0

  constructor(options: MucpClientOptions) {
    this.options = options
    this.#pool = new SocketPool(
      options.transport,
      options.runtime,
      options.dialTimeoutMs,
      options.pool,
    )
  }

  /** Idle sockets to an address. */
  idleCount(address: string): number {
    return this.#pool.idleCount(address)
  }

  /** Dials a socket for the calls to come, unless one is there. @throws MicroError */
  async connect(address: string): Promise<void> {
    if (this.#pool.idleCount(address) > 0) return
    try {
      await this.#pool.prepare(address)
    } catch (cause) {
      throw dialError(cause)
    }
  }

  /**
   * One request, one response. `find` names the target of each attempt, given that of the one before.
   *
   * @throws MicroError: the server's, or ours (408 for time, 500 for the socket)
   */
  async unary(
    find: (last: Target | undefined) => Target | Promise<Target>,
    method: ServiceMethod,
    service: string,
    contentType: string,
    request: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    const { runtime, retries } = this.options
    const timeoutMs = options.timeoutMs ?? this.options.timeoutMs
    const deadline = runtime.now() + timeoutMs
    let isFresh = false
    let wasSeen = false
    let target: Target | undefined
    let given: AuthorizedOptions = options
    for (let attempt = 0; ; attempt++) {
      const delayMs = isFresh ? 0 : backoffMs(attempt)
      if (delayMs > 0) await this.#wait(delayMs, deadline, options.signal)
      try {
        const found = find(target)
        target = found instanceof Promise ? await this.#within(found, deadline, options) : found
        const codec = new MucpCodec(method, service, contentType, target.legacy)
        if ((attempt > 0 || isFresh) && given.renew !== undefined) given = await given.renew()
        target.route?.begin()
        const response = await this.#attempt(target, codec, request, given, deadline, isFresh)
        target.route?.end(undefined)
        return response
      } catch (error) {
        target?.route?.end(error)
        if (this.#closed) throw closedError(error)
        if (options.signal?.aborted === true) throw wasSeen ? asSeen(error) : error
        // What no handler saw goes once more, at once, and by a socket that has not waited for it.
        if ((!isFresh && isUnserved(error)) || target?.route?.mayMove(error)) {
          isFresh = true
          attempt--
          continue
        }
        const again = error instanceof MicroError && error.code === 408 && attempt < retries
        // What an earlier attempt may have done is no less done.
        if (wasSeen) asSeen(error)
        if (!again || runtime.now() >= deadline) throw error
        wasSeen ||= !error.unprocessed
      }
    }
  }

  /** Opens a stream on a socket of its own. */
  stream(
    target: Target,
    method: ServiceMethod,
    service: string,
    contentType: string,
    options: CallOptions,
  ): MucpStream {
    const { route } = target
    const stream: MucpStream = new MucpStream({
      route,
      kind: method.kind,
      runtime: this.options.runtime,
      options,
      endGraceMs: this.options.endGraceMs,
      open: async () => {
        const codec = new MucpCodec(method, service, contentType, target.legacy)
        const id = this.nextId()
        const header = this.#header(codec, id, true, options)
        const { timeoutMs } = options
        if (timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY) {
          header.set(MucpHeader.Timeout, formatTimeout(timeoutMs))
        }
        const dialTimeoutMs = this.options.dialTimeoutMs
        const socket = await this.options.transport.dial(target.address, {
          timeoutMs: dialTimeoutMs,
        })
        return { socket, codec, header, id }
      },
      onClosed: () => this.#streams.delete(stream),
    })
    this.#streams.add(stream)
    return stream
  }

  /** Sends an event and waits until the subscribers are done. @throws MicroError */
  async publish(
    find: (last: Target | undefined) => Target | Promise<Target>,
    topic: string,
    contentType: string,
    body: Uint8Array,
    options: CallOptions,
  ): Promise<void> {
    let target: Target | undefined
    const once = async (isFresh: boolean): Promise<void> => {
      const { runtime } = this.options
      const limitMs = options.timeoutMs ?? this.options.timeoutMs
      const found = Promise.resolve(find(target))
      target = await this.#within(found, runtime.now() + limitMs, options)
      const { route } = target
      route?.begin()
      try {
        await this.#publish(target, topic, contentType, body, options, isFresh)
        route?.end(undefined)
      } catch (error) {
        route?.end(error)
        throw error
      }
    }
    try {
      await once(false)
    } catch (error) {
      if (this.#closed) throw closedError(error)
      if (!isUnserved(error)) throw error
      await once(true)
    }
  }

  /** Ids of calls: decimal, counted from 0, for unary calls and streams alike. */
  nextId(): string {
    return String(this.#idNext++)
  }

  /** Closes idle sockets, and streams with an error. */
  close(): void {
    this.#closed = true
    this.#pool.close()
    for (const stream of this.#streams) stream.cancel(clientClosed('mucp', false))
  }

  async #publish(
    target: Target,
    topic: string,
    contentType: string,
    body: Uint8Array,
    options: CallOptions,
    isFresh: boolean,
  ): Promise<void> {
    const { runtime } = this.options
    const limitMs = options.timeoutMs ?? this.options.timeoutMs
    const header = new Map<string, string>()
    addMetadata(header, options)
    header.set(MucpHeader.Topic, topic).set(MucpHeader.ContentType, contentType)
    const id = this.nextId()
    header.set(MucpHeader.Id, id).set(MucpHeader.ID, id)
    const guard = new MucpGuard(runtime, options.signal, limitMs, attemptExpired)
    const socket = await this.#socket(target.address, guard, isFresh)
    const answer = await exchange(socket, { header, body }, guard)
    const { error } = readMucpFields(answer.header)
    if (error !== '') {
      void closeSocket(socket.socket)
      throw atAddress(MicroError.parse(error), target.address)
    }
    this.#pool.put(socket)
  }

  async #attempt(
    target: Target,
    codec: MucpCodec,
    request: unknown,
    options: CallOptions,
    deadline: number,
    isFresh: boolean,
  ): Promise<unknown> {
    const { runtime, connectionTimeoutMs } = this.options
    const { signal } = options
    if (signal?.aborted === true) throw abortError(signal.reason, 'mucp', true)
    const limitMs = Math.min(connectionTimeoutMs, deadline - runtime.now())
    if (limitMs <= 0) throw unsent(callExpired())
    const id = this.nextId()
    const header = this.#header(codec, id, false, options)
    if (limitMs !== Number.POSITIVE_INFINITY) header.set(MucpHeader.Timeout, formatTimeout(limitMs))
    const message = { header, body: codec.encode(request, id, true) }
    const expired = limitMs < connectionTimeoutMs ? callExpired : attemptExpired
    const guard = new MucpGuard(runtime, options.signal, limitMs, expired)
    const socket = await this.#socket(target.address, guard, isFresh)
    guard.sending(deadline)
    const answer = await exchange(socket, message, guard)
    const reply = codec.read(answer)
    if (reply.kind !== 'message') {
      // As go-micro: a socket that brought an error is not used again.
      void closeSocket(socket.socket)
      options.onTrailers?.(Metadata.fromHeaders(metadataFields(answer.header)))
      const error =
        reply.kind === 'error' ? reply.error : new MicroError(0, END_OF_STREAM, { origin: 'peer' })
      throw atAddress(error, target.address)
    }
    this.#pool.put(socket)
    if (options.onHeaders !== undefined || options.onTrailers !== undefined) {
      const metadata = Metadata.fromHeaders(metadataFields(answer.header))
      options.onHeaders?.(metadata)
      options.onTrailers?.(metadata)
    }
    return reply.value
  }

  /** An idle socket unless it has to be fresh, or one that is dialled. */
  #socket(
    address: string,
    guard: MucpGuard,
    isFresh: boolean,
  ): PooledSocket | Promise<PooledSocket> {
    const idle = isFresh ? undefined : this.#pool.take(address)
    return idle ?? this.#open(address, guard)
  }

  async #open(address: string, guard: MucpGuard): Promise<PooledSocket> {
    try {
      return await guard.race(this.#dial(address, guard))
    } catch (error) {
      guard.finish()
      throw unsent(error)
    }
  }

  async #dial(address: string, guard: MucpGuard): Promise<PooledSocket> {
    let socket: PooledSocket
    try {
      socket = await this.#pool.dial(address)
    } catch (cause) {
      throw dialError(cause)
    }
    // Too late for its call; the next one may have it.
    if (guard.stopped) void closeSocket(socket.socket)
    return socket
  }

  #header(
    codec: MucpCodec,
    id: string,
    stream: boolean,
    options: CallOptions,
  ): Map<string, string> {
    const header = new Map<string, string>()
    addMetadata(header, options)
    for (const [name, value] of codec.header(id, stream)) header.set(name, value)
    return header
  }

  /** A registry that has to be asked has no more time than the call. */
  async #within(found: Promise<Target>, deadline: number, options: CallOptions): Promise<Target> {
    const { runtime } = this.options
    return (await findWithin(found, runtime, deadline - runtime.now(), options)).target
  }

  async #wait(delayMs: number, deadline: number, signal: AbortSignal | undefined): Promise<void> {
    const { runtime } = this.options
    const remainingMs = deadline - runtime.now()
    const expired = delayMs < remainingMs ? () => WAITED : callExpired
    const guard = new MucpGuard(runtime, signal, Math.min(delayMs, remainingMs), expired)
    try {
      await guard.race(new Promise<never>(() => undefined))
    } catch (reason) {
      if (reason !== WAITED) throw reason
    }
  }
}

/** The end of a pause between attempts. */
const WAITED = new Error('waited')

/** User metadata. */
function addMetadata(header: Map<string, string>, options: CallOptions): void {
  if (options.metadata !== undefined) mergeInto(header, metadataOf(options.metadata))
}
