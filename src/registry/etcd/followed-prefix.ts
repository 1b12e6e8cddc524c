import type { RegistryService } from '../../micro/index.js'
import { inRootContext, thrownError } from '../../transport/index.js'
import type { ServiceSink } from '../followed-services.js'
import type { Outage } from '../outage.js'
import type { Gate, Pauses } from '../pauses.js'
import { readRecord } from '../record.js'
import { prefixEnd, type WatchEvent } from './api.js'
import type { EtcdClient } from './etcd-client.js'
import { readAll, type Snapshot } from './etcd-store.js'
import type { WatchHub } from './watch-hub.js'

export interface FollowedPrefixParts {
  readonly client: EtcdClient
  readonly hub: WatchHub
  readonly outage: Outage
  readonly pauses: Pauses
  readonly gate: Gate
  onFault(key: string, error: unknown): void
}

/** The records of one service: listed at a revision, watched from the next, and listed again where that leaves a gap. */
export class FollowedPrefix {
  readonly #parts: FollowedPrefixParts
  readonly #name: string
  readonly #prefix: string
  readonly #sink: ServiceSink
  #unwatch: (() => void) | undefined
  #isEnded = false

  constructor(parts: FollowedPrefixParts, name: string, prefix: string, sink: ServiceSink) {
    this.#parts = parts
    this.#name = name
    this.#prefix = prefix
    this.#sink = sink
    void inRootContext(() => this.#list())
  }

  end(): void {
    this.#isEnded = true
    this.#unwatch?.()
  }

  /** Lists until it works. Never rejects. */
  async #list(): Promise<void> {
    const { client, outage, pauses, gate } = this.#parts
    this.#unwatch?.()
    while (!this.#isEnded && !pauses.isClosed) {
      try {
        const snapshot = await gate.run(() => readAll(client, this.#prefix, this.#onFault))
        outage.over()
        if (!this.#isEnded) this.#watch(snapshot)
        return
      } catch (error) {
        const fault = client.explain(thrownError(error))
        this.#sink.failed(fault)
        if (!(await pauses.wait(outage.failed(fault)))) return
      }
    }
  }

  readonly #onFault = (key: string, error: unknown): void => this.#parts.onFault(key, error)

  #watch({ revision, records }: Snapshot): void {
    const key = Buffer.from(this.#prefix)
    const own = [...records].filter(([, { name }]) => name === this.#name)
    this.#sink.all(new Map(own))
    this.#unwatch = this.#parts.hub.add({
      key,
      rangeEnd: prefixEnd(key),
      nextRevision: revision + 1,
      onEvents: events => this.#onEvents(events),
      onGap: () => void this.#list(),
      onRefused: error => void this.#refused(error),
    })
  }

  #onEvents(events: readonly WatchEvent[]): void {
    for (const { type, kv } of events) {
      const key = kv?.key.toString() ?? ''
      const record = type === 0 ? this.#read(key, kv?.value ?? Buffer.alloc(0)) : undefined
      // Of a record that became unreadable the old one is not right either.
      if (record === undefined || record.name !== this.#name) this.#sink.delete(key)
      else this.#sink.set(key, record)
    }
  }

  #read(key: string, value: Buffer): RegistryService | undefined {
    try {
      return readRecord(value.toString())
    } catch (error) {
      this.#parts.onFault(key, error)
      return undefined
    }
  }

  async #refused(error: Error): Promise<void> {
    const { client, outage, pauses } = this.#parts
    const fault = client.explain(error)
    this.#sink.failed(fault)
    if (await pauses.wait(outage.failed(fault))) await this.#list()
  }
}
