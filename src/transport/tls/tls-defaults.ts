import type { SecureVersion } from 'node:tls'

/** The ALPN name of HTTP/2. RFC 9113 §3.2. */
export const ALPN: readonly string[] = ['h2']

/** RFC 9113 §9.2. */
const TLS_VERSION_MIN: SecureVersion = 'TLSv1.2'

/**
 * Those of TLS 1.3 in Node's order, and of TLS 1.2 the ephemeral AEAD suites: appendix A of RFC 9113 forbids
 * the rest, and §9.2.2 asks for ECDHE with AES-128-GCM. `tls.ciphers` overrides it.
 */
const TLS_CIPHERS: string = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** What options of the caller come on top of. */
export const TLS_DEFAULTS: { readonly minVersion: SecureVersion; readonly ciphers: string } = {
  minVersion: TLS_VERSION_MIN,
  ciphers: TLS_CIPHERS,
}
