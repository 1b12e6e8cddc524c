import { HandlerSlots } from '../../connection/index.js'
import { GrpcError } from '../../grpc/index.js'
import { checkOptions, checkRanges, DELAY_MAX_MS, type NumberRange } from '../../options/index.js'
import { TransportError, TransportErrorCode } from '../errors/transport-error.js'
import { shownAddress } from '../runtime/address.js'
import { inRootContext } from '../runtime/async-context.js'
import { checkDialOptions, checkListenOptions } from './dial-options.js'
import { checkHeader, checkMessage } from './message.js'
import { SlotPlaces } from './slot-places.js'
import type {
  DialOptions,
  HandlerPlaces,
  Listener,
  ListenOptions,
  Message,
  Socket,
  Transport,
} from './transport.js'

/** Messages that may wait at the receiver before `send` waits too. */
const QUEUE_COUNT_MAX = 64

const HANDLERS_MAX = 10_000
const START_TIMEOUT_MS = 10_000

/** How much a transport within this process may do at once. */
export interface MemoryTransportOptions {
  /**
   * Handlers that run at once for the messages of all sockets of one listener: there is no connection that could bound them. More messages wait.
   * Unit: handlers. Default: 10_000. Reason: ten connections of `streamsMax`.
   */
  readonly handlersMax?: number
  /** How long a message waits for others' handlers; then it is refused. Unit: ms. Default: 10_000. Reason: as of a native call. */
  readonly startTimeoutMs?: number
}

const RANGES: readonly NumberRange<'handlersMax' | 'startTimeoutMs'>[] = [
  ['handlersMax', 1, Number.POSITIVE_INFINITY],
  ['startTimeoutMs', 1, DELAY_MAX_MS],
]

