import type { Endpoint } from './endpoint.js'
import type { Resolver } from './resolver.js'

/** Endpoints that are listed: there is nobody to ask. */
export function fixedResolver(name: string, addresses: readonly string[]): Resolver {
  const endpoints: readonly Endpoint[] = addresses.map(address => ({ id: address, address }))
  return { name, start: listener => listener.onEndpoints(endpoints) }
}
