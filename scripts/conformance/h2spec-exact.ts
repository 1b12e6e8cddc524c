import { deepEqual, equal, fail, ok } from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { PlainHttp } from '../../interop/node/plain-http.js'
import { CLIENT_PREFACE, Flag, FrameReader, FrameType } from '../../src/frame/index.js'
import type { Server } from '../../src/transport/server/serve-options.js'
import { serve } from '../../src/transport/server/server.js'
import type { Situation } from './situation.js'
import { SITUATIONS } from './situations.js'
import type { Suite } from './suite.js'

/** How long the server may take to close a connection it has given up. Unit: ms. */
const CLOSE_MAX_MS = 1_000
/** How long anything may be left of a client that is gone: one that has only ended its side is given a second. Unit: ms. */
const LEFT_MAX_MS = 3_000
const GREETING = Buffer.concat([CLIENT_PREFACE, Buffer.from('000000040000000000', 'hex')])
/** Its acknowledgement proves that everything before it was handled and the connection lives. */
const PROBE = Buffer.concat([Buffer.from('000008060000000000', 'hex'), Buffer.from('probe---')])

export const h2specExact: Suite = {
  name: 'h2spec-exact',
  about: 'the situations of h2spec again: exact code, exact scope, closed within 1 s, nothing left',
  async run(run) {
    const tally = run.row('', `${SITUATIONS.length} situations of ours`)
    for (const situation of SITUATIONS) await tally.run(situation.name, () => play(situation))
  },
}

/** What came back. */
interface Seen {
  goaway: number | undefined
  readonly resets: [streamId: number, code: number][]
  answers: number
  probeAcked: boolean
  closed: boolean
}

async function play(situation: Situation): Promise<void> {
  const plain = new PlainHttp()
  const server = await serve({ address: '127.0.0.1:0', handler: () => plain.handler() })
  const client = new Client(server.address)
  try {
    await client.connected
    client.send(Buffer.concat([situation.greeting ?? GREETING, situation.bytes]))
    if (situation.after !== undefined) {
      await client.until(seen => seen.answers === 1)
      client.send(situation.after)
    }
    await judge(situation, client, plain)
    client.destroy()
    await nothingLeft(server, plain)
  } finally {
    client.destroy()
    await server.stop({ graceMs: 0 })
  }
}

async function judge({ outcome, answered = 0 }: Situation, client: Client, plain: PlainHttp) {
  const { seen } = client
  if (outcome.scope === 'connection' || outcome.scope === 'closed') {
    await client.until(() => seen.closed)
    if (outcome.scope === 'connection') equal(seen.goaway, outcome.code, 'code in GOAWAY')
    deepEqual(seen.resets, [], 'no stream is reset')
    equal(plain.observation.answered, answered, 'requests answered')
    return
  }
  client.send(PROBE)
  await client.until(() => seen.probeAcked || seen.closed)
  ok(!seen.closed, `the connection ended with ${seen.goaway}`)
  equal(seen.goaway, undefined, 'no GOAWAY')
  if (outcome.scope === 'stream') {
    deepEqual(seen.resets, [[outcome.streamId, outcome.code]], 'RST_STREAM')
    equal(plain.observation.answered, answered, 'requests answered')
    return
  }
  await client.until(() => seen.answers >= outcome.answered)
  deepEqual(seen.resets, [], 'no stream is reset')
  equal(seen.answers, outcome.answered, 'answers')
}

/** No socket, no stream, no timer. */
async function nothingLeft(server: Server, plain: PlainHttp): Promise<void> {
  const until = performance.now() + LEFT_MAX_MS
  const left = () => [server.connectionCount, plain.observation.open, server.timerCount]
  while (left().some(count => count > 0) && performance.now() < until) await delay(2)
  deepEqual(left(), [0, 0, 0], 'connections, streams and timers left')
}

/** The other end: a socket and a frame reader. */
class Client {
  readonly seen: Seen = {
    goaway: undefined,
    resets: [],
    answers: 0,
    probeAcked: false,
    closed: false,
  }
  readonly connected: Promise<void>
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  #wake = () => {}

  constructor(address: string) {
    const [host, port] = address.split(':')
    this.#socket = connect({ host: host!, port: Number(port), noDelay: true })
    this.connected = new Promise(resolve => this.#socket.once('connect', () => resolve()))
    this.#socket.on('error', () => {})
    this.#socket.on('data', chunk => this.#receive(chunk))
    this.#socket.once('close', () => {
      this.seen.closed = true
      this.#wake()
    })
  }

  send(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async until(done: (seen: Seen) => boolean): Promise<void> {
    const deadline = performance.now() + CLOSE_MAX_MS
    while (!done(this.seen)) {
      const left = deadline - performance.now()
      if (left <= 0) fail(`nothing within ${CLOSE_MAX_MS} ms; seen: ${JSON.stringify(this.seen)}`)
      const woken = new Promise<void>(resolve => {
        this.#wake = resolve
      })
      await Promise.race([woken, delay(left)])
    }
  }

  #receive(chunk: Buffer): void {
    // An answer in HTTP/1.1 is no frame; it is for people who are at the wrong port.
    if (chunk.toString('latin1', 0, 5) === 'HTTP/') return
    const reader = this.#reader
    const { seen } = this
    reader.push(chunk)
    while (reader.next()) {
      const { type, flags, streamId } = reader
      if (type === FrameType.Goaway) seen.goaway = reader.errorCode
      else if (type === FrameType.RstStream) seen.resets.push([streamId, reader.errorCode])
      else if (type === FrameType.Data && (flags & Flag.EndStream) !== 0) seen.answers++
      else if (type === FrameType.Ping && (flags & Flag.Ack) !== 0) {
        seen.probeAcked ||= reader.bytes.toString('latin1', reader.start, reader.end) === 'probe---'
      }
    }
    this.#wake()
  }
}
