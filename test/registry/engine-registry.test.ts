import t from 'tap'
import type { Registry, RegistryService } from '../../src/micro/index.js'
import { consulRegistry } from '../../src/registry/consul/index.js'
import { EngineRegistry } from '../../src/registry/engine-registry.js'
import { etcdRegistry } from '../../src/registry/etcd/index.js'
import { kubernetesRegistry } from '../../src/registry/kubernetes/index.js'
import { mdnsRegistry } from '../../src/registry/mdns/index.js'
import { natsRegistry } from '../../src/registry/nats/index.js'

const service: RegistryService = {
  name: 'greeter',
  version: '1',
  metadata: {},
  endpoints: [],
  nodes: [{ id: 'greeter-1', address: '127.0.0.1:1', metadata: {} }],
}

const address = '127.0.0.1:1'
const ENGINES: readonly (Required<Registry> & { close(): Promise<void> })[] = [
  etcdRegistry({ address }),
  consulRegistry({ address }),
  kubernetesRegistry({ address: `http://${address}`, token: 'none' }),
  natsRegistry({ address }),
  mdnsRegistry(),
]

for (const registry of ENGINES) {
  t.test(
    `${registry.name}: mistakes in register are told by name, and a closed registry says so`,
    async t => {
      await t.rejects(registry.register(service, { ttl: 5 } as never), /register has no option ttl/)
      await t.rejects(registry.register(service, { ttlMs: 0 }), /ttlMs/)
      await registry.close()
      await registry.close()
      for (const late of [
        () => registry.register(service),
        () => registry.deregister(service),
        () => registry.getService('greeter'),
        () => registry.listServices(),
      ]) {
        await t.rejects(late() as Promise<void>, { code: 'REGISTRY_CLOSED', engine: registry.name })
      }
    },
  )
}

/** A registry whose engine takes its time. */
class SlowRegistry extends EngineRegistry {
  override readonly name = 'slow'
  readonly log: string[] = []
  release: () => void = () => undefined

  protected override get address(): string {
    return 'here'
  }

  protected override put(): Promise<void> {
    return new Promise(resolve => {
      this.release = () => {
        this.log.push('put')
        resolve()
      }
    })
  }

  protected override async remove(): Promise<void> {}

  protected override async list(): Promise<readonly RegistryService[]> {
    return []
  }

  protected override follow(): () => void {
    return () => undefined
  }

  protected override async leave(): Promise<void> {
    this.log.push('leave')
    throw new Error('cannot leave')
  }

  protected override end(): void {
    this.log.push('end')
  }
}

t.test(
  'close lets what is under way end first; leaving that fails is told, and ends it all the same',
  async t => {
    const errors: Error[] = []
    const registry = new SlowRegistry({ onError: error => errors.push(error) })
    const registered = registry.register(service)
    await undefined
    const closed = registry.close()
    registry.release()
    await Promise.all([registered, closed])
    t.same(registry.log, ['put', 'leave', 'end'])
    t.match(errors, [{ message: 'cannot leave' }])
    await t.rejects(registry.register(service), { code: 'REGISTRY_CLOSED' })
  },
)
