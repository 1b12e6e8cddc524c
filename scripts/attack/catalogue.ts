import { gzipSync } from 'node:zlib'
import {
  frames,
  indexed,
  insertingBlock,
  integer,
  literalBlock,
  Type,
  tableSizeUpdate,
} from '../../test/support/frames.js'
import { ALLOWED } from './allowed.js'
import {
  type Attack,
  CANCEL,
  EMPTY_MESSAGE,
  flood,
  HOLD,
  hold,
  ids,
  join,
  message,
  once,
  type Path,
  perStream,
  repeat,
  request,
  uint32,
} from './play.js'

/** An attack that makes one stream error after the other. */
function provoked(name: string, about: string, make: (id: number) => Buffer): Attack {
  return {
    name,
    about: `CVE-2025-8671: ${about}`,
    handlersMax: 100,
    async play(attacker) {
      const socket = await attacker.open()
      await perStream(socket, attacker.times(3_000), make)
    },
  }
}

const STREAM_CHURN: readonly Attack[] = [
  {
    name: 'A1-rapid-reset',
    about: 'CVE-2023-44487: HEADERS and RST_STREAM pairs, 3,000 in one write',
    handlersMax: 10,
    async play(attacker) {
      const socket = await attacker.open()
      const pairs = ids(attacker.times(3_000)).map(id =>
        join([hold(id), frames.rstStream(id, CANCEL)]),
      )
      await socket.send(join(pairs))
    },
  },
  {
    name: 'A1-rapid-reset-late',
    about: 'CVE-2023-44487: the reset follows when the handler has started',
    // A handler that started was worth a stream: 1,000 at once, then the limit of refused ones.
    handlersMax: 3_000,
    livesBecause: 'a call that is cancelled after its handler has started is honest',
    async play(attacker) {
      const socket = await attacker.open()
      for (const id of ids(attacker.times(3_000))) {
        if (socket.closed) return
        await socket.send(hold(id))
        if (id % 100 === 1) await socket.turn(1)
        await socket.send(frames.rstStream(id, CANCEL))
      }
    },
  },
  provoked('A2-window-update-zero', 'WINDOW_UPDATE of 0', id =>
    join([hold(id), frames.windowUpdate(id, 0)]),
  ),
  provoked('A2-window-overflow', 'WINDOW_UPDATE beyond 2^31-1', id =>
    join([hold(id), frames.windowUpdate(id, 0x7fff_ffff)]),
  ),
  provoked('A2-priority-size', 'PRIORITY of 4 octets', id =>
    join([hold(id), frames.raw(Type.priority, 0, id, Buffer.alloc(4))]),
  ),
  provoked('A2-self-dependency', 'PRIORITY on itself', id =>
    join([hold(id), frames.priority(id, id)]),
  ),
  provoked('A2-data-after-end', 'DATA after END_STREAM', id =>
    join([hold(id, true), frames.data(id, { size: 1 })]),
  ),
  provoked('A2-headers-after-end', 'HEADERS after END_STREAM', id =>
    join([hold(id, true), hold(id, true)]),
  ),
  provoked('A2-malformed-headers', 'upper-case field names', id =>
    frames.headers(id, request('Hold', 'X-Upper', '1')),
  ),
  provoked('A2-content-length', 'content-length of 9, one octet of DATA', id =>
    join([
      frames.headers(id, request('Hold', 'content-length', '9')),
      frames.data(id, { size: 1, endStream: true }),
    ]),
  ),
  {
    name: 'A3-refused-streams',
    about: 'the stream limit, and 10,000 HEADERS above it',
    handlersMax: 1_000,
    async play(attacker) {
      const socket = await attacker.open()
      await perStream(socket, attacker.times(11_000), id => hold(id))
    },
  },
  {
    name: 'A4-id-exhaustion',
    about: 'stream 2^31-1, then stream 1',
    handlersMax: 1,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(join([hold(0x7fff_ffff), hold(1)]))
    },
  },
  {
    name: 'A5-zombie-handlers',
    about: 'handlers that outlive their cancelled streams',
    handlersMax: 1_000,
    retainedMax: ALLOWED.zombies,
    async play(attacker) {
      const socket = await attacker.open()
      const zombie = literalBlock(request('Zombie'))
      const count = attacker.times(6_000)
      for (let i = 0; i < count && !socket.closed; i += 100) {
        const some = ids(100, 1 + 2 * i)
        await socket.send(join(some.map(id => frames.headers(id, zombie))))
        await socket.turn(2)
        await socket.send(join(some.map(id => frames.rstStream(id, CANCEL))))
        await socket.turn(2)
      }
    },
  },
]

