import { Connection, type ConnectionHost, TimerWheel } from '../../src/connection/index.js'
import {
  BYTES_CODEC,
  CallAcceptor,
  CallConnector,
  type CallKind,
  ClientCall,
  type GrpcError,
  type HeaderList,
  type Metadata,
  type Method,
  type Route,
  Router,
  requestHeaders,
  type ServerCall,
} from '../../src/grpc/index.js'
import type { CallSession } from '../../src/transport/client/call-session.js'
import type { StartOptions } from '../../src/transport/client/session-options.js'

const codecs = new Map([['proto', BYTES_CODEC]])

export function method(path: string, kind: CallKind = 'unary'): Method {
  return { path, kind, request: codecs, response: codecs }
}

export const ECHO: Method = method('/test.Echo/Unary')

export function headersOf(target: Method, authority = 'test'): HeaderList {
  return requestHeaders(target, { authority, scheme: 'http', compressions: new Map() })
}

/** A router with an echo, and what else the test gives. */
export function routerWith(...routes: Route[]): Router {
  const router = new Router()
  router.add({
    method: ECHO,
    start(call) {
      call.respond(call.request)
      call.settle()
      return undefined
    },
  })
  for (const route of routes) router.add(route)
  return router
}

export function acceptorOf(router: Router): () => CallAcceptor {
  return () => new CallAcceptor(router)
}

/** A unary route that answers when the test says so. */
export class HeldRoute implements Route {
  readonly method: Method
  readonly calls: ServerCall[] = []
  readonly cancels: GrpcError[] = []

  constructor(path = '/test.Held/Unary') {
    this.method = method(path)
  }

  start(call: ServerCall): {
    onReadable(): void
    onDrain(): void
    onCancel(error: GrpcError): void
  } {
    this.calls.push(call)
    return {
      onReadable() {},
      onDrain() {},
      onCancel: error => {
        this.cancels.push(error)
        call.settle()
      },
    }
  }

  answerAll(): void {
    for (const call of this.calls.splice(0)) {
      call.respond(call.request)
      call.settle()
    }
  }
}

export interface Outcome {
  error: GrpcError | undefined
  messages: Buffer[]
  trailers: Metadata
}

/** One unary call as a promise that never rejects. */
export function unary(
  session: CallSession,
  target: Method = ECHO,
  body = 'hello',
  options: StartOptions & { deadlineMs?: number } = {},
): Promise<Outcome> & { call: ClientCall } {
  let call: ClientCall | undefined
  const promise = new Promise<Outcome>(resolve => {
    const messages: Buffer[] = []
    const made: ClientCall = new ClientCall(
      target,
      {
        timers: session.timers,
        ...(options.deadlineMs === undefined
          ? {}
          : { deadline: session.now() + options.deadlineMs }),
      },
      {
        onHeaders() {},
        onReadable() {},
        onDrain() {},
        onStatus(error, trailers) {
          while (made.readable) messages.push(Buffer.from(made.read() as Uint8Array))
          resolve({ error, messages, trailers })
        },
      },
    )
    call = made
    made.request(Buffer.from(body))
    session.start(made, headersOf(target), options)
  })
  return Object.assign(promise, { call: call! })
}

const host: ConnectionHost = {
  onOutput() {},
  onSettings() {},
  onGoaway() {},
  onCapacity() {},
  onHandlerError() {},
  onClosed() {},
}

/** A client without a socket, to talk to a driver under test. */
export class BareClient {
  readonly connector: CallConnector = new CallConnector()
  readonly timers: TimerWheel = new TimerWheel(1_000)
  readonly connection: Connection = new Connection({
    role: 'client',
    handler: this.connector,
    host,
    now: 1_000,
    timers: this.timers,
  })
  readonly outcomes: { error: GrpcError | undefined; body: string | undefined }[] = []

  call(target: Method = ECHO, body = 'hello'): ClientCall {
    const call: ClientCall = new ClientCall(
      target,
      { timers: this.timers },
      {
        onHeaders() {},
        onReadable() {},
        onDrain() {},
        onStatus: error => {
          const message = call.read() as Uint8Array | undefined
          this.outcomes.push({ error, body: message && Buffer.from(message).toString() })
        },
      },
    )
    call.request(Buffer.from(body))
    call.start(this.connector, this.connection, headersOf(target))
    return call
  }

  /** What the client wants to send. */
  take(): Buffer {
    return Buffer.concat([...this.connection.takeOutput(1e9)])
  }

  receives(bytes: Buffer): void {
    let offset = 0
    while (offset < bytes.length) {
      offset = this.connection.receive(bytes, offset, bytes.length, 1_000)
    }
  }
}

/** A server without a socket. */
export function bareServer(router: Router): Connection {
  return new Connection({ role: 'server', handler: new CallAcceptor(router), host, now: 1_000 })
}
