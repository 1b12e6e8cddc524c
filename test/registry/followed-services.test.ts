import t from 'tap'
import type { RegistryService } from '../../src/micro/index.js'
import { FollowedServices, type ServiceSink } from '../../src/registry/followed-services.js'
import { Outage, OutageNews, teller } from '../../src/registry/outage.js'
import { Gate, Pauses } from '../../src/registry/pauses.js'
import { FakeRuntime, settle } from '../micro/fake-runtime.js'

function record(id: string): RegistryService {
  return {
    name: 'a',
    version: '1',
    metadata: {},
    endpoints: [],
    nodes: [{ id, address: `${id}:1`, metadata: {} }],
  }
}

function followed(servicesMax = 100) {
  const runtime = new FakeRuntime()
  const sinks = new Map<string, ServiceSink>()
  const ended: string[] = []
  const services = new FollowedServices({
    runtime,
    timeoutMs: 5_000,
    servicesMax,
    follow: (name, sink) => {
      sinks.set(name, sink)
      return () => ended.push(name)
    },
    timedOut: name => new Error(`late: ${name}`),
  })
  return { runtime, services, sink: (name: string) => sinks.get(name)!, sinks, ended }
}

t.test('a service is asked for once, however many wait, and followed from then on', async t => {
  const { services, sink, sinks, runtime } = followed()
  const heard: unknown[] = []
  const unwatch = services.watch((name, change) => heard.push([name, change?.action]))
  services.watch(() => {
    throw new Error('a bad listener')
  })
  t.equal(services.peek('a'), undefined)
  const waiting = [services.get('a'), services.get('a')]
  t.equal(sinks.size, 1)
  sink('a').all(new Map([['k', record('x')]]))
  const [one, two] = await Promise.all(waiting)
  t.equal(one, two)
  t.equal(services.peek('a'), one, 'without a promise, and nothing is made anew')
  sink('a').set('k2', record('y'))
  sink('a').set('k2', record('y'))
  sink('a').delete('k')
  sink('a').delete('k')
  t.same(
    (await services.get('a'))[0]?.nodes.map(({ id }) => id),
    ['y'],
  )
  t.same(heard, [
    ['a', 'create'],
    ['a', 'create'],
    ['a', 'delete'],
  ])
  unwatch()
  t.equal(runtime.timerCount, 0)
})

t.test(
  'the engine is away: what is known stays, and only who never had an answer hears of it',
  async t => {
    const { services, sink } = followed()
    const first = services.get('a')
    sink('a').failed(new Error('down'))
    await t.rejects(first, { message: 'down' })
    const second = services.get('a')
    sink('a').all(new Map([['k', record('x')]]))
    t.equal((await second).length, 1)
    sink('a').failed(new Error('down again'))
    t.equal((await services.get('a')).length, 1, 'last good answer')
  },
)

t.test('an engine that does not answer costs its time, and no more', async t => {
  const { services, runtime, sink } = followed()
  const waiting = services.get('a')
  runtime.advance(5_000)
  await t.rejects(waiting, { message: 'late: a' })
  sink('a').all(new Map())
  t.same(await services.get('a'), [])
  t.equal(runtime.timerCount, 0)
})

t.test('no more services than servicesMax are followed', async t => {
  const { services, sink, ended } = followed(2)
  for (const name of ['a', 'b', 'c']) {
    const answer = services.get(name)
    sink(name).all(new Map())
    await answer
  }
  t.same(ended, ['a'])
  t.equal(services.size, 2)
  services.close()
  t.same(ended, ['a', 'b', 'c'])
})

t.test('an outage is told once, whoever meets it; pauses grow, with a part drawn', t => {
  const told: string[] = []
  const runtime = { random: () => 0 }
  const news = new OutageNews(teller(error => told.push(error.message), {}))
  const [one, two] = [new Outage(runtime, news), new Outage(runtime, news)]
  const pauses = Array.from({ length: 8 }, () => one.failed(new Error('down')))
  two.failed(new Error('down too'))
  t.same(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  t.same(told, ['down'])
  t.ok(one.isOn)
  one.over()
  t.equal(new Outage({ random: () => 1 }, news).failed(new Error('again')), 125)
  t.same(told, ['down', 'again'])
  t.end()
})

t.test('who hears of troubles may fail; without onError it is a warning of the process', t => {
  const warned: Error[] = []
  teller(undefined, { warn: error => warned.push(error) })(new Error('x'))
  t.equal(warned.length, 1)
  t.doesNotThrow(() =>
    teller(() => {
      throw new Error('bad')
    }, {})(new Error('x')),
  )
  t.end()
})

t.test(
  'pauses end with their registry; a gate lets a few in, in order, also after failures',
  async t => {
    const runtime = new FakeRuntime()
    const pauses = new Pauses(runtime)
    const first = pauses.wait(100)
    runtime.advance(100)
    t.equal(await first, true)
    const second = pauses.wait(100)
    pauses.close()
    t.equal(await second, false)
    t.equal(await pauses.wait(100), false)
    t.equal(runtime.timerCount, 0)

    const gate = new Gate(2)
    const order: number[] = []
    const ends: (() => void)[] = []
    const work = [0, 1, 2, 3].map(index =>
      gate.run(async () => {
        order.push(index)
        await new Promise<void>(end => ends.push(end))
        if (index === 0) throw new Error('failed')
      }),
    )
    const failing = t.rejects(work[0]!, /failed/)
    await settle()
    t.same(order, [0, 1])
    ends[0]!()
    await failing
    await settle()
    t.same(order, [0, 1, 2])
    for (let index = 1; index < 4; index++) {
      ends[index]!()
      await settle()
    }
    await Promise.all(work.slice(1))
    t.same(order, [0, 1, 2, 3])
  },
)
