import type { Endpoint } from '../../channel/index.js'
import type { Protocol } from '../protocol.js'
import type { RegistryNode } from './registry.js'

/** A node of a registry as a channel's endpoint, with what its calls have to know. */
export interface NodeEndpoint extends Endpoint {
  readonly node: RegistryNode
  readonly protocol: Protocol
  /** The node knows nothing of today's codecs (go-micro before 1.9). */
  readonly legacy: boolean
}

/** An endpoint that a resolver named. */
export function namedEndpoint(endpoint: Endpoint, protocol: Protocol): NodeEndpoint {
  const { id, address } = endpoint
  return { ...endpoint, node: { id, address, metadata: {} }, protocol, legacy: false }
}

/** What a node says of itself, unless the client insists on a protocol. Metadata `weight` and `zone` are those of the endpoint. */
export function nodeEndpoint(node: RegistryNode, wanted: Protocol | undefined): NodeEndpoint {
  const { id, address, metadata } = node
  const { protocol, grpc, zone } = metadata
  const isNative = protocol === 'grpc' || grpc === 'true'
  const weight = Number(metadata['weight'])
  return {
    id,
    address,
    node,
    protocol: wanted ?? (isNative ? 'grpc' : 'mucp'),
    legacy: protocol === undefined,
    ...(weight > 0 && Number.isFinite(weight) ? { weight } : {}),
    ...(typeof zone === 'string' && zone !== '' ? { zone } : {}),
  }
}
