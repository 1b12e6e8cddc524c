import { gzipSync } from 'node:zlib'
import { frames, literalBlock } from '../../../test/support/frames.js'
import { ALLOWED } from '../allowed.js'
import { sendWithin } from '../mucp/wire.js'
import { type Attack, join, message, once, type Path, request } from '../play.js'

/** Compressed, and otherwise larger than it looks. */
function compressed(bytes: Buffer): Buffer {
  const body = message(0, 1)
  body.writeUInt32BE(bytes.length, 1)
  return join([body, bytes])
}

const INFLATES = once(() => compressed(gzipSync(Buffer.alloc(4_000_000))))
const SMALL: Buffer = compressed(gzipSync(Buffer.alloc(10)))
const NOTE = '/attack.Notes/Note'

interface Rest
  extends Partial<
    Pick<
      Attack,
      | 'handlersMax'
      | 'retainedMax'
      | 'door'
      | 'livesBecause'
      | 'cpuUsPerOctetMax'
      | 'uncountedBecause'
    >
  > {
  readonly calls?: number
  readonly count?: number
  readonly encoding?: string
  readonly fields?: readonly string[]
  readonly isOpen?: boolean
  readonly path?: string
  readonly subtype?: string
}

/** Calls with `count` messages each, sent within the windows. */
function sending(
  name: string,
  about: string,
  method: Path,
  made: Buffer | (() => Buffer),
  rest: Rest = {},
): Attack {
  const {
    calls = 4,
    count = 1,
    encoding,
    fields = [],
    isOpen = true,
    path,
    subtype = 'proto',
    ...others
  } = rest
  const extra = encoding === undefined ? fields : ['grpc-encoding', encoding, ...fields]
  const block = literalBlock(
    request(method, ...extra).map(text =>
      text === 'application/grpc+proto'
        ? `application/grpc+${subtype}`
        : text === `/attack.Target/${method}`
          ? (path ?? text)
          : text,
    ),
  )
  return {
    name,
    about,
    handlersMax: calls,
    livesBecause: 'a call that fails harms no other on its connection',
    ...others,
    async play(attacker) {
      const socket = await attacker.open()
      const body = Buffer.isBuffer(made) ? made : made()
      const times = attacker.times(calls)
      for (let i = 0; i < times && !socket.closed; i++) {
        const id = 1 + 2 * i
        await socket.send(frames.headers(id, block))
        for (let sent = 0; sent < count; sent++) {
          if (!(await sendWithin(socket, id, body))) break
        }
        if (!isOpen) await socket.send(frames.data(id, { endStream: true }))
        if (i % 20 === 19) await socket.turn()
      }
    },
  }
}

function text(json: string): Buffer {
  const body = message(0)
  const bytes = Buffer.from(json)
  body.writeUInt32BE(bytes.length, 1)
  return join([body, bytes])
}

const NOTES: Rest = { path: NOTE, subtype: 'json', isOpen: false }
const UNREAD = sending(
  'P1-unread-gzip',
  'four calls with 240 MB in 1 MB of gzip, whose handlers do not read',
  'Hold',
  INFLATES,
  {
    count: 60,
    encoding: 'gzip',
  },
)

/** TCP connections at a TLS server that come to nothing. */
function handshakes(name: string, about: string, hello: Buffer, livesBecause?: string): Attack {
  return {
    name,
    about,
    handlersMax: 0,
    door: 'tls',
    uncountedBecause: 'OpenSSL keeps nearly all of it outside the heap',
    ...(livesBecause === undefined ? {} : { livesBecause }),
    async play(attacker) {
      for (let i = 0; i < attacker.times(300); i++) {
        const socket = await attacker.plainSocket()
        if (hello.length > 0) await socket.send(hello)
      }
    },
  }
}

const TIMEOUT = 'handshakeTimeoutMs, 10 s, ends it'

/** Findings 2, 9 and 13: what is larger, deeper or longer than it looks, on the native door. */
export const MESSAGE_ATTACKS: readonly Attack[] = [
  UNREAD,
  { ...UNREAD, name: 'P1-unread-gzip-tls', about: `${UNREAD.about}; over TLS`, door: 'tls' },
  sending(
    'P1-small-gzip',
    '2,000 compressed messages of ten octets for a handler that does not read',
    'Hold',
    SMALL,
    {
      calls: 1,
      count: 2_000,
      encoding: 'gzip',
    },
  ),
  sending('P1-inflated-unary', '60 unary requests that inflate to 4 MB each', 'Echo', INFLATES, {
    calls: 60,
    encoding: 'gzip',
    isOpen: false,
    // `inflatedSizeMax`: answers that their client does not read count in it.
    retainedMax: ALLOWED.inflated,
  }),
  sending('P1-deflate', 'deflate that is no deflate', 'Echo', message(1_000, 1), {
    calls: 200,
    encoding: 'deflate',
    isOpen: false,
  }),
  sending('P1-unknown-encoding', 'an encoding that nobody knows', 'Echo', message(100, 1), {
    calls: 500,
    encoding: 'brotli-nine',
    isOpen: false,
  }),
  sending(
    'P2-deep-json',
    'JSON of 100,000 levels',
    'Echo',
    text(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
    {
      ...NOTES,
      calls: 20,
    },
  ),
  sending(
    'P2-proto-names',
    'JSON with __proto__ and a thousand keys',
    'Echo',
    text(
      `{"__proto__":{"a":1},${Array.from({ length: 1_000 }, (_, key) => `"k${key}":1`).join()}}`,
    ),
    {
      ...NOTES,
      calls: 200,
    },
  ),
  sending('P2-numbers', 'JSON numbers of 100,000 digits', 'Echo', text('9'.repeat(100_000)), {
    ...NOTES,
    calls: 50,
  }),
  sending('P2-no-json', 'what is no JSON', 'Echo', text('{"a":'), { ...NOTES, calls: 1_000 }),
  sending('P3-metadata', '-bin metadata of 7 kB on each of 500 calls', 'Hold', Buffer.alloc(0), {
    calls: 500,
    fields: ['x-a-bin', 'A'.repeat(7_000)],
    retainedMax: 16 * 1_048_576,
    livesBecause: 'headerListSizeMax bounds each, streamsMax their number',
  }),
  sending('P3-authority', 'authorities that are none', 'Hold', Buffer.alloc(0), {
    calls: 500,
    handlersMax: 0,
    fields: ['host', 'a b/c?d#e,f'],
  }),
  sending('P3-secrets', 'secrets in metadata, refused for their octets', 'Hold', Buffer.alloc(0), {
    calls: 500,
    fields: ['authorization', 'Bearer planted', 'x-bad-bin', '%%%%'],
    livesBecause: 'they are metadata like other metadata',
  }),
  handshakes(
    'L1-silent',
    '300 TCP connections at a TLS server that say nothing',
    Buffer.alloc(0),
    TIMEOUT,
  ),
  handshakes(
    'L1-half-hello',
    '300 TLS handshakes that stop in their first record',
    Buffer.from('160301020001000001fc0303', 'hex'),
    TIMEOUT,
  ),
  handshakes('L1-no-tls', '300 connections that speak no TLS', Buffer.alloc(100, 0xa5)),
  handshakes(
    'L1-http2',
    '300 connections that speak HTTP/2 without TLS',
    Buffer.concat([frames.preface(), frames.settings()]),
  ),
]
