import { inRootContext, thrownError } from '../../transport/index.js'
import type { HttpClient } from '../http-client.js'
import type { Outage } from '../outage.js'
import type { Pauses } from '../pauses.js'
import { RegistryError, RegistryErrorCode } from '../registry-error.js'

/** After this the API server ends a watch, and the next begins where it was. Unit: s. */
const WATCH_S = 290

/** An object of the API, as far as every kind has it. */
export interface ApiObject {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string }
}

interface WatchEvent {
  readonly type?: string
  readonly object?: ApiObject & { readonly code?: number; readonly message?: string }
}

export interface ListWatchParts {
  readonly client: HttpClient
  readonly outage: Outage
  readonly pauses: Pauses
  readonly timeoutMs: number
  /** All objects that there are now, by name. */
  onObjects(objects: ReadonlyMap<string, ApiObject>): void
  onFailed(error: Error): void
}

/** The objects of one path: listed, then watched from that version, and listed again where the server forgot it. */
export class ListWatch {
  readonly #parts: ListWatchParts
  /** With its selector. */
  readonly #path: string
  readonly #abort = new AbortController()
  readonly #objects = new Map<string, ApiObject>()
  #version: string | undefined

  constructor(parts: ListWatchParts, path: string) {
    this.#parts = parts
    this.#path = path
    void inRootContext(() => this.#run())
  }

  end(): void {
    this.#abort.abort()
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { client, outage, pauses, onFailed } = this.#parts
    while (!this.#abort.signal.aborted && !pauses.isClosed) {
      try {
        if (this.#version === undefined) await this.#list()
        outage.over()
        await this.#watch()
      } catch (error) {
        if (this.#abort.signal.aborted || pauses.isClosed) return
        const fault = client.explain(thrownError(error))
        onFailed(fault)
        if (!(await pauses.wait(outage.failed(fault)))) return
      }
    }
  }

  async #list(): Promise<void> {
    const { client, onObjects } = this.#parts
    const { signal } = this.#abort
    const { text } = await client.request('GET', this.#path, { signal })
    const list = JSON.parse(text) as ApiObject & { readonly items?: readonly ApiObject[] | null }
    this.#objects.clear()
    for (const object of list.items ?? []) this.#objects.set(object.metadata?.name ?? '', object)
    this.#version = list.metadata?.resourceVersion ?? ''
    onObjects(this.#objects)
  }

  async #watch(): Promise<void> {
    const { client, timeoutMs } = this.#parts
    const query = `&watch=true&allowWatchBookmarks=true&timeoutSeconds=${WATCH_S}&resourceVersion=${encodeURIComponent(this.#version ?? '')}`
    await client.lines(this.#path + query, line => this.#onLine(line), {
      signal: this.#abort.signal,
      timeoutMs,
    })
  }

  #onLine(line: string): void {
    const { type, object } = JSON.parse(line) as WatchEvent
    const name = object?.metadata?.name ?? ''
    if (type === 'ERROR') {
      // 410: the version is too old. Whatever it is, a new list is right.
      this.#version = undefined
      const { address } = this.#parts.client
      const text = `the watch ended: ${object?.message ?? object?.code}`
      throw new RegistryError('kubernetes', address, RegistryErrorCode.Refused, text)
    }
    this.#version = object?.metadata?.resourceVersion ?? this.#version
    if (type === 'BOOKMARK' || object === undefined) return
    if (type === 'DELETED') this.#objects.delete(name)
    else this.#objects.set(name, object)
    this.#parts.onObjects(this.#objects)
  }
}
