import {
  type CallKind,
  type ClientCall,
  type ClientCallReceiver,
  type Codec,
  GrpcError,
  type Metadata,
  type Method,
  Router,
  type ServerCall,
  type ServerCallHandler,
} from '../src/grpc/index.js'
import { digest, invariant } from './invariant.js'

/** Octets as messages; some do not decode, so that this is tried as well. */
const CODEC: Codec = {
  encode: value => value as Uint8Array,
  decode(bytes, start, end) {
    if (end > start && bytes[start] === 0x21) throw new Error('cannot be decoded')
    return Buffer.from(bytes.subarray(start, end))
  },
}

const CODECS = new Map([
  ['proto', CODEC],
  ['json', CODEC],
])

/** `/test.Test/Unary`, Client, Server, Bidi. */
export function methodOf(kind: CallKind): Method {
  const name = kind[0]!.toUpperCase() + kind.slice(1)
  return { path: `/test.Test/${name}`, kind, request: CODECS, response: CODECS }
}

export const KINDS: readonly CallKind[] = ['unary', 'client', 'server', 'bidi']

/** One call of a server's application: echoes, and watches the order of what it is told. */
class ServerCallRun implements ServerCallHandler {
  readonly call: ServerCall
  readonly #kind: CallKind
  readonly #log: string[]
  ends = 0
  #sizes = 0

  constructor(call: ServerCall, kind: CallKind, log: string[]) {
    this.call = call
    this.#kind = kind
    this.#log = log
  }

  start(): void {
    this.#log.push(`start ${this.#kind} ${this.call.metadata.size}`)
    if (this.#kind === 'unary') this.#respond(this.call.request as Buffer)
    if (this.#kind === 'server') {
      for (let i = 0; i < 3; i++) this.call.write(this.call.request)
      this.#finish()
    }
  }

  /** The application may throw, which ends its call too. */
  guard(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.ends = 1
      throw error
    }
  }

  onReadable(): void {
    this.#alive()
    this.guard(() => this.#readAll())
  }

  #readAll(): void {
    const { call } = this
    for (let message = call.read(); message !== undefined; message = call.read()) {
      this.#log.push(`message ${digest(message as Buffer)}`)
      this.#sizes += (message as Buffer).length
      if (this.#kind === 'bidi') call.write(message)
    }
    if (!call.ended || call.finished) return
    if (this.#kind === 'client') this.#respond(Buffer.alloc(this.#sizes & 0xff))
    else this.#finish()
  }

  onDrain(): void {
    this.#alive()
  }

  onCancel(error: GrpcError): void {
    this.#alive()
    this.ends++
    invariant(error instanceof GrpcError, 'I-NOTHROW a call ends with a GrpcError')
    this.#log.push(`cancel ${error.code}`)
    this.call.settle()
  }

  #respond(message: Buffer): void {
    this.call.respond(message)
    this.#end()
  }

  #finish(): void {
    this.call.finish()
    this.#end()
  }

  #end(): void {
    if (this.call.cancelled === undefined) this.ends++
    this.call.settle()
  }

  #alive(): void {
    invariant(this.ends === 0, 'I-STATE a call hears nothing after its end')
  }
}

/** A router with one method of each kind, and all calls that started. */
export class Application {
  readonly router: Router = new Router()
  readonly calls: ServerCallRun[] = []
  readonly log: string[] = []

  constructor() {
    for (const kind of KINDS) {
      this.router.add({
        method: methodOf(kind),
        start: call => {
          const run = new ServerCallRun(call, kind, this.log)
          this.calls.push(run)
          run.guard(() => run.start())
          return run
        },
      })
    }
  }

  /** Once the connection is gone every call has ended once. */
  checkSettled(): void {
    for (const { call, ends } of this.calls) {
      invariant(ends === 1, 'I-STATE each call settles once', () => `${call.path}: ${ends}`)
      invariant(call.finished, 'I-STATE a settled call is finished')
    }
  }
}

/** One call of a client's application. */
export class ClientCallRun implements ClientCallReceiver {
  call: ClientCall | undefined
  statuses = 0
  readonly log: string[] = []
  readonly #kind: CallKind
  readonly #cancelsAt: number
  #heads = 0
  #messages = 0

  /** `cancelsAt`: gives up after so many messages; never when negative. */
  constructor(kind: CallKind, cancelsAt: number) {
    this.#kind = kind
    this.#cancelsAt = cancelsAt
  }

  onHeaders(metadata: Metadata): void {
    this.#alive('onHeaders')
    invariant(++this.#heads === 1, 'I-STATE onHeaders is called once')
    this.log.push(`headers ${[...metadata].join('|')}`)
  }

  onReadable(): void {
    this.#alive('onReadable')
    this.#read()
  }

  onDrain(): void {
    this.#alive('onDrain')
  }

  onStatus(error: GrpcError | undefined, trailers: Metadata): void {
    this.#alive('onStatus')
    this.statuses++
    invariant(
      error === undefined || error instanceof GrpcError,
      'I-NOTHROW a call ends with a GrpcError',
    )
    this.log.push(
      `status ${error?.code ?? 'OK'} ${error?.message ?? ''} ${[...trailers].join('|')}`,
    )
    this.#read()
    const isSingle = this.#kind === 'unary' || this.#kind === 'client'
    if (isSingle && error === undefined)
      invariant(
        this.#messages === 1,
        'I-STATE OK comes with one message',
        () => `${this.#messages}`,
      )
  }

  #read(): void {
    const call = this.call!
    while (call.readable) {
      this.log.push(`message ${digest(call.read() as Buffer)}`)
      if (++this.#messages === this.#cancelsAt && this.statuses === 0) call.cancel()
    }
  }

  #alive(what: string): void {
    invariant(this.statuses === 0, 'I-STATE a call hears nothing after its status', () => what)
  }
}
