import { createServer, type Socket } from 'node:net'
import { answerRunner } from '../child.js'
import { PREFIXED_MESSAGE } from '../payload.js'
import {
  END_HEADERS,
  FLAG_1,
  frame,
  SETTINGS_ACK,
  settings,
  Type,
  WINDOW_MAX,
  windowUpdate,
} from '../wire/frame-bytes.js'
import { FrameSplitter } from '../wire/frame-splitter.js'

// The limit of what a server in this runtime can do: it knows frame headers and nothing else, and
// answers the end of each request with prepared bytes in which only the stream id is new.
// All answers to one read leave in one write.

const PREFACE_SIZE = 24
const MAX_CONCURRENT_STREAMS = 3
const INITIAL_WINDOW_SIZE = 4
const STREAM_ID_OFFSET = 5

/** A string literal of HPACK without Huffman code; all of ours are shorter than 127 octets. */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')])
}

/** A field that enters the dynamic table (RFC 7541 §6.2.1, new name). */
function inserted(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), literal(name), literal(value)])
}

function answer(headers: Buffer, trailers: Buffer): Buffer {
  return Buffer.concat([
    frame(Type.headers, END_HEADERS, 0, headers),
    frame(Type.data, 0, 0, PREFIXED_MESSAGE),
    frame(Type.headers, END_HEADERS | FLAG_1, 0, trailers),
  ])
}

const STATUS_200 = 0x88
const FIRST = answer(
  Buffer.concat([Buffer.from([STATUS_200]), inserted('content-type', 'application/grpc')]),
  inserted('grpc-status', '0'),
)
// From the second answer on both fields are in the table: the newest has index 62.
const STEADY = answer(Buffer.from([STATUS_200, 0x80 | 63]), Buffer.from([0x80 | 62]))
const STEADY_OFFSETS = frameOffsets(STEADY)

function frameOffsets(bytes: Buffer): readonly number[] {
  const offsets: number[] = []
  for (let offset = 0; offset < bytes.length; offset += 9 + bytes.readUIntBE(offset, 3)) {
    offsets.push(offset)
  }
  return offsets
}

function serve(socket: Socket): void {
  let prefaceLeft = PREFACE_SIZE
  let answered = false
  let slab = Buffer.allocUnsafe(64 * 1024)
  let size = 0

  const append = (bytes: Buffer): number => {
    if (size + bytes.length > slab.length)
      slab = Buffer.concat([slab, Buffer.allocUnsafe(slab.length)])
    slab.set(bytes, size)
    size += bytes.length
    return size - bytes.length
  }
  const reply = (streamId: number): void => {
    const template = answered ? STEADY : FIRST
    const at = append(template)
    for (const offset of answered ? STEADY_OFFSETS : frameOffsets(FIRST)) {
      slab.writeUInt32BE(streamId, at + offset + STREAM_ID_OFFSET)
    }
    answered = true
  }
  const splitter = new FrameSplitter((type, flags, streamId, bytes, start, end) => {
    if (type === Type.data) {
      if ((flags & FLAG_1) !== 0) reply(streamId)
    } else if (type === Type.settings) {
      if ((flags & FLAG_1) === 0) append(SETTINGS_ACK)
    } else if (type === Type.ping && (flags & FLAG_1) === 0) {
      append(frame(Type.ping, FLAG_1, 0, bytes.subarray(start, end)))
    }
  })

  append(settings(MAX_CONCURRENT_STREAMS, 1_000_000, INITIAL_WINDOW_SIZE, WINDOW_MAX))
  append(windowUpdate(0, WINDOW_MAX - 65_535))
  socket.setNoDelay(true)
  socket.on('data', chunk => {
    const skipped = Math.min(prefaceLeft, chunk.length)
    prefaceLeft -= skipped
    splitter.push(skipped === 0 ? chunk : chunk.subarray(skipped))
    if (size === 0) return
    socket.write(slab.subarray(0, size))
    // The kernel has taken everything, or this slab now belongs to the socket.
    if (socket.writableLength > 0) slab = Buffer.allocUnsafe(64 * 1024)
    size = 0
  })
  socket.on('error', () => socket.destroy())
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP port')
  answerRunner({ port: address.port })
})
