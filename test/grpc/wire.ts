import {
  CallAcceptor,
  CallConnector,
  type CallOptions,
  Connection,
  type ConnectionHandler,
  type Route,
  Router,
} from '../../src/grpc/index.js'
import { frames } from '../support/frames.js'
import { type PeerFrame, StrictParser } from '../support/strict-parser.js'
import { PairCall } from './pair.js'
import { field, messages, method } from './support.js'

/** One real connection; its peer is a script that writes raw frames. */
class Wire {
  readonly connection: Connection
  readonly problems: unknown[] = []
  readonly #parser: StrictParser
  readonly seen: PeerFrame[] = []

  constructor(role: 'client' | 'server', handler: ConnectionHandler) {
    this.connection = new Connection({
      role,
      handler,
      now: 1_000,
      host: {
        onOutput: () => {},
        onSettings: () => {},
        onGoaway: () => {},
        onCapacity: () => {},
        onHandlerError: error => this.problems.push(error),
        onClosed: () => {},
      },
    })
    this.#parser = new StrictParser(role === 'client')
    const preface = role === 'server' ? [frames.preface()] : []
    this.sends(...preface, frames.settings(), frames.settingsAck())
  }

  sends(...octets: readonly Buffer[]): void {
    const all = Buffer.concat(octets)
    this.connection.receive(all, 0, all.length, this.connection.now)
    this.collect()
  }

  collect(): void {
    for (const buffer of this.connection.takeOutput(1 << 20))
      this.seen.push(...this.#parser.parse(buffer))
  }

  /** Names of resets and of the end of the connection. */
  get endings(): string[] {
    const found: string[] = []
    for (const { type, payload } of this.seen) {
      if (type === 3) found.push(`RST_STREAM ${payload.readUInt32BE(0)}`)
      if (type === 7) found.push(`GOAWAY ${payload.readUInt32BE(4)}`)
    }
    return found
  }
}

/** Our server as raw frames see it. */
export class WireServer extends Wire {
  #streamId = -1

  constructor(routes: readonly Route[], options: CallOptions = {}) {
    const router = new Router()
    for (const route of routes) router.add(route)
    super('server', new CallAcceptor(router, options))
  }

  /** Sends HEADERS and DATA; tells what came back. */
  probe(fields: readonly string[], data: Uint8Array | undefined): string {
    this.#streamId += 2
    this.seen.length = 0
    const id = this.#streamId
    this.sends(frames.headers(id, fields, { endStream: data === undefined }))
    if (data !== undefined) this.sends(frames.data(id, { bytes: data, endStream: true }))
    return this.answer()
  }

  answer(): string {
    this.collect()
    const blocks = this.seen.filter(({ type }) => type === 1).map(({ list }) => list!)
    if (blocks.length === 0) return this.endings.join(' ')
    const http = field(blocks[0]!, ':status')
    const status = field(blocks[blocks.length - 1]!, 'grpc-status')
    return `${http} ${status} in ${blocks.length}`
  }
}

/** Our client as raw frames see it. */
export class WireClient extends Wire {
  readonly connector: CallConnector
  #streamId = -1

  constructor() {
    const connector = new CallConnector()
    super('client', connector)
    this.connector = connector
  }

  /** Makes a unary call, answers it with `reply`, and tells the outcome. */
  probe(reply: (id: number) => readonly Buffer[]): PairCall {
    this.#streamId += 2
    const target = method('unary')
    // What was refused is not asked for again at once.
    if (!this.connection.canOpen) this.connection.advance(this.connection.now + 50)
    const call = new PairCall(target, { timers: this.connection.timers })
    call.call.start(this.connector, this.connection, [
      ':method',
      'POST',
      ':scheme',
      'http',
      ':path',
      target.path,
      ':authority',
      'a',
      'te',
      'trailers',
      'content-type',
      'application/grpc',
    ])
    call.call.request('hi')
    this.collect()
    this.sends(...reply(this.#streamId))
    return call
  }
}

/** Messages among what was sent on a stream. */
export function sentMessages(wire: Wire): string[] {
  const data = wire.seen.filter(({ type }) => type === 0).map(({ payload }) => payload)
  return messages(Buffer.concat(data)).map(({ text }) => text)
}
