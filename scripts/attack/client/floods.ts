import {
  frames,
  indexed,
  insertingBlock,
  integer,
  literalBlock,
  tableSizeUpdate,
} from '../../../test/support/frames.js'
import { type Attack, flood, join, repeat } from '../play.js'
import { first, HEAD, head, hostile, overTls, STREAM, UNARY } from './row.js'

/** One frame again and again, behind the head of a response. */
function frameFlood(
  name: string,
  about: string,
  make: (id: number) => Buffer,
  count: number,
  lives = false,
): Attack {
  const attack = hostile(name, about, STREAM, async (socket, attacker) => {
    const id = await first(socket)
    await socket.send(head(id))
    await flood(socket, make(id), attacker.times(count))
  })
  return lives ? attack : withoutReason(attack)
}

/** The client must end such a connection. */
function withoutReason({ livesBecause, ...attack }: Attack): Attack {
  return attack
}

function block(name: string, about: string, make: (id: number) => Buffer): Attack {
  return hostile(name, about, UNARY, async socket => {
    await socket.send(make(await first(socket)))
  })
}

const PING = frameFlood('K3-ping', 'CVE-2019-9512: 50,000 PING', () => frames.ping(), 50_000)

/** Frames and header blocks that cost a client more than a server. */
export const FLOOD_ATTACKS: readonly Attack[] = [
  PING,
  overTls(PING),
  frameFlood('K3-settings', 'CVE-2019-9515: 20,000 SETTINGS', () => frames.settings(), 20_000),
  frameFlood('K3-priority', '50,000 PRIORITY', id => frames.priority(id, 3), 50_000),
  frameFlood(
    'K3-unknown',
    '50,000 frames of an unknown type',
    () => frames.raw(0xee, 0, 0),
    50_000,
  ),
  frameFlood(
    'K3-empty-data',
    'CVE-2019-9518: 50,000 frames of DATA without octets',
    id => frames.data(id),
    50_000,
  ),
  frameFlood(
    'K3-window-updates',
    '50,000 WINDOW_UPDATE of 1',
    () => frames.windowUpdate(0, 1),
    50_000,
  ),
  frameFlood(
    'K3-goaways',
    '1,000 GOAWAY',
    () => frames.goaway(0x7fffffff, 0, 'x'.repeat(100)),
    1_000,
    true,
  ),
  frameFlood(
    'K3-interim',
    '10,000 interim responses',
    id => frames.headers(id, literalBlock([':status', '103'])),
    10_000,
  ),
  frameFlood(
    'K3-push',
    'PUSH_PROMISE that nobody allowed',
    id => frames.pushPromise(id, 2, [':method', 'GET']),
    1,
  ),
  withoutReason(
    hostile(
      'K3-continuations',
      'CVE-2024-27316: CONTINUATION without end',
      UNARY,
      async (socket, attacker) => {
        const id = await first(socket)
        await socket.send(frames.headers(id, HEAD, { endHeaders: false }))
        const part = literalBlock(['x', 'y'.repeat(1_000)])
        await flood(socket, frames.continuation(id, part, false), attacker.times(5_000))
      },
    ),
  ),
  block('K4-hpack-bomb', 'CVE-2016-6581: a field of 3 KiB in the table, named 4,000 times', id =>
    join([
      frames.headers(
        id,
        join([literalBlock([':status', '103']), insertingBlock(['bomb', 'b'.repeat(3_000)])]),
      ),
      frames.headers(id, join([HEAD, repeat(indexed(62), 4_000)])),
    ]),
  ),
  withoutReason(
    block('K4-integer', 'CVE-2023-33953: an integer of 10,000 octets', id =>
      frames.headers(id, join([HEAD, Buffer.of(0xff), Buffer.alloc(10_000, 0x80), Buffer.of(0)])),
    ),
  ),
  withoutReason(
    block('K4-index', 'CVE-2024-7246: an index that no table has', id =>
      frames.headers(id, join([HEAD, integer(4_000, 7, 0x80)])),
    ),
  ),
  withoutReason(
    block('K4-table-updates', '16,000 table size updates in one block', id =>
      frames.headers(id, join([repeat(tableSizeUpdate(0), 16_000), HEAD])),
    ),
  ),
  block('K4-many-fields', '500 tiny fields in a response', id =>
    frames.headers(id, join([HEAD, repeat(Buffer.of(0x90), 500)])),
  ),
]
