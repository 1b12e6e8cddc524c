import type { RegistryNode, RegistryService } from '../../micro/index.js'
import { inRootContext, parseDialAddress, type Runtime } from '../../transport/index.js'
import type { HttpClient } from '../http-client.js'
import type { Outage } from '../outage.js'
import type { Pauses } from '../pauses.js'
import { RegistryError } from '../registry-error.js'
import { tagsOf } from './tags.js'

/** Consul's rules for `Meta`; what does not fit is in the tags alone, which Go reads. */
const META_PAIRS_MAX = 64
const META_KEY = /^[A-Za-z0-9_-]{1,128}$/
const META_VALUE_SIZE_MAX = 512
/** Consul removes critical services after a minute at the earliest. Unit: s. */
const DEREGISTER_MIN_S = 65

interface Registered {
  readonly body: string
  readonly ttlMs: number | undefined
}

export interface RegisteredNodesParts {
  readonly client: HttpClient
  readonly pauses: Pauses
  readonly runtime: Pick<Runtime, 'random'>
  readonly tcpCheckMs: number | undefined
  outage(): Outage
}

/** The nodes that this registry put into the agent: their checks passed in time, and registered anew when it forgot them. */
export class RegisteredNodes {
  readonly #parts: RegisteredNodesParts
  readonly #nodes = new Map<string, Registered>()

  constructor(parts: RegisteredNodesParts) {
    this.#parts = parts
  }

  async put(
    service: RegistryService,
    node: RegistryNode,
    ttlMs: number | undefined,
  ): Promise<void> {
    const body = this.#bodyOf(service, node, ttlMs)
    const before = this.#nodes.get(node.id)
    const isSame = before?.body === body
    if (isSame && (await this.#pass(node.id, ttlMs))) return
    await this.#parts.client.request(
      'PUT',
      '/v1/agent/service/register?replace-existing-checks=true',
      { body },
    )
    await this.#pass(node.id, ttlMs)
    if (isSame) return
    const registered = { body, ttlMs }
    this.#nodes.set(node.id, registered)
    if (ttlMs !== undefined && this.#parts.tcpCheckMs === undefined) {
      void inRootContext(() => this.#keep(node.id, registered))
    }
  }

  async delete(id: string): Promise<void> {
    this.#nodes.delete(id)
    await this.#parts.client.request(
      'PUT',
      `/v1/agent/service/deregister/${encodeURIComponent(id)}`,
    )
  }

  async close(): Promise<void> {
    for (const id of [...this.#nodes.keys()]) await this.delete(id)
  }

  /** False: the agent knows no such check. */
  async #pass(id: string, ttlMs: number | undefined): Promise<boolean> {
    if (ttlMs === undefined || this.#parts.tcpCheckMs !== undefined) return this.#nodes.has(id)
    try {
      const path = `/v1/agent/check/pass/service:${encodeURIComponent(id)}`
      await this.#parts.client.request('PUT', path)
      return true
    } catch (error) {
      if (isUnknown(error)) return false
      throw error
    }
  }

  /** Passes the check at a third of its time. Never rejects. */
  async #keep(id: string, registered: Registered): Promise<void> {
    const { pauses, runtime, client } = this.#parts
    const outage = this.#parts.outage()
    const thirdMs = registered.ttlMs! / 3
    let pauseMs = thirdMs
    while ((await pauses.wait(pauseMs)) && this.#nodes.get(id) === registered) {
      try {
        if (!(await this.#pass(id, registered.ttlMs))) {
          // A thousand servers of one agent that lost its state do not come at once.
          if (!(await pauses.wait(runtime.random() * Math.min(thirdMs, 2_000)))) return
          if (this.#nodes.get(id) !== registered) return
          await client.request('PUT', '/v1/agent/service/register?replace-existing-checks=true', {
            body: registered.body,
          })
          await this.#pass(id, registered.ttlMs)
        }
        outage.over()
        pauseMs = thirdMs
      } catch (error) {
        pauseMs = Math.min(thirdMs, outage.failed(client.explain(error)))
      }
    }
  }

  #bodyOf(service: RegistryService, node: RegistryNode, ttlMs: number | undefined): string {
    const { host = '127.0.0.1', port = 0 } = parseDialAddress(node.address)
    const { version, endpoints } = service
    const { tcpCheckMs } = this.#parts
    const ttlS = Math.max(1, Math.ceil((ttlMs ?? 0) / 1_000))
    const ttlCheck = {
      TTL: `${ttlS}s`,
      DeregisterCriticalServiceAfter: `${Math.max(DEREGISTER_MIN_S, ttlS + 5)}s`,
    }
    const tcpCheck = {
      TCP: node.address,
      Interval: `${tcpCheckMs}ms`,
      DeregisterCriticalServiceAfter: `${DEREGISTER_MIN_S}s`,
    }
    const check = tcpCheckMs === undefined ? (ttlMs === undefined ? undefined : ttlCheck) : tcpCheck
    return JSON.stringify({
      ID: node.id,
      Name: service.name,
      Tags: tagsOf({ version, endpoints, metadata: node.metadata }),
      Port: port,
      Address: host,
      Meta: metaOf(node.metadata),
      ...(check === undefined ? {} : { Check: check }),
    })
  }
}

function metaOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const fitting = Object.entries(metadata).filter(
    ([key, value]) => META_KEY.test(key) && Buffer.byteLength(value) <= META_VALUE_SIZE_MAX,
  )
  return Object.fromEntries(fitting.slice(0, META_PAIRS_MAX))
}

/** The agent has no such check: it lost its state, or the service was removed. */
function isUnknown(error: unknown): boolean {
  return (
    error instanceof RegistryError &&
    /unknown check|does not have associated TTL|CheckID .* does not/i.test(error.message)
  )
}
