import { ALLOWED } from '../allowed.js'
import type { Attack } from '../play.js'
import { overTls, poured } from './row.js'
import { note, part, wire } from './wire.js'

const KEPT =
  'MUCP_KEPT_SIZE_MAX bounds what is kept for one connection, and its window what follows'
/** What a connection may keep, with its objects. Unit: octets. */
const KEPT_MAX = 2 * 67_108_864
const FAT = 'x'.repeat(60_000)

const UNREAD: Attack = poured(
  'M3-unread-refusals',
  '20,000 messages for a service that is unknown, and a window of 0',
  index => note('Nobody.Nothing', String(index)),
  20_000,
  { window: 0 },
)

/** Findings 3, 4 and 8: what a server keeps for a peer that sends and does not read. */
export const KEEPING_ATTACKS: readonly Attack[] = [
  UNREAD,
  overTls(UNREAD),
  poured(
    'M3-unread-content-type',
    '20,000 messages of an unknown content type, and a window of 0',
    index => wire({ 'Content-Type': 'text/html', 'Micro-Id': String(index) }, 'x'),
    20_000,
    { window: 0 },
  ),
  poured(
    'M3-unread-events',
    '20,000 events for a topic that nobody has, and a window of 0',
    index => wire({ 'Micro-Topic': 'nothing', 'Micro-Id': String(index) }, '{}'),
    20_000,
    { window: 0 },
  ),
  poured(
    'M3-unread-answers',
    '2,000 calls whose answers of 10 kB are not read',
    index => note('Notes.Note', String(index), {}, JSON.stringify('y'.repeat(10_000))),
    2_000,
    { window: 0, handlersMax: 2_000, retainedMax: ALLOWED.unreadAnswers(10_240) },
  ),
  poured(
    'M3-openings',
    '2,000 streams with 60 kB in their opening that never send their request',
    index => part('Notes.Idle', String(index), { token: FAT }),
    2_000,
    { handlersMax: 2_000, retainedMax: KEPT_MAX, livesBecause: KEPT },
  ),
  poured(
    'M3-queued',
    '100 MiB of messages for a handler that reads none',
    part('Notes.Idle', '1', {}, JSON.stringify(FAT)),
    1_700,
    { handlersMax: 1, opening: part('Notes.Idle', '1'), livesBecause: KEPT },
  ),
  poured(
    'M3-ended-streams',
    '2,000 streams that end with 60 kB that nobody reads',
    index => {
      const id = String(index)
      return Buffer.concat([
        part('Notes.Idle', id),
        part('Notes.Idle', id, {}, JSON.stringify(FAT)),
        part('Notes.Idle', id, { 'Micro-Error': 'EOS' }),
      ])
    },
    2_000,
    { handlersMax: 2_000, retainedMax: KEPT_MAX, livesBecause: KEPT },
  ),
  poured(
    'M4-handlers',
    '20,000 unary calls at once on one socket',
    index => note('Notes.Wait', String(index)),
    20_000,
    {
      handlersMax: 1_000,
      retainedMax: 16_777_216,
      livesBecause: 'streamsMax handlers run, the rest is refused',
    },
  ),
  poured(
    'M4-streams',
    '20,000 streams at once on one socket',
    index => part('Notes.Idle', String(index)),
    20_000,
    {
      handlersMax: 1_000,
      retainedMax: 16_777_216,
      livesBecause: 'streamsMax handlers run, the rest is refused',
    },
  ),
  poured(
    'M8-repeated-fields',
    '500 fields on a thousand refused messages: answers must not repeat them',
    index =>
      wire({
        'Micro-Id': String(index),
        'Micro-Endpoint': 'Nobody.Nothing',
        ...Object.fromEntries(Array.from({ length: 500 }, (_, key) => [`k${key}`, 'vvvvvvvv'])),
      }),
    1_000,
  ),
  poured(
    'M8-many-keys',
    '150,000 keys in one message',
    wire(Object.fromEntries(Array.from({ length: 150_000 }, (_, key) => [`k${key}`, '']))),
    4,
  ),
  poured(
    'M8-names',
    'ids, services and endpoints of 100 kB',
    index => note('x'.repeat(100_000), 'y'.repeat(50_000 + index)),
    50,
  ),
]
