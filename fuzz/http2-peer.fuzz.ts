import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'
import { inspect } from '../src/connection/connection.js'
import {
  Connection,
  type HeaderBlock,
  type Stream,
  type StreamHandler,
} from '../src/connection/index.js'
import { OctetSource } from '../src/testing/index.js'
import { BareHost } from './bare-host.js'
import { invariant } from './invariant.js'

// T8 and I-OUT: what our client emits is HTTP/2 to node:http2 as well, and the calls come back whole.

const SIZES: readonly number[] = [0, 1, 100, 16_384, 70_000]

/** One response. */
class Reply implements StreamHandler {
  stream: Stream | undefined
  size = 0
  status = ''
  trailer = ''
  ended = false
  failure: string | undefined

  onHeaders({ list }: HeaderBlock, endStream: boolean): void {
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === ':status') this.status = list[i + 1]!
      if (list[i] === 'x-trailer') this.trailer = list[i + 1]!
    }
    this.ended ||= endStream
  }

  onData(_bytes: Buffer, start: number, end: number, endStream: boolean): void {
    this.size += end - start
    this.ended ||= endStream
    this.stream!.consume(end - start)
  }

  onDrain(): void {}

  onReset(errorCode: number): void {
    this.failure = `reset ${errorCode}`
  }

  onLost(cause: Error): void {
    this.failure = `lost ${cause.message}`
  }
}

/** Each pair of octets is a call: sizes of request and response, header fields. */
export async function fuzz(data: Buffer): Promise<void> {
  const source = new OctetSource(data)
  const options = source.octet()
  const calls: {
    readonly requestSize: number
    readonly responseSize: number
    readonly extra: string[]
  }[] = []
  while (source.left > 0 && calls.length < 8) {
    const requestSize = source.pick(SIZES)
    const responseSize = source.pick(SIZES)
    const extra: string[] = []
    for (let count = source.integer(0, 3); count > 0; count--)
      extra.push(`x-${source.integer(0, 5)}`, source.block().toString('hex'))
    calls.push({ requestSize, responseSize, extra })
  }
  const limits =
    (options & 1) === 0
      ? undefined
      : {
          streamWindowSize: 1_000 + options,
          encoderTableSizeMax: options,
        }
  const settings =
    (options & 2) === 0
      ? {}
      : {
          initialWindowSize: 2_000 + options * 100,
          headerTableSize: options,
          maxFrameSize: 16_384 + options,
        }
  const wire = new Wire(settings)
  const host = new BareHost()
  const connection = new Connection({
    role: 'client',
    handler: {
      onStream: () => {
        throw new Error('a client has no requests')
      },
      onReceived() {},
    },
    host,
    now: 1_000,
    limits,
  })
  // Before its SETTINGS the peer's windows are 65,535; afterwards they are its own.
  if ((options & 4) !== 0)
    await exchange(connection, wire, () => inspect(connection).core.peerKnown)
  const replies = calls.map(({ requestSize, responseSize, extra }) => {
    const reply = new Reply()
    const headers = [
      ':method',
      'POST',
      ':scheme',
      'http',
      ':path',
      `/${responseSize}`,
      ':authority',
      'localhost',
      ...extra,
    ]
    reply.stream = connection.open(headers, false, reply)
    reply.stream.sendData(Buffer.alloc(requestSize, 0x62), 0, requestSize, true)
    return reply
  })
  try {
    await exchange(connection, wire, () =>
      replies.every(({ ended, failure }) => ended || failure !== undefined),
    )
  } finally {
    wire.destroy()
  }
  host.check()
  invariant(wire.failure === undefined, 'I-OUT node:http2 accepts what we emit', () =>
    String(wire.failure),
  )
  for (const [index, reply] of replies.entries()) {
    const { requestSize, responseSize } = calls[index]!
    invariant(
      reply.failure === undefined && reply.status === '200',
      'I-OUT node:http2 answers each call',
      () => `${reply.failure}`,
    )
    invariant(
      reply.size === responseSize,
      'T8 all octets arrive',
      () => `${reply.size} of ${responseSize}`,
    )
    invariant(
      reply.trailer === String(requestSize),
      'T8 all octets arrive at node:http2',
      () => `${reply.trailer} of ${requestSize}`,
    )
  }
  connection.destroy()
}

/** A server session of node:http2 without a socket. */
class Wire {
  failure: unknown
  readonly #arrived: Buffer[] = []
  readonly #duplex: Duplex
  readonly #sessions: ServerHttp2Session[] = []

  constructor(settings: object) {
    const server = createServer({ settings })
    server.on('session', session => {
      this.#sessions.push(session)
      session.on('error', error => {
        this.failure ??= error
      })
    })
    server.on('stream', (stream, headers) =>
      answer(stream, Number(String(headers[':path']).slice(1))),
    )
    this.#duplex = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.#arrived.push(chunk)
        done()
      },
    })
    server.emit('connection', this.#duplex)
  }

  send(octets: Buffer): void {
    this.#duplex.push(octets)
  }

  take(): Buffer[] {
    return this.#arrived.splice(0)
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy()
    this.#duplex.destroy()
  }
}

function answer(stream: ServerHttp2Stream, responseSize: number): void {
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
  })
  stream.on('error', () => {})
  stream.on('end', () => {
    if (stream.destroyed) return
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': String(size) }))
    stream.end(Buffer.alloc(responseSize, 0x63))
  })
}

async function exchange(connection: Connection, wire: Wire, isDone: () => boolean): Promise<void> {
  for (let turns = 0; !isDone(); turns++) {
    invariant(turns < 2_000, 'T8 calls to node:http2 come to an end')
    for (const octets of connection.takeOutput(1 << 20)) wire.send(Buffer.from(octets))
    await new Promise(resolve => setImmediate(resolve))
    for (const octets of wire.take()) {
      let start = 0
      while (start < octets.length) start = connection.receive(octets, start, octets.length, 1_000)
    }
    // Windows that are opened a little at a time are waited for.
    if (turns % 10 === 9) connection.advance(connection.now + 60)
    if (inspect(connection).core.over) return
    invariant(wire.failure === undefined, 'I-OUT node:http2 accepts what we emit', () =>
      String(wire.failure),
    )
  }
}
