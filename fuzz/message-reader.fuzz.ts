import { gunzipSync, inflateSync } from 'node:zlib'
import type { Stream } from '../src/connection/index.js'
import {
  BYTES_CODEC,
  type Compression,
  callLimits,
  DEFAULT_COMPRESSIONS,
  DEFAULT_LIMITS,
  GrpcError,
  MessageReader,
  Status,
} from '../src/grpc/index.js'
import { CallBatch } from '../src/grpc/message/call-batch.js'
import { MessageInbox } from '../src/grpc/message/message-inbox.js'
import { cutsOf, digest, invariant, piecesOf, sameLines } from './invariant.js'

// T9: DATA octets as length-prefixed messages, against the sentence of PROTOCOL-HTTP2.md that defines them.

const SIZE_MAXIMA: readonly number[] = [10, 300, 65_536, 4_194_304]
const ENCODINGS: readonly string[] = ['', 'gzip', 'deflate', 'unknown']

/** Now and then the input arrives again and again, up to so many octets: enough to wait in more than one buffer. */
const REPEATED_SIZE = 40_000
/** Among how many inputs one is repeated. */
const REPEATS_EVERY = 200

/** Octet 0 chooses the limit, the encoding and how many messages may wait; the rest arrives. */
export function fuzz(data: Buffer): void {
  const options = data[0] ?? 0
  const input = data.subarray(1)
  const isRepeated = input.length > 0 && digest(input) % REPEATS_EVERY === 0
  const bytes = isRepeated ? Buffer.alloc(Math.max(REPEATED_SIZE, input.length), input) : input
  const sizeMax = SIZE_MAXIMA[options & 3]!
  const encoding = ENCODINGS[(options >> 2) & 3]!
  const oracle = readMessages(bytes, sizeMax)
  const choice = digest(data)
  for (const cuts of [[], cutsOf(bytes.length, choice), cutsOf(bytes.length, choice >>> 5)]) {
    const pieces = piecesOf(bytes, cuts)
    const { lines, excess } = runReader(pieces, sizeMax)
    sameLines(lines, oracle.lines, 'T9 messages as the prefix has them')
    invariant(
      excess === oracle.excess,
      'T9 the message that is too large is found',
      () => `${excess}, ${oracle.excess}`,
    )
    runInbox(piecesOf(bytes, cuts), sizeMax, encoding, 1 + (options >> 4), oracle)
  }
}

interface Messages {
  readonly lines: string[]
  readonly payloads: { flag: number; payload: Buffer }[]
  /** Declared size of the first message above the limit; -1 if none. */
  readonly excess: number
  readonly isWhole: boolean
}

function readMessages(bytes: Buffer, sizeMax: number): Messages {
  const lines: string[] = []
  const payloads: Messages['payloads'] = []
  let at = 0
  while (bytes.length - at >= 5) {
    const size = bytes.readUInt32BE(at + 1)
    if (size > sizeMax) return { lines, payloads, excess: size, isWhole: false }
    if (bytes.length - at - 5 < size) break
    const payload = bytes.subarray(at + 5, at + 5 + size)
    lines.push(`${bytes[at]} ${payload.toString('hex')}`)
    payloads.push({ flag: bytes[at]!, payload })
    at += 5 + size
  }
  return { lines, payloads, excess: -1, isWhole: at === bytes.length }
}

function runReader(
  pieces: readonly Buffer[],
  sizeMax: number,
): { lines: string[]; excess: number } {
  const reader = new MessageReader(sizeMax)
  const lines: string[] = []
  for (const piece of pieces) {
    const framed = Buffer.concat([Buffer.of(1, 2, 3), piece, Buffer.of(4)])
    reader.push(framed, 3, 3 + piece.length)
    while (reader.next())
      lines.push(`${reader.flag} ${reader.bytes.toString('hex', reader.start, reader.end)}`)
    reader.hold()
    invariant(
      reader.heldSize < 5 + sizeMax,
      'I-BOUND octets held are less than one message',
      () => `${reader.heldSize}`,
    )
    framed.fill(0xee)
  }
  return { lines, excess: reader.excessSize }
}

