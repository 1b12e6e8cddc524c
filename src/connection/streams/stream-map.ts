import type { StreamRecord } from './stream-record.js'

const RING_SIZE_MIN = 16
const RING_SIZE_MAX = 65_536
const SLOTS_PER_STREAM_MAX = 64

/**
 * The open streams of a connection by identifier.
 *
 * A ring indexed by the identifier's upper bits: identifiers of one side grow
 * by two, so live streams seldom meet, and look-up is one load and one
 * comparison (a Map costs 110 octets and two to three times the time). When
 * two meet the ring doubles; at its largest size a Map takes the older one.
 */
export class StreamMap {
  #ring: (StreamRecord | undefined)[] = new Array<StreamRecord | undefined>(RING_SIZE_MIN).fill(
    undefined,
  )
  #mask = RING_SIZE_MIN - 1
  #overflow: Map<number, StreamRecord> | undefined = undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get(id: number): StreamRecord | undefined {
    const stream = this.#ring[(id >>> 1) & this.#mask]
    if (stream !== undefined && stream.id === id) return stream
    return this.#overflow === undefined ? undefined : this.#overflow.get(id)
  }

  add(stream: StreamRecord): void {
    this.#size++
    while (this.#ring[(stream.id >>> 1) & this.#mask] !== undefined) {
      // A peer may leave gaps between identifiers: few streams must not make a large ring.
      if (this.#ring.length >= Math.min(RING_SIZE_MAX, this.#size * SLOTS_PER_STREAM_MAX)) {
        this.#overflow ??= new Map()
        const older = this.#ring[(stream.id >>> 1) & this.#mask]!
        this.#overflow.set(older.id, older)
        break
      }
      this.#grow()
    }
    this.#ring[(stream.id >>> 1) & this.#mask] = stream
  }

  remove(stream: StreamRecord): void {
    const index = (stream.id >>> 1) & this.#mask
    if (this.#ring[index] === stream) this.#ring[index] = undefined
    else if (this.#overflow?.delete(stream.id) !== true) return
    this.#size--
  }

  /** All streams as they stand now; the map may change while they are visited. */
  snapshot(): StreamRecord[] {
    const streams: StreamRecord[] = []
    if (this.#size === 0) return streams
    for (const stream of this.#ring) if (stream !== undefined) streams.push(stream)
    if (this.#overflow !== undefined) streams.push(...this.#overflow.values())
    return streams.sort((a, b) => a.id - b.id)
  }

  #grow(): void {
    const streams = this.#ring
    this.#mask = streams.length * 2 - 1
    this.#ring = new Array<StreamRecord | undefined>(streams.length * 2).fill(undefined)
    // Streams that did not meet in the smaller ring cannot meet in the larger one.
    for (const stream of streams) {
      if (stream !== undefined) this.#ring[(stream.id >>> 1) & this.#mask] = stream
    }
  }
}
