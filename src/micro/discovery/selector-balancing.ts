import type { Balancing, Candidate } from '../../channel/index.js'
import type { NodeEndpoint } from './node-endpoint.js'
import type { RegistryNode } from './registry.js'
import type { Selector } from './selector.js'

/** A selector as a balancer: it sees the nodes that can be used, those that nobody has connected yet among them. `failure`: the error where it wants none. */
export function selectorBalancing(
  selector: Selector,
  service: string,
  failure: (text: string) => Error,
): Balancing {
  return {
    name: selector.name,
    candidates: 'untried',
    create: () => {
      let of: readonly Candidate[] = []
      let nodes: readonly RegistryNode[] = []
      return {
        pick(candidates) {
          if (candidates !== of) {
            of = candidates
            nodes = candidates.map(nodeOf)
          }
          const chosen = selector.select(service, nodes) as RegistryNode | undefined
          const at = chosen === undefined ? -1 : nodes.indexOf(chosen)
          const found = candidates[at] ?? candidates.find(each => isSame(each, chosen))
          if (found !== undefined) return found
          throw failure(
            `selector ${selector.name} chose none of ${nodes.length} nodes of ${service}`,
          )
        },
      }
    },
  }
}

function nodeOf({ endpoint }: Candidate): RegistryNode {
  return (endpoint as NodeEndpoint).node
}

/** A selector may give a copy. */
function isSame({ endpoint }: Candidate, chosen: RegistryNode | undefined): boolean {
  return chosen !== undefined && endpoint.address === chosen.address
}
