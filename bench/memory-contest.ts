import { setTimeout } from 'node:timers/promises'
import type { Child } from './child-process.js'
import type { Contestant, Metric, Sample } from './contest.js'

/** Heap and what it holds outside of it, for each unit that is there. */
export const HEAP: Metric = { key: 'heap', unit: 'octets', better: 'lower' }

/** The same without what a bare socket takes. */
export const ABOVE_SOCKET: Metric = { key: 'above a bare socket', unit: 'octets', better: 'lower' }

/** Memory of the process for each unit: what native code takes as well, in whole pages. */
export const RSS: Metric = { key: 'rss', unit: 'octets', better: 'lower' }

/** Flags of processes whose memory is looked at. */
export const GC_FLAGS: readonly string[] = ['--expose-gc']

/** Time for sockets to close and for what was deferred. */
const SMOKE = process.env['BENCH_SMOKE'] === '1'
const SETTLING_MS = SMOKE ? 10 : 100
const LOOKS = SMOKE ? 1 : 4

/** Live memory of a process: heap and external, collected, the least of a few looks. */
export async function liveMemory(process: Child): Promise<number> {
  return (await memoryOf(process)).live
}

interface Memory {
  readonly live: number
  readonly rss: number
}

async function memoryOf(process: Child): Promise<Memory> {
  let live = Number.POSITIVE_INFINITY
  let rss = Number.POSITIVE_INFINITY
  for (let look = 0; look < LOOKS; look++) {
    await setTimeout(SETTLING_MS)
    const { heapOctets = 0, externalOctets = 0, rssOctets = 0 } = await process.usage()
    live = Math.min(live, heapOctets + externalOctets)
    rss = Math.min(rss, rssOctets)
  }
  return { live, rss }
}

/** A server, and how units (connections, streams, calls) appear in it and go. */
export interface Occupation {
  readonly server: Child
  readonly units: number
  /** What has to be there before the first look. */
  before(): Promise<void>
  occupy(): Promise<void>
  release(): Promise<void>
}

/** What units take in a server: its live memory with them and without. */
export class MemoryContestant implements Contestant {
  readonly peer: string
  readonly #occupation: Occupation
  readonly #socketHeap: number | undefined
  #rss = 0

  constructor(peer: string, occupation: Occupation, socketHeap?: number) {
    this.peer = peer
    this.#occupation = occupation
    this.#socketHeap = socketHeap
  }

  /** The process grows once only: pages that were used before are not given back. */
  async prepare(): Promise<void> {
    this.#rss = (await this.#occupy()).rss
  }

  async measure(): Promise<Sample> {
    const { heap } = await this.#occupy()
    const sample = { [HEAP.key]: heap, [RSS.key]: this.#rss }
    if (this.#socketHeap === undefined) return sample
    return { ...sample, [ABOVE_SOCKET.key]: heap - this.#socketHeap }
  }

  async close(): Promise<void> {
    await this.#occupation.server.close()
  }

  async #occupy(): Promise<{ heap: number; rss: number }> {
    const { server, units } = this.#occupation
    await this.#occupation.before()
    const empty = await memoryOf(server)
    await this.#occupation.occupy()
    const full = await memoryOf(server)
    await this.#occupation.release()
    return { heap: (full.live - empty.live) / units, rss: (full.rss - empty.rss) / units }
  }
}
