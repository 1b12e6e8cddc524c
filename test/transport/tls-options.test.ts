import { generate } from 'selfsigned'
import t from 'tap'
import {
  CLIENT_TLS_NAMES,
  SERVER_TLS_NAMES,
  TLS_NAMES_REFUSED,
} from '../../src/transport/tls/tls-option-names-table.js'
import { checkTls, checkTlsUpdate } from '../../src/transport/tls/tls-options.js'
import { CERT, ENCRYPTED_KEY, KEY, PASSPHRASE, PFX } from './stored-certificate.js'

const other = await generate([{ name: 'commonName', value: 'other' }], { keyType: 'ec' })
const server = { key: KEY, cert: CERT }

/** What is wrong with options, and how it is told. */
const MISTAKES: readonly (readonly ['client' | 'server', object, RegExp])[] = [
  ['server', {}, /^tls of a server needs key and cert, or pfx$/],
  ['server', { key: KEY }, /^tls\.key is given without tls\.cert; it needs both: /],
  ['client', { key: KEY }, /^tls\.key is given without tls\.cert; it needs both: /],
  ['client', { cert: CERT }, /^tls\.cert is given without tls\.key; it needs both: /],
  [
    'server',
    { key: KEY, cert: 'x' },
    /^tls\.cert cannot be used: it is not a certificate in PEM \(/,
  ],
  [
    'server',
    { key: KEY, cert: KEY },
    /^tls\.cert cannot be used: it is not a certificate in PEM \(/,
  ],
  [
    'server',
    { key: 'x', cert: CERT },
    /^tls\.key cannot be used: it is not a private key in PEM \(/,
  ],
  [
    'server',
    { key: other.private, cert: CERT },
    /^tls\.key cannot be used: it does not belong to tls\.cert \(key.values.mismatch\)$/i,
  ],
  [
    'server',
    { key: ENCRYPTED_KEY, cert: CERT },
    /^tls\.key cannot be used: tls\.passphrase does not open it \(/,
  ],
  [
    'client',
    { key: ENCRYPTED_KEY, cert: CERT, passphrase: 'wrong' },
    /^tls\.key cannot be used: tls\.passphrase does not open it \(/,
  ],
  ['server', { pfx: PFX }, /^tls\.pfx cannot be used: tls\.passphrase does not open it \(/],
  [
    'server',
    { pfx: Buffer.from('x') },
    /^tls\.pfx cannot be used: (it is not a PKCS #12 file|tls\.passphrase does not open it)/,
  ],
  ['client', { ca: 'x' }, /^tls\.ca cannot be used: it is not certificates in PEM \(/],
  ['client', { ca: [CERT, KEY] }, /^tls\.ca\[1\] cannot be used: it is not certificates in PEM \(/],
  ['server', { ...server, crl: 'x' }, /^tls\.crl cannot be used: Failed to parse CRL/],
  ['client', { ciphers: 'none' }, /^tls\.ciphers cannot be used: no.cipher.match/i],
  ['client', { ecdhCurve: 'none' }, /^tls\.ecdhCurve cannot be used: /],
  ['client', { sigalgs: 'none' }, /^tls\.sigalgs cannot be used: /],
  ['client', { minVersion: 'TLSv9' }, /^tls\.minVersion cannot be used: "?TLSv9/],
  ['client', { ca: 5 }, /^tls\.ca cannot be used: .*(number \(5\)|must be a)/],
  [
    'server',
    { ...server, requestCert: 'yes' },
    /^tls\.requestCert is a string; expected a boolean$/,
  ],
  ['client', { rejectUnauthorized: null }, /^tls\.rejectUnauthorized is null; expected a boolean$/],
  [
    'client',
    { checkServerIdentity: true },
    /^tls\.checkServerIdentity is a boolean; expected a function$/,
  ],
  ['client', { servername: 5 }, /^tls\.servername is a number; expected a string$/],
  ['client', { requestCert: true }, /^tls\.requestCert is no option of a client$/],
  ['server', { ...server, servername: 'x' }, /^tls\.servername is no option of a server$/],
  [
    'client',
    { handshakeTimeout: 5 },
    /^tls\.handshakeTimeout is not offered; set handshakeTimeoutMs$/,
  ],
  ['client', [], /^tls must be an object/],
  [
    'client',
    { minVersion: 'TLSv1' },
    /^tls\.minVersion is TLSv1; HTTP\/2 needs TLSv1\.2 or newer$/,
  ],
]

t.test('a mistake in tls is told when it is set, by the name of the option', t => {
  for (const [role, tls, message] of MISTAKES) {
    t.throws(() => checkTls(role, tls), { message }, String(message))
  }
  t.end()
})

t.test('a misspelt option of tls is refused, each of them, with the one that was meant', t => {
  for (const [role, names] of [
    ['client', CLIENT_TLS_NAMES],
    ['server', SERVER_TLS_NAMES],
  ] as const) {
    for (const name of names) {
      const misspelt = `${name.slice(0, 1)}${name.slice(1)}x`
      t.throws(
        () => checkTls(role, { [misspelt]: 1 }),
        { message: `tls.${misspelt} is no option of a ${role}; did you mean ${name}?` },
        misspelt,
      )
    }
  }
  t.throws(() => checkTls('client', { serverName: 'x' } as never), /did you mean servername\?$/)
  for (const name of Object.keys(TLS_NAMES_REFUSED)) {
    t.throws(() => checkTls('client', { [name]: 1 }), /is not offered; /)
    t.doesNotThrow(() => checkTls('client', { [name]: undefined }))
  }
  t.end()
})

t.test('what can be used is taken, in each of its forms', t => {
  for (const tls of [
    server,
    { key: Buffer.from(KEY), cert: Buffer.from(CERT) },
    { key: [{ pem: ENCRYPTED_KEY, passphrase: PASSPHRASE }], cert: [CERT] },
    { key: ENCRYPTED_KEY, cert: CERT, passphrase: PASSPHRASE },
    { pfx: PFX, passphrase: PASSPHRASE },
    { SNICallback: () => {} },
    { ...server, ca: [CERT, `text\n${CERT}${CERT}`], requestCert: true },
  ]) {
    t.doesNotThrow(() => checkTls('server', tls))
  }
  for (const tls of [undefined, {}, { ca: CERT }, { servername: '' }, { ...server }]) {
    t.doesNotThrow(() => checkTls('client', tls))
  }
  t.end()
})

t.test('an update names all that was set; an identity may change its form', t => {
  const current = { ...server, ca: CERT, requestCert: true }
  t.throws(() => checkTlsUpdate('server', current, server), /tls\.ca was set/)
  t.throws(() => checkTlsUpdate('server', current, { ...current, key: 'x' }), /tls\.key cannot/)
  const pfx = { pfx: PFX, passphrase: PASSPHRASE }
  for (const next of [
    current,
    { ...server, ca: undefined, requestCert: false },
    { ...pfx, ca: CERT, requestCert: true, crl: undefined },
  ]) {
    t.doesNotThrow(() => checkTlsUpdate('server', current, next))
  }
  t.end()
})
