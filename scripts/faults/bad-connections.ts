import type { ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { frames, literalBlock, REQUEST } from '../../test/support/frames.js'
import { answerOf, ask, start } from '../attack/child.js'
import type { Measure } from '../attack/meter.js'

/** What so many malformed connections have left behind. */
export interface BadConnectionsRow {
  readonly peer: string
  readonly count: number
  readonly seconds: number
  readonly before: Resources
  readonly after: Resources
  /** Of the heap and external memory, as a part of what it was. */
  readonly growth: number
  /** What is above the baseline by more than 1 %; empty when all is well. */
  readonly faults: readonly string[]
}

/** What a process holds. */
export interface Resources {
  /** Heap and external memory. Unit: octets. */
  readonly heap: number
  readonly sockets: number
  readonly timers: number
  readonly handles: number
}

/** Connections at once. */
const WIDTH = 50
/** How long one waits for the server to end it. Unit: ms. */
const PATIENCE_MS = 50
/** At most: code is compiled and caches fill before the baseline is taken. From 10,000 to 50,000 the heap rises by 2.5 %, by less than 1 % from there to 150,000. */
const WARM_UP_COUNT = 50_000
/** Longer than any timer that a connection leaves: it is what must not be left. Unit: ms. */
const REST_MS = 2_500
const TOLERANCE = 0.01

/** One of each malformed class. */
export const BAD_CONNECTIONS: ReadonlyMap<string, Buffer> = new Map([
  ['silence', Buffer.alloc(0)],
  ['half a preface', frames.preface().subarray(0, 10)],
  ['HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['garbage', Buffer.alloc(64, 0xa5)],
  ['index 0', withPreface(frames.headers(1, Buffer.of(0x80)))],
  ['DATA on an idle stream', withPreface(frames.data(1, { size: 1 }))],
  ['PRIORITY of 4 octets', withPreface(frames.raw(2, 0, 1, Buffer.alloc(4)))],
  ['WINDOW_UPDATE of 0', withPreface(frames.windowUpdate(0, 0))],
  ['a frame too long', withPreface(frames.raw(0, 0, 1, Buffer.alloc(10), 100_000))],
  [
    'half a header block',
    withPreface(frames.headers(1, literalBlock(REQUEST), { endHeaders: false })),
  ],
  ['PING of 10 octets', withPreface(frames.ping('1234567890'))],
  ['PUSH_PROMISE', withPreface(frames.pushPromise(1, 2, REQUEST))],
  ['half a request', withPreface(frames.headers(1, literalBlock(REQUEST)))],
])

function withPreface(frame: Buffer): Buffer {
  return Buffer.concat([frames.preface(), frames.settings(), frame])
}

/** Opens `count` malformed connections to a server of its own, each class in turn. */
export async function openBadConnections(peer: string, count: number): Promise<BadConnectionsRow> {
  const server = start('server.js', [peer], ['--expose-gc'])
  try {
    const { port } = await answerOf<{ port: number }>(server)
    const warmUp = Math.min(WARM_UP_COUNT, count)
    await openAll(port, warmUp)
    const before = await resources(server)
    const startedAt = performance.now()
    await openAll(port, count)
    const seconds = (performance.now() - startedAt) / 1_000
    const after = await resources(server)
    const growth = (after.heap - before.heap) / before.heap
    return { peer, count, seconds, before, after, growth, faults: grown(before, after) }
  } finally {
    server.kill('SIGKILL')
  }
}

function grown(before: Resources, after: Resources): string[] {
  return (['heap', 'sockets', 'timers', 'handles'] as const)
    .filter(name => after[name] > before[name] * (1 + TOLERANCE))
    .map(name => `${name}: ${before[name]} before, ${after[name]} after`)
}

async function openAll(port: number, count: number): Promise<void> {
  const bad = [...BAD_CONNECTIONS.values()]
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await open(port, bad[next++ % bad.length]!)
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
}

/** Says something malformed and waits for the end, or leaves in the middle. */
function open(port: number, bytes: Buffer): Promise<void> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes))
    const timer = setTimeout(() => socket.resetAndDestroy(), PATIENCE_MS)
    socket.on('error', () => {}).on('data', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

async function resources(server: ChildProcess): Promise<Resources> {
  await sleep(REST_MS)
  // What a first collection only marks, a later one frees.
  for (let i = 0; i < 3; i++) await ask(server, { do: 'measure' })
  const { retained, sockets, timers, handles } = await ask<Measure>(server, { do: 'measure' })
  return { heap: retained, sockets, timers, handles }
}
