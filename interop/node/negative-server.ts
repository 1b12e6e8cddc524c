import { createServer, type Server, type Socket } from 'node:net'
import {
  CLIENT_PREFACE,
  ErrorCode,
  Flag,
  FRAME_HEADER_SIZE,
  FrameReader,
  FrameType,
  Setting,
  writeData,
  writeGoaway,
  writeHeaders,
  writePaddedData,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../../src/frame/index.js'
import { HpackEncoder } from '../../src/hpack/index.js'

/** What the server does wrong, or does in an unusual way: gRPC's negative HTTP/2 cases. */
export type Misbehaviour =
  | 'goaway'
  | 'rst_after_header'
  | 'rst_during_data'
  | 'rst_after_data'
  | 'ping'
  | 'max_streams'
  | 'data_frame_padding'

const RESPONSE_SIZE = 314_159
const WINDOW_DEFAULT = 65_535
const PADDING_SIZE = 255
/** Payload of a padded frame: small, so that padding is most of what flow control counts. */
const PADDED_PAYLOAD_SIZE = 1_024
const DATA_SIZE = 16_384

/** What the server saw of all its connections. */
export interface Observed {
  connectionCount: number
  /** Most streams open at once on one connection. */
  streamsMax: number
  pingsSent: number
  pingsAcked: number
}

/** A server on our own framer, without our connection layer, that misbehaves on purpose. */
export class NegativeServer {
  readonly observed: Observed = { connectionCount: 0, streamsMax: 0, pingsSent: 0, pingsAcked: 0 }
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(misbehaviour: Misbehaviour) {
    this.#server = createServer({ noDelay: true }, socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      this.observed.connectionCount++
      new Peer(socket, misbehaviour, this.observed)
    })
  }

  listen(): Promise<string> {
    return new Promise(resolve => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' ? `127.0.0.1:${address?.port}` : '')
      })
    })
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** A response that is being sent. */
interface Response {
  readonly streamId: number
  readonly body: Buffer
  sent: number
  window: number
}

/** One connection of the server. */
class Peer {
  readonly #socket: Socket
  readonly #misbehaviour: Misbehaviour
  readonly #observed: Observed
  readonly #reader = new FrameReader()
  readonly #encoder = new HpackEncoder()
  readonly #open = new Set<number>()
  readonly #responses = new Map<number, Response>()
  #preface = 0
  #window = WINDOW_DEFAULT
  #streamWindow = WINDOW_DEFAULT

  constructor(socket: Socket, misbehaviour: Misbehaviour, observed: Observed) {
    this.#socket = socket
    this.#misbehaviour = misbehaviour
    this.#observed = observed
    socket.on('error', () => {})
    socket.on('data', chunk => this.#receive(chunk))
    const settings = misbehaviour === 'max_streams' ? { concurrentStreamsMax: 1 } : {}
    this.#write(64, (target, offset) => writeSettings(target, offset, settings))
  }

  #receive(chunk: Buffer): void {
    const skip = Math.min(CLIENT_PREFACE.length - this.#preface, chunk.length)
    this.#preface += skip
    this.#reader.push(chunk, skip, chunk.length)
    while (this.#reader.next()) this.#onFrame(this.#reader)
    this.#sendData()
  }

  #onFrame(frame: FrameReader): void {
    switch (frame.type) {
      case FrameType.Settings:
        return this.#onSettings(frame)
      case FrameType.Ping:
        return this.#onPing(frame)
      case FrameType.WindowUpdate:
        return this.#onWindowUpdate(frame)
      case FrameType.Headers:
        this.#open.add(frame.streamId)
        this.#observed.streamsMax = Math.max(this.#observed.streamsMax, this.#open.size)
        this.#pingNow()
        break
      case FrameType.Data:
        this.#credit(frame)
        this.#pingNow()
        break
      case FrameType.RstStream:
        this.#open.delete(frame.streamId)
        this.#responses.delete(frame.streamId)
        return
      default:
        return
    }
    if ((frame.flags & Flag.EndStream) !== 0) this.#respond(frame.streamId)
  }

  #onSettings(frame: FrameReader): void {
    if ((frame.flags & Flag.Ack) !== 0) return
    const settings: Record<number, number> = {}
    for (let at = frame.start; at < frame.end; at += 6) {
      settings[frame.bytes.readUInt16BE(at)] = frame.bytes.readUInt32BE(at + 2)
    }
    const streamWindow = settings[Setting.InitialWindowSize] ?? this.#streamWindow
    // RFC 9113 §6.9.2: the windows of open streams move with it.
    for (const response of this.#responses.values()) {
      response.window += streamWindow - this.#streamWindow
    }
    this.#streamWindow = streamWindow
    this.#write(FRAME_HEADER_SIZE, writeSettingsAck)
  }

