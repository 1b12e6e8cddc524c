import {
  Code,
  frames,
  insertingBlock,
  literalBlock,
  REQUEST,
  RESPONSE,
  requestWith,
  SettingId,
  TRAILERS,
  Type,
  tableSizeUpdate,
} from './frames.js'
import type { Random } from './random.js'

/**
 * What a peer might send, from plausible to hostile: for properties that hold
 * whatever comes. It remembers which streams it may still send on.
 */
export class RandomSession {
  readonly #random: Random
  readonly #role: 'client' | 'server'
  /** How often it breaks a rule, from 0 to 1. */
  readonly #wildness: number
  readonly #open: number[] = []
  /** Streams that the peer has begun to send on. */
  readonly #begun = new Set<number>()
  #lastId = -1

  /** `role` is that of the connection under test. */
  constructor(random: Random, role: 'client' | 'server', wildness: number) {
    this.#random = random
    this.#role = role
    this.#wildness = wildness
  }

  frames(count: number): Buffer[] {
    return Array.from({ length: count }, () => this.#frame())
  }

  /** The connection under test has opened this stream. */
  opened(streamId: number): void {
    this.#open.push(streamId)
    this.#lastId = streamId
  }

  #frame(): Buffer {
    const random = this.#random
    if (random.chance(this.#wildness)) return this.#odd()
    const roll = random.next()
    if (roll < 0.3) return this.#message()
    if (roll < 0.6) return this.#data()
    return this.#control()
  }

  /** A stream that is open for us, or none: 0. */
  #openId(): number {
    return this.#open.length === 0 ? 0 : this.#random.pick(this.#open)
  }

  /** A stream that is, was or may have been open. */
  #anyId(): number {
    return this.#random.chance(0.05)
      ? this.#random.integer(0, 2 ** 31 - 1)
      : Math.max(1, this.#lastId - 2 * this.#random.integer(0, 4))
  }

  #ended(streamId: number): void {
    const at = this.#open.indexOf(streamId)
    if (at >= 0) this.#open.splice(at, 1)
  }

  #data(): Buffer {
    const id = this.#openId()
    if (id === 0 || (this.#role === 'client' && !this.#begun.has(id))) return frames.ping()
    const options = this.#options(this.#random.integer(0, 300))
    if (options.endStream) this.#ended(id)
    return frames.data(id, options)
  }

  /** A request, a response, or trailers. */
  #message(): Buffer {
    const random = this.#random
    if (this.#role === 'server' && random.chance(0.7)) {
      this.#lastId += 2
      const endStream = random.chance(0.4)
      if (!endStream) this.#open.push(this.#lastId)
      return this.#headers(this.#lastId, REQUEST, endStream)
    }
    const id = this.#openId()
    if (id === 0) return frames.priority(1)
    if (this.#role === 'client' && !this.#begun.has(id)) {
      if (random.chance(0.2)) return this.#headers(id, [':status', '103'], false)
      this.#begun.add(id)
      const endStream = random.chance(0.2)
      if (endStream) this.#ended(id)
      return this.#headers(id, RESPONSE, endStream)
    }
    this.#ended(id)
    return this.#headers(id, TRAILERS, true)
  }

  #options(size: number): { size: number; endStream: boolean; padding?: number } {
    const random = this.#random
    const endStream = random.chance(0.2)
    return random.chance(0.2)
      ? { size, endStream, padding: random.integer(0, 255) }
      : { size, endStream }
  }

  #headers(id: number, list: readonly string[], endStream: boolean): Buffer {
    const random = this.#random
    const block = this.#block(list)
    if (random.chance(0.8)) return frames.headers(id, block, { endStream })
    const cut = random.integer(0, block.length)
    return Buffer.concat([
      frames.headers(id, block.subarray(0, cut), { endStream, endHeaders: false }),
      frames.continuation(id, block.subarray(cut)),
    ])
  }

  #block(list: readonly string[]): Buffer {
    const random = this.#random
    const roll = random.next()
    if (roll < 0.5) return literalBlock(list)
    if (roll < 0.7) return insertingBlock(list)
    const more = insertingBlock(['x', String(random.integer(0, 99))])
    if (roll < 0.9) return Buffer.concat([literalBlock(list), more])
    return Buffer.concat([tableSizeUpdate(random.integer(0, 4_096)), literalBlock(list)])
  }

  #control(): Buffer {
    const random = this.#random
    switch (random.integer(0, 6)) {
      case 0:
        return frames.windowUpdate(
          random.chance(0.3) ? 0 : this.#openId(),
          random.integer(1, 70_000),
        )
      case 1: {
        const id = random.chance(0.3) ? this.#openId() : 0
        if (id === 0) return frames.ping()
        this.#ended(id)
        return frames.rstStream(id, random.pick([Code.cancel, Code.noError, 0xffff]))
      }
      case 2:
        return frames.settings({
          initialWindowSize: random.integer(0, 100_000),
          frameSizeMax: random.integer(16_384, 70_000),
        })
      case 3:
        return frames.ping(random.bytes(8), random.chance(0.3))
      case 4:
        return frames.priority(random.integer(1, 99), 100 + random.integer(0, 9))
      case 5:
        return frames.settings([[random.pick([1, 3, 10, 0x4242]), random.integer(0, 5_000)]])
      default:
        return frames.raw(
          random.integer(32, 255),
          random.integer(0, 255),
          random.integer(0, 9),
          random.bytes(9),
        )
    }
  }

  /** Wrong on purpose. */
  #odd(): Buffer {
    const random = this.#random
    const id = this.#anyId()
    return random.pick([
      frames.windowUpdate(id, 0),
      frames.windowUpdate(id, 0x7fff_ffff),
      frames.windowUpdate(0, 0x7fff_0000),
      frames.raw(Type.priority, 0, id, Buffer.alloc(4)),
      frames.data(id, { size: 16_384 }),
      frames.headers(id, requestWith('content-length', '7')),
      frames.goaway(random.integer(0, 20), Code.noError, 'bye'),
      frames.settings([[SettingId.enablePush, random.integer(0, 2)]]),
      frames.raw(
        random.integer(0, 10),
        random.integer(0, 255),
        id,
        random.bytes(random.integer(0, 12)),
      ),
      frames.priorityUpdate(id),
      frames.rstStream(id, Code.cancel),
      frames.headers(id, requestWith('Bad', '1')),
      frames.headers(id, literalBlock(REQUEST).subarray(0, 20), { endHeaders: false }),
      frames.headers(id, random.bytes(random.integer(1, 30))),
      frames.settings([[random.integer(1, 12), random.integer(0, 5_000)]]),
      random.bytes(random.integer(1, 40)),
    ])
  }
}
