import type { RegistryNode, RegistryService } from './registry.js'

/**
 * The nodes of a registry's answer. Others write there too: what has no address is passed over, and
 * metadata that is none is empty.
 *
 * @throws TypeError, which says what is wrong, when there are records and none can be used
 */
export function usableNodes(services: readonly RegistryService[]): readonly RegistryNode[] {
  const faults: string[] = []
  const nodes: RegistryNode[] = []
  for (const service of listOf('services', services, faults)) {
    const { nodes: records } = objectOf(service)
    for (const record of listOf('nodes of a service', records, faults)) {
      const { id, address, metadata } = objectOf(record)
      if (typeof address !== 'string' || address === '') {
        faults.push(`the address of a node must be a text, got ${kindOf(address)}`)
        continue
      }
      const isWhole = typeof id === 'string' && isObject(metadata)
      nodes.push(
        isWhole
          ? (record as RegistryNode)
          : {
              id: typeof id === 'string' ? id : address,
              address,
              metadata: objectOf(metadata) as never,
            },
      )
    }
  }
  if (nodes.length === 0 && faults.length > 0) {
    throw new TypeError(`${faults.length} records of the registry cannot be used: ${faults[0]}`)
  }
  return nodes
}

function listOf(name: string, value: unknown, faults: string[]): readonly unknown[] {
  if (Array.isArray(value)) return value
  faults.push(`${name} must be an array, got ${kindOf(value)}`)
  return []
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {}
}

function kindOf(value: unknown): string {
  if (value === '') return 'an empty one'
  return value === null ? 'null' : typeof value
}
