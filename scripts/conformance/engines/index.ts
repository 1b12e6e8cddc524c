import type { Suite } from '../suite.js'
import { brokers, quickBrokers } from './brokers/index.js'
import { etcdFailures } from './etcd-failures.js'
import { inNamespace } from './in-namespace.js'
import { CONSUL, ETCD, MDNS, NATS, registryRows } from './registries.js'
import { starts } from './starts.js'
import { tlsEngines } from './tls.js'

/**
 * Parts of the suite `engines`, each with rows of its own; a part whose engine cannot be had skips its
 * rows and says why. Registries and brokers add theirs here.
 */
const REGISTRIES: Readonly<Record<string, Suite['run']>> = {
  etcd: registryRows(ETCD),
  'etcd-failures': etcdFailures,
  consul: registryRows(CONSUL),
  nats: registryRows(NATS),
  mdns: inNamespace('engines-mdns', registryRows(MDNS)),
  tls: tlsEngines,
}

const PARTS: readonly Suite['run'][] = [starts, ...Object.values(REGISTRIES), brokers]

export const engines: Suite = {
  name: 'engines',
  about:
    'real etcd, NATS, Consul, Redis, RabbitMQ and mDNS, with real go-micro beside us: who finds, calls and hears whom',
  run: async run => {
    for (const part of PARTS) await part(run)
  },
}

/** Registries, one engine each. */
export const engineRegistries: readonly Suite[] = Object.entries(REGISTRIES).map(([name, run]) => ({
  name: `engines-${name}`,
  about: `of \`engines\`: ${name} alone`,
  run,
}))

/** Brokers alone. */
export const engineBrokers: Suite = {
  name: 'engines-brokers',
  about:
    'the brokers of `engines` alone: NATS, Redis, RabbitMQ and HTTP, with go-micro v5 beside us',
  run: brokers,
}

/** The brokers that are quick to start. */
export const quickEngineBrokers: Suite = {
  name: 'engines-brokers-quick',
  about: 'brokers on NATS and Redis: what CI has time for',
  run: quickBrokers,
}