  #onPing(frame: FrameReader): void {
    if ((frame.flags & Flag.Ack) !== 0) {
      this.#observed.pingsAcked++
      return
    }
    const { bytes, start } = frame
    this.#write(17, (target, offset) => writePing(target, offset, bytes, start, true))
  }

  #onWindowUpdate({ streamId, windowIncrement }: FrameReader): void {
    const response = this.#responses.get(streamId)
    if (streamId === 0) this.#window += windowIncrement
    else if (response !== undefined) response.window += windowIncrement
  }

  /** Gives back at once what the request took of both windows. */
  #credit({ streamId, payloadSize }: FrameReader): void {
    if (payloadSize === 0) return
    this.#write(26, (target, offset) =>
      writeWindowUpdate(
        target,
        writeWindowUpdate(target, offset, 0, payloadSize),
        streamId,
        payloadSize,
      ),
    )
  }

  #respond(streamId: number): void {
    this.#pingNow()
    this.#writeHeaders(streamId, [':status', '200', 'content-type', 'application/grpc'], 0)
    if (this.#misbehaviour === 'rst_after_header') return this.#reset(streamId)
    this.#responses.set(streamId, {
      streamId,
      body: responseMessage(),
      sent: 0,
      window: this.#streamWindow,
    })
  }

  /** Sends what the windows allow. */
  #sendData(): void {
    for (const response of this.#responses.values()) {
      while (this.#sendFrame(response)) this.#pingNow()
      if (response.sent < response.body.length) continue
      this.#responses.delete(response.streamId)
      this.#finish(response.streamId)
    }
  }

  /** One DATA frame, if the windows have room for it. */
  #sendFrame(response: Response): boolean {
    const { body, sent, streamId } = response
    const padded = this.#misbehaviour === 'data_frame_padding'
    const extra = padded ? 1 + PADDING_SIZE : 0
    const room = Math.min(this.#window, response.window) - extra
    const size = Math.min(padded ? PADDED_PAYLOAD_SIZE : DATA_SIZE, body.length - sent, room)
    if (size <= 0) return false
    const end = sent + size
    this.#write(FRAME_HEADER_SIZE + size + extra, (target, offset) =>
      padded
        ? writePaddedData(target, offset, streamId, body, sent, end, PADDING_SIZE, false)
        : writeData(target, offset, streamId, body, sent, end, false),
    )
    this.#window -= size + extra
    response.window -= size + extra
    response.sent = end
    if (this.#misbehaviour === 'rst_during_data' && end > body.length / 2) {
      this.#responses.delete(streamId)
      this.#reset(streamId)
      return false
    }
    return true
  }

  #finish(streamId: number): void {
    if (this.#misbehaviour === 'rst_after_data') return this.#reset(streamId)
    this.#writeHeaders(streamId, ['grpc-status', '0'], Flag.EndStream)
    this.#open.delete(streamId)
    if (this.#misbehaviour === 'goaway') {
      this.#write(17, (target, offset) => writeGoaway(target, offset, streamId, ErrorCode.NoError))
    }
  }

  #reset(streamId: number): void {
    this.#open.delete(streamId)
    this.#write(13, (target, offset) => writeRstStream(target, offset, streamId, ErrorCode.NoError))
  }

  /** The ping case has a ping between any two frames; a hundred of them prove it. */
  #pingNow(): void {
    if (this.#misbehaviour !== 'ping' || this.#observed.pingsSent >= 100) return
    this.#observed.pingsSent++
    const opaque = Buffer.alloc(8, this.#observed.pingsSent)
    this.#write(17, (target, offset) => writePing(target, offset, opaque, 0, false))
  }

  #writeHeaders(streamId: number, list: readonly string[], flags: number): void {
    const block = Buffer.alloc(this.#encoder.encodedSizeMax(list))
    const end = this.#encoder.encode(list, block, 0)
    this.#write(FRAME_HEADER_SIZE + end, (target, offset) =>
      writeHeaders(target, offset, streamId, block, 0, end, flags | Flag.EndHeaders),
    )
  }

  #write(size: number, write: (target: Buffer, offset: number) => number): void {
    const target = Buffer.alloc(size)
    const end = write(target, 0)
    if (!this.#socket.destroyed) this.#socket.write(target.subarray(0, end))
  }
}

/** A SimpleResponse whose payload has RESPONSE_SIZE octets, with gRPC's prefix. */
function responseMessage(): Buffer {
  const body = Buffer.concat([
    Buffer.from([0x12, ...varint(RESPONSE_SIZE)]),
    Buffer.alloc(RESPONSE_SIZE),
  ])
  const message = Buffer.concat([Buffer.from([0x0a, ...varint(body.length)]), body])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

function varint(value: number): number[] {
  const octets: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) octets.push((rest & 0x7f) | 0x80)
  return [...octets, rest]
}
