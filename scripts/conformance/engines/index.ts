import type { Suite } from '../suite.js'
import { starts } from './starts.js'

/**
 * Parts of the suite `engines`, each with rows of its own; a part whose engine cannot be had skips its
 * rows and says why. Registries and brokers add theirs here.
 */
const PARTS: readonly Suite['run'][] = [starts]

export const engines: Suite = {
  name: 'engines',
  about:
    'real etcd, NATS, Consul, Redis, RabbitMQ and mDNS, with real go-micro beside us: who finds, calls and hears whom',
  run: async run => {
    for (const part of PARTS) await part(run)
  },
}
