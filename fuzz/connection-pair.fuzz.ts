import { inspect } from '../src/connection/connection.js'
import {
  Connection,
  type ConnectionHandler,
  type HeaderBlock,
  type Stream,
  type StreamHandler,
} from '../src/connection/index.js'
import { recordOf } from '../src/connection/streams/stream-record.js'
import { OctetSource } from '../src/testing/index.js'
import { BareHost } from './bare-host.js'
import { invariant } from './invariant.js'

// T8: two ends of ours, step by step: nothing is lost, nothing comes twice, and windows are neither overrun nor leaked.

const BODY: Buffer = Buffer.alloc(70_000)
for (let i = 0; i < BODY.length; i++) BODY[i] = (i * 7 + (i >>> 8)) & 0xff
const REQUEST = [':method', 'POST', ':scheme', 'http', ':path', '/a/b', ':authority', 'x']
const RESPONSE = [':status', '200']
const SIZES: readonly number[] = [0, 1, 9, 100, 1_023, 1_024, 16_383, 16_384, 20_000, 65_000]

/** One end of one stream, and what the other end has heard of it. */
class End implements StreamHandler {
  stream: Stream | undefined
  /** What went in at this end. */
  sentSize = 0
  sentEnd = false
  sentHeaders = false
  readonly heard = { size: 0, ended: false, headers: 0 }
  consumed = 0
  over = false
  waits = false
  other: End | undefined

  onHeaders(_headers: HeaderBlock, endStream: boolean): void {
    this.#alive()
    this.heard.headers++
    this.heard.ended = endStream
  }

  onData(bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.#alive()
    for (let i = start; i < end; i += 97) {
      const at = this.heard.size + i - start
      invariant(
        bytes[i] === octetAt(at),
        'T8 octets arrive in order and whole',
        () => `octet ${at}`,
      )
    }
    this.heard.size += end - start
    this.heard.ended = endStream
  }

  onDrain(): void {
    invariant(this.waits, 'I-STATE onDrain though sendData answered true')
    this.waits = false
  }

  onReset(): void {
    this.#last()
  }

  onLost(): void {
    this.#last()
  }

  #alive(): void {
    invariant(!this.over && !this.heard.ended, 'I-STATE a call after the last one')
  }

  #last(): void {
    invariant(!this.over, 'I-STATE a stream ends once')
    this.over = true
  }
}

function octetAt(at: number): number {
  const index = at % 60_000
  return (index * 7 + (index >>> 8)) & 0xff
}

class Side implements ConnectionHandler {
  readonly connection: Connection
  readonly host = new BareHost()
  readonly ends: End[] = []
  readonly wire: Buffer[] = []
  peer: Side | undefined
  /** A server tolerates few (gRPC A8). */
  pingsLeft = 2

  constructor(role: 'client' | 'server', options: number) {
    const limits = [
      undefined,
      { streamWindowSize: 1_000, streamWindowSizeMax: 1_000 },
      { streamsMax: 3, streamBufferSize: 4_000 },
      { connectionWindowSize: 65_535, connectionWindowSizeMax: 65_535, encoderTableSizeMax: 64 },
    ][options & 3]
    this.connection = new Connection({ role, handler: this, host: this.host, now: 1_000, limits })
  }

  onStream(stream: Stream, _headers: HeaderBlock, endStream: boolean): StreamHandler {
    const end = new End()
    end.stream = stream
    end.heard.headers = 1
    end.heard.ended = endStream
    const other = this.peer!.ends.find(candidate => candidate.stream?.id === stream.id)
    invariant(other !== undefined, 'I-STATE a request that nobody sent')
    end.other = other
    other.other = end
    this.ends.push(end)
    return end
  }

  onReceived(): void {}
}

/** Octet 0: limits of both. Then steps. */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  const options = source.octet()
  const client = new Side('client', options)
  const server = new Side('server', options >>> 2)
  client.peer = server
  server.peer = client
  let now = 1_000
  while (source.left > 0) {
    const step = source.octet()
    const side = (step & 0x80) === 0 ? client : server
    const end = side.ends[(step >>> 4) % Math.max(1, Math.min(7, side.ends.length))]
    switch (step & 15) {
      case 0:
        if (client.connection.canOpen) open(client, (step & 0x40) !== 0)
        break
      case 1:
      case 2:
        send(end, side, source.pick(SIZES), (step & 15) === 2)
        break
      case 3:
        respond(end, side, server, source.flag())
        break
      case 4:
        if (end?.stream !== undefined && !end.stream.closed && (step & 0x70) === 0) {
          end.stream.reset(8)
          end.over = true
        }
        break
      case 5:
      case 6:
        consume(end, source.pick([1, 100, 10_000, 1 << 20]))
        break
      case 7:
        take(side, 1 + source.number(2))
        break
      case 8:
      case 9:
      case 10:
        deliver(side, 1 + source.octet() * (1 + (step >>> 4)), now)
        break
      case 11:
        now += source.pick([1, 50, 1_000, 11_000])
        client.connection.advance(now)
        server.connection.advance(now)
        break
      case 12:
        if (step >>> 4 === 8) side.connection.shutdown()
        break
      case 13:
        if (side.connection.streamCount > 0 && side.pingsLeft-- > 0) side.connection.ping(() => {})
        break
      default:
        settle(client, server, now)
    }
    client.host.check()
    server.host.check()
  }
  finish(client, server, now)
}

function open(client: Side, endStream: boolean): void {
  const end = new End()
  // The other side looks for the stream while we are still opening it only if it were re-entrant.
  end.stream = client.connection.open(REQUEST, endStream, end)
  end.sentHeaders = true
  end.sentEnd = endStream
  client.ends.push(end)
}

