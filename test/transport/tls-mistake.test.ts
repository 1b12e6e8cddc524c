import t from 'tap'
import { connectError } from '../../src/transport/errors/transport-error.js'
import { clientTlsMistake, tlsMistake } from '../../src/transport/tls/tls-mistake.js'
import { VERIFY_ERRORS } from '../../src/transport/tls/verify-error-table.js'

/** All that Node makes of OpenSSL's results (`X509_V_ERR_...`). */
const NODE_NAMES: readonly string[] = `UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_CRL
  UNABLE_TO_DECRYPT_CERT_SIGNATURE UNABLE_TO_DECRYPT_CRL_SIGNATURE UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY
  CERT_SIGNATURE_FAILURE CRL_SIGNATURE_FAILURE CERT_NOT_YET_VALID CERT_HAS_EXPIRED CRL_NOT_YET_VALID
  CRL_HAS_EXPIRED ERROR_IN_CERT_NOT_BEFORE_FIELD ERROR_IN_CERT_NOT_AFTER_FIELD
  ERROR_IN_CRL_LAST_UPDATE_FIELD ERROR_IN_CRL_NEXT_UPDATE_FIELD OUT_OF_MEM DEPTH_ZERO_SELF_SIGNED_CERT
  SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_VERIFY_LEAF_SIGNATURE
  CERT_CHAIN_TOO_LONG CERT_REVOKED INVALID_CA PATH_LENGTH_EXCEEDED INVALID_PURPOSE CERT_UNTRUSTED
  CERT_REJECTED HOSTNAME_MISMATCH UNSPECIFIED`.split(/\s+/)

t.test(
  'each result of a verification is TRANSPORT_TLS, in words, with a cure, for both sides',
  t => {
    t.same([...NODE_NAMES].sort(), Object.keys(VERIFY_ERRORS).sort())
    for (const code of NODE_NAMES) {
      const error = connectError('a:1', Object.assign(new Error('as OpenSSL has it'), { code }))
      t.equal(error.code, 'TRANSPORT_TLS', code)
      t.match(error.message, /^a:1: the certificate of the server [a-z].*; .* \([A-Z_]+\)$/)
      t.match(tlsMistake('server', code), /^the certificate of the client /)
    }
    t.equal(tlsMistake('client', 'constructor'), undefined)
    t.end()
  },
)

t.test('alerts about a certificate are understood, however a release spells them', t => {
  for (const alert of [
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
    'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
    'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
    'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN',
  ]) {
    t.match(tlsMistake('client', alert), /^the server does not accept the certificate/, alert)
    t.match(tlsMistake('server', alert), /^the client does not trust the certificate/, alert)
  }
  t.end()
})

t.test('a TLS failure is found behind the errors of other libraries; what is none is not', t => {
  const inner = Object.assign(new Error('x'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  const told = /^the certificate of the server is not trusted.*\(DEPTH_ZERO_SELF_SIGNED_CERT\)$/
  t.match(clientTlsMistake(inner), told)
  t.match(clientTlsMistake(new Error('lost', { cause: inner })), told)
  t.match(clientTlsMistake(new AggregateError([inner])), told)
  const alert = { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }
  t.match(clientTlsMistake(alert), /wants a certificate of the client.*\(ERR_SSL_TLSV13_/)
  t.match(clientTlsMistake({ code: 'ERR_SSL_SOMETHING_NEW' }), /handshake failed \(ERR_SSL_SOME/)
  t.equal(clientTlsMistake({ code: 'ECONNRESET' }), undefined)
  t.equal(clientTlsMistake('text'), undefined)
  const circle: { cause?: unknown } = {}
  circle.cause = circle
  t.equal(clientTlsMistake(circle), undefined)
  t.end()
})
