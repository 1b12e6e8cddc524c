import { type AddressInfo, createServer, Socket } from 'node:net'
import t from 'tap'
import { nodeRuntime } from '../../src/transport/node/node-runtime.js'

t.test('now is monotonic and whole', t => {
  const first = nodeRuntime.now()
  t.ok(Number.isInteger(first))
  t.ok(nodeRuntime.now() >= first)
  t.end()
})

t.test('afterMicrotasks runs after a whole chain of awaits, afterTurn after that', async t => {
  const order: string[] = []
  await new Promise<void>(resolve => {
    setImmediate(() => {
      nodeRuntime.afterTurn(() => {
        order.push('turn')
        resolve()
      })
      nodeRuntime.afterMicrotasks(() => order.push('microtasks'))
      void (async () => {
        for (let i = 0; i < 20; i++) await undefined
        order.push('awaits')
      })()
    })
  })
  t.same(order, ['awaits', 'microtasks', 'turn'])
})

t.test(
  'schedule fires once, may be cancelled, and does not keep the process alive unless asked',
  async t => {
    let fired = 0
    const cancelled = nodeRuntime.schedule(1, () => fired++)
    cancelled.cancel()
    const before = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    const kept = nodeRuntime.schedule(5, () => fired++)
    t.equal(process.getActiveResourcesInfo().filter(name => name === 'Timeout').length, before)
    kept.ref()
    t.equal(process.getActiveResourcesInfo().filter(name => name === 'Timeout').length, before + 1)
    await new Promise(resolve => setTimeout(resolve, 20))
    t.equal(fired, 1)
  },
)

t.test('lookup gives addresses, or the system error', async t => {
  t.ok((await nodeRuntime.lookup('localhost')).some(address => /^127\.|^::1$/.test(address)))
  await t.rejects(async () => nodeRuntime.lookup('no-such-host.invalid'), {
    code: /ENOTFOUND|EAI_AGAIN/,
  })
  const random = nodeRuntime.random()
  t.ok(random >= 0 && random < 1)
})

t.test('connect: TCP_NODELAY also over TLS, whose connect ignores the option', async t => {
  const { setNoDelay } = Socket.prototype
  const set: [socket: unknown, value: boolean | undefined][] = []
  t.teardown(() => {
    Socket.prototype.setNoDelay = setNoDelay
  })
  Socket.prototype.setNoDelay = function (value) {
    set.push([this, value])
    return setNoDelay.call(this, value)
  }
  const server = createServer(socket => socket.destroy())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const socket = nodeRuntime.connect({ host: '127.0.0.1', port, tls: {} }, () => {})
  socket.on('error', () => {})
  await new Promise<void>(resolve => socket.on('close', resolve))
  t.same(set, [[socket, true]])
  await new Promise(resolve => server.close(resolve))
})
