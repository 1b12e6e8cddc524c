import t, { type Test } from 'tap'
import { SimulatedNetwork } from '../../src/testing/index.js'
import { connect } from '../../src/transport/client/session.js'
import { nodeRuntime } from '../../src/transport/node/node-runtime.js'
import type { RawListener, RawListenOptions, Runtime } from '../../src/transport/runtime/runtime.js'
import type { ServeOptions, Server } from '../../src/transport/server/serve-options.js'
import { serve } from '../../src/transport/server/server.js'
import { acceptorOf, routerWith, unary } from './calls.js'
import { FakeRuntime } from './fake-runtime.js'

const handler = acceptorOf(routerWith())

type Fault = (host: string, port: number) => string | undefined

/** A machine with two loopback addresses, on which things go wrong as the test says. */
class TwoFamilies extends FakeRuntime {
  override hosts: readonly string[] = ['127.0.0.1', '::1']
  readonly open: string[] = []
  readonly calls: string[] = []
  #portNext = 4_000

  readonly fault: Fault

  constructor(fault: Fault = () => undefined) {
    super()
    this.fault = fault
  }

  override async listen(options: RawListenOptions): Promise<RawListener> {
    const host = options.host ?? ''
    const port = options.port === 0 ? this.#portNext++ : options.port!
    this.calls.push(`${host} ${options.port}`)
    const code = this.fault(host, port)
    if (code !== undefined) throw Object.assign(new Error(`listen ${code}`), { code })
    const name = `${host} ${port}`
    this.open.push(name)
    return { host, port, close: () => void this.open.splice(this.open.indexOf(name), 1) }
  }
}

function start(t: Test, runtime: Runtime, options: Partial<ServeOptions> = {}): Promise<Server> {
  const started = serve({ address: 'localhost:0', handler, runtime, ...options })
  t.teardown(async () => (await started.catch(() => undefined))?.stop())
  return started
}

t.test('a name listens on all its addresses, at the port that the first got', async t => {
  const runtime = new TwoFamilies()
  const server = await start(t, runtime)
  t.same(runtime.open, ['127.0.0.1 4000', '::1 4000'])
  t.equal(server.address, '127.0.0.1:4000')
  t.same(server.addresses, ['127.0.0.1:4000', '[::1]:4000'])
  await server.stop()
  t.same(runtime.open, [], 'stop closes all of them')
})

t.test('a free port that another address has not: another one, for both', async t => {
  const runtime = new TwoFamilies((host, port) =>
    host === '::1' && port < 4_003 ? 'EADDRINUSE' : undefined,
  )
  t.equal((await start(t, runtime)).address, '127.0.0.1:4003')
  t.same(runtime.open, ['127.0.0.1 4003', '::1 4003'])

  const never = new TwoFamilies(host => (host === '::1' ? 'EADDRINUSE' : undefined))
  await t.rejects(start(t, never), {
    code: 'TRANSPORT_IN_USE',
    message: 'cannot listen on localhost:0: address already in use (EADDRINUSE)',
  })
  t.equal(never.calls.length, 20, 'ten attempts')
  t.same(never.open, [], 'nothing is left')
})

t.test('a range gives the first port that all addresses have', async t => {
  const runtime = new TwoFamilies((host, port) =>
    host === '::1' && port === 7_000 ? 'EADDRINUSE' : undefined,
  )
  const server = await start(t, runtime, { address: 'localhost:7000-7001' })
  t.same(server.addresses, ['127.0.0.1:7001', '[::1]:7001'])
  t.same(runtime.open, ['127.0.0.1 7001', '::1 7001'])
})

t.test('a family that the machine has not is left out; all of them is an error', async t => {
  for (const code of ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']) {
    const runtime = new TwoFamilies(host => (host === '::1' ? code : undefined))
    t.same((await start(t, runtime)).addresses, ['127.0.0.1:4000'], code)
    const reversed = new TwoFamilies(host => (host === '::1' ? code : undefined))
    reversed.hosts = ['::1', '127.0.0.1']
    t.equal((await start(t, reversed)).addresses.length, 1)
  }
  const none = new TwoFamilies(() => 'EADDRNOTAVAIL')
  await t.rejects(start(t, none), { code: 'TRANSPORT_NOT_AVAILABLE' })
})

t.test('what is not permitted at one address ends the others', async t => {
  const runtime = new TwoFamilies(host => (host === '::1' ? 'EACCES' : undefined))
  await t.rejects(start(t, runtime, { address: 'localhost:80' }), { code: 'TRANSPORT_ACCESS' })
  t.same(runtime.open, [])
})

t.test('a name that cannot be looked up', async t => {
  const runtime = new TwoFamilies()
  runtime.lookup = () =>
    Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }))
  await t.rejects(start(t, runtime), {
    code: 'TRANSPORT_DNS',
    message: 'cannot listen on localhost:0: host name not found (ENOTFOUND)',
  })
})

t.test('every address serves, tells its own name, and goes with stop', async t => {
  const runtime: Runtime = { ...nodeRuntime, lookup: () => ['127.0.0.1', '127.0.0.2'] }
  const locals: string[] = []
  const server = await start(t, runtime, {
    observer: peer => {
      locals.push(peer.local)
      return undefined
    },
  })
  t.equal(server.addresses.length, 2)
  for (const address of server.addresses) {
    const client = connect(address)
    t.equal((await unary(client)).error, undefined, address)
    await client.close()
  }
  t.same(locals, server.addresses)
  await server.stop()
  for (const address of server.addresses) {
    const client = connect(address)
    t.match((await unary(client)).error, { cause: { code: 'TRANSPORT_REFUSED' } })
    await client.close()
  }
})

t.test('a simulated network carries unix sockets, each by its path', async t => {
  const network = new SimulatedNetwork({ seed: 1 })
  const server = await start(t, network, { address: 'unix:/run/a' })
  const client = connect('unix:/run/a', { runtime: network })
  const { clock } = network
  t.equal((await clock.run(unary(client))).error, undefined)
  const nobody = connect('unix:/run/b', { runtime: network })
  t.match((await clock.run(unary(nobody))).error, { cause: { code: 'TRANSPORT_REFUSED' } })
  await clock.run(Promise.all([client.close(), nobody.close(), server.stop({ graceMs: 0 })]))
})
