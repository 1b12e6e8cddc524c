import { inspect } from '../src/connection/connection.js'
import type {
  Connection,
  HeaderBlock,
  HeaderList,
  Stream,
  StreamHandler,
} from '../src/connection/index.js'
import { recordOf } from '../src/connection/streams/stream-record.js'
import { digest, invariant } from './invariant.js'

/** Octets for bodies. Never written to. */
const BODY: Buffer = Buffer.alloc(100_000, 0x62)
const RESPONSE: HeaderList = [':status', '200', 'content-type', 'application/grpc']
const TRAILERS: HeaderList = ['grpc-status', '0']

/** What `plan` throws, on purpose. */
export class PlannedError extends Error {
  override readonly name: string = 'PlannedError'
}

/** The run that a stream belongs to. */
export interface OwnerRun {
  readonly role: 'client' | 'server'
  readonly connection: Connection
  readonly events: string[]
  /** What the peer's last GOAWAY named. */
  readonly servedMax: number
  hear(streamId: number, list: readonly string[]): void
}

/** How many plans there are. */
export const PLAN_COUNT = 12

/**
 * The owner of one stream: acts by a plan inside its callbacks only, and
 * checks that it is told nothing out of order.
 */
export class StreamRun implements StreamHandler {
  readonly #run: OwnerRun
  readonly #plan: number
  stream: Stream | undefined
  delivered = 0
  consumed = 0
  /** Its last call has come. */
  over = false
  /** The peer has ended its side. */
  ended = false
  #blocked = false
  #headerCount = 0

  constructor(run: OwnerRun, plan: number) {
    this.#run = run
    this.#plan = plan
  }

  /** A request has come. */
  open(stream: Stream, block: HeaderBlock, endStream: boolean): void {
    this.stream = stream
    this.#run.hear(stream.id, block.list)
    this.#log(`opens ${block.list.join('|')}${endStream ? ' end' : ''}`)
    this.#headerCount = 1
    if (this.#plan === 0) stream.sendHeaders([...RESPONSE, ...TRAILERS], true)
    if (this.#plan === 2) stream.expect(1_000)
    if (this.#plan === 5) this.#sendMuch(stream)
    if (this.#plan === 6) {
      stream.sendHeaders(RESPONSE, false)
      this.#send(40_000, true)
    }
    if (this.#plan === 7) stream.hold()
    if (this.#plan === 10) throw new PlannedError('in onStream')
    if (this.#plan === 11) stream.reset(8)
    if (endStream) this.#onEnd()
  }

  /** A request goes out. */
  begin(stream: Stream, endStream: boolean): void {
    this.stream = stream
    if (endStream) return
    if (this.#plan === 5) this.#sendMuch(stream)
    else if (this.#plan === 6) this.#send(40_000, true)
    else if (this.#plan !== 9) this.#send(100, true)
  }

  onHeaders(headers: HeaderBlock, endStream: boolean): void {
    this.#mayHear('headers')
    this.#run.hear(this.stream!.id, headers.list)
    this.#log(`headers ${headers.list.join('|')}${endStream ? ' end' : ''}`)
    this.#headerCount++
    if (this.#plan === 3 && this.#headerCount === 1) this.stream!.reset(8)
    if (endStream) this.#onEnd()
  }

  onData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.#mayHear('data')
    this.#log(`data ${end - start} ${digest(bytes.subarray(start, end))}${endStream ? ' end' : ''}`)
    this.delivered += end - start
    const stream = this.stream!
    if (this.#plan === 4) throw new PlannedError('in onData')
    if (this.#plan === 3) stream.reset(8)
    if (this.#plan === 9) this.#echo(stream, end - start)
    if (this.#plan === 8) this.#consume((end - start) >>> 1)
    else if (this.#plan !== 2) this.#consume(end - start)
    if (endStream) this.#onEnd()
  }

  onDrain(): void {
    this.#mayHear('drain', true)
    this.#log('drain')
    invariant(this.#blocked, 'I-STATE onDrain though sendData answered true')
    this.#blocked = false
    const stream = this.stream!
    if (this.#run.role === 'client') stream.sendData(BODY, 0, 10, true)
    else stream.sendHeaders(TRAILERS, true)
  }

  onReset(errorCode: number, byPeer: boolean): void {
    this.#last(`reset ${errorCode}${byPeer ? ' by the peer' : ''}`)
  }

  onLost(cause: Error, unprocessed: boolean): void {
    // Once the connection is over, what never left was never processed either.
    if (unprocessed && !inspect(this.#run.connection).core.over) {
      invariant(
        this.stream!.id > this.#run.servedMax,
        'I-STATE a stream that GOAWAY spares is lost',
      )
    }
    this.#last(`lost ${cause.name}${unprocessed ? ' unprocessed' : ''}`)
  }

  /** Octets given to us that we have not given back. */
  get owed(): number {
    return this.delivered - this.consumed
  }

  #onEnd(): void {
    this.ended = true
    const stream = this.stream!
    if (this.#run.role === 'client') {
      this.#consume(this.owed)
      return
    }
    if (this.#plan === 1 || this.#plan === 2 || this.#plan === 7 || this.#plan === 4) {
      stream.sendHeaders(RESPONSE, false)
      this.#send(100 + (this.delivered & 0xff), false)
      if (this.#plan === 2) this.#consume(this.owed)
      stream.sendHeaders(TRAILERS, true)
    }
    if (this.#plan === 7) stream.release()
    if (this.#plan === 9) this.#send(0, true)
  }

  #sendMuch(stream: Stream): void {
    if (this.#run.role === 'server') stream.sendHeaders(RESPONSE, false)
    let isOpen = true
    for (let i = 0; i < 3; i++) isOpen = stream.sendData(BODY, i, 30_000 + i, false)
    this.#blocked = !isOpen
    if (isOpen && this.#run.role === 'server') stream.sendHeaders(TRAILERS, true)
  }

  #echo(stream: Stream, size: number): void {
    if (this.#run.role === 'server' && this.#headerCount++ === 1)
      stream.sendHeaders(RESPONSE, false)
    // One octet more than the window has is where off-by-ones are.
    const window = inspect(this.#run.connection).sender.initialWindow + recordOf(stream).sendCredit
    const small = window >= 0 && window < 300 ? window + 1 : Math.min(size, 300)
    const offset = stream.beginData(small, false)
    if (offset >= 0) BODY.copy(stream.slab, offset, 0, small)
    else this.#send(small, false)
  }

  #send(size: number, endStream: boolean): void {
    if (!this.stream!.sendData(BODY, 0, size, endStream)) this.#blocked = true
  }

  #consume(size: number): void {
    this.consumed += size
    this.stream!.consume(size)
  }

  #mayHear(what: string, afterEnd = false): void {
    invariant(!this.over, 'I-STATE a call after the last one', () => what)
    invariant(afterEnd || !this.ended, 'I-STATE a call after END_STREAM', () => what)
  }

  #last(text: string): void {
    this.#mayHear(text, true)
    this.over = true
    this.#log(text)
    if (this.#plan === 7) this.stream?.release()
  }

  #log(text: string): void {
    this.#run.events.push(`${this.stream?.id ?? '?'} ${text}`)
  }
}
