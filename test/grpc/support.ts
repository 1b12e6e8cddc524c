import { TimerWheel } from '../../src/connection/index.js'
import type {
  Connection,
  ConnectionLimits,
  HeaderBlock,
  Stream,
  StreamHandler,
} from '../../src/grpc/index.js'
import {
  BYTES_CODEC,
  CallAcceptor,
  CallConnector,
  type CallKind,
  type CallOptions,
  ClientCall,
  type ClientCallOptions,
  type Codec,
  DEFAULT_LIMITS,
  type GrpcError,
  type Metadata,
  type Method,
  type Route,
  Router,
  requestHeaders,
  type ServerCall,
  type ServerCallHandler,
  writeLengthPrefix,
} from '../../src/grpc/index.js'

/** What a fake stream was asked to send. */
export interface SentFrame {
  readonly type: 'headers' | 'data' | 'reset'
  readonly fields: readonly string[]
  readonly bytes: Buffer
  readonly endStream: boolean
  readonly code: number
}

const NO_BYTES = Buffer.alloc(0)

/** Stands in for `Stream`: records what is sent and credited. */
export class FakeStream {
  readonly connection: FakeConnection
  handler!: StreamHandler
  readonly frames: SentFrame[] = []
  readonly slab: Buffer = Buffer.alloc(1 << 20)
  consumed = 0
  delivered = 0
  readonly expected: number[] = []
  held = false
  heldCount = 0
  releasedCount = 0
  /** False makes `beginData` answer -1. */
  hasSlab = true
  /** Octets `sendData` takes before it answers false and queues. */
  room: number = Number.POSITIVE_INFINITY
  bufferedSize = 0
  closed = false
  localEnded = false
  remoteEnded = false
  #pending: { offset: number; size: number; endStream: boolean } | undefined

  constructor(connection: FakeConnection) {
    this.connection = connection
  }

  get writable(): boolean {
    return !this.closed && !this.localEnded
  }

  get sent(): readonly SentFrame[] {
    this.#flush()
    return this.frames
  }

  /** All DATA payloads sent, joined. */
  get sentBytes(): Buffer {
    return Buffer.concat(this.sent.filter(({ type }) => type === 'data').map(({ bytes }) => bytes))
  }

  sendHeaders(headers: readonly string[], endStream: boolean, extra: readonly string[] = []): void {
    if (!this.writable) return
    const fields = [...headers, ...extra]
    let size = 0
    for (let i = 0; i < fields.length; i += 2)
      size += fields[i]!.length + fields[i + 1]!.length + 32
    if (size > this.connection.headerListSizeMax) throw new RangeError(`header list of ${size}`)
    this.#push({ type: 'headers', fields, bytes: NO_BYTES, endStream, code: -1 })
    if (endStream) this.#endLocal()
  }

  sendData(bytes: Buffer, start: number, end: number, endStream: boolean): boolean {
    if (!this.writable) return true
    const copy = Buffer.from(bytes.subarray(start, end))
    this.#push({ type: 'data', fields: [], bytes: copy, endStream, code: -1 })
    if (endStream) this.#endLocal()
    this.room -= end - start
    if (this.room >= 0) return true
    this.bufferedSize += end - start
    return false
  }

  beginData(size: number, endStream: boolean): number {
    if (!this.writable || !this.hasSlab || size > this.room) return -1
    this.#flush()
    this.#pending = { offset: 7, size, endStream }
    if (endStream) this.#endLocal()
    return 7
  }

  /** A fake keeps no encoded lists: single frames follow. */
  beginResponse(): number {
    return -1
  }

  /** Octets that the call keeps, as it says. */
  charged = 0

  addCost(): void {}

  charge(size: number): void {
    this.charged += size
  }

  consume(size: number): void {
    this.consumed += size
  }

  expect(size: number): void {
    this.expected.push(size)
  }

  reset(code: number): void {
    if (this.closed) return
    this.closed = true
    this.bufferedSize = 0
    this.#push({ type: 'reset', fields: [], bytes: NO_BYTES, endStream: false, code })
  }