const HEADER_BLOCKS: readonly Attack[] = [
  {
    name: 'B1-continuation-flood',
    about: 'CVE-2024-27316: CONTINUATION without end',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(frames.headers(1, HOLD, { endHeaders: false }))
      const block = literalBlock(['x', 'y'.repeat(1_000)])
      await flood(socket, frames.continuation(1, block, false), attacker.times(5_000))
    },
  },
  {
    name: 'B1-empty-continuations',
    about: 'CVE-2026-33871: CONTINUATION without octets',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(frames.headers(1, HOLD, { endHeaders: false }))
      await flood(socket, frames.continuation(1, Buffer.alloc(0), false), attacker.times(50_000))
    },
  },
  {
    name: 'B1-headers-silence',
    about: 'a header block that never ends, and silence: 100 connections',
    handlersMax: 0,
    async play(attacker) {
      for (let i = 0; i < attacker.times(100); i++) {
        const socket = await attacker.open()
        await socket.send(frames.headers(1, HOLD, { endHeaders: false }))
      }
    },
  },
  {
    name: 'B2-hpack-bomb',
    about: 'CVE-2016-6581: a field of 3 KiB in the table, named 4,000 times',
    // The request that brings the field is sound.
    handlersMax: 1,
    async play(attacker) {
      const socket = await attacker.open()
      const big = insertingBlock(['bomb', 'b'.repeat(3_000)])
      await socket.send(frames.headers(1, join([HOLD, big]), { endStream: true }))
      const bomb = frames.headers(3, join([HOLD, repeat(indexed(62), 4_000)]))
      await socket.send(bomb)
    },
  },
  {
    name: 'B3-http2-bomb',
    about: 'CVE-2026-49975: 16,000 references to tiny fields on each of 1,000 streams',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      const block = join([HOLD, repeat(Buffer.of(0x90), 16_000)])
      await perStream(socket, attacker.times(1_000), id => frames.headers(id, block))
    },
  },
  {
    name: 'B3-many-fields',
    about: 'CVE-2026-49975: 500 tiny fields, under every limit, on 1,000 open streams',
    handlersMax: 1_000,
    livesBecause: 'each request is within its limits; streamsMax bounds them',
    async play(attacker) {
      const socket = await attacker.open()
      const block = join([HOLD, repeat(Buffer.of(0x90), 450)])
      await perStream(socket, attacker.times(1_000), id => frames.headers(id, block))
    },
  },
  {
    name: 'B4-huffman',
    about: 'a Huffman string that holds EOS',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      const value = Buffer.of(0x00, 0x01, 0x78, 0x84, 0xff, 0xff, 0xff, 0xff)
      await socket.send(frames.headers(1, join([HOLD, value])))
    },
  },
  {
    name: 'B5-integer',
    about: 'CVE-2023-33953: an integer of 10,000 octets',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      const endless = join([Buffer.of(0xff), Buffer.alloc(10_000, 0x80), Buffer.of(0)])
      await socket.send(frames.headers(1, join([HOLD, endless])))
    },
  },
  {
    name: 'B6-table-updates',
    about: '16,000 table size updates in one block',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(frames.headers(1, join([repeat(tableSizeUpdate(0), 16_000), HOLD])))
    },
  },
  {
    name: 'B7-poisoned-table',
    about: 'CVE-2024-7246: an index that no table has',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(frames.headers(1, join([HOLD, integer(4_000, 7, 0x80)])))
    },
  },
  {
    name: 'B8-encoder-table',
    about: 'SETTINGS_HEADER_TABLE_SIZE of 2^32-1, and 5,000 answers',
    handlersMax: 5_000,
    livesBecause: 'honest traffic; our table stays at encoderTableSizeMax',
    async play(attacker) {
      const socket = await attacker.open({ headerTableSize: 0xffff_ffff })
      const echo = literalBlock(request('Echo'))
      await perStream(socket, attacker.times(5_000), id =>
        join([
          frames.headers(id, echo),
          frames.data(id, { bytes: EMPTY_MESSAGE, endStream: true }),
        ]),
      )
    },
  },
  {
    name: 'B10-field-names',
    about: '__proto__, constructor and numbers as field names, 200 on each of 500 streams',
    handlersMax: 500,
    uncountedBecause:
      'a field counts 32 octets beside its own, as RFC 9113 §6.5.2 says; short ones take less',
    livesBecause: 'they are fields like others',
    async play(attacker) {
      const socket = await attacker.open()
      const names = Array.from({ length: 200 }, (_, i) =>
        i % 4 === 0 ? '__proto__' : i % 4 === 1 ? 'constructor' : String(i * 65_536),
      )
      const block = literalBlock(request('Hold', ...names.flatMap(name => [name, 'x'])))
      await perStream(socket, attacker.times(500), id => frames.headers(id, block))
    },
  },
]

