import { setTimeout as sleep } from 'node:timers/promises'
import type { Message, Socket } from '../../../src/transport/index.js'
import { ALLOWED } from '../allowed.js'
import type { Attack, MemoryPlay } from '../play.js'

/** For a peer that does not take more. Unit: ms. */
const PATIENCE_MS = 300
const DEEP = `{"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
const FAT = JSON.stringify('x'.repeat(60_000))

function message(fields: Record<string, string>, body = '{}'): Message {
  const header = { 'Content-Type': 'application/json', 'Micro-Id': '1', ...fields }
  return { header: new Map(Object.entries(header)), body: Buffer.from(body) }
}

function sizeOf({ header, body }: Message): number {
  let size = body.length
  for (const [name, value] of header) size += name.length + value.length
  return size
}

/** Sends until all is sent, or the other side takes no more. */
async function sendAll(
  socket: Socket,
  make: (index: number) => Message,
  count: number,
  played: MemoryPlay,
): Promise<void> {
  for (let i = 0; i < count; i++) {
    const each = make(i)
    const sent = socket.send(each).then(
      () => true,
      () => false,
    )

    if (!(await Promise.race([sent, sleep(PATIENCE_MS, false)]))) return
    played.octets += sizeOf(each)
    // Nothing else lets the process turn: both sides are in it.
    if (i % 8 === 7) await sleep(0)
  }
}

interface Rest {
  readonly handlersMax?: number
  readonly retainedMax?: number
  /** The answers are received. */
  readonly reads?: boolean
  readonly sockets?: number
}

function overMemory(
  name: string,
  about: string,
  make: (index: number) => Message,
  count: number,
  rest: Rest = {},
): Attack {
  return {
    name,
    about: `${about}; both sides are in the figures`,
    door: 'memory',
    handlersMax: rest.handlersMax ?? 0,
    livesBecause: 'a message that fails harms no other of its socket',
    uncountedBecause: 'peers within one process have no connection, and no account',
    ...(rest.retainedMax === undefined ? {} : { retainedMax: rest.retainedMax }),
    async playMemory(dial, played) {
      for (let i = 0; i < (rest.sockets ?? 1); i++) {
        const socket = await dial()
        if (rest.reads === true) void drain(socket)
        await sendAll(socket, make, played.times(count), played)
        // The attacker's own turns are in the figures.
        if (i % 8 === 7) await sleep(0)
      }
    },
  }
}

async function drain(socket: Socket): Promise<void> {
  try {
    while ((await socket.receive()) !== undefined);
  } catch {
    // It is over.
  }
}

/** The same door without a socket of the kernel between: nothing else holds a peer back. */
export const MEMORY_ATTACKS: readonly Attack[] = [
  overMemory(
    'Y1-deep-error',
    'a Micro-Error of 5,000 levels, which the handler throws again',
    index =>
      message({
        'Micro-Endpoint': 'Notes.Chat',
        'Micro-Stream': String(index >> 1),
        ...(index % 2 === 0 ? {} : { 'Micro-Error': DEEP }),
      }),
    200,
    { handlersMax: 100, reads: true },
  ),
  overMemory(
    'Y3-unread-refusals',
    '20,000 messages for nobody, whose answers are not read',
    index => message({ 'Micro-Id': String(index), 'Micro-Endpoint': 'Nobody.Nothing' }),
    20_000,
  ),
  overMemory(
    'Y3-queued',
    '100 MiB of messages for a handler that reads none',
    () => message({ 'Micro-Endpoint': 'Notes.Idle', 'Micro-Stream': '1' }, FAT),
    1_700,
    { handlersMax: 1, retainedMax: 8 * 1_048_576 },
  ),
  overMemory(
    'Y4-handlers',
    '20,000 unary calls at once',
    index => message({ 'Micro-Id': String(index), 'Micro-Endpoint': 'Notes.Wait' }),
    20_000,
    { handlersMax: 1_000, retainedMax: 16 * 1_048_576, reads: true },
  ),
  overMemory(
    'Y5-sockets',
    '500 sockets with an open stream each',
    () => message({ 'Micro-Endpoint': 'Notes.Idle', 'Micro-Stream': '1' }, ''),
    1,
    { handlersMax: 500, sockets: 500, retainedMax: ALLOWED.memoryStreams(500) },
  ),
]
