import type { RegistryChange, RegistryNode, RegistryService } from '../micro/index.js'

/** A service's records as an engine has them, by the engine's key; and the versions that they make together. */
export class ServiceTable {
  readonly #name: string
  readonly #records = new Map<string, RegistryService>()
  #services: readonly RegistryService[] | undefined

  constructor(name: string) {
    this.#name = name
  }

  /** Every version with its nodes; the same array until something changes. */
  get services(): readonly RegistryService[] {
    this.#services ??= grouped(this.#records.values())
    return this.#services
  }

  get size(): number {
    return this.#records.size
  }

  /** Puts a record in place. Undefined: it says nothing new. */
  set(key: string, record: RegistryService): RegistryChange | undefined {
    const before = this.#records.get(key)
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(record)) return undefined
    this.#records.set(key, record)
    this.#services = undefined
    return { action: before === undefined ? 'create' : 'update', service: record }
  }

  delete(key: string): RegistryChange | undefined {
    const service = this.#records.get(key)
    if (service === undefined) return undefined
    this.#records.delete(key)
    this.#services = undefined
    return { action: 'delete', service }
  }

  /** All there is. What is not among it is gone. */
  replace(records: ReadonlyMap<string, RegistryService>): readonly RegistryChange[] {
    const changes = [...this.#records.keys()]
      .filter(key => !records.has(key))
      .map(key => this.delete(key))
    for (const [key, record] of records) changes.push(this.set(key, record))
    return changes.filter(change => change !== undefined)
  }

  /** For errors and tests. */
  toString(): string {
    return `${this.#name}: ${this.#records.size} records`
  }
}

/** Records of one version are one service. Of two with the same node the later one is right. */
export function grouped(records: Iterable<RegistryService>): readonly RegistryService[] {
  const versions = new Map<string, { last: RegistryService; nodes: Map<string, RegistryNode> }>()
  for (const record of records) {
    const key = JSON.stringify([record.name, record.version])
    const version = versions.get(key) ?? { last: record, nodes: new Map<string, RegistryNode>() }
    version.last = record
    for (const node of record.nodes) version.nodes.set(node.id, node)
    versions.set(key, version)
  }
  return Array.from(versions.values(), ({ last, nodes }) => ({ ...last, nodes: [...nodes.values()] }))
}
