import { checkOptions, describe, withMethods } from '../../options/index.js'
import type { Cancellable, Runtime } from '../../transport/index.js'
import { nodeRuntime } from '../../transport/index.js'
import { checkFunction, checkMs, checkText } from '../call/option-checks.js'

/** One running instance of a service. */
export interface RegistryNode {
  /** Unique: `<name>-<random>`. */
  readonly id: string
  readonly address: string
  /**
   * Ours say `protocol: "mucp"`, without which Go's clients fall back to
   * legacy codecs, `grpc: "true"` when native calls are served as well, and `transport`.
   */
  readonly metadata: Readonly<Record<string, string>>
}

/** One version of a service, with its nodes. */
export interface RegistryService {
  readonly name: string
  readonly version: string
  readonly metadata: Readonly<Record<string, string>>
  readonly endpoints: readonly RegistryEndpoint[]
  readonly nodes: readonly RegistryNode[]
}

/** One endpoint of a service: `Greeter.Hello`. */
export interface RegistryEndpoint {
  readonly name: string
  /** Of a stream: `stream: "true"`. */
  readonly metadata: Readonly<Record<string, string>>
  /** What it takes, for people and tools; nobody needs it to call. Default: not known. */
  readonly request?: RegistryValue | null
  /** What it answers. Default: not known. */
  readonly response?: RegistryValue | null
}

/** A message type of an endpoint as go-micro tells it: at most three levels deep. */
export interface RegistryValue {
  readonly name: string
  /** In Go's words: `string`, `int64`, `[]string`, or the name of a message. */
  readonly type: string
  readonly values: readonly RegistryValue[] | null
}

/** What became of nodes of a service. */
export interface RegistryChange {
  readonly action: 'create' | 'update' | 'delete'
  /** One version of the service, with the nodes that changed and no others. */
  readonly service: RegistryService
}

/** Options of `registry.register`. */
export interface RegisterOptions {
  /** The nodes expire after this time unless registered again. Unit: ms. Default: never. */
  readonly ttlMs?: number
}

/** A service registry. See discovery.md. */
export interface Registry {
  readonly name: string
  /** Adds the nodes of `service`, or renews them. */
  register(service: RegistryService, options?: RegisterOptions): Promise<void>
  /** Removes the nodes of `service`; others stay. */
  deregister(service: RegistryService): Promise<void>
  /** Every version of a service; empty when nobody serves it. */
  getService(name: string): Promise<readonly RegistryService[]>
  /** Every version of every service. */
  listServices(): Promise<readonly RegistryService[]>
  /**
   * Calls `onChange` with a service's name after each change, and with the change where the registry knows it; what it
   * throws is dropped. Returns how to stop. Optional: without it clients ask anew.
   */
  watch?(onChange: RegistryListener): () => void
}

/** Hears of changes in a registry. */
export type RegistryListener = (name: string, change?: RegistryChange) => void

/** Creates a registry within this process, for tests and for services in one program. */
export function memoryRegistry(
  runtime: Pick<Runtime, 'schedule'> = nodeRuntime,
): Required<Registry> {
  withMethods(['schedule'])('runtime', runtime)
  return new MemoryRegistry(runtime)
}

/**
 * Creates a registry of fixed addresses: `{ greeter: ['10.0.0.1:50051'] }`. A value may also be
 * nodes with metadata. Servers cannot register in it.
 *
 * @throws TypeError naming what is no list of addresses
 */
export function staticRegistry(
  services: Readonly<Record<string, readonly (string | RegistryNode)[]>>,
): Registry {
  checkFixed(services)
  const table = new Map(
    Object.entries(services).map(([name, nodes]) => [name, fixedService(name, nodes)]),
  )
  const refuse = async (): Promise<void> => {
    throw new TypeError(
      'servers cannot register in a static registry; use memoryRegistry, or createServer without registry',
    )
  }
  return {
    name: 'static',
    register: refuse,
    deregister: refuse,
    getService: async name => {
      const service = table.get(name)
      return service === undefined ? [] : [service]
    },
    listServices: async () => [...table.values()],
  }
}

function checkFixed(services: unknown): void {
  if (typeof services !== 'object' || services === null || Array.isArray(services)) {
    throw new TypeError(
      `staticRegistry needs { service: ['host:port'] }, got ${describe(services)}`,
    )
  }
  for (const [name, nodes] of Object.entries(services)) {
    if (!Array.isArray(nodes)) {
      throw new TypeError(`the nodes of ${name} must be a list, got ${describe(nodes)}`)
    }
    for (const [index, node] of nodes.entries()) checkNode(`${name}[${index}]`, node)
  }
}

