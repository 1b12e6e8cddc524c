import { frames, insertingBlock, literalBlock } from '../../test/support/frames.js'
import type { Attacker, AttackSocket } from './attack-socket.js'
import { note, open, part, sendWithin } from './mucp/wire.js'
import { type Attack, hold, join, message, once, perStream, repeat, request } from './play.js'

const MIB = 1_048_576

/** The text of a name or a value, another one for each index. */
function text(index: number, size: number): string {
  return `${index}-`.padEnd(size, 'abcdefgh')
}

/** What one peer can make a server keep, one kind each: `what` is done on as many connections, and they stay. */
function keeping(
  name: string,
  about: string,
  connections: number,
  what: (socket: AttackSocket, attacker: Attacker, index: number) => Promise<void>,
  rest: Partial<Attack> & { readonly window?: number } = {},
): Attack {
  const { window, ...others } = rest
  return {
    name,
    about,
    handlersMax: 0,
    retainedMax: 48 * MIB,
    livesBecause: 'what it sends is within all limits',
    ...others,
    async play(attacker) {
      const count = connections === 1 ? 1 : attacker.times(connections)
      for (let i = 0; i < count; i++) {
        const socket = await attacker.open(
          window === undefined ? {} : { initialWindowSize: window },
        )
        await what(socket, attacker, i)
      }
    },
  }
}

const NOTE = once(() =>
  literalBlock(
    request('Hold').map(field =>
      field.startsWith('/attack') ? '/attack.Notes/Wait' : field.replace('grpc+proto', 'grpc+json'),
    ),
  ),
)
const JSON_MESSAGE = join([Buffer.of(0, 0, 0, 0, 2), Buffer.from('{}')])

/** Finding 3: the accounts of memory must say of each kind what it takes. */
export const KEEPING_KINDS: readonly Attack[] = [
  keeping('X1-connections', '400 connections without a call', 400, async () => undefined),
  keeping(
    'X1-tables',
    '300 connections, each with its HPACK table full of its own',
    300,
    (socket, _, index) => {
      const fields = Array.from({ length: 28 }, (__, i) => [
        `x-${text(index, 20)}-${i}`,
        text(i, 60),
      ])
      const block = join([literalBlock(request('Echo')), insertingBlock(fields.flat())])
      // Refused, for it has no message: the table stays.
      return socket.send(frames.headers(1, block, { endStream: true }))
    },
  ),
  keeping(
    'X2-half-frames',
    '200 connections in the middle of a frame',
    200,
    socket => socket.send(join([hold(1), frames.data(1, { size: 16_384 }).subarray(0, 15_000)])),
    { handlersMax: 200 },
  ),
  keeping(
    'X2-half-headers',
    '200 connections in the middle of a header block',
    200,
    socket =>
      socket.send(
        frames.headers(1, literalBlock([...request('Hold'), 'x', 'y'.repeat(15_000)]), {
          endHeaders: false,
        }),
      ),
    { livesBecause: 'headerTimeoutMs, 10 s, ends it' },
  ),
  keeping(
    'X3-streams',
    '1,000 streams whose handlers run',
    1,
    (socket, attacker) => perStream(socket, attacker.times(1_000), id => hold(id)),
    { handlersMax: 1_000 },
  ),
  keeping(
    'X3-calls',
    '1,000 unary calls whose handlers run',
    1,
    (socket, attacker) =>
      perStream(socket, attacker.times(1_000), id =>
        join([
          frames.headers(id, NOTE()),
          frames.data(id, { bytes: JSON_MESSAGE, endStream: true }),
        ]),
      ),
    { handlersMax: 1_000 },
  ),
  keeping(
    'X3-header-lists',
    '400 streams with 6 kB of header fields each',
    1,
    (socket, attacker) =>
      perStream(socket, attacker.times(400), id =>
        frames.headers(id, literalBlock([...request('Hold'), ...fields(id, 60, 100)])),
      ),
    { handlersMax: 400 },
  ),
  keeping(
    'X4-large',
    '100 messages of 100 kB that nobody reads',
    1,
    async (socket, attacker) => {
      for (let i = 0; i < attacker.times(100); i++) {
        await socket.send(hold(1 + 2 * i))
        if (!(await sendWithin(socket, 1 + 2 * i, message(100_000)))) return
      }
    },
    { handlersMax: 100 },
  ),
  keeping(
    'X4-small',
    '25,000 messages of ten octets that nobody reads',
    1,
    async (socket, attacker) => {
      for (let i = 0; i < attacker.times(100); i++) {
        await socket.send(hold(1 + 2 * i))
        if (!(await sendWithin(socket, 1 + 2 * i, repeat(message(10), 250)))) return
        await socket.turn()
      }
    },
    { handlersMax: 100 },
  ),
  keeping(
    'X4-unfinished',
    '100 messages of which three quarters have come',
    1,
    async (socket, attacker) => {
      for (let i = 0; i < attacker.times(100); i++) {
        await socket.send(hold(1 + 2 * i))
        if (!(await sendWithin(socket, 1 + 2 * i, message(100_000).subarray(0, 75_000)))) return
      }
    },
    { handlersMax: 100 },
  ),
  keeping(
    'X5-unread',
    '200 streams of responses of 16 KiB, whose windows are closed',
    1,
    (socket, attacker) =>
      perStream(socket, attacker.times(200), id =>
        join([
          frames.headers(id, literalBlock(request('Download'))),
          frames.data(id, { bytes: Buffer.alloc(5), endStream: true }),
        ]),
      ),
    { handlersMax: 200, window: 0 },
  ),
  keeping('X6-sockets', '900 mucp sockets that say nothing', 1, (socket, attacker) =>
    perStream(socket, attacker.times(900), open),
  ),
  keeping(
    'X6-calls',
    '1,000 unary calls over mucp, with ids and names of 1,000 characters',
    1,
    (socket, attacker) =>
      overMucp(socket, attacker.times(1_000), index =>
        note('Notes.Wait', text(index, 1_000), { token: text(index, 1_000) }),
      ),
    { handlersMax: 1_000 },
  ),
  keeping(
    'X6-streams',
    '1,000 streams over mucp, with ids of 1,000 characters',
    1,
    (socket, attacker) =>
      overMucp(socket, attacker.times(1_000), index => part('Notes.Idle', text(index, 1_000))),
    { handlersMax: 1_000 },
  ),
]

async function overMucp(
  socket: AttackSocket,
  count: number,
  make: (index: number) => Buffer,
): Promise<void> {
  await socket.send(open(1))
  for (let i = 0; i < count; i++) {
    if (!(await sendWithin(socket, 1, make(i)))) return
    if (i % 20 === 19) await socket.turn()
  }
}

/** `count` fields of `size` octets, not the same for two ids. */
function fields(id: number, count: number, size: number): string[] {
  return Array.from({ length: count }, (_, i) => [`x-${i}`, text(id * 100 + i, size)]).flat()
}
