import { checkNoOptions, withMethods } from '../../options/index.js'
import { nodeRuntime, type Runtime } from '../../transport/index.js'
import type { RegistryNode } from './registry.js'

/** Picks the node for each call. */
export interface Selector {
  readonly name: string
  /** One of `nodes`, of which there is at least one. */
  select(service: string, nodes: readonly RegistryNode[]): RegistryNode
}

/** Creates a selector that picks a random node, as go-micro does by default. */
export function randomSelector(runtime: Pick<Runtime, 'random'> = nodeRuntime): Selector {
  withMethods(['random'])('runtime', runtime)
  return {
    name: 'random',
    select: (_service, nodes) => nodes[Math.floor(runtime.random() * nodes.length)]!,
  }
}

/** Creates a selector that picks one node after the other, separately for each service. */
export function roundRobinSelector(options?: undefined): Selector {
  checkNoOptions('roundRobinSelector', options)
  const turns = new Map<string, number>()
  return {
    name: 'roundrobin',
    select(service, nodes) {
      const turn = turns.get(service) ?? 0
      turns.set(service, (turn + 1) % Number.MAX_SAFE_INTEGER)
      return nodes[turn % nodes.length]!
    },
  }
}