/** Of so many pieces the application reads after all but so many. */
const READING: readonly (readonly [period: number, phase: number])[] = [
  [1, 0],
  [3, 1],
  [7, 6],
  [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
]

/** A stream of which only the credit matters. */
class CreditStream {
  consumed = 0
  charged = 0
  /** Changes how readers hold what is unfinished, and so must change nothing that is seen. */
  readonly connection: object

  constructor(retained: number) {
    this.connection = { receiver: { retained }, limits: DEFAULT_LIMITS, turns: {} }
  }

  expect(): void {}
  charge(size: number): void {
    this.charged += size
    invariant(this.charged >= 0, 'I-BOUND what was never charged is not given back')
  }
  consume(size: number): void {
    invariant(size >= 0, 'I-FC credit is not negative')
    this.consumed += size
  }
}

/** The same without a way to leave the thread: everything is there when it is read. */
function atOnce(compression: Compression | undefined): Compression | undefined {
  if (compression === undefined) return undefined
  const { name, compress, decompress } = compression
  return { name, compress, decompress }
}

function runInbox(
  pieces: readonly Buffer[],
  sizeMax: number,
  encoding: string,
  countMax: number,
  oracle: Messages,
): void {
  const stream = new CreditStream(pieces.length % 2 === 0 ? 0 : 1e6)
  const limits = callLimits({ messageSizeMax: sizeMax, queuedMessagesMax: countMax })
  const inbox = new MessageInbox(
    stream as unknown as Stream,
    {
      codec: BYTES_CODEC,
      encoding,
      decompression: atOnce(DEFAULT_COMPRESSIONS.get(encoding)),
      limits,
      batch: new CallBatch(),
      owner: { onInflated: () => {} },
      keepsRoom: false,
    },
    true,
  )
  const read: string[] = []
  let received = 0
  // The application reads in time, late, or when all is there.
  const [period, phase] = READING[(pieces.length + countMax) % READING.length]!
  const readAll = (): void => {
    while (inbox.readable) {
      const message = inbox.read()
      if (inbox.fault !== undefined && message === undefined) break
      read.push(Buffer.from(message as Uint8Array).toString('hex'))
      invariant(stream.consumed <= received, 'I-FC no more credit than octets')
    }
  }
  for (const [index, piece] of pieces.entries()) {
    received += piece.length
    const isFine = inbox.receive(piece, 0, piece.length)
    invariant(isFine === (inbox.fault === undefined), 'T9 receive answers whether there is a fault')
    piece.fill(0xee)
    if (index % period >= phase) readAll()
    if (!isFine) break
  }
  readAll()
  const expected = expectedMessages(oracle, sizeMax, encoding)
  sameLines(read, expected.texts, 'T9 messages decoded in order')
  invariant(
    inbox.fault?.status === expected.status,
    'T9 the status of a broken message',
    () => `${inbox.fault?.message}, expected ${expected.status}`,
  )
  invariant(
    inbox.fault === undefined || inbox.fault instanceof GrpcError,
    'I-NOTHROW a fault is a GrpcError',
  )
  if (inbox.fault === undefined)
    invariant(inbox.midMessage === !oracle.isWhole, 'T9 a cut message is noticed')
  inbox.close()
  invariant(
    stream.consumed === received,
    'I-FC in the end all octets are given back',
    () => `${stream.consumed} of ${received}`,
  )
}

function expectedMessages(
  oracle: Messages,
  sizeMax: number,
  encoding: string,
): { texts: string[]; status: number | undefined } {
  const texts: string[] = []
  for (const { flag, payload } of oracle.payloads) {
    if (flag === 0) {
      texts.push(payload.toString('hex'))
      continue
    }
    if (flag !== 1 || encoding === '' || encoding === 'unknown')
      return { texts, status: Status.Internal }
    let plain: Buffer
    try {
      plain = (encoding === 'gzip' ? gunzipSync : inflateSync)(payload, {
        maxOutputLength: 1 << 26,
      })
    } catch {
      // Too large and broken at once may be told either way.
      return { texts, status: Status.Internal }
    }
    if (plain.length > sizeMax) return { texts, status: Status.ResourceExhausted }
    texts.push(plain.toString('hex'))
  }
  return { texts, status: oracle.excess < 0 ? undefined : Status.ResourceExhausted }
}
