import type { Message, Runtime, Socket, Transport } from '../../../transport/index.js'
import { closeSocket } from '../../mucp/close-socket.js'

/** How many idle mucp sockets a client keeps, and for how long. */
export interface PoolOptions {
  /** Idle sockets to keep for each address. Default: 100, as go-micro. */
  readonly sizeMax?: number
  /**
   * Age, counted from dialling, at which a socket is no longer reused. Unit: ms. Default: 60_000,
   * as go-micro.
   */
  readonly ttlMs?: number
}

/** A socket with the `receive` that is always under way on it: so an idle one is known to be dead. */
export class PooledSocket {
  readonly socket: Socket
  readonly address: string
  readonly expiresAt: number
  #receiving: Promise<Message | undefined>

  constructor(socket: Socket, address: string, expiresAt: number) {
    this.socket = socket
    this.address = address
    this.expiresAt = expiresAt
    this.#receiving = quiet(socket.receive())
  }

  /** The next message. */
  get receiving(): Promise<Message | undefined> {
    return this.#receiving
  }

  /** The message has been taken: waits for the one after it. Whoever calls looks after a failure. */
  receiveNext(): Promise<Message | undefined> {
    this.#receiving = this.socket.receive()
    return this.#receiving
  }
}

/** Idle sockets, the youngest first. Each is used by one call at a time, as go-micro does. */
export class SocketPool {
  readonly #transport: Transport
  readonly #runtime: Pick<Runtime, 'now'>
  readonly #dialTimeoutMs: number
  readonly #sizeMax: number
  readonly #ttlMs: number
  readonly #idle = new Map<string, PooledSocket[]>()
  #closed = false

  constructor(
    transport: Transport,
    runtime: Pick<Runtime, 'now'>,
    dialTimeoutMs: number,
    options: PoolOptions,
  ) {
    this.#transport = transport
    this.#runtime = runtime
    this.#dialTimeoutMs = dialTimeoutMs
    this.#sizeMax = options.sizeMax ?? 100
    this.#ttlMs = options.ttlMs ?? 60_000
  }

  /** Idle sockets of an address. */
  idleCount(address: string): number {
    return this.#idle.get(address)?.length ?? 0
  }

  /** An idle socket; undefined when one must be dialled. */
  take(address: string): PooledSocket | undefined {
    const idle = this.#idle.get(address)
    if (idle === undefined) return undefined
    const now = this.#runtime.now()
    for (let socket = idle.pop(); socket !== undefined; socket = idle.pop()) {
      if (socket.expiresAt > now) {
        socket.socket.ref?.()
        return socket
      }
      void closeSocket(socket.socket)
    }
    this.#idle.delete(address)
    return undefined
  }

  async dial(address: string): Promise<PooledSocket> {
    const socket = await this.#transport.dial(address, { timeoutMs: this.#dialTimeoutMs })
    return new PooledSocket(socket, address, this.#runtime.now() + this.#ttlMs)
  }

  /** Dials a socket for a call to come. */
  async prepare(address: string): Promise<void> {
    const socket = await this.dial(address)
    this.#keep(socket, () => socket.receiving)
  }

  /** Gives a socket back whose last call went well. */
  put(socket: PooledSocket): void {
    this.#keep(socket, () => socket.receiveNext())
  }

  #keep(socket: PooledSocket, receive: () => Promise<unknown>): void {
    const idle = this.#idle.get(socket.address) ?? []
    if (this.#closed || idle.length >= this.#sizeMax) {
      void closeSocket(socket.socket)
      return
    }
    this.#idle.set(socket.address, idle)
    idle.push(socket)
    socket.socket.unref?.()
    // Nothing may come while it is idle: whatever it is, the socket is of no more use.
    const drop = (): void => this.#drop(socket)
    receive().then(drop, drop)
  }

  close(): void {
    this.#closed = true
    for (const idle of this.#idle.values()) {
      for (const socket of idle) void closeSocket(socket.socket)
    }
    this.#idle.clear()
  }

  #drop(socket: PooledSocket): void {
    const idle = this.#idle.get(socket.address)
    const index = idle?.indexOf(socket) ?? -1
    if (index < 0) return
    idle?.splice(index, 1)
    void closeSocket(socket.socket)
  }
}

/** A promise whose rejection may come before anyone looks at it. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