/**
 * Creates a transport within this process, for tests and for services in one program. It behaves as
 * the gRPC transport, without encoding: messages are copied, so neither side sees later changes of
 * the other.
 *
 * Each call makes a network of its own. `:0` and `host:0` choose a free port.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function memoryTransport(options: MemoryTransportOptions = {}): Transport {
  checkOptions('memoryTransport', options, { handlersMax: 'number', startTimeoutMs: 'number' })
  checkRanges(options, RANGES)
  const { handlersMax = HANDLERS_MAX, startTimeoutMs = START_TIMEOUT_MS } = options
  const listeners = new Map<string, MemoryListener>()
  let portNext = 1
  return {
    name: 'memory',
    async dial(address: string, options: DialOptions = {}): Promise<Socket> {
      checkDialOptions(options)
      const listener = listeners.get(address)
      if (listener === undefined || !listener.accepting) {
        throw new TransportError(
          TransportErrorCode.Refused,
          shownAddress(address),
          `could not dial ${shownAddress(address)}: nobody listens there`,
        )
      }
      return listener.connect(address)
    },
    async listen(address: string, options: ListenOptions = {}): Promise<Listener> {
      checkListenOptions(options)
      let bound = address
      while (bound === '' || bound.endsWith(':0') || (bound !== address && listeners.has(bound))) {
        bound = `${address.replace(/:?0?$/, '')}:${portNext++}`
      }
      if (listeners.has(bound)) {
        throw new TransportError(
          TransportErrorCode.InUse,
          shownAddress(address),
          `cannot listen on ${shownAddress(address)}: address already in use`,
        )
      }
      const listener = new MemoryListener(
        bound,
        new SlotPlaces(new HandlerSlots(handlersMax), startTimeoutMs),
        () => listeners.delete(bound),
      )
      listeners.set(bound, listener)
      return listener
    },
  }
}

type Accept = (socket: Socket) => void | Promise<void>

class MemoryListener implements Listener {
  readonly address: string
  readonly #onClose: () => void
  readonly #running = new Set<Promise<void>>()
  /** Dialled before `accept` was called. */
  readonly #waiting: MemorySocket[] = []
  #handler: Accept | undefined
  #closed = false
  #dialCount = 0
  readonly #handlers: HandlerPlaces

  constructor(address: string, handlers: HandlerPlaces, onClose: () => void) {
    this.address = address
    this.#handlers = handlers
    this.#onClose = onClose
  }

  get accepting(): boolean {
    return !this.#closed
  }

  connect(dialled: string): Socket {
    const name = `memory-${++this.#dialCount}`
    const client = new MemorySocket(name, dialled)
    const server = new MemorySocket(this.address, name, this.#handlers)
    client.attach(server)
    server.attach(client)
    if (this.#handler === undefined) this.#waiting.push(server)
    else this.#serve(server, this.#handler)
    return client
  }

  accept(handler: Accept): void {
    if (this.#handler !== undefined) {
      throw new TypeError(
        `accept was called before on the listener at ${this.address}; it takes one callback`,
      )
    }
    this.#handler = handler
    for (const socket of this.#waiting.splice(0)) this.#serve(socket, handler)
  }

  #serve(socket: MemorySocket, handler: Accept): void {
    // Whoever dials shares the socket with others later: their calls are not its business.
    const done: Promise<void> = inRootContext(() => this.#run(socket, handler)).finally(() =>
      this.#running.delete(done),
    )
    this.#running.add(done)
  }

  async #run(socket: MemorySocket, handler: Accept): Promise<void> {
    // One turn later, as over a network: dial returns before the handler runs.
    await undefined
    try {
      await handler(socket)
      socket.end(undefined)
    } catch (error) {
      // As over a network: a status that the handler chose is its answer, any other exception's text is no business of the peer. Who debugs both has the cause.
      const said = error instanceof GrpcError ? `: ${error.message}` : ''
      const text = `${shownAddress(this.address)}: the handler of the socket failed${said}`
      socket.end(new TransportError(TransportErrorCode.Lost, this.address, text, error))
    }
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      this.#onClose()
      for (const socket of this.#waiting.splice(0)) socket.end(undefined)
    }
    await Promise.all(this.#running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

interface Waiter<T> {
  resolve(value: T): void
  reject(error: Error): void
}

class MemorySocket implements Socket {
  readonly local: string
  readonly remote: string
  readonly #inbox: Message[] = []
  /** Senders at the other end that wait for room here, in order. */
  readonly #senders: { message: Message; waiter: Waiter<void> }[] = []
  #peer: MemorySocket = this
  #receiver: Waiter<Message | undefined> | undefined
  /** Our own side has ended. */
  #closed = false
  /** The other side has ended: nothing new comes in. */
  #peerEnded = false
  #error: Error | undefined
  readonly over: Promise<Error | undefined>
  readonly handlers?: HandlerPlaces
  #onOver: (error: Error | undefined) => void = () => undefined

  constructor(local: string, remote: string, handlers?: HandlerPlaces) {
    this.local = local
    this.remote = remote
    if (handlers !== undefined) this.handlers = handlers
    this.over = new Promise(resolve => {
      this.#onOver = resolve
    })
  }

  attach(peer: MemorySocket): void {
    this.#peer = peer
  }

  async send(message: Message): Promise<void> {
    checkMessage(message)
    for (const [key, value] of message.header) checkHeader(key, value)
    if (this.#closed || this.#peerEnded) throw this.#error ?? this.#closedError()
    await this.#peer.#deliver({ header: new Map(message.header), body: Buffer.from(message.body) })
  }

  #deliver(message: Message): Promise<void> | undefined {
    const receiver = this.#receiver
    if (receiver !== undefined) {
      this.#receiver = undefined
      receiver.resolve(message)
      return undefined
    }
    if (this.#inbox.length < QUEUE_COUNT_MAX) {
      this.#inbox.push(message)
      return undefined
    }
    return new Promise((resolve, reject) => {
      this.#senders.push({ message, waiter: { resolve, reject } })
    })
  }

  async receive(): Promise<Message | undefined> {
    if (this.#receiver !== undefined)
      throw new TypeError('another receive is still waiting; await it first')
    const message = this.#inbox.shift()
    if (message !== undefined) {
      const sender = this.#senders.shift()
      if (sender !== undefined) {
        this.#inbox.push(sender.message)
        sender.waiter.resolve()
      }
      return message
    }
    if (this.#error !== undefined) throw this.#error
    if (this.#closed || this.#peerEnded) return undefined
    return new Promise((resolve, reject) => {
      this.#receiver = { resolve, reject }
    })
  }

  async close(): Promise<void> {
    this.#inbox.length = 0
    this.end(undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Our side ends, with an error for the peer or in good order. */
  end(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#onOver(this.#error)
    this.#refuseSenders()
    this.#receiver?.resolve(undefined)
    this.#receiver = undefined
    this.#peer.#onPeerEnd(error)
  }

  #onPeerEnd(error: Error | undefined): void {
    if (this.#peerEnded) return
    this.#peerEnded = true
    if (error !== undefined && !this.#closed) this.#error = error
    this.#onOver(this.#error)
    const receiver = this.#receiver
    this.#receiver = undefined
    if (receiver === undefined) return
    if (this.#error !== undefined) receiver.reject(this.#error)
    else receiver.resolve(undefined)
  }

  /** Nobody will read any more: those who wait for room must not wait for ever. */
  #refuseSenders(): void {
    for (const sender of this.#senders.splice(0)) {
      sender.waiter.reject(this.#peer.#closedError())
    }
  }

  #closedError(): TransportError {
    return new TransportError(
      TransportErrorCode.Closed,
      this.remote,
      `the socket to ${this.remote} is closed`,
    )
  }
}