  hold(): boolean {
    if (!this.held) this.heldCount++
    this.held = true
    return true
  }

  release(): void {
    this.releasedCount++
    this.held = false
  }

  /** Delivers DATA as a connection does: borrowed, and overwritten afterwards. */
  deliver(bytes: Uint8Array, endStream = false): void {
    if (this.closed) return
    const borrowed = Buffer.alloc(bytes.length + 5, 0xaa)
    borrowed.set(bytes, 3)
    if (endStream) this.#endRemote()
    this.delivered += bytes.length
    this.handler.onData(borrowed, 3, 3 + bytes.length, endStream)
    borrowed.fill(0xee)
  }

  deliverHeaders(fields: readonly string[], endStream = false): void {
    if (this.closed) return
    if (endStream) this.#endRemote()
    this.handler.onHeaders(block(fields), endStream)
  }

  deliverReset(code: number, byPeer = true): void {
    this.closed = true
    this.handler.onReset(code, byPeer)
  }

  #endLocal(): void {
    this.localEnded = true
    if (this.remoteEnded) this.closed = true
  }

  #endRemote(): void {
    this.remoteEnded = true
    if (this.localEnded) this.closed = true
  }

  #push(frame: SentFrame): void {
    this.#flush()
    this.frames.push(frame)
  }

  #flush(): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    const { offset, size, endStream } = pending
    const bytes = Buffer.from(this.slab.subarray(offset, offset + size))
    this.frames.push({ type: 'data', fields: [], bytes, endStream, code: -1 })
  }
}

/** Stands in for `Connection`. */
export class FakeConnection {
  now = 1_000
  readonly timers: TimerWheel = new TimerWheel(1_000)
  canOpen = true
  headerListSizeMax: number = Number.POSITIVE_INFINITY
  readonly receiver = { retained: 0 }
  readonly streams: FakeStream[] = []

  open(
    headers: readonly string[],
    endStream: boolean,
    handler: StreamHandler,
    extra?: readonly string[],
  ): Stream {
    const stream = new FakeStream(this)
    stream.handler = handler
    stream.sendHeaders(headers, endStream, extra)
    this.streams.push(stream)
    return stream as unknown as Stream
  }

  advance(now: number): void {
    this.now = now
    const { asked } = this
    this.timers.advance(now)
    if (this.asked > asked) this.onTurn()
  }

  /** What waits on all streams. */
  unconsumedSize = 0
  /** What the connection was told that is kept. */
  readonly memory = { charge(): void {}, queuedSize: 0, isShort: false }
  /** Turns that were asked for. */
  asked = 0
  /** The turn that a timer asked for. */
  onTurn: () => void = () => undefined
  readonly limits: ConnectionLimits = DEFAULT_LIMITS
  role: 'client' | 'server' = 'server'
  /** A turn is wanted once no more are queued. */
  roomSize = -1
  readonly turns: {
    isOver(): boolean
    request(): void
    ask(): void
    awaitRoom(size: number): void
    stopwatch?: () => number
  } = {
    isOver: () => false,
    awaitRoom: size => {
      this.roomSize = size
    },
    request: () => {},
    ask: () => {
      this.asked++
    },
  }
}

export function block(fields: readonly string[]): HeaderBlock {
  let size = 0
  for (let i = 0; i < fields.length; i += 2) size += fields[i]!.length + fields[i + 1]!.length + 32
  return { list: fields, size, cache: undefined }
}

/** Text as messages; decoding 'bad' and encoding '\0' fail. */
export const TEXT: Codec = {
  encode(value: unknown): Uint8Array {
    if (value === '\0') throw new Error('no such text')
    return Buffer.from(String(value), 'utf8')
  },
  decode(bytes: Buffer, start: number, end: number): unknown {
    const text = bytes.toString('utf8', start, end)
    if (text === 'bad') throw new Error('bad text')
    return text
  },
}

