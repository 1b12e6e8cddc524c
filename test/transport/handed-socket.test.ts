import t from 'tap'
import { createServer as createMicro } from '../../src/index.js'
import { checkReusePort, handedSocket } from '../../src/transport/node/handed-socket.js'

t.test('R194: systemd passes sockets from descriptor 3 on, by number or by name', t => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:grpc' }
  t.equal(handedSocket('127.0.0.1:80', env, 7), undefined)
  t.equal(handedSocket('fd:5', {}, 7), 5)
  t.equal(handedSocket('systemd:', env, 7), 3)
  t.equal(handedSocket('systemd:grpc', env, 7), 4)
  t.throws(() => handedSocket('systemd:admin', env, 7), { message: /systemd passed web, grpc/ })
  t.throws(() => handedSocket('systemd:', env, 8), {
    name: 'TypeError',
    message: /LISTEN_PID is '7', this process 8/,
  })
  t.throws(() => handedSocket('systemd:', {}, 8), { message: /LISTEN_FDS is not set/ })
  t.throws(() => handedSocket('fd:', {}, 8), { message: /expected fd:3/ })
  t.throws(() => handedSocket('fd:-1', {}, 8), { name: 'TypeError' })
  t.end()
})

t.test('R195: in a worker of cluster a descriptor would be the primary’s, and is refused', t => {
  t.throws(() => handedSocket('fd:3', { NODE_UNIQUE_ID: '1' }, 7), {
    message: /worker of node:cluster/,
  })
  t.end()
})

t.test('R197: reusePort is refused where it would do nothing, with what to do instead', t => {
  for (const version of ['22.12.0', '22.20.1', '23.1.0', '24.0.0', '26.10.0']) {
    t.doesNotThrow(() => checkReusePort(version, 'linux'), version)
  }
  for (const version of ['20.20.2', '22.11.0', '23.0.0']) {
    t.throws(() => checkReusePort(version, 'linux'), {
      code: 'ENOTSUP',
      message: /needs Node 22\.12 or 23\.1/,
    })
  }
  t.throws(() => checkReusePort('24.0.0', 'darwin'), { message: /not offered by darwin/ })
  t.end()
})

t.test('a server shows the descriptors it listens on, while it does', async t => {
  const server = createMicro({ name: 'a' })
  t.same(server.descriptors, [])
  await server.start()
  t.equal(server.descriptors.length, 1)
  t.ok(server.descriptors[0]! > 2)
  await server.stop()
})

t.test('a descriptor that is no socket says so', async t => {
  const server = createMicro({ name: 'a', address: 'fd:999999' })
  await t.rejects(server.start(), { message: /fd:999999/ })
  await server.stop()
})

t.test('reusePort on a Node that has none rejects at start, by name', async t => {
  if (process.versions.node.startsWith('20.')) {
    const server = createMicro({ name: 'a', reusePort: true })
    await t.rejects(server.start(), { message: /reusePort needs Node 22\.12/ })
    await server.stop()
  } else {
    const one = createMicro({ name: 'a', reusePort: true })
    await one.start()
    const two = createMicro({ name: 'a', reusePort: true, address: one.address })
    await two.start()
    t.equal(two.address, one.address)
    await Promise.all([one.stop(), two.stop()])
  }
})
