import { TransportError, TransportErrorCode } from '../errors/transport-error.js'
import type { Message } from './transport.js'

/** The part of a gRPC call, of either side, that carries messages. */
export interface MessageCall {
  /** False when much is queued: wait for the drain. */
  write(message: unknown): boolean
  read(): unknown
  readonly readable: boolean
  /** The peer sends no more, and everything was read. */
  readonly ended?: boolean
}

interface Waiter<T> {
  resolve(value: T): void
  reject(error: Error): void
}

interface WaitingSend extends Waiter<void> {
  readonly bytes: Buffer
}

/** A send that waits, beside its octets: two promises and who waits for them. Measured. Unit: octets. */
const SEND_COST = 512

/** One for all sends that need not wait. */
const SENT: Promise<void> = Promise.resolve()

/**
 * Turns the callbacks of a call into the promises of a socket: sends one after
 * the other with back-pressure, one receive at a time.
 */
export class SocketFlow {
  readonly #remote: string
  #call: MessageCall
  /** The call has taken a message and wants no more yet. */
  #blocked: Waiter<void> | undefined
  #waiting: WaitingSend[] = []
  #receiver: Waiter<Message | undefined> | undefined
  #ended = false
  #error: Error | undefined
  readonly #charge: ((size: number) => void) | undefined
  #over: Promise<Error | undefined> | undefined
  #onOver: ((error: Error | undefined) => void) | undefined

  /** @param charge hears of the octets that wait here in front of the call, since the peer takes none; less where it is negative */
  constructor(remote: string, call: MessageCall, charge?: (size: number) => void) {
    this.#remote = remote
    this.#call = call
    this.#charge = charge
  }

  get ended(): boolean {
    return this.#ended
  }

  /** As `Socket.over`. Made when first asked for. */
  get over(): Promise<Error | undefined> {
    this.#over ??= new Promise(resolve => {
      this.#onOver = resolve
      if (this.#ended) resolve(this.#error)
    })
    return this.#over
  }

  /** The same conversation goes on with another call, which knows what was sent so far. */
  continueWith(call: MessageCall, isFull: boolean): void {
    this.#call = call
    // It has not heard that a message is wanted.
    if (this.#receiver !== undefined && !call.readable) call.read()
    if (!isFull) this.onDrain()
  }

  send(bytes: Buffer): Promise<void> {
    if (this.#ended) return Promise.reject(this.#error ?? this.#closedError())
    if (this.#blocked === undefined) {
      if (this.#call.write(bytes)) return SENT
      return new Promise((resolve, reject) => {
        this.#blocked = { resolve, reject }
      })
    }
    this.#charge?.(costOf(bytes))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject })
    })
  }

  receive(): Promise<Message | undefined> {
    if (this.#receiver !== undefined) {
      return Promise.reject(new TypeError('another receive is still waiting; await it first'))
    }
    // Also where none is there: the call hears that it is wanted.
    const message = this.#call.read()
    // What waits undecoded may turn out to be broken: then the call has ended.
    if (message !== undefined) return Promise.resolve(message as Message)
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#ended || this.#call.ended === true) return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      this.#receiver = { resolve, reject }
    })
  }

  onReadable(): void {
    const receiver = this.#receiver
    if (receiver === undefined) return
    const message = this.#call.readable ? this.#call.read() : undefined
    if (message === undefined && this.#call.ended !== true) return
    this.#receiver = undefined
    receiver.resolve(message as Message | undefined)
  }

  onDrain(): void {
    this.#blocked?.resolve()
    this.#blocked = undefined
    while (this.#waiting.length > 0 && this.#blocked === undefined && !this.#ended) {
      const next = this.#waiting.shift()!
      this.#charge?.(-costOf(next.bytes))
      if (this.#call.write(next.bytes)) next.resolve()
      else this.#blocked = next
    }
  }

  /** Gives the call all that was sent, however full it is: nothing follows, so it grows no more. */
  flush(): void {
    this.#blocked?.resolve()
    this.#blocked = undefined
    for (const { bytes, resolve } of this.#takeWaiting()) {
      this.#call.write(bytes)
      resolve()
    }
  }

  /** The conversation is over, in good order when there is no error. Once. */
  end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#onOver?.(error)
    const senders: Waiter<void>[] = this.#takeWaiting()
    if (this.#blocked !== undefined) senders.unshift(this.#blocked)
    this.#blocked = undefined
    for (const sender of senders) sender.reject(error ?? this.#closedError())
    const receiver = this.#receiver
    this.#receiver = undefined
    if (receiver !== undefined) void this.receive().then(receiver.resolve, receiver.reject)
  }

  #takeWaiting(): WaitingSend[] {
    const waiting = this.#waiting.splice(0)
    if (this.#charge === undefined) return waiting
    for (const { bytes } of waiting) this.#charge(-costOf(bytes))
    return waiting
  }

  #closedError(): TransportError {
    const text = `the socket to ${this.#remote} is closed`
    return new TransportError(TransportErrorCode.Closed, this.#remote, text)
  }
}

function costOf(bytes: Buffer): number {
  return bytes.length + SEND_COST
}
