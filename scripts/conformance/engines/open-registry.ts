import type { Registry } from '../../../src/micro/index.js'
import { consulRegistry } from '../../../src/registry/consul/index.js'
import { etcdRegistry } from '../../../src/registry/etcd/index.js'
import { mdnsRegistry } from '../../../src/registry/mdns/index.js'
import { natsRegistry } from '../../../src/registry/nats/index.js'

/** A registry of ours and what it needs to be closed. */
export type OpenRegistry = Registry & { close(): Promise<void> }

type Open = (address: string, onError: (error: Error) => void) => OpenRegistry

const ENGINES: Readonly<Record<string, Open>> = {
  nats: (address, onError) => natsRegistry({ address, onError, queryIntervalMs: 1_000 }),
  mdns: (_address, onError) => mdnsRegistry({ onError, queryIntervalMs: 1_000 }),
  consul: (address, onError) => consulRegistry({ address, onError }),
  etcd: (address, onError) => etcdRegistry({ address, onError }),
}

/** Our registry in an engine, by name. */
export function openRegistry(
  engine: string,
  address: string,
  onError: (error: Error) => void,
): OpenRegistry {
  return ENGINES[engine]!(address, onError)
}
