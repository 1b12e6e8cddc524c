import type { ConnectionHandler, ConnectionHost, ConnectionLimits } from '../../src/grpc/index.js'
import {
  CallAcceptor,
  CallConnector,
  type CallConnectorOptions,
  type CallOptions,
  ClientCall,
  type ClientCallOptions,
  type ClientCallReceiver,
  Connection,
  frameName,
  type GrpcError,
  type HeaderList,
  type Metadata,
  type Method,
  type Route,
  Router,
  requestHeaders,
} from '../../src/grpc/index.js'

export interface PairOptions {
  readonly call?: CallOptions
  readonly connector?: CallConnectorOptions
  readonly clientLimits?: Partial<ConnectionLimits>
  readonly serverLimits?: Partial<ConnectionLimits>
  /** Octets in each piece the other side gets. */
  readonly pieceSize?: number
}

/** Two real connections back to back, in memory. */
export class Pair {
  now = 1_000
  readonly router: Router = new Router()
  readonly client: Connection
  readonly server: Connection
  readonly connector: CallConnector
  readonly problems: unknown[] = []
  /** Frames the client and the server sent: `type:streamId`. */
  readonly clientFrames: string[] = []
  readonly serverFrames: string[] = []
  readonly #pieceSize: number

  constructor(routes: readonly Route[], options: PairOptions = {}) {
    for (const route of routes) this.router.add(route)
    this.connector = new CallConnector(options.connector)
    const acceptor = new CallAcceptor(this.router, {
      onError: error => this.problems.push(error),
      ...options.call,
    })
    this.client = this.#connect('client', this.connector, options.clientLimits, this.clientFrames)
    this.server = this.#connect('server', acceptor, options.serverLimits, this.serverFrames)
    this.#pieceSize = options.pieceSize ?? 1 << 30
    this.pump()
  }

  #connect(
    role: 'client' | 'server',
    handler: ConnectionHandler,
    limits: Partial<ConnectionLimits> | undefined,
    frames: string[],
  ): Connection {
    const host: ConnectionHost = {
      onOutput: () => {},
      onSettings: () => {},
      onGoaway: () => {},
      onCapacity: () => {},
      onHandlerError: error => this.problems.push(error),
      onClosed: cause => {
        if (cause !== undefined) this.problems.push(cause)
      },
    }
    const observer = {
      onFrame(sent: boolean, type: number, _flags: number, streamId: number): void {
        if (sent) frames.push(`${frameName(type)}:${streamId}`)
      },
    }
    return new Connection({ role, handler, host, now: this.now, limits, observer })
  }

  /** Carries octets both ways until neither side has any. */
  pump(): void {
    while (this.client.hasOutput || this.server.hasOutput) {
      this.#carry(this.client, this.server)
      this.#carry(this.server, this.client)
    }
  }

  advance(now: number): void {
    this.now = now
    this.client.advance(now)
    this.server.advance(now)
    this.pump()
  }

  #carry(from: Connection, to: Connection): void {
    for (const buffer of from.takeOutput(65_536)) {
      for (let at = 0; at < buffer.length; at += this.#pieceSize) {
        const piece = Buffer.from(buffer.subarray(at, at + this.#pieceSize))
        let offset = 0
        while (offset < piece.length) offset = to.receive(piece, offset, piece.length, this.now)
        // Whoever kept a view of what was only lent is found out.
        piece.fill(0xee)
      }
    }
  }

  headers(method: Method, subtype = ''): HeaderList {
    return requestHeaders(method, {
      subtype,
      authority: 'there:1',
      scheme: 'http',
      userAgent: 'grpc-test/1',
    })
  }

  start(method: Method, options: Partial<ClientCallOptions> = {}): PairCall {
    const call = new PairCall(method, { timers: this.client.timers, ...options })
    call.call.start(this.connector, this.client, this.headers(method, options.subtype))
    return call
  }
}

/** A client call that keeps what it hears. */
export class PairCall implements ClientCallReceiver {
  readonly call: ClientCall
  readonly received: unknown[] = []
  readonly metadata: Metadata[] = []
  reads = true
  drains = 0
  code: string | undefined
  error: GrpcError | undefined
  trailers: Metadata | undefined
  onMessage: (() => void) | undefined

  constructor(method: Method, options: ClientCallOptions) {
    this.call = new ClientCall(method, options, this)
  }

  onHeaders(metadata: Metadata): void {
    this.metadata.push(metadata)
  }

  onReadable(): void {
    if (this.reads) this.readAll()
  }

  onDrain(): void {
    this.drains++
  }

  onStatus(error: GrpcError | undefined, trailers: Metadata): void {
    this.error = error
    this.code = error === undefined ? 'OK' : error.code
    this.trailers = trailers
    if (this.reads) this.readAll()
  }

  readAll(): void {
    while (this.call.readable) {
      const message = this.call.read()
      if (this.call.inflating) return
      this.received.push(message)
      this.onMessage?.()
    }
  }
}
