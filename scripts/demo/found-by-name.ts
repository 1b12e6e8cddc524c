import { connect } from 'node:net'
import { createClient, createServer, memoryRegistry, type Registry } from '../../src/micro/index.js'
import { etcdRegistry } from '../../src/registry/etcd/index.js'
import { mdnsRegistry } from '../../src/registry/mdns/index.js'
import { natsRegistry } from '../../src/registry/nats/index.js'
import { greeterHandlers, loadGreeter } from './greeter.js'
import { dim, type Report } from './report.js'

/** A name that no service on the machine's own engine has. */
const NAME = `microwire.demo.${process.pid}`
/** Engines that are looked for, in this order, each at its usual port. */
const ENGINES = [
  { what: 'etcd', address: '127.0.0.1:2379', open: etcdRegistry },
  { what: 'NATS', address: '127.0.0.1:4222', open: natsRegistry },
] as const
/** Set for go-micro's services too; its port says which engine is meant. */
const GIVEN = process.env['MICRO_REGISTRY_ADDRESS']
/** How long an engine may take to show that it is there. Unit: ms. */
const PATIENCE_MS = 300
/** What listens there may be something else, or want a password. Unit: ms. */
const ENGINE_TIMEOUT_MS = 1_000

type Candidate = Registry & { close?(): Promise<void> }

/** A server and a client that know of each other only through a registry: etcd or NATS at hand, else mDNS, else memory. */
export async function showFoundByName(report: Report): Promise<void> {
  const { registry, what } = await atHand()
  const server = createServer({ name: NAME, registry, registerRequired: true })
  server.handle(await loadGreeter(), greeterHandlers)
  await server.start()
  const client = createClient({ registry, service: NAME })
  const { hello } = client.bind(await loadGreeter())
  await report.call(`hello (unary)`, async () => (await hello({ name: 'name' })).text)
  console.log(dim(`  ${NAME} was found through ${what}`))
  await client.close()
  await server.stop({ graceMs: 500 })
  await registry.close?.()
}

async function atHand(): Promise<{ registry: Candidate; what: string }> {
  for (const { what, address: usual, open } of ENGINES) {
    const address = GIVEN?.endsWith(usual.slice(usual.indexOf(':'))) ? GIVEN : usual
    if (!(await listens(address))) continue
    const registry = open({ address, timeoutMs: ENGINE_TIMEOUT_MS, onError: () => undefined })
    if (await worksAt(registry)) return { registry, what: `${what} at ${address}` }
    await registry.close()
  }
  const mdns = mdnsRegistry({ onError: () => undefined })
  if (await worksAt(mdns))
    return { registry: mdns, what: 'multicast DNS (no etcd and no NATS at hand)' }
  await mdns.close()
  return { registry: memoryRegistry(), what: 'memory (no etcd, no NATS and no multicast at hand)' }
}

/** Whether what is registered is found: engines want credentials, and not every network carries multicast. */
async function worksAt(registry: Registry): Promise<boolean> {
  const probe = {
    name: `${NAME}.probe`,
    version: 'latest',
    metadata: {},
    endpoints: [],
    nodes: [{ id: `probe-${process.pid}`, address: '127.0.0.1:1', metadata: {} }],
  }
  try {
    await registry.register(probe)
    const found = await registry.getService(probe.name)
    await registry.deregister(probe)
    return found.length > 0
  } catch {
    return false
  }
}

function listens(address: string): Promise<boolean> {
  const [host = '', port = '0'] = address.split(',')[0]!.split(/:(?=\d+$)/)
  return new Promise(resolve => {
    const socket = connect({ host, port: Number(port), timeout: PATIENCE_MS })
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}
