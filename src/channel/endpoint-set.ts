import type { Endpoint } from './names/endpoint.js'
import type { Subchannel } from './subchannel.js'

/** Endpoints of one channel; a resolver that gives more is believed as far as that. Unit: endpoints. */
export const ENDPOINTS_MAX = 10_000

/** What came, and what went, with a new list of endpoints. */
export interface SetChange {
  readonly all: readonly Subchannel[]
  readonly added: readonly Subchannel[]
  readonly removed: readonly Subchannel[]
}

/**
 * The subchannels for a new list: who was there keeps its connection and its back-off, whatever the order. An
 * endpoint that moved to another address is another one; a second one with the same id is passed over.
 */
export function changeSet(
  known: readonly Subchannel[],
  endpoints: readonly Endpoint[],
  make: (endpoint: Endpoint) => Subchannel,
): SetChange {
  const byKey = new Map(known.map(each => [keyOf(each.endpoint), each]))
  const all = new Map<string, Subchannel>()
  const added: Subchannel[] = []
  for (const endpoint of endpoints.slice(0, ENDPOINTS_MAX)) {
    const key = keyOf(endpoint)
    if (all.has(key)) continue
    const old = byKey.get(key)
    if (old === undefined) {
      const subchannel = make(endpoint)
      added.push(subchannel)
      all.set(key, subchannel)
      continue
    }
    old.endpoint = endpoint
    all.set(key, old)
  }
  const removed = known.filter(each => !all.has(keyOf(each.endpoint)))
  return { all: [...all.values()], added, removed }
}

function keyOf({ id, address }: Endpoint): string {
  return `${id}\0${address}`
}
