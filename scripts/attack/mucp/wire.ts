import { frames, literalBlock } from '../../../test/support/frames.js'
import type { AttackSocket } from '../attack-socket.js'
import { join, repeat, request } from '../play.js'

/** go-micro's transport on the wire, right or wrong on purpose; nothing of it is from `src`. */
const PATH = '/go.micro.transport.grpc.Transport/Stream'
const SOCKET: Buffer = literalBlock(
  request('Hold').map(text => (text.startsWith('/attack') ? PATH : text)),
)
const FRAME_SIZE = 16_384

function varint(value: number): Buffer {
  const octets: number[] = []
  for (; value > 0x7f; value = Math.floor(value / 128)) octets.push((value & 0x7f) | 0x80)
  return Buffer.from([...octets, value])
}

function field(tag: number, bytes: Buffer): Buffer {
  return join([Buffer.of(tag), varint(bytes.length), bytes])
}

export type Header = Readonly<Record<string, string>>

/** A message with the five octets ahead of it. */
export function wire(header: Header, body: Buffer | string = ''): Buffer {
  const entries = Object.entries(header).map(([key, value]) =>
    field(0x0a, join([field(0x0a, Buffer.from(key)), field(0x12, Buffer.from(value))])),
  )
  return prefixed(join([...entries, field(0x12, Buffer.from(body as string))]))
}

export function prefixed(bytes: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  return join([prefix, bytes])
}

/** A message for `attack.Notes` with JSON. */
export function note(endpoint: string, id: string, more: Header = {}, body: string = '{}'): Buffer {
  const base = { 'Content-Type': 'application/json', 'Micro-Id': id, 'Micro-Endpoint': endpoint }
  return wire({ ...base, ...more }, body)
}

/** The opening of a micro stream, or a message on it. */
export function part(endpoint: string, id: string, more: Header = {}, body: string = ''): Buffer {
  return note(endpoint, id, { 'Micro-Stream': id, ...more }, body)
}

/** A micro socket: a stream of HTTP/2. */
export function open(id: number): Buffer {
  return frames.headers(id, SOCKET)
}

/** DATA frames with these octets. */
export function data(id: number, bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += FRAME_SIZE) {
    parts.push(frames.data(id, { bytes: bytes.subarray(at, at + FRAME_SIZE) }))
  }
  return join(parts)
}

/** Sends within the windows, as honest peers do. False: the other side has had enough. */
export async function sendWithin(
  socket: AttackSocket,
  id: number,
  bytes: Buffer,
): Promise<boolean> {
  for (let at = 0; at < bytes.length; ) {
    const size = await socket.credit(id, Math.min(FRAME_SIZE, bytes.length - at))
    if (size === 0) return false
    await socket.send(frames.data(id, { bytes: bytes.subarray(at, at + size) }))
    at += size
  }
  return true
}

/** The same octets, or those of each number, on one micro socket until the other side has had enough. */
export async function pour(
  socket: AttackSocket,
  make: Buffer | ((index: number) => Buffer),
  count: number,
  id = 1,
): Promise<void> {
  const size = Buffer.isBuffer(make) ? make.length : make(0).length
  const inPiece = Math.max(1, Math.min(count, Math.floor(16_000 / size)))
  for (let sent = 0; sent < count; sent += inPiece) {
    const from = sent
    const some = Math.min(inPiece, count - sent)
    const bytes = Buffer.isBuffer(make)
      ? repeat(make, some)
      : join(Array.from({ length: some }, (_, i) => make(from + i)))
    if (!(await sendWithin(socket, id, bytes))) return
    await socket.turn()
  }
}
