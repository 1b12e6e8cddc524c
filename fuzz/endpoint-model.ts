import { inspect } from '../src/connection/connection.js'
import type { ConnectionRun } from './connection-run.js'
import type { OracleFrame, OracleResult } from './frame-oracle.js'
import { OracleDecoder, OracleError } from './hpack-oracle.js'
import { invariant } from './invariant.js'

/** Error codes of RFC 9113 §7. */
const [PROTOCOL, FLOW_CONTROL, COMPRESSION, CALM] = [1, 3, 9, 11]
/** The end of the connection is allowed, for reasons this model does not know (stream states, budgets). */
const ANY = -1
/** The frame is right: nothing but a budget may end the connection. */
const FINE = 0

/** A client of ours opens streams up to the first at once, in these runs, and up to the second when there is room. */
const CLIENT_ID_SURE = 7
const CLIENT_ID_MAX = 11

/**
 * What RFC 9113 makes of each frame as far as it follows from the octets
 * alone: whether the connection must end there, and with which code; and what
 * each header block says.
 */
class EndpointModel {
  readonly blocks = new Map<number, string[]>()
  readonly #isServer: boolean
  readonly #decoder = new OracleDecoder({ integerMax: 0x0fff_ffff, updatesMax: 2 })
  readonly #tableSizeMax: number
  #peerIdMax = 0
  #openBlock = 0
  #fragments: string[] = []
  #hasSettings = false
  #acks = 0
  #servedMax = 0x7fff_ffff
  /** Octets that WINDOW_UPDATE frames have added to each stream, and the most of them. */
  readonly #credits = new Map<number, number>()
  #creditMax = 0

  constructor(isServer: boolean, tableSizeMax: number) {
    this.#isServer = isServer
    this.#tableSizeMax = tableSizeMax
  }

  /** An error code, FINE or ANY. */
  step(frame: OracleFrame): number {
    const verdict = this.#verdict(frame)
    const { streamId } = frame
    const isUnsure = !this.#isServer && streamId > CLIENT_ID_SURE && streamId <= CLIENT_ID_MAX
    return isUnsure && verdict === FINE ? ANY : verdict
  }

  #verdict(frame: OracleFrame): number {
    const { type, flags, streamId } = frame
    if (this.#openBlock !== 0 && (type !== 9 || streamId !== this.#openBlock)) return PROTOCOL
    if (!this.#hasSettings && (type !== 4 || (flags & 1) === 1)) return PROTOCOL
    switch (type) {
      case 0:
        return this.#isIdle(streamId) ? PROTOCOL : ANY
      case 1:
        return this.#headers(frame)
      case 2:
        if (frame.size !== 5) return ANY
        return frame.fields[0] === streamId ? PROTOCOL : FINE
      case 3:
        return this.#isIdle(streamId) ? PROTOCOL : FINE
      case 4:
        return (flags & 1) === 1 ? this.#acknowledged() : this.#settings(frame)
      case 5:
        return PROTOCOL
      case 7:
        return this.#goaway(frame.fields[0]!)
      case 8:
        if (streamId === 0) return frame.fields[0] === 0 ? PROTOCOL : ANY
        this.#credit(streamId, frame.fields[0]!)
        return this.#isIdle(streamId) ? PROTOCOL : FINE
      case 9:
        return this.#openBlock === 0 ? PROTOCOL : this.#continuation(frame)
      case 16:
        return this.#isServer ? FINE : PROTOCOL
      default:
        return FINE
    }
  }

  #credit(streamId: number, increment: number): void {
    const sum = (this.#credits.get(streamId) ?? 0) + increment
    this.#credits.set(streamId, sum)
    this.#creditMax = Math.max(this.#creditMax, sum)
  }

  #isIdle(streamId: number): boolean {
    if (this.#isServer) return streamId % 2 === 0 || streamId > this.#peerIdMax
    return streamId % 2 === 0 || streamId > CLIENT_ID_MAX
  }

  #headers(frame: OracleFrame): number {
    if (frame.fields[0] === frame.streamId) return PROTOCOL
    this.#fragments = [frame.content]
    if ((frame.flags & 4) !== 0) return this.#block(frame.streamId)
    this.#openBlock = frame.streamId
    return FINE
  }

  #continuation(frame: OracleFrame): number {
    this.#fragments.push(frame.content)
    const empty = this.#fragments.slice(1).filter(content => content === '').length
    if (this.#fragments.length > 9 || empty > 2) return CALM
    if ((frame.flags & 4) === 0) return FINE
    this.#openBlock = 0
    return this.#block(frame.streamId)
  }

