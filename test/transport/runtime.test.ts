import t from 'tap'
import { nodeRuntime } from '../../src/transport/runtime.js'
import { connectError, listenError } from '../../src/transport/transport-error.js'

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
  await t.rejects(nodeRuntime.lookup('no-such-host.invalid'), { code: /ENOTFOUND|EAI_AGAIN/ })
  const random = nodeRuntime.random()
  t.ok(random >= 0 && random < 1)
})

t.test('errors of the system become one sentence with the address and a stable code', t => {
  const system = (code: string): Error => Object.assign(new Error(`x ${code}`), { code })
  const cases: [string, string][] = [
    ['ECONNREFUSED', 'TRANSPORT_REFUSED'],
    ['ENOTFOUND', 'TRANSPORT_DNS'],
    ['EHOSTUNREACH', 'TRANSPORT_UNREACHABLE'],
    ['ECONNRESET', 'TRANSPORT_LOST'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TRANSPORT_TLS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TRANSPORT_TLS'],
    ['EWHATEVER', 'TRANSPORT_SYSTEM'],
  ]
  for (const [code, expected] of cases) {
    const cause = system(code)
    t.match(connectError('a:1', cause), {
      code: expected,
      address: 'a:1',
      message: /^a:1: /,
      cause,
    })
  }
  const many = new AggregateError([system('ECONNREFUSED'), system('ENETUNREACH')])
  t.match(connectError('a:1', many), { code: 'TRANSPORT_REFUSED' })
  t.match(connectError('a:1', 'text'), { code: 'TRANSPORT_SYSTEM', message: 'a:1: text' })
  t.match(listenError('a:1', system('EACCES')), { code: 'TRANSPORT_ACCESS' })
  t.match(listenError('a:1', new Error('odd')), { message: 'cannot listen on a:1: odd' })
  const done = connectError('a:1', 'x')
  t.equal(connectError('b:1', done), done)
  t.equal(listenError('b:1', done), done)
  t.end()
})
