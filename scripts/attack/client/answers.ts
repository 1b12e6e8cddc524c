import { gzipSync } from 'node:zlib'
import { frames, literalBlock } from '../../../test/support/frames.js'
import { type Attack, flood, join, message, once, repeat } from '../play.js'
import {
  answering,
  CALLS,
  first,
  HEAD,
  head,
  hostile,
  ok,
  overTls,
  STREAM,
  TAIL,
  UNARY,
} from './row.js'

const GZIP = literalBlock([
  ':status',
  '200',
  'content-type',
  'application/grpc',
  'grpc-encoding',
  'gzip',
])

function compressed(bytes: Buffer): Buffer {
  const body = message(0, 1)
  body.writeUInt32BE(bytes.length, 1)
  return join([body, bytes])
}

const INFLATES = once(() => compressed(gzipSync(Buffer.alloc(4_000_000))))
const BOMB = once(() => compressed(gzipSync(Buffer.alloc(64 << 20))))

function data(id: number, bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 16_384) {
    parts.push(frames.data(id, { bytes: bytes.subarray(at, at + 16_384) }))
  }
  return join(parts)
}

/** A response with these trailers. */
function trailers(...fields: string[]): (id: number) => Buffer {
  const block = literalBlock(fields)
  return id => join([head(id), frames.headers(id, block, { endStream: true })])
}

const UNREAD_GZIP: Attack = answering(
  'K5-unread-gzip',
  'four streams of responses that inflate to 60 MB each, of which one is read',
  { count: 4, kind: 'unread' },
  id => join([frames.headers(id, GZIP), data(id, repeat(INFLATES(), 15))]),
  { retainedMax: 32 * 1_048_576 },
)

/** Finding 2, and responses that are not what they say. */
export const ANSWER_ATTACKS: readonly Attack[] = [
  UNREAD_GZIP,
  overTls(UNREAD_GZIP),
  answering('K5-gzip-bomb', '64 KiB that inflate to 64 MiB', { count: 4, kind: 'unary' }, id =>
    join([
      frames.headers(id, GZIP),
      data(id, BOMB()),
      frames.headers(id, TAIL, { endStream: true }),
    ]),
  ),
  answering('K5-corrupt-gzip', 'octets that are no gzip', CALLS, id =>
    join([
      frames.headers(id, GZIP),
      data(id, message(100, 1)),
      frames.headers(id, TAIL, { endStream: true }),
    ]),
  ),
  answering('K6-length-lie', 'a message of 4 GiB announced', CALLS, id =>
    join([head(id), frames.data(id, { bytes: Buffer.of(0, 255, 255, 255, 255) })]),
  ),
  answering('K6-two-messages', 'two messages for one unary call', CALLS, id =>
    ok(id, repeat(message(5), 2)),
  ),
  answering('K6-no-message', 'OK, and no message', CALLS, trailers('grpc-status', '0')),
  hostile(
    'K6-tiny-messages',
    '100,000 messages of nothing, of which one is read',
    STREAM,
    async (socket, attacker) => {
      const id = await first(socket)
      await socket.send(head(id))
      await flood(
        socket,
        frames.data(id, { bytes: repeat(Buffer.alloc(5), 2_000) }),
        attacker.times(50),
      )
    },
  ),
  hostile(
    'K6-endless-error',
    'a 503 of plain text that never ends',
    UNARY,
    async (socket, attacker) => {
      const id = await first(socket)
      await socket.send(
        frames.headers(id, literalBlock([':status', '503', 'content-type', 'text/html'])),
      )
      await flood(socket, frames.data(id, { size: 1_000 }), attacker.times(500))
    },
  ),
  hostile(
    'K6-data-after-end',
    '1,000 frames of DATA behind the end',
    UNARY,
    async (socket, attacker) => {
      const id = await first(socket)
      await socket.send(ok(id, message(3)))
      await flood(socket, frames.data(id, { size: 1 }), attacker.times(1_000))
    },
  ),
  answering(
    'K7-status-text',
    'a grpc-message of 7 kB of broken percent signs',
    CALLS,
    trailers('grpc-status', '13', 'grpc-message', '%zz%e'.repeat(1_400)),
  ),
  answering(
    'K7-status-odd',
    'a grpc-status of 2^53',
    CALLS,
    trailers('grpc-status', '9007199254740993'),
  ),
  answering(
    'K7-details',
    'details that are no base64',
    CALLS,
    trailers('grpc-status', '5', 'grpc-status-details-bin', '!'.repeat(4_000)),
  ),
  answering(
    'K7-details-deep',
    'details of 4 kB that nest',
    CALLS,
    trailers(
      'grpc-status',
      '5',
      'grpc-status-details-bin',
      Buffer.alloc(4_000, 0x0a).toString('base64'),
    ),
  ),
  answering(
    'K7-micro-error-deep',
    'an error of go-micro of 1,500 levels as grpc-message',
    CALLS,
    trailers('grpc-status', '2', 'grpc-message', `{"x":${'['.repeat(1_500)}${']'.repeat(1_500)}}`),
  ),
  answering('K7-resets', 'RST_STREAM with each code there is', CALLS, id =>
    frames.rstStream(id, (id >> 1) % 20),
  ),
  answering('K7-no-status', 'END_STREAM without grpc-status', CALLS, id =>
    frames.headers(id, HEAD, { endStream: true }),
  ),
]