export function method(kind: CallKind, path = '/t.T/M'): Method {
  const codecs = new Map([
    ['proto', TEXT],
    ['json', TEXT],
    ['bytes', BYTES_CODEC],
  ])
  return { path, kind, request: codecs, response: codecs }
}

/** One message with its prefix. */
export function framed(message: string | Uint8Array, flag = 0): Buffer {
  const payload = typeof message === 'string' ? Buffer.from(message, 'utf8') : message
  const bytes = Buffer.alloc(5 + payload.length)
  bytes.set(payload, writeLengthPrefix(bytes, 0, flag as 0, payload.length))
  return bytes
}

/** The messages in DATA that was sent. */
export function messages(bytes: Buffer): { flag: number; payload: Buffer; text: string }[] {
  const found = []
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at + 1)
    const payload = bytes.subarray(at + 5, at + 5 + size)
    found.push({ flag: bytes[at]!, payload, text: payload.toString('utf8') })
    at += 5 + size
  }
  return found
}

/** The first value of a field. */
export function field(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
  return undefined
}

const REQUEST: Readonly<Record<string, string>> = {
  ':method': 'POST',
  ':scheme': 'http',
  ':path': '/t.T/M',
  ':authority': 'there:1',
  te: 'trailers',
  'content-type': 'application/grpc',
}

/** Request fields: the usual ones with changes; undefined leaves one out. */
export function requestFields(
  changes: Readonly<Record<string, string | undefined>> = {},
): string[] {
  const fields: string[] = []
  for (const [name, value] of Object.entries({ ...REQUEST, ...changes })) {
    if (value !== undefined) fields.push(name, value)
  }
  return fields
}

/** A route that records what it hears. */
export class RecordingRoute implements Route, ServerCallHandler {
  readonly method: Method
  readonly calls: ServerCall[] = []
  readonly heard: string[] = []
  readonly errors: GrpcError[] = []
  onStart: ((call: ServerCall) => void) | undefined
  readable: ((call: ServerCall) => void) | undefined
  /** False: `start` returns no handler. */
  listens = true

  constructor(kind: CallKind, path?: string) {
    this.method = method(kind, path)
  }

  get call(): ServerCall {
    return this.calls[this.calls.length - 1]!
  }

  start(call: ServerCall): ServerCallHandler | undefined {
    this.calls.push(call)
    this.heard.push('start')
    this.onStart?.(call)
    return this.listens ? this : undefined
  }

  onReadable(): void {
    this.heard.push('readable')
    this.readable?.(this.call)
  }

  onDrain(): void {
    this.heard.push('drain')
  }

  onCancel(error: GrpcError): void {
    this.heard.push('cancel')
    this.errors.push(error)
  }
}

/** A server side without a wire. */
export class ServerSide {
  readonly connection: FakeConnection = new FakeConnection()
  readonly router: Router = new Router()
  readonly acceptor: CallAcceptor
  readonly thrown: unknown[] = []

  constructor(routes: readonly Route[], options: CallOptions = {}) {
    this.connection.onTurn = () => this.turn()
    for (const route of routes) this.router.add(route)
    this.acceptor = new CallAcceptor(this.router, {
      onError: error => this.thrown.push(error),
      ...options,
    })
  }

  /** A request whose turn is not over yet. */
  open(
    changes: Readonly<Record<string, string | undefined>> = {},
    endStream = false,
    extra: readonly string[] = [],
  ): FakeStream {
    return this.openBlock(block([...requestFields(changes), ...extra]), endStream)
  }

  openBlock(headers: HeaderBlock, endStream = false): FakeStream {
    const stream = new FakeStream(this.connection)
    if (endStream) stream.remoteEnded = true
    stream.handler = this.acceptor.onStream(stream as unknown as Stream, headers, endStream)
    return stream
  }

  turn(): void {
    this.acceptor.onReceived()
  }

  /** A whole unary request, and the end of the turn. */
  unary(
    message: Uint8Array | string,
    changes: Readonly<Record<string, string | undefined>> = {},
    extra: readonly string[] = [],
  ): FakeStream {
    const stream = this.open(changes, false, extra)
    stream.deliver(typeof message === 'string' ? framed(message) : message, true)
    this.turn()
    return stream
  }
}

