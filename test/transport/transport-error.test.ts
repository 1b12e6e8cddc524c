import t from 'tap'
import { connectError, listenError } from '../../src/transport/errors/transport-error.js'

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
