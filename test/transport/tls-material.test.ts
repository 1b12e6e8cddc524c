import { X509Certificate } from 'node:crypto'
import { generate } from 'selfsigned'
import t from 'tap'
import { checkContext } from '../../src/transport/tls/tls-context.js'
import { certificateFault, materialFault } from '../../src/transport/tls/tls-material.js'

const name = [{ name: 'commonName', value: 'localhost' }]
const ours = await generate(name, { keyType: 'ec', algorithm: 'sha256' })
const other = await generate(name, { keyType: 'ec', algorithm: 'sha256' })
/** May sign certificates and do nothing else: what Bun refuses as a server's own. */
const authority = await generate(name, {
  keyType: 'ec',
  algorithm: 'sha256',
  extensions: [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, critical: true },
  ],
})

t.test('tls.ca: an authority that may only sign certificates is one', t => {
  t.equal(certificateFault(authority.cert), undefined)
  t.equal(certificateFault(Buffer.from(authority.cert)), undefined)
  t.equal(certificateFault(`# a comment\n${authority.cert}\n${ours.cert}`), undefined)
  checkContext({ ca: [authority.cert, ours.cert] })
  t.end()
})

t.test('tls.ca: DER, a key and text are no certificate in PEM', t => {
  const der = new X509Certificate(ours.cert).raw
  for (const given of [der, ours.private, 'x', '']) {
    t.match(certificateFault(given), { message: 'no start line' })
    t.throws(() => checkContext({ ca: given }), /^tls\.ca cannot be used: it is not certificates/)
  }
  // In the runtime's own words.
  t.ok(certificateFault(5) instanceof TypeError)
  t.end()
})

t.test('tls: what cannot be used is found where createSecureContext reads nothing', t => {
  const { cert, private: key } = ours
  t.equal(materialFault({ cert, key }), undefined)
  t.equal(materialFault({ cert: [cert], key: [{ pem: key }] }), undefined)
  t.equal(materialFault({}), undefined)
  t.match(materialFault({ cert: 'x', key }), { message: 'no start line' })
  t.match(materialFault({ cert, key: 'x' }), { message: /^unsupported/ })
  t.match(materialFault({ cert, key: other.private }), { message: 'key values mismatch' })
  t.end()
})