/** What was answered: HTTP status, trailers, messages. */
export function answer(stream: FakeStream): {
  headers: readonly string[]
  trailers: readonly string[]
  http: string | undefined
  status: number | string | undefined
  message: string | undefined
  texts: string[]
  resets: number[]
  isTrailersOnly: boolean
} {
  const blocks = stream.sent.filter(({ type }) => type === 'headers')
  const headers = blocks[0]?.fields ?? []
  const trailers = blocks[blocks.length - 1]?.fields ?? []
  return {
    headers,
    trailers,
    http: field(headers, ':status'),
    status: statusOf(field(trailers, 'grpc-status')),
    message: field(trailers, 'grpc-message'),
    texts: messages(stream.sentBytes).map(({ text }) => text),
    resets: stream.sent.filter(({ type }) => type === 'reset').map(({ code }) => code),
    isTrailersOnly: blocks.length === 1 && blocks[0]!.endStream,
  }
}

/** As a number, if it is written as it should be: `t.match` takes a part of a text for the whole, 2 for 12. */
function statusOf(text: string | undefined): number | string | undefined {
  return text === String(Number(text)) ? Number(text) : text
}

/** A client call without a wire, and what its receiver heard. */
export class ClientSide {
  readonly connection: FakeConnection = new FakeConnection()
  readonly connector: CallConnector
  readonly method: Method
  readonly call: ClientCall
  readonly heard: string[] = []
  readonly metadata: Metadata[] = []
  readonly received: unknown[] = []
  /** False leaves messages in the queue. */
  reads = true
  error: GrpcError | undefined
  trailers: Metadata | undefined
  on: { readonly [event: string]: (() => void) | undefined } = {}

  constructor(
    kind: CallKind,
    options: Partial<ClientCallOptions> = {},
    connector: CallConnector = new CallConnector(),
  ) {
    this.connector = connector
    this.method = method(kind)
    this.call = new ClientCall(this.method, { timers: this.connection.timers, ...options }, this)
  }

  get stream(): FakeStream {
    return this.connection.streams[0]!
  }

  /** How the call ended. */
  get code(): string | undefined {
    if (!this.heard.includes('status')) return undefined
    return this.error === undefined ? 'OK' : this.error.code
  }

  start(subtype?: string): this {
    const headers = requestHeaders(this.method, {
      authority: 'there:1',
      scheme: 'http',
      ...(subtype === undefined ? {} : { subtype }),
    })
    this.call.start(this.connector, this.connection as unknown as Connection, headers)
    return this
  }

  turn(): void {
    this.connector.onReceived()
  }

  /** Response headers, for a body to follow. */
  respond(changes: readonly string[] = []): void {
    const fields = [':status', '200', 'content-type', 'application/grpc', ...changes]
    this.stream.deliverHeaders(fields)
  }

  /** Trailers, and the end of the turn. */
  finish(...fields: readonly string[]): void {
    this.stream.deliverHeaders(fields, true)
    this.turn()
  }

  /** A response that is only a status. */
  refuse(...fields: readonly string[]): void {
    this.finish(':status', '200', 'content-type', 'application/grpc', ...fields)
  }

  onHeaders(metadata: Metadata): void {
    this.heard.push('headers')
    this.metadata.push(metadata)
    this.on['headers']?.()
  }

  onReadable(): void {
    this.heard.push('readable')
    this.on['readable']?.()
    if (this.reads) this.readAll()
  }

  onDrain(): void {
    this.heard.push('drain')
    this.on['drain']?.()
  }

  onStatus(error: GrpcError | undefined, trailers: Metadata): void {
    this.heard.push('status')
    this.error = error
    this.trailers = trailers
    if (this.reads) this.readAll()
    this.on['status']?.()
  }

  readAll(): void {
    while (this.call.readable) {
      const message = this.call.read()
      if (message === undefined && this.call.inflating) return
      this.received.push(message)
    }
  }
}