/** A download that begins at once. */
function download(id: number): Buffer {
  return join([
    frames.headers(id, literalBlock(request('Download'))),
    frames.data(id, { bytes: EMPTY_MESSAGE, endStream: true }),
  ])
}

const FLOW_CONTROL: readonly Attack[] = [
  {
    name: 'C1-data-dribble',
    about: 'CVE-2019-9511: 1 MiB fetched with windows of one octet',
    handlersMax: 1,
    livesBecause: 'a peer may be slow; it is answered in frames worth sending',
    async play(attacker) {
      const socket = await attacker.open({ initialWindowSize: 0 })
      await socket.send(download(1))
      const count = attacker.times(20_000)
      for (let i = 0; i < count && !socket.closed; i += 20) {
        await socket.send(repeat(frames.windowUpdate(1, 1), 20))
        await socket.turn()
      }
    },
  },
  {
    name: 'C2-internal-buffering',
    about: 'CVE-2019-9517: huge HTTP/2 windows, and TCP is never read',
    handlersMax: 1_000,
    retainedMax: ALLOWED.unreadDownloads(500),
    livesBecause: 'writeStallTimeoutMs, 60 s, ends it',
    async play(attacker) {
      const socket = await attacker.open({ initialWindowSize: 0x7fff_ffff }, false)
      await socket.send(frames.windowUpdate(0, 0x7000_0000))
      await perStream(socket, attacker.times(500), download)
    },
  },
  {
    name: 'C3-window-toggling',
    about: '20,000 SETTINGS that move the windows of 900 streams',
    handlersMax: 900,
    async play(attacker) {
      const socket = await attacker.open()
      await perStream(socket, attacker.times(900), id => hold(id))
      const toggle = join([
        frames.settings({ initialWindowSize: 1 }),
        frames.settings({ initialWindowSize: 0x7fff_ffff }),
      ])
      await flood(socket, toggle, attacker.times(10_000))
    },
  },
  {
    name: 'C4-connection-window-overflow',
    about: 'WINDOW_UPDATE of 2^31-1 for the connection',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(frames.windowUpdate(0, 0x7fff_ffff))
    },
  },
  {
    name: 'C5-small-data',
    about: 'CVE-2026-84304: frames of one octet for messages that never end',
    handlersMax: 8,
    async play(attacker) {
      const socket = await attacker.open()
      for (const id of ids(8)) {
        await socket.send(
          join([hold(id), frames.data(id, { bytes: message(65_000).subarray(0, 5) })]),
        )
      }
      for (const id of ids(8)) {
        await flood(socket, frames.data(id, { size: 1 }), attacker.times(60_000))
      }
    },
  },
  {
    name: 'C5-empty-data',
    about: 'CVE-2019-9518: 50,000 frames of DATA without octets',
    handlersMax: 1,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(hold(1))
      await flood(socket, frames.data(1), attacker.times(50_000))
    },
  },
  {
    name: 'C5-padded-data',
    about: '20,000 frames of padding',
    handlersMax: 1,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(hold(1))
      await flood(socket, frames.data(1, { padding: 255 }), attacker.times(20_000))
    },
  },
  {
    name: 'C6-silent-sockets',
    about: '300 sockets that say nothing',
    handlersMax: 0,
    async play(attacker) {
      for (let i = 0; i < attacker.times(300); i++) await attacker.socket()
    },
  },
  {
    name: 'C6-half-preface',
    about: '300 sockets that stop within the preface',
    handlersMax: 0,
    async play(attacker) {
      for (let i = 0; i < attacker.times(300); i++) {
        const socket = await attacker.socket()
        await socket.send(frames.preface().subarray(0, 20))
      }
    },
  },
  {
    name: 'C7-window-starvation',
    about: 'messages of 4 MiB that stop short, on 100 streams',
    handlersMax: 100,
    livesBecause: 'streamWindowSize and receiveBufferMax bound what is held; others go on',
    async play(attacker) {
      const socket = await attacker.open()
      const part = Buffer.alloc(16_384)
      part.writeUInt32BE(4_000_000, 1)
      await perStream(socket, attacker.times(60), id =>
        join([hold(id), frames.data(id, { bytes: part })]),
      )
    },
  },
  {
    name: 'C8-zero-window-pin',
    about: 'CVE-2026-49975: 900 answers behind windows of 0',
    handlersMax: 900,
    retainedMax: ALLOWED.unreadDownloads(900),
    livesBecause: 'writeStallTimeoutMs, 60 s, ends it',
    async play(attacker) {
      const socket = await attacker.open({ initialWindowSize: 0 })
      await perStream(socket, attacker.times(900), download)
    },
  },
]

