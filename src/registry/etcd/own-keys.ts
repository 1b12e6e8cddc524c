import { inRootContext, type Runtime, thrownError } from '../../transport/index.js'
import type { Outage } from '../outage.js'
import type { Pauses } from '../pauses.js'
import { CompareTarget } from './api.js'
import type { EtcdClient } from './etcd-client.js'
import { Lease } from './lease.js'
import type { WatchHub } from './watch-hub.js'

/** What is put again after a loss waits for a part of this, drawn: a thousand servers do not come at once. Unit: ms. */
const PUT_AGAIN_MS = 2_000
/** A key that somebody deleted comes back after a part of this. Unit: ms. */
const COME_BACK_MS = 500

export interface OwnKeysParts {
  readonly client: EtcdClient
  readonly hub: WatchHub
  readonly runtime: Pick<Runtime, 'schedule' | 'now' | 'random'>
  readonly pauses: Pauses
  outage(): Outage
}

/** A key of ours. */
interface OwnKey {
  readonly key: Buffer
  readonly value: Buffer
  readonly ttlMs: number | undefined
  unwatch: (() => void) | undefined
}

/** The keys that this registry put: kept by leases, and put again when they are lost, whoever lost them. */
export class OwnKeys {
  readonly #parts: OwnKeysParts
  readonly #keys = new Map<string, OwnKey>()
  /** By their time: one for all keys of it. */
  readonly #leases = new Map<number, Lease>()

  constructor(parts: OwnKeysParts) {
    this.#parts = parts
  }

  /** Puts a key, or makes sure that it is there as it should be. Rejects where etcd cannot. */
  async put(key: string, value: string, ttlMs: number | undefined): Promise<void> {
    const before = this.#keys.get(key)
    const own: OwnKey = {
      key: Buffer.from(key),
      value: Buffer.from(value),
      ttlMs,
      unwatch: before?.unwatch,
    }
    this.#keys.set(key, own)
    const revision = await this.#ensure(own)
    if (this.#keys.get(key) !== own) return
    own.unwatch ??= this.#watch(key, own.key, revision)
  }

  async delete(key: string): Promise<void> {
    const own = this.#keys.get(key)
    own?.unwatch?.()
    this.#keys.delete(key)
    await this.#parts.client.request(({ kv }, options) =>
      kv.deleteRange({ key: Buffer.from(key) }, options),
    )
    if (this.#keys.size === 0) await this.#closeLeases()
  }

  async close(): Promise<void> {
    for (const { unwatch } of this.#keys.values()) unwatch?.()
    const forever = [...this.#keys].filter(([, { ttlMs }]) => ttlMs === undefined)
    this.#keys.clear()
    for (const [key] of forever) await this.delete(key)
    await this.#closeLeases()
  }

  async #closeLeases(): Promise<void> {
    const leases = [...this.#leases.values()]
    this.#leases.clear()
    await Promise.all(leases.map(lease => lease.close()))
  }

  /** The key has our value and our lease afterwards: nothing is written where it has them already. */
  async #ensure(own: OwnKey): Promise<number> {
    const lease = own.ttlMs === undefined ? undefined : this.#lease(own.ttlMs)
    const id = (await lease?.id()) ?? 0n
    try {
      return await this.#write(own, id)
    } catch (error) {
      if (lease === undefined || !/requested lease not found/.test(thrownError(error).message)) {
        throw error
      }
      lease.forget(id)
      return await this.#write(own, await lease.id())
    }
  }

  async #write({ key, value }: OwnKey, lease: bigint): Promise<number> {
    const { header } = await this.#parts.client.request(({ kv }, options) =>
      kv.txn(
        {
          compare: [
            { target: CompareTarget.Value, key, value },
            { target: CompareTarget.Lease, key, lease },
          ],
          failure: [{ put: { key, value, lease } }],
        },
        options,
      ),
    )
    return header?.revision ?? 0
  }

  #lease(ttlMs: number): Lease {
    const known = this.#leases.get(ttlMs)
    if (known !== undefined) return known
    const { client, runtime, pauses, outage } = this.#parts
    const lease = new Lease(client, runtime, outage(), pauses, ttlMs, () => {
      for (const [key, own] of this.#keys) {
        if (own.ttlMs === ttlMs) void this.#putAgain(key, PUT_AGAIN_MS)
      }
    })
    this.#leases.set(ttlMs, lease)
    return lease
  }

  /** Hears of a deletion of our key that was not ours. */
  #watch(name: string, key: Buffer, revision: number): () => void {
    const again = () => void this.#putAgain(name, COME_BACK_MS)
    return inRootContext(() =>
      this.#parts.hub.add({
        key,
        filters: [0],
        nextRevision: revision + 1,
        onEvents: again,
        onGap: () => {
          this.#watchAnew(name)
          again()
        },
        // Who may write and not read is told by what it writes.
        onRefused: () => undefined,
      }),
    )
  }

  #watchAnew(name: string): void {
    const own = this.#keys.get(name)
    own?.unwatch?.()
    if (own !== undefined) own.unwatch = undefined
  }

  /** Puts a key again unless it was given up meanwhile. Never rejects: the next renewal tries as well. */
  async #putAgain(name: string, withinMs: number): Promise<void> {
    const { runtime, pauses } = this.#parts
    if (!(await pauses.wait(runtime.random() * withinMs))) return
    const own = this.#keys.get(name)
    if (own === undefined) return
    try {
      await this.put(name, own.value.toString(), own.ttlMs)
    } catch {
      // The registration's next interval tells of it.
    }
  }
}
