import t from 'tap'
import { createServer, memoryRegistry, type Registry } from '../../src/micro/index.js'
import { memoryTransport } from '../../src/transport/index.js'

const listenersOfProcess = (): number =>
  process.getActiveResourcesInfo().filter(name => name === 'TCPServerWrap').length

t.test('stop while the server starts: nothing listens, and start says so', async t => {
  const before = listenersOfProcess()
  const server = createServer({ name: 'greeter', address: '127.0.0.1:0' })
  const started = t.rejects(server.start(), {
    name: 'TypeError',
    message: 'the server was stopped while it started',
  })
  await server.stop()
  await started
  t.equal(listenersOfProcess(), before)
  await t.rejects(server.start(), { message: 'the server is stopped already' })
})

t.test('stop while a start fails: the reason comes from start, stop settles', async t => {
  const taken = createServer({ name: 'first', address: '127.0.0.1:0' })
  await taken.start()
  const server = createServer({ name: 'second', address: taken.address })
  const failed = t.rejects(server.start(), { code: 'TRANSPORT_IN_USE' })
  await server.stop()
  await failed
  await t.rejects(server.start(), { message: 'the server is stopped already' })
  await taken.stop()
})

t.test('stop while the server registers: its record does not stay behind', async t => {
  const memory = memoryRegistry()
  let registering = (): void => {}
  const registers = new Promise<void>(resolve => {
    registering = resolve
  })
  let answer = (): void => {}
  const answers = new Promise<void>(resolve => {
    answer = resolve
  })
  const registry: Registry = {
    ...memory,
    register: async (service, options) => {
      registering()
      await answers
      await memory.register(service, options)
    },
    deregister: service => memory.deregister(service),
    getService: name => memory.getService(name),
    listServices: () => memory.listServices(),
  }
  const server = createServer({ name: 'greeter', transport: memoryTransport(), registry })
  const started = t.rejects(server.start(), { message: 'the server was stopped while it started' })
  await registers
  await server.stop()
  answer()
  await started
  t.same(await memory.listServices(), [])
})

t.test('a start that failed may be tried again', async t => {
  const first = createServer({ name: 'first', address: '127.0.0.1:0' })
  await first.start()
  const { address } = first
  const second = createServer({ name: 'second', address })
  await t.rejects(second.start(), { message: new RegExp(address) })
  await first.stop()
  await second.start()
  t.equal(second.address, address)
  await second.stop()
})