/** A flood of one frame on a connection with one stream. */
function frameFlood(
  name: string,
  about: string,
  frame: Buffer,
  count: number,
  rest: { readonly reads?: boolean; readonly livesBecause?: string } = {},
): Attack {
  return {
    name,
    about,
    handlersMax: 1,
    ...(rest.livesBecause === undefined ? {} : { livesBecause: rest.livesBecause }),
    async play(attacker) {
      const socket = await attacker.open({}, rest.reads !== false)
      await socket.send(hold(1))
      await flood(socket, frame, attacker.times(count))
    },
  }
}

const CONTROL_FRAMES: readonly Attack[] = [
  frameFlood('D1-ping', 'CVE-2019-9512: 50,000 PING', frames.ping(), 50_000),
  frameFlood(
    'D1-ping-unread',
    'CVE-2019-9512: 50,000 PING, no answer is read',
    frames.ping(),
    50_000,
    {
      reads: false,
      livesBecause: 'controlFramesPause: it is not read from; writeStallTimeoutMs, 60 s, ends it',
    },
  ),
  frameFlood('D2-settings', 'CVE-2019-9515: 20,000 SETTINGS', frames.settings(), 20_000),
  frameFlood(
    'D2-settings-entries',
    'one SETTINGS of 2,000 entries',
    frames.settings(Array.from({ length: 2_000 }, () => [4, 1] as const)),
    1,
  ),
  frameFlood('D3-settings-ack', 'an ACK for no SETTINGS', repeat(frames.settingsAck(), 2), 10),
  frameFlood(
    'D4-reset-idle',
    'RST_STREAM for a stream that was never opened',
    frames.rstStream(99, 0),
    1,
  ),
  {
    name: 'D4-reset-closed',
    about: 'CVE-2019-9514: 50,000 RST_STREAM for a closed stream',
    handlersMax: 1,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(join([hold(1), frames.rstStream(1, CANCEL)]))
      await flood(socket, frames.rstStream(1, CANCEL), attacker.times(50_000))
    },
  },
  frameFlood('D5-priority', 'CVE-2019-9513: 50,000 PRIORITY', frames.priority(1, 3), 50_000),
  frameFlood('D5-priority-update', '50,000 PRIORITY_UPDATE', frames.priorityUpdate(1), 50_000),
  {
    name: 'D6-empty-names',
    about: 'CVE-2019-9516: fields without a name',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      const block = literalBlock(request('Hold', '', 'x'))
      await perStream(socket, attacker.times(2_000), id => frames.headers(id, block))
    },
  },
  frameFlood('D7-unknown', '50,000 frames of an unknown type', frames.raw(0xee, 0, 0), 50_000),
  frameFlood(
    'D7-unknown-large',
    'CVE-2026-48619: unknown frames of 16 KiB',
    frames.raw(0xee, 0, 0, Buffer.alloc(16_384)),
    12_000,
  ),
  frameFlood('D8-goaway', '1,000 GOAWAY', frames.goaway(0, 0, 'x'.repeat(100)), 1_000),
  {
    name: 'D9-window-update-closed',
    about: '50,000 WINDOW_UPDATE for a closed stream',
    handlersMax: 1,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(join([hold(1), frames.rstStream(1, CANCEL)]))
      await flood(socket, frames.windowUpdate(1, 1), attacker.times(50_000))
    },
  },
  {
    name: 'D10-after-goaway',
    about: 'CVE-2026-48937: 1 MiB after a connection error',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      await socket.send(join([frames.data(0, { size: 1 }), Buffer.alloc(1 << 20, 0x5a)]))
    },
  },
  {
    name: 'D10-bad-connections',
    about: 'CVE-2026-48937: 300 connections of one malformed HEADERS each',
    handlersMax: 0,
    async play(attacker) {
      for (let i = 0; i < attacker.times(300); i++) {
        const socket = await attacker.open()
        await socket.send(frames.headers(1, Buffer.of(0x80), { endStream: true }))
      }
    },
  },
  frameFlood(
    'D13-frame-size-0',
    'CVE-2026-33814: SETTINGS_MAX_FRAME_SIZE of 0',
    frames.settings({ frameSizeMax: 0 }),
    1,
  ),
  frameFlood(
    'D15-push-promise',
    'PUSH_PROMISE to a server',
    frames.pushPromise(1, 2, request('Hold')),
    1,
  ),
]

