import t from 'tap'
import { authorityFault } from '../../src/connection/headers/authority.js'

t.test('RFC 9113 §8.3.1: what :authority and host may be', t => {
  const names = ['a', 'localhost:50051', 'my_service.ns.svc:80', '10.0.0.1:1', '[::1]:443']
  names.push('[fe80::1%eth0]:1', 'a%2Fb', 'x:', '', 'xn--hser-moa.example', "a!$&'()*+;=~b")
  for (const name of names) {
    for (const field of [':authority', 'host'])
      t.equal(authorityFault(field, name), undefined, name)
  }
  t.end()
})

t.test('RFC 9113 §8.3.1: what is no authority is named, but user information is not shown', t => {
  const refused = ['a b', 'a/b', 'a?b', 'a#b', 'a,b', 'a\\b', 'caf\xe9', 'a:b', '<a>', '::1', '%zz']
  for (const value of refused) {
    t.match(authorityFault('authority', value), /^authority is '.*'; expected host or host:port$/)
  }
  for (const value of ['me:hush@a', 'hush@', '@', 'hush@a b']) {
    const fault = 'authority has user information; expected host or host:port'
    t.equal(authorityFault('authority', value), fault)
  }
  t.end()
})
