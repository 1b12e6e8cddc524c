import { gzipSync } from 'node:zlib'
import type { Attack } from '../play.js'
import { onSocket, poured } from './row.js'
import { note, part, pour, prefixed, sendWithin, wire } from './wire.js'

const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

/** Messages of go-micro's transport, and what is in them. */
export const MESSAGE_ATTACKS: readonly Attack[] = [
  onSocket('M20-no-protobuf', 'a message that is no protobuf', socket =>
    pour(socket, prefixed(Buffer.alloc(1_000, 0xff)), 1),
  ),
  onSocket('M20-length-lie', 'a message of 4 GiB announced', socket =>
    pour(socket, Buffer.of(0, 255, 255, 255, 255), 1),
  ),
  onSocket('M20-entry-lies', 'entries longer than their message', socket =>
    pour(socket, prefixed(Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f)), 1),
  ),
  onSocket('M20-gzip-bomb', 'a compressed message without grpc-encoding', async socket => {
    const bomb = prefixed(gzipSync(Buffer.alloc(16 << 20)))
    bomb[0] = 1
    await sendWithin(socket, 1, bomb)
  }),
  poured('M21-nothing', '100,000 messages of nothing', Buffer.alloc(5), 100_000),
  poured(
    'M21-proto-names',
    '__proto__ and constructor as fields',
    index => note('Notes.Note', String(index), { ['__proto__']: 'x', constructor: 'y' }),
    2_000,
    { handlersMax: 2_000 },
  ),
  poured(
    'M21-timeouts',
    'timeouts that are no numbers, or of years',
    index =>
      note('Notes.Note', String(index), {
        Timeout: ['-1', '1e999', '9'.repeat(40), 'x'][index % 4]!,
      }),
    2_000,
    { handlersMax: 2_000 },
  ),
  poured(
    'M22-deep-json',
    'bodies of 100,000 levels',
    index => note('Notes.Note', String(index), {}, DEEP),
    20,
    { handlersMax: 20 },
  ),
  poured(
    'M22-no-opening',
    'parts of streams that nobody opened',
    index => part('', String(index), {}, '{}'),
    5_000,
  ),
  poured(
    'M22-ends-in-turn',
    '2,000 streams that end as soon as they are open',
    index => {
      const id = String(index)
      return Buffer.concat([
        part('Notes.Chat', id),
        part('Notes.Chat', id, { 'Micro-Error': 'EOS' }),
      ])
    },
    2_000,
    { handlersMax: 2_000 },
  ),
  poured(
    'M7-refused-events',
    '5,000 events that middleware refuses: no subscriber runs',
    index =>
      wire(
        { 'Content-Type': 'application/json', 'Micro-Topic': 'news', 'Micro-Id': String(index) },
        '{}',
      ),
    5_000,
    { door: 'guarded' },
  ),
]
