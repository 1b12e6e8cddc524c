import type { MessageStream } from '../../micro/index.js'
import { inRootContext, thrownError } from '../../transport/index.js'
import type { Outage } from '../outage.js'
import type { Pauses } from '../pauses.js'
import type { WatchEvent, WatchRequest, WatchResponse } from './api.js'
import type { EtcdClient } from './etcd-client.js'

/** A range of keys that is watched. */
export interface Watch {
  readonly key: Buffer
  readonly rangeEnd?: Buffer
  /** 0: no PUT. */
  readonly filters?: readonly number[]
  /** The first revision that was not seen. */
  nextRevision: number
  onEvents(events: readonly WatchEvent[]): void
  /** What happened meanwhile is not to be had any more (compaction, another cluster, old data): list again. */
  onGap(): void
  /** It may not be watched. The watch is over. */
  onRefused(error: Error): void
}

type Stream = MessageStream<WatchRequest, WatchResponse>

/** All watches of a registry on one stream, each going on where it was when the stream has to be made anew. */
export class WatchHub {
  readonly #client: EtcdClient
  readonly #outage: Outage
  readonly #pauses: Pauses
  readonly #watches = new Set<Watch>()
  /** Of the stream there is. */
  #stream: Stream | undefined
  #ids = new Map<bigint, Watch>()
  /** Created and not answered yet, in order: etcd answers in that order. */
  #creating: Watch[] = []
  #clusterId: bigint | undefined
  #isRunning = false

  constructor(client: EtcdClient, outage: Outage, pauses: Pauses) {
    this.#client = client
    this.#outage = outage
    this.#pauses = pauses
  }

  get size(): number {
    return this.#watches.size
  }

  /** Watches until the function that it returns is called. */
  add(watch: Watch): () => void {
    this.#watches.add(watch)
    if (this.#stream !== undefined) this.#create(this.#stream, watch)
    else if (!this.#isRunning) void inRootContext(() => this.#run())
    return () => this.#remove(watch)
  }

  #remove(watch: Watch): void {
    if (!this.#watches.delete(watch)) return
    if (this.#watches.size === 0) return this.#stream?.cancel()
    for (const [id, each] of this.#ids) {
      if (each !== watch) continue
      this.#ids.delete(id)
      void this.#stream?.send({ cancel: { watchId: id } }).catch(() => undefined)
    }
  }

  /** One stream after the other, while there is something to watch. Never rejects. */
  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#watches.size > 0 && !this.#pauses.isClosed) {
      try {
        await this.#follow(await this.#client.watch())
      } catch (error) {
        if (this.#watches.size === 0) break
        this.#client.streamFailed(error)
        const delayMs = this.#outage.failed(this.#client.explain(thrownError(error)))
        if (!(await this.#pauses.wait(delayMs))) break
      }
    }
    this.#isRunning = false
  }

  async #follow(stream: Stream): Promise<void> {
    this.#stream = stream
    this.#ids = new Map()
    this.#creating = []
    try {
      for (const watch of this.#watches) this.#create(stream, watch)
      for await (const response of stream) this.#onResponse(stream, response)
      throw new Error('the watch ended')
    } finally {
      this.#stream = undefined
      stream.cancel()
    }
  }

  #create(stream: Stream, watch: Watch): void {
    const { key, rangeEnd, filters = [], nextRevision: startRevision } = watch
    this.#creating.push(watch)
    const create = { key, startRevision, filters, ...(rangeEnd === undefined ? {} : { rangeEnd }) }
    // What fails here ends the stream, and is told by it.
    void stream.send({ create }).catch(() => undefined)
  }

  #onResponse(stream: Stream, response: WatchResponse): void {
    this.#outage.over()
    const { header, watchId, created, canceled, events } = response
    const watch = created ? this.#creating.shift() : this.#ids.get(watchId)
    if (watch === undefined) return
    if (!this.#watches.has(watch)) {
      // Given up before etcd had answered.
      if (created) void stream.send({ cancel: { watchId } }).catch(() => undefined)
      return
    }
    if (created && !canceled) this.#ids.set(watchId, watch)
    const revision = header?.revision ?? 0
    const isOther = this.#clusterId !== undefined && this.#clusterId !== header?.clusterId
    this.#clusterId = header?.clusterId
    if (canceled) return this.#onCanceled(watch, response)
    // The data are older than what was seen: another cluster, or one that lost its disk.
    if (created && (isOther || revision < watch.nextRevision - 1)) return watch.onGap()
    if (events.length > 0) {
      watch.nextRevision = revision + 1
      watch.onEvents(events)
    }
  }

  #onCanceled(watch: Watch, { watchId, compactRevision, cancelReason }: WatchResponse): void {
    this.#ids.delete(watchId)
    this.#watches.delete(watch)
    if (compactRevision > 0) return watch.onGap()
    watch.onRefused(new Error(`the watch was ended: ${cancelReason || 'no reason was given'}`))
  }
}
