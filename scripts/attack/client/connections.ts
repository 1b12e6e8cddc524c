import { frames } from '../../../test/support/frames.js'
import { ALLOWED } from '../allowed.js'
import type { Attack } from '../play.js'
import { CALLS, first, hostile, overTls, UNARY } from './row.js'

/** By the back-off, within the 2 s that a call waits. */
const RETRIES_MAX = 6
const NO_STREAMS = { settings: { concurrentStreamsMax: 0 }, connectionsMax: RETRIES_MAX }

/** A server that takes no stream and leaves. */
function leaves(name: string, how: string, leave: 'goaway' | 'fin' | 'rst'): Attack {
  return hostile(
    name,
    `MAX_CONCURRENT_STREAMS of 0, then ${how}`,
    UNARY,
    async socket => {
      await socket.turn(1)
      if (leave === 'goaway') await socket.send(frames.goaway(0, 0))
      socket.end(leave === 'rst')
    },
    NO_STREAMS,
  )
}

const STORM = leaves('K1-storm-goaway', 'GOAWAY', 'goaway')

/** Finding 6, and connections that come to nothing. */
export const CONNECTION_ATTACKS: readonly Attack[] = [
  STORM,
  overTls(STORM),
  leaves('K1-storm-fin', 'FIN', 'fin'),
  leaves('K1-storm-rst', 'RST', 'rst'),
  hostile(
    'K1-refuses-all',
    'each stream is refused, as long as there is one',
    CALLS,
    async socket => {
      for (let index = 0; ; index++) {
        const id = await socket.request(index)
        if (id === undefined || index > 2_000) return
        await socket.send(frames.rstStream(id, 7))
      }
    },
  ),
  hostile(
    'K1-goaway-each',
    'GOAWAY behind each request, none of which was processed',
    CALLS,
    async socket => {
      await first(socket)
      await socket.send(frames.goaway(0, 0))
      socket.end()
    },
    { connectionsMax: RETRIES_MAX },
  ),
  {
    name: 'K2-silence',
    about: 'a server that says nothing',
    handlersMax: CALLS.count,
    client: CALLS,
    connectionsMax: RETRIES_MAX,
    livesBecause: 'connectTimeoutMs, 20 s, ends it; its calls have ended',
    answer: async socket => {
      socket.acknowledges = false
    },
  },
  {
    name: 'K2-http1',
    about: 'a server that speaks HTTP/1.1',
    handlersMax: CALLS.count,
    client: CALLS,
    connectionsMax: RETRIES_MAX,
    answer: socket => socket.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
  },
  {
    name: 'K2-garbage',
    about: 'a server that speaks nothing known, 1 MiB of it',
    handlersMax: CALLS.count,
    client: CALLS,
    connectionsMax: RETRIES_MAX,
    answer: socket => socket.send(Buffer.alloc(1 << 20, 0xa5)),
  },
  hostile(
    'K2-no-windows',
    'uploads of 16 MiB, and windows of 0',
    { count: 20, kind: 'upload' },
    first0,
    {
      settings: { initialWindowSize: 0 },
      retainedMax: ALLOWED.unsentUploads(20),
    },
  ),
  hostile(
    'K2-tiny-windows',
    'uploads of 16 MiB, an octet at a time',
    { count: 4, kind: 'upload' },
    async socket => {
      const id = await first(socket)
      for (let i = 0; i < 2_000 && !socket.closed; i++) {
        await socket.send(frames.windowUpdate(id, 1))
        if (i % 20 === 0) await socket.turn()
      }
    },
    { settings: { initialWindowSize: 0 }, retainedMax: 8 * 1_048_576, cpuUsPerOctetMax: 4 },
  ),
]

async function first0(socket: Parameters<typeof first>[0]): Promise<void> {
  await first(socket)
}
