import { type Connection, type Stream, TimerWheel } from '../src/connection/index.js'
import {
  BYTES_CODEC,
  type CallLimits,
  type Compression,
  callLimits,
  DEFAULT_LIMITS,
  type GrpcError,
  GZIP,
  Status,
  writeLengthPrefix,
} from '../src/grpc/index.js'
import { CallBatch } from '../src/grpc/message/call-batch.js'
import type { InboxOwner } from '../src/grpc/message/inbox-options.js'
import { MessageInbox } from '../src/grpc/message/message-inbox.js'
import { MessageOutbox, type OutboxOwner } from '../src/grpc/message/message-outbox.js'
import { invariant, sameLines } from './invariant.js'

// T9: messages of several calls of one connection, some of them compressed, with threads that end in any order.

const MESSAGE_SIZE_MAX = 2_000
const SIZES: readonly number[] = [
  0,
  1,
  30,
  400,
  1_000,
  MESSAGE_SIZE_MAX,
  MESSAGE_SIZE_MAX + 1,
  50_000,
]

interface Packed {
  readonly payload: Buffer
  /** Undefined: it cannot be inflated. */
  readonly plain: Buffer | undefined
  /** Octets that were compressed. */
  readonly size: number
}

/** Messages of each size, as they are and in three ways that gzip may be broken. Made once. */
const VARIANTS: readonly (readonly Packed[])[] = SIZES.map(size => {
  const plain = Buffer.alloc(size, 'abcdefghijklm')
  const whole = Buffer.from(GZIP.compress(plain))
  const corrupt = Buffer.from(whole)
  corrupt[corrupt.length - 5]! ^= 0x55
  return [
    { payload: whole, plain, size },
    { payload: whole.subarray(0, whole.length - 4), plain: undefined, size },
    { payload: corrupt, plain: undefined, size },
    { payload: Buffer.from(`no gzip ${size}`), plain: undefined, size: 0 },
  ]
})

/** Jobs end when the input says so. */
class Threads {
  readonly jobs: { readonly run: () => void; readonly isInflating: boolean }[] = []
  readonly compression: Compression = {
    name: 'gzip',
    compress: bytes => GZIP.compress(bytes),
    decompress: (bytes, sizeMax) => {
      this.inflations++
      return GZIP.decompress(bytes, sizeMax)
    },
    compressAsync: (bytes, done) => this.#add(false, () => Buffer.from(GZIP.compress(bytes)), done),
    decompressAsync: (bytes, sizeMax, done) => {
      this.inflations++
      this.#add(true, () => GZIP.decompress(bytes, sizeMax), done)
    },
  }

  /** So many were begun. */
  inflations = 0

  get inflating(): number {
    return this.jobs.filter(({ isInflating }) => isInflating).length
  }

  finish(index: number): void {
    if (this.jobs.length === 0) return
    this.jobs.splice(index % this.jobs.length, 1)[0]!.run()
  }

  #add(
    isInflating: boolean,
    code: () => Buffer,
    done: (error: Error | null, bytes?: Buffer) => void,
  ): void {
    const run = (): void => {
      let bytes: Buffer
      try {
        bytes = code()
      } catch (error) {
        done(error as Error)
        return
      }
      done(null, bytes)
    }
    this.jobs.push({ run, isInflating })
  }
}

/** What is received on one call, and what is sent on it. */
class Call implements InboxOwner, OutboxOwner {
  readonly expected: string[] = []
  /** Statuses that the first message that is broken may have. */
  faults: readonly Status[] = []
  readonly read: string[] = []
  received = 0
  consumed = 0
  asked = 0
  isClosed = false
  readonly inbox: MessageInbox
  readonly outbox: MessageOutbox
  readonly sent: string[] = []
  readonly written: string[] = []
  isEnded = false
  readonly connection: object

  constructor(batch: CallBatch, compression: Compression, limits: CallLimits, connection: object) {
    this.connection = connection
    const stream = this as unknown as Stream
    const options = { codec: BYTES_CODEC, encoding: 'gzip', decompression: compression, limits }
    this.inbox = new MessageInbox(stream, { ...options, batch, owner: this, keepsRoom: false })
    this.outbox = new MessageOutbox(this, limits)
    this.outbox.open(stream, batch.coder(connection as Connection))
  }

