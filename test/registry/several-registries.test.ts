import t from 'tap'
import { memoryRegistry, type Registry, type RegistryService } from '../../src/micro/index.js'
import { fallbackRegistry, multiRegistry } from '../../src/registry/index.js'

function record(id: string): RegistryService {
  return {
    name: 'a',
    version: '1',
    metadata: {},
    endpoints: [],
    nodes: [{ id, address: `${id}:1`, metadata: {} }],
  }
}

function failing(): Registry {
  const fail = async () => {
    throw new Error('down')
  }
  return { name: 'broken', register: fail, deregister: fail, getService: fail, listServices: fail }
}

function ids(services: readonly RegistryService[]): string[] {
  return services.flatMap(({ nodes }) => nodes.map(({ id }) => id)).sort()
}

t.test(
  'several registries: registered in all, found in any, a node that two know is one',
  async t => {
    const [one, two] = [memoryRegistry(), memoryRegistry()]
    const multi = multiRegistry([one, two])
    const heard: string[] = []
    const stop = multi.watch(name => heard.push(name))
    await multi.register(record('x'), { ttlMs: 60_000 })
    await two.register(record('y'))
    t.same(ids(await multi.getService('a')), ['x', 'y'])
    t.same(ids(await multi.listServices()), ['x', 'y'])
    t.same([ids(await one.getService('a')), ids(await two.getService('a'))], [['x'], ['x', 'y']])
    await multi.deregister(record('x'))
    t.same(ids(await multi.getService('a')), ['y'])
    t.equal(heard.length, 5)
    stop()
    await two.deregister(record('y'))
    t.equal(heard.length, 5)
    t.equal(multi.name, 'memory+memory')
  },
)

t.test('to move to another engine: register in both, read from one', async t => {
  const [old, next] = [memoryRegistry(), memoryRegistry()]
  const multi = multiRegistry([old, next], { readFrom: [old] })
  await multi.register(record('x'))
  await next.register(record('y'))
  t.same(ids(await multi.getService('a')), ['x'])
})

t.test('one of several fails: it is told, and the others do; all fail: it fails', async t => {
  const told: string[] = []
  const onError = (error: Error) => told.push(error.message)
  const multi = multiRegistry([failing(), memoryRegistry()], { onError })
  await multi.register(record('x'))
  t.same(ids(await multi.getService('a')), ['x'])
  t.same(told, ['down', 'down'])
  await t.rejects(multiRegistry([failing(), failing()], { onError }).getService('a'), /down/)
})

t.test(
  'fallback: the next one is asked where the first fails or knows nobody; it registers in the first',
  async t => {
    const told: string[] = []
    const onError = (error: Error) => told.push(error.message)
    const [one, two] = [memoryRegistry(), memoryRegistry()]
    const fallback = fallbackRegistry([one, two], { onError })
    await two.register(record('y'))
    t.same(ids(await fallback.getService('a')), ['y'])
    await fallback.register(record('x'))
    t.same(ids(await fallback.getService('a')), ['x'])
    t.same(ids(await two.getService('a')), ['y'])
    await fallback.deregister(record('x'))
    const broken = fallbackRegistry([failing(), two], { onError })
    t.same(ids(await broken.getService('a')), ['y'])
    t.same(await broken.getService('nobody'), [], 'one that answers is enough for nobody')
    t.same(told, ['down', 'down'])
    await t.rejects(fallbackRegistry([failing()], { onError }).getService('a'), /down/)
  },
)

t.test('what is no registry is refused by name', t => {
  t.throws(() => multiRegistry([]), /registries must be a list of registries/)
  t.throws(() => multiRegistry([{} as Registry]), /registries\[0\] must have the method register/)
  const [one, two] = [memoryRegistry(), memoryRegistry()]
  t.throws(
    () => multiRegistry([one], { readFrom: [two] }),
    /readFrom\[0\] is none of the registries/,
  )
  t.throws(() => multiRegistry([one], { read: [] } as never), /multiRegistry has no option read/)
  t.throws(() => fallbackRegistry([one], { readFrom: [one] } as never), /has no option|readFrom/)
  t.end()
})
