import t from 'tap'
import { Admission, groupOf } from '../../src/transport/server/admission.js'

const UNBOUND: number = Number.POSITIVE_INFINITY

t.test('connections are counted together, and for each address where that is bounded', t => {
  const admission = new Admission(3, 2)
  admission.enter('192.0.2.1')
  t.equal(admission.refusal('192.0.2.1'), undefined)
  admission.enter('192.0.2.1')
  t.equal(
    admission.refusal('192.0.2.1'),
    'refused: 2 connections of 192.0.2.1 are open or shaking hands, as many as connectionsPerAddressMax allows',
  )
  t.equal(admission.refusal('192.0.2.2'), undefined)
  admission.enter('192.0.2.2')
  t.match(
    admission.refusal('192.0.2.3'),
    /^refused: 3 connections .* connectionsMax allows; raise it, or look for a client/,
  )
  admission.leave('192.0.2.1')
  t.equal(admission.refusal('192.0.2.1'), undefined)
  for (const address of ['192.0.2.1', '192.0.2.2']) admission.leave(address)
  t.equal(admission.count, 0)
  t.end()
})

t.test('without a bound for each address, and over unix sockets, only the number counts', t => {
  const open = new Admission(5, UNBOUND)
  for (let i = 0; i < 5; i++) open.enter('192.0.2.1')
  t.match(open.refusal('192.0.2.1'), /connectionsMax/)
  const unix = new Admission(UNBOUND, 1)
  unix.enter('')
  t.equal(unix.refusal(''), undefined)
  unix.leave('')
  t.equal(unix.count, 0)
  t.end()
})

t.test('what counts as one address: IPv4, also inside IPv6, and the /64 of IPv6', t => {
  for (const [address, group] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:9::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
  ] as const) {
    t.equal(groupOf(address), group, address)
  }
  t.end()
})