  #block(streamId: number): number {
    let list: string[]
    try {
      list = this.#decoder.decode(Buffer.from(this.#fragments.join(''), 'hex'))
    } catch (error) {
      if (error instanceof OracleError) return COMPRESSION
      throw error
    }
    const lists = this.blocks.get(streamId) ?? []
    this.blocks.set(streamId, [...lists, asHeard(list).join('|')])
    if (!this.#isServer) return this.#isIdle(streamId) ? PROTOCOL : ANY
    if (streamId <= this.#peerIdMax) return ANY
    if (streamId % 2 === 0) return PROTOCOL
    this.#peerIdMax = streamId
    return FINE
  }

  #acknowledged(): number {
    if (++this.#acks > 1) return ANY
    this.#decoder.setLimit(this.#tableSizeMax)
    return FINE
  }

  #settings({ content }: OracleFrame): number {
    const payload = Buffer.from(content, 'hex')
    if (payload.length > 32 * 6) return CALM
    let isHistory = false
    for (let at = 0; at < payload.length; at += 6) {
      const id = payload.readUInt16BE(at)
      const value = payload.readUInt32BE(at + 2)
      if ((id === 2 || id === 8 || id === 9) && value > 1) return PROTOCOL
      if (id === 4 && value > 0x7fff_ffff) return FLOW_CONTROL
      if (id === 5 && (value < 16_384 || value > 0xff_ffff)) return PROTOCOL
      // What was sent before decides about these: a stream's window may pass its maximum (RFC 9113 §6.9.2).
      const overflows = id === 4 && value + this.#creditMax > 0x7fff_ffff
      if (id === 8 || id === 9 || overflows) isHistory = true
    }
    for (let at = 0; at < payload.length; at += 6) {
      const isPush = payload.readUInt16BE(at) === 2 && payload.readUInt32BE(at + 2) === 1
      if (isPush && !this.#isServer) return isHistory ? ANY : PROTOCOL
    }
    this.#hasSettings = true
    return isHistory ? ANY : FINE
  }

  #goaway(lastStreamId: number): number {
    if (lastStreamId > this.#servedMax) return PROTOCOL
    const isEven = lastStreamId % 2 === 0 && lastStreamId !== 0
    if (!this.#isServer && isEven) return PROTOCOL
    this.#servedMax = lastStreamId
    return FINE
  }
}

/** Runs the model over what the connection was sent, and compares. `run` has had all of it. */
export function checkAgainstModel(run: ConnectionRun, sent: OracleResult): void {
  const { connection, handledCount, peer } = run
  if (inspect(connection).core.over && run.closedCause === undefined) return
  const model = new EndpointModel(run.role === 'server', connection.limits.decoderTableSizeMax)
  const died = inspect(connection).core.over ? handledCount - 1 : -1
  for (const [index, frame] of sent.frames.entries()) {
    const verdict = model.step(frame)
    const isDead = index === died
    const where = (): string =>
      `frame ${index}: type ${frame.type} flags ${frame.flags} stream ${frame.streamId}; expected ${verdict}, got ${peer.failure}`
    if (verdict > FINE) {
      invariant(isDead, 'I-STATE a frame that must end the connection', where)
      invariant(
        peer.failure === verdict || peer.failure === CALM,
        'I-STATE the code the RFC has for it',
        where,
      )
      return
    }
    if (isDead && verdict === FINE && !diedOfShape(run, sent, index))
      invariant(peer.failure === CALM, 'I-STATE a frame that is right ends the connection', where)
    if (isDead) break
  }
  if (!inspect(connection).core.over)
    invariant(sent.errorCode === undefined, 'I-STATE a frame of a wrong shape passes')
  for (const [streamId, lists] of run.heard) {
    let at = 0
    const sentLists = model.blocks.get(streamId) ?? []
    for (const list of lists) {
      while (at < sentLists.length && sentLists[at] !== list) at++
      invariant(
        at++ < sentLists.length,
        'I-HPACK a list that nobody sent',
        () => `stream ${streamId}: ${list}`,
      )
    }
  }
}

/** The frame behind the last one that was handled had a wrong shape. */
function diedOfShape(run: ConnectionRun, sent: OracleResult, index: number): boolean {
  return (
    sent.errorCode !== undefined &&
    index === sent.frames.length - 1 &&
    run.peer.failure === sent.errorCode
  )
}

/** White space around ordinary values is taken off, cookie crumbs are joined. RFC 9113 §8.2.1, §8.2.3. */
function asHeard(list: readonly string[]): string[] {
  const joined: string[] = []
  let cookie = -1
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!
    const value = name.startsWith(':') ? list[i + 1]! : list[i + 1]!.replace(/^[ \t]+|[ \t]+$/g, '')
    if (name === 'cookie' && cookie >= 0) joined[cookie] += `; ${value}`
    else {
      if (name === 'cookie') cookie = joined.length + 1
      joined.push(name, value)
    }
  }
  return joined
}
