import { GrpcError, Status } from '../../../grpc/index.js'
import type { Socket } from '../../../transport/index.js'
import { MucpConnection } from './connection.js'
import type { MucpServerOptions } from './server-options.js'

/** The sockets of a server's mucp clients. */
export class MucpConnections {
  readonly #options: MucpServerOptions
  /** With what ends the serving of each though its handlers go on. */
  readonly #open = new Map<MucpConnection, (error: Error) => void>()
  #isDraining = false

  constructor(options: MucpServerOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#open.size
  }

  /** Settles when the socket is done with. */
  async serve(socket: Socket): Promise<void> {
    const connection = new MucpConnection(socket, this.#options)
    // A handler that ignores its signal holds up neither its client nor `stop`.
    const cut = new Promise<never>((_resolve, reject) => this.#open.set(connection, reject))
    if (this.#isDraining) connection.drain()
    try {
      await Promise.race([connection.run(), cut])
    } finally {
      this.#open.delete(connection)
    }
  }

  /** Each socket ends as soon as nothing runs on it; those that come later as well. */
  drain(): void {
    this.#isDraining = true
    for (const connection of this.#open.keys()) connection.drain()
  }

  /** Ends all of them now. */
  cut(): void {
    for (const [connection, abandon] of this.#open) {
      connection.destroy(new Error('the server stopped'))
      abandon(new GrpcError(Status.Unavailable, 'the server is leaving'))
    }
  }
}
