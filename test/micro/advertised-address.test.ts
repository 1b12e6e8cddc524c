import t from 'tap'
import { advertisedAddress } from '../../src/micro/discovery/advertised-address.js'

/** A machine with these interfaces. */
function machine(...addresses: string[]) {
  return { interfaceAddresses: () => addresses }
}

t.test(
  'a listener on every interface advertises what go-micro takes: private, else public, else loopback',
  t => {
    const rows: [addresses: string[], wanted: string][] = [
      [['127.0.0.1', '::1', '203.0.113.7', '10.1.2.3', '192.168.0.4'], '10.1.2.3:80'],
      [['127.0.0.1', '172.17.0.2'], '172.17.0.2:80'],
      [['127.0.0.1', '100.64.3.2'], '100.64.3.2:80'],
      [['::1', 'fe80::1', 'fd00::7'], '[fd00::7]:80'],
      [['127.0.0.1', 'fe80::1', '203.0.113.7'], '203.0.113.7:80'],
      [['::1', '2001:db8::1'], '[2001:db8::1]:80'],
      [['169.254.1.1', '172.32.0.1'], '172.32.0.1:80'],
      [['127.0.0.1', '::1'], '127.0.0.1:80'],
      [[], '127.0.0.1:80'],
    ]
    for (const listening of ['0.0.0.0:80', '[::]:80', ':80']) {
      for (const [addresses, wanted] of rows) {
        t.equal(advertisedAddress(listening, undefined, machine(...addresses)), wanted)
      }
    }
    t.equal(advertisedAddress(':80', undefined, {}), '127.0.0.1:80', 'a runtime that knows nothing')
    t.end()
  },
)

t.test('what is told is advertised: an address, a mapped port, or a host alone', t => {
  const here = machine('10.1.2.3')
  const rows: [listening: string, wanted: string, advertised: string][] = [
    ['0.0.0.0:80', 'shop.example:443', 'shop.example:443'],
    ['0.0.0.0:80', ':30080', '10.1.2.3:30080'],
    ['127.0.0.1:80', ':30080', '127.0.0.1:30080'],
    ['[::1]:80', ':30080', '[::1]:30080'],
    ['0.0.0.0:80', 'shop.example', 'shop.example:80'],
    ['0.0.0.0:80', '2001:db8::1', '[2001:db8::1]:80'],
    ['0.0.0.0:80', '[2001:db8::1]:90', '[2001:db8::1]:90'],
    ['0.0.0.0:80', 'unix:/run/a', 'unix:/run/a'],
  ]
  for (const [listening, wanted, advertised] of rows) {
    t.equal(advertisedAddress(listening, wanted, here), advertised)
  }
  t.equal(advertisedAddress('a-name', undefined, here), 'a-name', 'a memory transport has no ports')
  t.equal(advertisedAddress('192.0.2.1:80', undefined, here), '192.0.2.1:80')
  t.end()
})
