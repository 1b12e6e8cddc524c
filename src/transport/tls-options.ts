import type { ClientTlsOptions, ServerTlsOptions } from './runtime.js'

const TOO_OLD: readonly string[] = ['TLSv1', 'TLSv1.1']

/**
 * Refuses what HTTP/2 does not allow. RFC 9113 §9.2: TLS 1.2 or newer, ALPN `h2`.
 *
 * @throws RangeError for a version that is too old, TypeError for options that would work around these.
 */
export function checkTls(tls: ClientTlsOptions | ServerTlsOptions | undefined): void {
  if (tls === undefined) return
  if (typeof tls !== 'object' || tls === null) {
    throw new TypeError(`tls must be an object, got ${String(tls)}`)
  }
  for (const name of ['minVersion', 'maxVersion'] as const) {
    const version = tls[name]
    if (version === undefined || !TOO_OLD.includes(version)) continue
    throw new RangeError(`tls.${name} is ${version}; HTTP/2 needs TLSv1.2 or newer`)
  }
  if (tls.secureProtocol !== undefined) {
    throw new TypeError('tls.secureProtocol is not offered; set tls.minVersion and tls.maxVersion')
  }
  const protocols = tls.ALPNProtocols
  if (protocols !== undefined || ('ALPNCallback' in tls && tls.ALPNCallback !== undefined)) {
    throw new TypeError('tls.ALPNProtocols and tls.ALPNCallback are not offered; it is always "h2"')
  }
}
