import { VERIFY_ERRORS } from './verify-error-table.js'

/** What the names of OpenSSL's errors mean for one who set up a client. Releases spell prefixes differently: ends are matched. */
const CLIENT_MISTAKES: readonly (readonly [RegExp, string])[] = [
  [
    /WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$|RECORD_LAYER_FAILURE$|HTTP_REQUEST$/,
    'the server does not speak TLS at this port; connect without `tls`, or to its TLS port',
  ],
  [
    /ALERT_NO_APPLICATION_PROTOCOL$/,
    'the server did not agree to "h2" by ALPN; is it a gRPC server?',
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED$/,
    'the server wants a certificate of the client; give `tls` a `key` and a `cert`',
  ],
  [
    /ALERT_HANDSHAKE_FAILURE$/,
    'the server refused the TLS handshake; does it want a certificate of the client, or other ciphers?',
  ],
  [
    /ALERT_(?:UNKNOWN_CA|ACCESS_DENIED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+)$/,
    'the server does not accept the certificate of this client; its log has the reason',
  ],
  [/ALERT_PROTOCOL_VERSION$|UNSUPPORTED_PROTOCOL$/, 'the server has no TLS 1.2 or newer'],
  [
    /^ECONNRESET$|^EPIPE$/,
    'the server closed the connection during the TLS handshake; does this port speak TLS?',
  ],
]

/** The same for one who set up a server. */
const SERVER_MISTAKES: readonly (readonly [RegExp, string])[] = [
  [/HTTP_REQUEST$/, 'the client speaks plain HTTP/1.x, but this port takes TLS'],
  [
    /WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$|RECORD_LAYER_FAILURE$/,
    'the client speaks plain text, but this port takes TLS; give the client `tls`',
  ],
  [
    /UNSUPPORTED_PROTOCOL$|ALERT_PROTOCOL_VERSION$|VERSION_TOO_LOW$/,
    'the client offers no TLS 1.2 or newer',
  ],
  [/NO_SHARED_CIPHER$/, 'the client offers no cipher suite that this port takes'],
  [/NO_APPLICATION_PROTOCOL$/, 'the TLS client did not ask for "h2" by ALPN; gRPC needs it'],
  [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE$/,
    'the client gave no certificate, and this server requires one: set key and cert of the client',
  ],
  [
    /ALERT_(?:UNKNOWN_CA|ACCESS_DENIED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+)$/,
    'the client does not trust the certificate of this server; does it have its authority as `ca`?',
  ],
  [/HANDSHAKE_TIMEOUT$/, 'the TLS handshake took too long'],
  [/RENEGOTIATION_DISABLED$/, 'the client asked for TLS renegotiation (RFC 9113 §9.2.1)'],
  [/^ECONNRESET$|^EPIPE$/, 'the client closed the connection during the TLS handshake'],
]

/** What went wrong in a TLS handshake, for the side that we are, as the end of a sentence; undefined for what we have no words for. */
export function tlsMistake(role: 'client' | 'server', code: string): string | undefined {
  if (isVerifyError(code)) {
    const [fault, cure] = VERIFY_ERRORS[code]!
    return `the certificate of the ${role === 'client' ? 'server' : 'client'} ${fault}; ${cure}`
  }
  const mistakes = role === 'client' ? CLIENT_MISTAKES : SERVER_MISTAKES
  return mistakes.find(([pattern]) => pattern.test(code))?.[1]
}

/** OpenSSL has looked at a certificate and refused it. */
export function isVerifyError(code: string): boolean {
  return Object.hasOwn(VERIFY_ERRORS, code)
}

/** Errors hide behind one another this deep. */
const CAUSES_MAX = 4

/**
 * What a client's TLS handshake failed with and what to do, of an error of Node or one that another library put around
 * it; undefined where it is no failure of TLS.
 */
export function clientTlsMistake(error: unknown, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth > CAUSES_MAX) return undefined
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown }
  // What is no name of OpenSSL's, such as ECONNRESET, means TLS only where TLS was spoken.
  const isTls = typeof code === 'string' && (code.startsWith('ERR_SSL_') || isVerifyError(code))
  if (isTls) return `${tlsMistake('client', code) ?? 'the TLS handshake failed'} (${code})`
  const [first] = Array.isArray(errors) ? errors : []
  return clientTlsMistake(cause, depth + 1) ?? clientTlsMistake(first, depth + 1)
}