  onInflated(): void {
    invariant(!this.isClosed, 'I-DEAD a call that has ended hears nothing')
  }

  onOutboxDrained(): void {
    invariant(!this.isClosed, 'I-DEAD a call that has ended hears nothing')
  }

  onOutboxFailed(error: GrpcError): void {
    invariant(false, 'T9 what can be compressed is', () => error.message)
  }

  // The part of a stream that is used.
  readonly bufferedSize = 0

  expect(): void {}

  charge(size: number): void {
    const { memory } = this.connection as { memory: { charge(size: number): void } }
    memory.charge(size)
  }

  consume(size: number): void {
    this.consumed += size
    invariant(this.consumed <= this.received, 'I-FC no more credit than octets')
  }

  beginData(): number {
    return -1
  }

  sendData(bytes: Buffer, start: number, end: number, endStream: boolean): boolean {
    invariant(!this.isEnded && !this.isClosed, 'I-END nothing follows the end')
    if (endStream) this.isEnded = true
    if (start === end) return true
    const payload = bytes.subarray(start + 5, end)
    this.sent.push((bytes[start] === 1 ? GZIP.decompress(payload, 1e6) : payload).toString('hex'))
    return true
  }

  sendPrefixed(prefix: Buffer, bytes: Buffer, endStream: boolean): boolean {
    const all = Buffer.concat([prefix, bytes])
    return this.sendData(all, 0, all.length, endStream)
  }

  receive(flag: number, packed: Packed): void {
    if (this.isClosed) return
    const { payload } = packed
    const message = Buffer.allocUnsafe(5 + payload.length)
    payload.copy(message, writeLengthPrefix(message, 0, flag as 0 | 1, payload.length))
    if (this.faults.length === 0) this.#note(flag, packed)
    this.received += message.length
    // In two pieces, as often as not.
    const cut = message.length >> (this.received & 1)
    this.inbox.receive(message, 0, cut)
    this.inbox.receive(message, cut, message.length)
    message.fill(0xee)
  }

  #note(flag: number, { payload, plain, size }: Packed): void {
    const text = flag === 0 ? payload : plain
    if (text !== undefined && text.length <= MESSAGE_SIZE_MAX) {
      this.expected.push(text.toString('hex'))
      return
    }
    const faults: Status[] = []
    if (text === undefined) faults.push(Status.Internal)
    // Too large and broken at once may be told either way.
    if (text !== undefined || size > MESSAGE_SIZE_MAX) faults.push(Status.ResourceExhausted)
    this.faults = faults
  }

  readOne(): void {
    const { inbox } = this
    if (!inbox.readable) return
    this.asked++
    const message = inbox.read()
    if (inbox.inflating || (message === undefined && inbox.fault !== undefined)) return
    this.read.push(Buffer.from(message as Uint8Array).toString('hex'))
  }

  write(size: number, compression: Compression | undefined): void {
    if (this.isClosed || this.isEnded || this.written.length > 20) return
    const payload = Buffer.alloc(size, this.written.length)
    this.written.push(payload.toString('hex'))
    this.outbox.add(payload, compression, false)
  }

  close(): void {
    this.inbox.close()
    this.outbox.close()
    this.isClosed = true
    invariant(this.consumed === this.received, 'I-FC in the end all octets are given back')
  }
}

/** More than half of each `inflatedSizeMax` below. Unit: octets. */
const UNREAD_SIZE = 50_001