/** A node, or its address alone. */
function checkNode(what: string, node: unknown): void {
  const { id, address, metadata } = Object(node) as Partial<RegistryNode>
  if (typeof node === 'string' && node !== '') return
  const isNode = typeof address === 'string' && address !== '' && typeof id === 'string'
  if (isNode && typeof metadata === 'object' && metadata !== null) return
  throw new TypeError(
    `${what} must be an address, or { id, address, metadata }, got ${describe(node)}`,
  )
}

/** What others would find and could not use. */
export function checkRecord(service: unknown): asserts service is RegistryService {
  const { name, version, nodes } = Object(service) as Partial<RegistryService>
  checkText('service.name', name)
  checkText('service.version', version)
  if (!Array.isArray(nodes)) {
    throw new TypeError(`service.nodes must be a list, got ${describe(nodes)}`)
  }
  for (const [index, node] of nodes.entries()) checkNode(`service.nodes[${index}]`, node)
}

function fixedService(name: string, nodes: readonly (string | RegistryNode)[]): RegistryService {
  return {
    name,
    version: 'latest',
    metadata: {},
    endpoints: [],
    nodes: nodes.map((node, index) =>
      typeof node === 'string'
        ? {
            id: `${name}-${index}`,
            address: node,
            metadata: { protocol: 'mucp', grpc: 'true', transport: 'grpc' },
          }
        : node,
    ),
  }
}

class MemoryRegistry implements Required<Registry> {
  readonly name = 'memory'
  readonly #runtime: Pick<Runtime, 'schedule'>
  /** By name, then by version. */
  readonly #services = new Map<string, Map<string, RegistryService>>()
  readonly #timers = new Map<string, Cancellable>()
  readonly #watchers = new Set<RegistryListener>()

  constructor(runtime: Pick<Runtime, 'schedule'>) {
    this.#runtime = runtime
  }

  async register(service: RegistryService, options: RegisterOptions = {}): Promise<void> {
    checkRecord(service)
    checkOptions<RegisterOptions>('register', options, { ttlMs: checkMs })
    const versions = this.#services.get(service.name) ?? new Map<string, RegistryService>()
    const known = versions.get(service.version)?.nodes ?? []
    const ids = new Set(service.nodes.map(node => node.id))
    const isNew = !known.some(node => ids.has(node.id))
    const nodes = [...known.filter(node => !ids.has(node.id)), ...service.nodes]
    versions.set(service.version, { ...service, nodes })
    this.#services.set(service.name, versions)
    for (const node of service.nodes) this.#arm(service, node, options.ttlMs)
    this.#changed(isNew ? 'create' : 'update', service)
  }

  async deregister(service: RegistryService): Promise<void> {
    checkRecord(service)
    for (const node of service.nodes) this.#remove(service, node.id)
    this.#changed('delete', service)
  }

  async getService(name: string): Promise<readonly RegistryService[]> {
    return [...(this.#services.get(name)?.values() ?? [])]
  }

  async listServices(): Promise<readonly RegistryService[]> {
    return [...this.#services.values()].flatMap(versions => [...versions.values()])
  }

  watch(onChange: RegistryListener): () => void {
    checkFunction('onChange', onChange)
    this.#watchers.add(onChange)
    return () => this.#watchers.delete(onChange)
  }

  #arm(service: RegistryService, node: RegistryNode, ttlMs: number | undefined): void {
    this.#timers.get(node.id)?.cancel()
    this.#timers.delete(node.id)
    if (ttlMs === undefined) return
    const timer = this.#runtime.schedule(ttlMs, () => {
      this.#remove(service, node.id)
      this.#changed('delete', { ...service, nodes: [node] })
    })
    this.#timers.set(node.id, timer)
  }

  #remove({ name, version }: RegistryService, id: string): void {
    this.#timers.get(id)?.cancel()
    this.#timers.delete(id)
    const versions = this.#services.get(name)
    const service = versions?.get(version)
    if (versions === undefined || service === undefined) return
    const nodes = service.nodes.filter(node => node.id !== id)
    if (nodes.length > 0) versions.set(version, { ...service, nodes })
    else versions.delete(version)
    if (versions.size === 0) this.#services.delete(name)
  }

  #changed(action: RegistryChange['action'], service: RegistryService): void {
    for (const watcher of [...this.#watchers]) {
      try {
        watcher(service.name, { action, service })
      } catch {
        // Whoever registers is not to blame for who watches, and the others watch on.
      }
    }
  }
}
