/** Options of `tls.createSecureContext` that both sides may set, and what Node's types leave out. */
const CONTEXT: readonly string[] = [
  'allowPartialTrustChain',
  'ca',
  'cert',
  'ciphers',
  'clientCertEngine',
  'crl',
  'dhparam',
  'ecdhCurve',
  'honorCipherOrder',
  'key',
  'maxVersion',
  'minVersion',
  'passphrase',
  'pfx',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'secureOptions',
  'sessionIdContext',
  'sessionTimeout',
  'sigalgs',
  'ticketKeys',
]

const BOTH: readonly string[] = [
  ...CONTEXT,
  'enableTrace',
  'pskCallback',
  'rejectUnauthorized',
  'requestOCSP',
  'secureContext',
]

/** What `tls` of a client may have. */
export const CLIENT_TLS_NAMES: readonly string[] = [
  ...BOTH,
  'checkServerIdentity',
  'localAddress',
  'localPort',
  'minDHSize',
  'servername',
  'session',
]

/** What `tls` of a server may have. */
export const SERVER_TLS_NAMES: readonly string[] = [
  ...BOTH,
  'pskIdentityHint',
  'requestCert',
  'SNICallback',
]

/** What Node's types offer and `tls` here does not, and why. */
export const TLS_NAMES_REFUSED: Readonly<Record<string, string>> = {
  secureProtocol: 'set tls.minVersion and tls.maxVersion',
  ALPNProtocols: 'it is always "h2"',
  ALPNCallback: 'it is always "h2"',
  handshakeTimeout: 'set handshakeTimeoutMs',
  host: 'the address says it',
  port: 'the address says it',
  path: 'the address says it',
  socket: 'a Runtime of your own can bring sockets',
  lookup: 'a Runtime of your own can look names up',
  timeout: 'set connectTimeoutMs',
}