/** Octet 0 chooses limits; then two octets for each thing that happens. */
export function fuzz(data: Buffer): void {
  const options = data[0] ?? 0
  const threads = new Threads()
  const batch = new CallBatch()
  let turns = 0
  let charged = 0
  let roomSize = -1
  const queue = (size: number): void => {
    connection.memory.queuedSize = size
    if (size <= roomSize) turns++
  }
  const connection = {
    limits: DEFAULT_LIMITS,
    receiver: { retained: 0 },
    role: 'server',
    now: 0,
    timers: new TimerWheel(0),
    memory: {
      isShort: false,
      /** Answers that wait for their client to read. */
      queuedSize: 0,
      charge(size: number): void {
        charged += size
      },
    },
    turns: {
      ask: () => turns++,
      awaitRoom(size: number): void {
        roomSize = size
      },
    },
  }
  const limits = callLimits({
    messageSizeMax: MESSAGE_SIZE_MAX,
    inflatedSizeMax: [1, 3_000, 4_000, 100_000][options & 3]!,
    inflateNowSizeMax: [1, 1_000][(options >> 2) & 1]!,
    compressNowSizeMax: [1, 1_000][(options >> 3) & 1]!,
  })
  const newCall = () => new Call(batch, threads.compression, limits, connection)
  const calls = Array.from({ length: 1 + ((options >> 4) & 3) }, newCall)
  const settle = (): void => {
    for (let left = 10_000; left > 0 && (threads.jobs.length > 0 || turns > 0); left--) {
      threads.finish(0)
      turns = 0
      batch.run(undefined)
    }
  }
  for (let at = 1; at + 1 < data.length; at += 2) {
    const [what, which] = [data[at]!, data[at + 1]!]
    const call = calls[which % calls.length]!
    const variant = VARIANTS[(which >> 2) & 7]![what >> 6]!
    const { inflations } = threads
    const isUnread = connection.memory.queuedSize > 0
    switch (what & 7) {
      case 0:
      case 1:
        call.receive(1, variant)
        break
      case 2:
        call.receive(0, variant)
        break
      case 3:
        call.readOne()
        break
      case 4:
        threads.finish(which)
        break
      case 5:
        turns = 0
        batch.run(undefined)
        break
      case 6:
        call.write(SIZES[(which >> 2) & 7]!, what < 128 ? threads.compression : undefined)
        break
      default:
        if (what > 192) call.close()
        else queue(isUnread ? 0 : UNREAD_SIZE)
    }
    invariant(
      !isUnread || threads.inflations === inflations,
      'I-BOUND nothing is inflated while answers are not read',
    )
    invariant(threads.inflating <= 4, 'I-BOUND four messages at most are inflated at once')
    for (const each of calls) {
      invariant(each.read.length <= each.asked, 'I-BOUND nothing is given that was not asked for')
    }
  }
  queue(0)
  finish(calls, settle)
  settle()
  for (const call of calls) call.close()
  settle()
  invariant(
    charged === 0,
    'I-BOUND what was inflated and is not held is not charged',
    () => `${charged} octets`,
  )
  if (limits.inflatedSizeMax < 2 * MESSAGE_SIZE_MAX) return
  for (const call of [newCall(), newCall()]) {
    call.receive(1, VARIANTS[5]![0]!)
    call.readOne()
  }
  invariant(threads.inflating === 2, 'I-BOUND calls that have ended count no more')
}

/** All is read, and everything ends as it should. */
function finish(calls: readonly Call[], settle: () => void): void {
  for (const call of calls) {
    if (call.isClosed) continue
    for (let left = 2_000; left > 0 && (call.inbox.readable || call.inbox.inflating); left--) {
      settle()
      call.readOne()
    }
    const isBroken = call.faults.length > 0
    // What is known to be broken from its prefix ends the call ahead of messages that were not read.
    const wanted = isBroken ? call.expected.slice(0, call.read.length) : call.expected
    sameLines(call.read, wanted, 'T9 messages in order, whole')
    const status = call.inbox.fault?.status
    invariant(
      isBroken ? status !== undefined && call.faults.includes(status) : status === undefined,
      'T9 the status of a broken message',
      () => `${call.inbox.fault?.message}, expected ${call.faults}`,
    )
    invariant(isBroken || !call.inbox.midMessage, 'T9 nothing is left')
    call.outbox.end()
    settle()
    sameLines(call.sent, call.written, 'T9 messages leave in order, whole')
    invariant(call.isEnded, 'I-END the end leaves behind them')
    call.close()
  }
}
