import { Connection, type ConnectionHost } from '../src/connection/index.js'
import {
  BYTES_CODEC,
  CallAcceptor,
  CallConnector,
  ClientCall,
  type ClientCallReceiver,
  type Codecs,
  type Method,
  Router,
  requestHeaders,
  TimerWheel,
} from '../src/grpc/index.js'
import { MESSAGE, Path } from './payload.js'

const codecs: Codecs = new Map([['proto', BYTES_CODEC]])
const ECHO: Method = { path: Path.unary, kind: 'unary', request: codecs, response: codecs }

/** Most octets moved at once, as a socket would deliver them. */
const CHUNK_SIZE = 65_536

/** A host that drives nothing: its owner looks for output by itself. */
export const nobody: ConnectionHost = {
  onOutput() {},
  onSettings() {},
  onGoaway() {},
  onCapacity() {},
  onHandlerError(error) {
    throw error
  },
  onClosed(cause) {
    if (cause !== undefined) throw cause
  },
}

/** Client and server of one unary method back to back: the whole stack without sockets. */
export class CallPair {
  /** Octets that went to the server, and to the client. */
  upSize = 0
  downSize = 0
  /** Calls answered so far. */
  answered = 0
  readonly #client: Connection
  readonly #server: Connection
  readonly #connector = new CallConnector()
  readonly #timers: TimerWheel
  readonly #headers = requestHeaders(ECHO, { authority: '127.0.0.1', scheme: 'http' })
  readonly #message: Buffer
  readonly #receiver: ClientCallReceiver = {
    onHeaders() {},
    onReadable() {},
    onDrain() {},
    onStatus: error => {
      if (error !== undefined) throw error
      this.answered += 1
    },
  }

  constructor(message: Buffer = MESSAGE) {
    this.#message = message
    const router = new Router()
    router.add({
      method: ECHO,
      start(call) {
        call.respond(call.request)
        call.settle()
        return undefined
      },
    })
    const now = performance.now()
    this.#timers = new TimerWheel(now)
    const common = { host: nobody, now }
    const timers = this.#timers
    this.#server = new Connection({ role: 'server', handler: new CallAcceptor(router), ...common })
    this.#client = new Connection({ role: 'client', handler: this.#connector, timers, ...common })
    this.#exchange()
  }

  /** Timers of the client that wait. */
  get timerCount(): number {
    return this.#timers.count
  }

  /**
   * Makes `count` calls, all of them in flight at once. `timeoutMs` gives each a deadline;
   * `whenSent` is called before any is answered.
   */
  call(count: number, timeoutMs?: number, whenSent?: () => void): void {
    const wanted = this.answered + count
    const timers = this.#timers
    const options =
      timeoutMs === undefined ? { timers } : { timers, deadline: performance.now() + timeoutMs }
    for (let call = 0; call < count; call++) {
      const clientCall = new ClientCall(ECHO, options, this.#receiver)
      clientCall.start(this.#connector, this.#client, this.#headers)
      clientCall.request(this.#message)
    }
    whenSent?.()
    this.#exchange()
    if (this.answered !== wanted) throw new Error(`${wanted - this.answered} calls unanswered`)
  }

  #exchange(): void {
    for (let moved = true; moved; ) {
      const up = move(this.#client, this.#server)
      const down = move(this.#server, this.#client)
      this.upSize += up
      this.downSize += down
      moved = up + down > 0
    }
  }
}

/** Hands everything that waits in `from` over to `to`. Returns the octets. */
function move(from: Connection, to: Connection): number {
  const now = performance.now()
  let size = 0
  while (from.hasOutput) {
    for (const bytes of from.takeOutput(CHUNK_SIZE)) {
      for (let start = 0; start < bytes.length; )
        start = to.receive(bytes, start, bytes.length, now)
      size += bytes.length
    }
  }
  return size
}
