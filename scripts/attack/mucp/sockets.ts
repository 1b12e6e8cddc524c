import { frames } from '../../../test/support/frames.js'
import { ALLOWED } from '../allowed.js'
import { type Attack, CANCEL, ids, join } from '../play.js'
import { onManySockets, onSocket, overTls, poured } from './row.js'
import { note, open, part, pour, wire } from './wire.js'

const MESSAGE = wire({ a: 'b' }, Buffer.alloc(60_000, 'x'))

/** Many micro sockets that are reset, some at once, in turn. */
function resetInTurn(name: string, about: string, message: Buffer, rest: Partial<Attack>): Attack {
  return {
    name,
    about,
    handlersMax: 2_000,
    ...rest,
    async play(attacker) {
      const socket = await attacker.open()
      const count = attacker.times(3_000)
      for (let i = 0; i < count && !socket.closed; i += 50) {
        const some = ids(50, 1 + 2 * i)
        await socket.send(join(some.flatMap(id => [open(id), frames.data(id, { bytes: message })])))
        await socket.turn(2)
        await socket.send(join(some.map(id => frames.rstStream(id, CANCEL))))
      }
    },
  }
}

const RAW_KEPT: Partial<Attack> = {
  door: 'raw',
  livesBecause: 'its window holds the peer back',
  retainedMax: 48 * 1_048_576,
}
const NOT_RECEIVED = poured(
  'T1-not-received',
  '100 MiB for a socket that nobody receives from',
  MESSAGE,
  1_700,
  {
    ...RAW_KEPT,
    handlersMax: 1,
  },
)

/** Findings 4 and 10, and what sockets of the transport do without micro on top. */
export const SOCKET_ATTACKS: readonly Attack[] = [
  resetInTurn(
    'M4-sockets-reset',
    'sockets with a unary call that runs, reset in turn',
    note('Notes.Wait', '1'),
    {
      handlersMax: 3_000,
      livesBecause: 'a call that is cancelled after its handler has started is honest',
    },
  ),
  resetInTurn(
    'M4-streams-reset',
    'sockets with an open stream, reset in turn',
    part('Notes.Idle', '1'),
    {
      handlersMax: 3_000,
      livesBecause: 'a call that is cancelled after its handler has started is honest',
    },
  ),
  onManySockets(
    'M30-silent-sockets',
    '1,000 micro sockets that say nothing',
    1_000,
    () => Buffer.alloc(0),
    {
      livesBecause: 'streamsMax bounds them',
      retainedMax: ALLOWED.sockets(1_000, 0),
    },
  ),
  onManySockets(
    'M30-half-messages',
    'half a message on each of 500 micro sockets',
    500,
    () => MESSAGE.subarray(0, 200),
    {
      livesBecause: 'receiveBufferMax bounds what is held',
      // With a buffer for what has come.
      retainedMax: ALLOWED.sockets(500, 1_024),
    },
  ),
  NOT_RECEIVED,
  overTls(NOT_RECEIVED),
  onManySockets(
    'T1-many-not-received',
    '200 sockets with messages that nobody receives',
    200,
    () => MESSAGE,
    {
      ...RAW_KEPT,
      handlersMax: 200,
    },
  ),
  onSocket(
    'T2-many-keys',
    '150,000 keys in a message that is not received',
    socket =>
      pour(
        socket,
        wire(Object.fromEntries(Array.from({ length: 150_000 }, (_, key) => [`k${key}`, '']))),
        4,
      ),
    { ...RAW_KEPT, handlersMax: 1 },
  ),
  resetInTurn(
    'T3-open-and-reset',
    'sockets that are reset as soon as their handler runs',
    MESSAGE.subarray(0, 100),
    {
      door: 'raw',
      handlersMax: 3_000,
      livesBecause: 'a call that is cancelled after its handler has started is honest',
    },
  ),
  onManySockets(
    'T10-throwing',
    'handlers that throw, 1,000 of them',
    1_000,
    () => wire({ a: 'b' }),
    {
      door: 'throwing',
      handlersMax: 1_000,
      livesBecause: 'an exception costs its socket only',
    },
  ),
  onSocket(
    'T20-no-protobuf',
    'a message that is no protobuf, to a socket',
    socket =>
      pour(socket, Buffer.concat([Buffer.of(0, 0, 0, 3, 232), Buffer.alloc(1_000, 0xff)]), 1),
    { door: 'raw', handlersMax: 1, livesBecause: 'a socket that fails harms no other' },
  ),
]