function send(end: End | undefined, side: Side, size: number, endStream: boolean): void {
  const stream = end?.stream
  if (
    end === undefined ||
    stream === undefined ||
    !end.sentHeaders ||
    !stream.writable ||
    end.waits
  )
    return
  if (inspect(side.connection).core.over) return
  const body = Buffer.alloc(size)
  for (let i = 0; i < size; i++) body[i] = octetAt(end.sentSize + i)
  const offset = stream.beginData(size, endStream)
  if (offset >= 0) body.copy(stream.slab, offset)
  else if (!stream.sendData(body, 0, size, endStream)) end.waits = !endStream
  end.sentSize += size
  end.sentEnd = endStream
}

function respond(end: End | undefined, side: Side, server: Side, endStream: boolean): void {
  if (
    end?.stream === undefined ||
    side !== server ||
    !end.stream.writable ||
    inspect(side.connection).core.over
  )
    return
  end.stream.sendHeaders(
    end.sentHeaders ? ['x-trailer', 'yes'] : RESPONSE,
    endStream || end.sentHeaders,
  )
  if (end.sentHeaders || endStream) end.sentEnd = true
  end.sentHeaders = true
}

function consume(end: End | undefined, size: number): void {
  if (end?.stream === undefined) return
  const owed = Math.min(size, end.heard.size - end.consumed)
  end.consumed += owed
  end.stream.consume(owed)
}

function take(side: Side, sizeMax: number): void {
  for (const octets of side.connection.takeOutput(sizeMax)) side.wire.push(Buffer.from(octets))
  side.connection.outputWritten()
}

/** What `side` has sent reaches its peer, `size` octets of it. */
function deliver(side: Side, size: number, now: number): void {
  let left = size
  while (left > 0 && side.wire.length > 0) {
    const head = side.wire[0]!
    const peer = side.peer!.connection
    if (peer.blocked) take(side.peer!, 1 << 20)
    const reached = peer.receive(head, 0, Math.min(left, head.length), now)
    invariant(reached > 0 || peer.blocked, 'I-BOUND receive makes progress')
    left -= Math.max(1, reached)
    if (reached === head.length) side.wire.shift()
    else side.wire[0] = head.subarray(reached)
  }
}

/** Everything under way arrives, at both ends. */
function settle(client: Side, server: Side, now: number): void {
  for (let rounds = 0; ; rounds++) {
    invariant(rounds < 5_000, 'I-BOUND two ends of ours come to rest')
    for (const side of [client, server]) {
      take(side, 1 << 20)
      deliver(side, 1 << 24, now)
    }
    const isQuiet = [client, server].every(
      ({ connection, wire }) => wire.length === 0 && !connection.hasOutput,
    )
    if (isQuiet) return
  }
}

function finish(client: Side, server: Side, start: number): void {
  let now = start
  for (let rounds = 0; rounds < 200; rounds++) {
    settle(client, server, now)
    for (const side of [client, server]) for (const end of side.ends) consume(end, 1 << 24)
    settle(client, server, now)
    const isDone = [client, server].every(
      side =>
        inspect(side.connection).sender.queuedSize === 0 &&
        side.ends.every(end => end.heard.size === end.consumed),
    )
    if (isDone) break
    // A window of a few octets is waited for; nothing takes longer.
    now += 60
    client.connection.advance(now)
    server.connection.advance(now)
  }
  for (const side of [client, server]) {
    side.host.check()
    const error = side.host.cause
    invariant(
      error === undefined ||
        /closed|gone|GOAWAY|no preface|acknowledged|stall|took nothing/.test(error.message),
      'T8 two ends of ours do not accuse each other',
      () => error?.message ?? '',
    )
    // Where the other end has given up, its socket would be gone: nothing more is owed.
    if (inspect(side.connection).core.over || side.peer!.host.cause !== undefined) continue
    invariant(
      inspect(side.connection).receiver.retained === 0,
      'I-FC all consumed, nothing retained',
    )
    invariant(
      inspect(side.connection).sender.queuedSize === 0,
      'I-FC all consumed, nothing queued',
      () => `${inspect(side.connection).sender.queuedSize}`,
    )
    for (const end of side.ends) checkEnd(end)
  }
  for (const side of [client, server]) {
    side.connection.destroy()
    invariant(side.connection.timers.count === 0, 'I-DEAD no timer is left')
    for (const end of side.ends)
      invariant(end.over || end.stream!.closed, 'I-STATE every stream has ended')
  }
}

/** What the other end put in has come out here. */
function checkEnd(end: End): void {
  const { other } = end
  if (other === undefined || end.over || other.over) return
  invariant(
    end.heard.size === other.sentSize,
    'T8 all octets arrive',
    () => `${end.heard.size} of ${other.sentSize}`,
  )
  invariant(
    end.heard.ended === other.sentEnd,
    'T8 the end arrives',
    () => `stream ${end.stream?.id}`,
  )
  invariant(!end.waits || end.sentEnd, 'I-STATE onDrain comes once there is room')
  const stream = recordOf(end.stream!)
  // What is lent for speed stays lent, and the peer may send it.
  const lent = stream.loan?.size ?? 0
  invariant(
    !stream.readable || stream.receiveCredit + stream.unannounced === lent,
    'I-FC all consumed, and what was granted is what was consumed, and what is lent',
    () => `stream ${stream.id}: ${stream.receiveCredit} and ${stream.unannounced}, ${lent} lent`,
  )
}
