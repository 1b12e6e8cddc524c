import { inRootContext, type Runtime, thrownError } from '../../transport/index.js'
import type { Outage } from '../outage.js'
import type { Pauses } from '../pauses.js'
import type { EtcdClient } from './etcd-client.js'

/** A lease and its keep-alive: one for all nodes that a registry registers for the same time. */
export class Lease {
  readonly #client: EtcdClient
  readonly #runtime: Pick<Runtime, 'schedule' | 'now'>
  readonly #outage: Outage
  readonly #pauses: Pauses
  readonly #ttlSeconds: number
  readonly #onLost: () => void
  #granting: Promise<bigint> | undefined
  #id: bigint | undefined
  #isClosed = false
  #endStream: (() => void) | undefined

  /** @param onLost etcd does not know it any more: what was put with it is gone */
  constructor(
    client: EtcdClient,
    runtime: Pick<Runtime, 'schedule' | 'now'>,
    outage: Outage,
    pauses: Pauses,
    ttlMs: number,
    onLost: () => void,
  ) {
    this.#client = client
    this.#runtime = runtime
    this.#outage = outage
    this.#pauses = pauses
    this.#ttlSeconds = Math.max(1, Math.ceil(ttlMs / 1_000))
    this.#onLost = onLost
  }

  /** Its id; it is granted when it is needed. */
  async id(): Promise<bigint> {
    if (this.#id !== undefined) return this.#id
    this.#granting ??= inRootContext(() => this.#grant()).finally(() => {
      this.#granting = undefined
    })
    return await this.#granting
  }

  /** etcd says that it has no such lease. */
  forget(id: bigint): void {
    if (this.#id === id) this.#id = undefined
  }

  /** Ends it, and what was put with it. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#endStream?.()
    const id = this.#id
    this.#id = undefined
    if (id === undefined) return
    await this.#client.request(({ lease }, options) => lease.revoke({ id }, options))
  }

  async #grant(): Promise<bigint> {
    const { id } = await this.#client.request(({ lease }, options) =>
      lease.grant({ ttl: this.#ttlSeconds }, options),
    )
    this.#id = id
    void this.#keep(id)
    return id
  }

  /** Renews it at a third of its time, until it is lost or closed. Never rejects. */
  async #keep(id: bigint): Promise<void> {
    while (this.#id === id && !this.#isClosed && !this.#pauses.isClosed) {
      try {
        await this.#renew(id)
      } catch (error) {
        if (this.#isClosed) return
        this.#client.streamFailed(error)
        const delayMs = this.#outage.failed(this.#client.explain(thrownError(error)))
        if (!(await this.#pauses.wait(delayMs))) return
      }
    }
    if (this.#isClosed || this.#pauses.isClosed || this.#id !== undefined) return
    this.#onLost()
  }

  async #renew(id: bigint): Promise<void> {
    const stream = await this.#client.keepAlive()
    this.#endStream = () => stream.cancel()
    try {
      while (this.#id === id && !this.#isClosed) {
        const late = this.#runtime.schedule(this.#ttlSeconds * 500, () => stream.cancel())
        await stream.send({ id })
        const answer = await stream.receive()
        late.cancel()
        if (answer === undefined) throw new Error('the keep-alive ended')
        this.#outage.over()
        if (answer.ttl <= 0) return this.forget(id)
        if (!(await this.#pauses.wait((this.#ttlSeconds * 1_000) / 3))) return
      }
    } finally {
      this.#endStream = undefined
      stream.cancel()
    }
  }
}
