import {
  Connection,
  type ConnectionHandler,
  type ConnectionHost,
  type HeaderBlock,
  type Stream,
  type StreamHandler,
} from '../../src/connection/index.js'
import { FrameReader, FrameType } from '../../src/frame/index.js'

/** What a connection did with some bytes. */
export interface Answer {
  /** What its handlers heard, in order. */
  readonly events: readonly string[]
  readonly output: Buffer
  /** Codes of RST_STREAM and GOAWAY in the output, in order. */
  readonly errorCodes: readonly number[]
}

/** Where a byte stream is cut: each number is the size of a chunk. */
export type Cuts = Iterator<number>

/** Empty SETTINGS of a server, which a client has to see first. */
const SERVER_SETTINGS = Buffer.from('000000040000000000', 'hex')
const REQUEST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'localhost']

/** Feeds bytes to a fresh connection, whole or cut, and tells what came of it. No socket, no clock. */
export function answerTo(role: 'client' | 'server', bytes: Buffer, cuts?: Cuts): Answer {
  const events: string[] = []
  const output: Buffer[] = []
  const connection = new Connection({
    role,
    handler: handlerOf(events),
    host: hostOf(events),
    now: 0,
  })
  const drain = () => {
    while (connection.hasOutput) {
      for (const part of connection.takeOutput(1 << 20)) output.push(Buffer.from(part))
    }
  }
  if (role === 'client') {
    receive(connection, Buffer.from(SERVER_SETTINGS))
    if (connection.canOpen) connection.open(REQUEST, true, streamHandler('1', events))
  }
  drain()
  for (const chunk of chunksOf(bytes, cuts)) {
    if (connection.finished) break
    receive(connection, chunk)
    // Borrowed bytes: whoever kept a view of them would be found out here.
    chunk.fill(0xaa)
    if (cuts === undefined) drain()
  }
  drain()
  connection.destroy()
  const all = Buffer.concat(output)
  return { events, output: all, errorCodes: errorCodesOf(role, all) }
}

function receive(connection: Connection, chunk: Buffer): void {
  for (let at = 0; at < chunk.length && !connection.finished; ) {
    const next = connection.receive(chunk, at, chunk.length, 0)
    if (next === at) break
    at = next
  }
}

function* chunksOf(bytes: Buffer, cuts: Cuts | undefined): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = cuts === undefined ? bytes.length : (cuts.next().value as number)
    yield Buffer.from(bytes.subarray(at, at + size))
    at += size
  }
}

function handlerOf(events: string[]): ConnectionHandler {
  return {
    onStream(stream: Stream, headers: HeaderBlock, endStream: boolean): StreamHandler {
      events.push(`stream ${stream.id} ${headers.list.join('|')} ${endStream}`)
      const handler = streamHandler(String(stream.id), events, stream)
      if (endStream) stream.sendHeaders([':status', '200'], true)
      return handler
    },
    onReceived() {},
  }
}

function streamHandler(id: string, events: string[], stream?: Stream): StreamHandler {
  let body = 0
  return {
    onHeaders(headers, endStream) {
      events.push(`${id} headers ${headers.list.join('|')} ${endStream}`)
    },
    onData(_bytes, start, end, endStream) {
      // A DATA frame that comes in pieces may be told in pieces: only the sum is the same.
      body += end - start
      stream?.consume(end - start)
      if (endStream) events.push(`${id} end after ${body}`)
    },
    onDrain() {},
    onReset(errorCode, byPeer) {
      events.push(`${id} reset ${errorCode} ${byPeer} after ${body}`)
    },
    onLost(cause) {
      events.push(`${id} lost after ${body}: ${cause.name}`)
    },
  }
}

function hostOf(events: string[]): ConnectionHost {
  return {
    onOutput() {},
    onSettings: () => void events.push('settings'),
    onGoaway: (last, code, debug) => void events.push(`goaway ${last} ${code} ${debug}`),
    onCapacity() {},
    onHandlerError: error => {
      throw error
    },
    onClosed: cause => void events.push(`closed ${cause?.name ?? ''} ${cause?.message ?? ''}`),
  }
}

function errorCodesOf(role: 'client' | 'server', output: Buffer): number[] {
  const reader = new FrameReader({ frameSizeMax: 1 << 20 })
  reader.push(output, role === 'client' ? 24 : 0, output.length)
  const codes: number[] = []
  while (reader.next()) {
    if (reader.type === FrameType.RstStream) codes.push(reader.errorCode)
    if (reader.type === FrameType.Goaway && reader.errorCode !== 0) codes.push(reader.errorCode)
  }
  return codes
}