const MALFORMED: readonly (readonly string[])[] = [
  ['x y', '1'],
  ['x:y', '1'],
  ['x', 'a\r\nb'],
  ['x', '\0'],
  ['X-Upper', '1'],
  ['connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['te', 'gzip'],
  [':path', '/late'],
  [':status', '200'],
  ['host', 'other.example'],
  ['content-length', '+5'],
]

const SEMANTICS: readonly Attack[] = [
  {
    name: 'E1-malformed-fields',
    about: 'E1 to E6: twelve kinds of malformed requests in turn',
    handlersMax: 0,
    async play(attacker) {
      const socket = await attacker.open()
      await perStream(socket, attacker.times(2_400), id =>
        frames.headers(id, request('Hold', ...MALFORMED[((id - 1) / 2) % MALFORMED.length]!)),
      )
    },
  },
  {
    name: 'E8-http1',
    about: '300 HTTP/1.1 requests',
    handlersMax: 0,
    async play(attacker) {
      for (let i = 0; i < attacker.times(300); i++) {
        const socket = await attacker.socket()
        await socket.send(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
      }
    },
  },
  {
    name: 'E8-garbage',
    about: '300 sockets that speak nothing known',
    handlersMax: 0,
    async play(attacker) {
      for (let i = 0; i < attacker.times(300); i++) {
        const socket = await attacker.socket()
        await socket.send(Buffer.alloc(100, 0xa5))
      }
    },
  },
]

/** Calls with one payload each. */
function calls(
  name: string,
  about: string,
  path: Path,
  payload: Buffer | (() => Buffer),
  rest: {
    readonly fields?: readonly string[]
    readonly handlersMax?: number
    readonly count?: number
    readonly open?: boolean
    readonly livesBecause?: string
  } = {},
): Attack {
  const block = literalBlock(request(path, ...(rest.fields ?? [])))
  const made = Buffer.isBuffer(payload) ? (): Buffer => payload : payload
  return {
    name,
    about,
    handlersMax: rest.handlersMax ?? 0,
    livesBecause: rest.livesBecause ?? 'a call that fails harms no other on its connection',
    async play(attacker) {
      const socket = await attacker.open()
      const bytes = made()
      await perStream(socket, attacker.times(rest.count ?? 100), id => {
        const parts = [frames.headers(id, block)]
        for (let at = 0; at < bytes.length; at += 16_384) {
          const last = at + 16_384 >= bytes.length && rest.open !== true
          parts.push(frames.data(id, { bytes: bytes.subarray(at, at + 16_384), endStream: last }))
        }
        return join(parts)
      })
    },
  }
}

const BOMB = once(() => {
  const bytes = gzipSync(Buffer.alloc(64 << 20))
  return join([Buffer.of(1), uint32(bytes.length), bytes])
})

const GRPC: readonly Attack[] = [
  calls(
    'F1-length-lie',
    'CVE-2024-37168: a message of 4 GiB announced',
    'Echo',
    Buffer.of(0, 255, 255, 255, 255),
    {
      open: true,
      count: 500,
    },
  ),
  calls('F2-gzip-bomb', '64 KiB that inflate to 64 MiB', 'Echo', BOMB, {
    fields: ['grpc-encoding', 'gzip'],
    count: 3,
  }),
  calls('F3-corrupt-gzip', 'CVE-2026-48069: octets that are no gzip', 'Echo', message(100, 1), {
    fields: ['grpc-encoding', 'gzip'],
    count: 500,
  }),
  calls('F4-compressed-flag', 'flag 2, and flag 1 without an encoding', 'Echo', message(10, 2), {
    count: 500,
  }),
  calls('F5-timeout', 'grpc-timeout of 99999999H', 'Hold', EMPTY_MESSAGE, {
    fields: ['grpc-timeout', '99999999H'],
    handlersMax: 500,
    count: 500,
    open: true,
  }),
  calls('F5-timeout-malformed', 'grpc-timeout of -1S', 'Hold', EMPTY_MESSAGE, {
    fields: ['grpc-timeout', '-1S'],
    count: 500,
  }),
  calls(
    'F6-truncated-message',
    'END_STREAM within a message',
    'Echo',
    message(100).subarray(0, 50),
    { count: 500 },
  ),
  calls('F7-metadata', '-bin fields that are no base64', 'Hold', EMPTY_MESSAGE, {
    fields: ['x-bin', '!!!!', 'grpc-spoof', '1'],
    handlersMax: 500,
    count: 500,
  }),
  calls(
    'F9-endless-body',
    'unary requests that never end',
    'Echo',
    message(1_000).subarray(0, 500),
    {
      open: true,
      count: 500,
      livesBecause: 'requestIdleTimeoutMs, 60 s, ends each call',
    },
  ),
  calls(
    'F10-tiny-messages',
    '200,000 messages of nothing',
    'Hold',
    repeat(EMPTY_MESSAGE, 200_000),
    {
      handlersMax: 1,
      count: 1,
      open: true,
      livesBecause: 'the queue of 256 messages holds the stream back',
    },
  ),
]

/** All attacks, in the order of the catalogue. */
export const ATTACKS: readonly Attack[] = [
  ...STREAM_CHURN,
  ...HEADER_BLOCKS,
  ...FLOW_CONTROL,
  ...CONTROL_FRAMES,
  ...SEMANTICS,
  ...GRPC,
]
