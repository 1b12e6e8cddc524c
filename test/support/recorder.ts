import type {
  ConnectionHandler,
  ConnectionHost,
  HeaderBlock,
  Stream,
  StreamHandler,
} from '../../src/connection/index.js'

const CODE_NAMES: readonly string[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
]

/** The name of an error code. RFC 9113 §7. */
export function codeName(code: number): string {
  return CODE_NAMES[code] ?? `0x${code.toString(16)}`
}

export interface RecorderOptions {
  /** Give credit back as DATA arrives. Default false: windows stay as they are. */
  readonly consume?: boolean
  /** Server: user code starts with each request; the test says when it has settled. */
  readonly hold?: boolean
  /** Server: runs inside `onStream`, before it returns. */
  readonly onStream?: (stream: Stream) => void
  /** Runs at the end of each turn, where user code would. */
  readonly onReceived?: () => void
  /** The host gives further turns to who wants them. */
  readonly onTurn?: () => void
}

/** What one stream's handler heard. */
export class StreamRecorder implements StreamHandler {
  readonly #log: string[]
  readonly #consume: boolean
  /** Unset until `open` returned, or until `onStream` was called. */
  stream: Stream | undefined
  readonly lists: string[][] = []
  readonly chunks: Buffer[] = []
  ended = false
  resetCode: number | undefined
  lost: Error | undefined
  unprocessed: boolean | undefined
  drains = 0
  /** onReset and onLost: at most one, and nothing after it. */
  lastCalls = 0
  /** Throw from the next call of this name. */
  throwFrom: 'onHeaders' | 'onData' | 'onDrain' | 'onReset' | 'onLost' | undefined
  /** Runs inside onData, after recording. */
  whenData: (() => void) | undefined
  /** Runs inside onDrain, after recording. */
  whenDrain: (() => void) | undefined

  constructor(log: string[], consume = false) {
    this.#log = log
    this.#consume = consume
  }

  get id(): number {
    return this.stream?.id ?? 0
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks)
  }

  #record(event: string, isLast = false): void {
    if (this.lastCalls > 0) throw new Error(`'${event}' after the last call of stream ${this.id}`)
    if (isLast) this.lastCalls++
    this.#log.push(event)
  }

  #maybeThrow(name: typeof this.throwFrom): void {
    if (this.throwFrom !== name) return
    this.throwFrom = undefined
    throw new Error(`thrown on purpose by ${name}`)
  }

  onHeaders(headers: HeaderBlock, endStream: boolean): void {
    this.#record(`headers ${this.id}${endStream ? ' end' : ''}`)
    this.lists.push([...headers.list])
    this.ended ||= endStream
    this.#maybeThrow('onHeaders')
  }

  onData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.#record(`data ${this.id} ${end - start}${endStream ? ' end' : ''}`)
    this.chunks.push(Buffer.from(bytes.subarray(start, end)))
    this.ended ||= endStream
    if (this.#consume) this.stream?.consume(end - start)
    this.#maybeThrow('onData')
    this.whenData?.()
  }

  onDrain(): void {
    this.#record(`drain ${this.id}`)
    this.drains++
    this.#maybeThrow('onDrain')
    this.whenDrain?.()
  }

  onReset(errorCode: number, byPeer: boolean): void {
    this.#record(`reset ${this.id} ${codeName(errorCode)} by ${byPeer ? 'peer' : 'us'}`, true)
    this.resetCode = errorCode
    this.#maybeThrow('onReset')
  }

  onLost(cause: Error, unprocessed: boolean): void {
    this.#record(`lost ${this.id}${unprocessed ? ' unprocessed' : ''}`, true)
    this.lost = cause
    this.unprocessed = unprocessed
    this.#maybeThrow('onLost')
  }
}

/** Everything one connection told its owners, in order. */
export class Recorder implements ConnectionHandler, ConnectionHost {
  readonly events: string[] = []
  /** Server: streams by identifier. */
  readonly streams: Map<number, StreamRecorder> = new Map()
  readonly options: RecorderOptions
  receivedCount = 0
  outputCount = 0
  closedCount = 0
  closedCause: Error | undefined
  /** What handlers threw, and on which stream. */
  readonly handlerErrors: { readonly error: unknown; readonly streamId: number }[] = []
  goawayDebug: string | undefined
  readonly onTurn: (() => void) | undefined

  constructor(options: RecorderOptions = {}) {
    this.options = options
    this.onTurn = options.onTurn
  }

  /** A handler for a client's stream; set `stream` once `open` returned. */
  streamRecorder(): StreamRecorder {
    return new StreamRecorder(this.events, this.options.consume)
  }

  /** The recorder of a stream that must exist. */
  on(streamId: number): StreamRecorder {
    const recorder = this.streams.get(streamId)
    if (recorder === undefined) throw new Error(`no request came on stream ${streamId}`)
    return recorder
  }

  /** The stream itself, to send on. */
  stream(streamId: number): Stream {
    return this.on(streamId).stream!
  }

  /** Events since the last call. */
  take(): string[] {
    return this.events.splice(0)
  }

  onStream(stream: Stream, headers: HeaderBlock, endStream: boolean): StreamHandler {
    if (this.streams.has(stream.id)) throw new Error(`stream ${stream.id} came twice`)
    const recorder = this.streamRecorder()
    recorder.stream = stream
    recorder.lists.push([...headers.list])
    recorder.ended = endStream
    this.streams.set(stream.id, recorder)
    this.events.push(`request ${stream.id}${endStream ? ' end' : ''}`)
    if (this.options.hold === true) stream.hold()
    this.options.onStream?.(stream)
    return recorder
  }

  onReceived(): void {
    this.receivedCount++
    this.options.onReceived?.()
  }

  onOutput(): void {
    this.outputCount++
  }

  onSettings(): void {
    this.events.push('settings')
  }

  onGoaway(lastStreamId: number, errorCode: number, debug: string): void {
    this.goawayDebug = debug
    this.events.push(`goaway ${lastStreamId} ${codeName(errorCode)}`)
  }

  onHandlerError(error: unknown, streamId: number): void {
    this.handlerErrors.push({ error, streamId })
  }

  onCapacity(): void {
    this.events.push('capacity')
  }

  onClosed(cause: Error | undefined): void {
    this.closedCount++
    this.closedCause = cause
    this.events.push(cause === undefined ? 'closed' : 'closed with cause')
  }
}
