import {
  createPrivateKey,
  type KeyObject,
  type PrivateKeyInput,
  X509Certificate,
} from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'

/** The label of a certificate in PEM, of the three kinds that OpenSSL reads. */
const LABEL = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/

/** Why `pem` begins with no certificate; undefined when it does. */
export function certificateFault(pem: unknown): Error | undefined {
  const read = attempt(() => new X509Certificate(pem as string))
  if (read instanceof X509Certificate && LABEL.test(String(pem))) return undefined
  const isText = typeof pem === 'string' || ArrayBuffer.isView(pem)
  // Each runtime has its own words for it; DER is read here, but not by TLS.
  if (isText && !LABEL.test(String(pem))) return new Error('no start line', { cause: read })
  return read as Error
}

/**
 * Why certificates and keys of `tls` cannot be used, for runtimes whose `createSecureContext` reads nothing (Deno):
 * they would be told by the first handshake, and each after it.
 */
export function materialFault(tls: SecureContextOptions): Error | undefined {
  const certificates = listOf(tls.cert)
  for (const each of certificates) {
    const fault = certificateFault(each)
    if (fault !== undefined) return fault
  }
  const keys: KeyObject[] = []
  for (const each of listOf(tls.key)) {
    const read = attempt(() => createPrivateKey(keyInput(each, tls.passphrase)))
    if (read instanceof Error) {
      const isLocked = /ENCRYPTED/.test(String(pemOf(each)))
      return new Error(isLocked ? 'bad decrypt' : 'unsupported', { cause: read })
    }
    keys.push(read)
  }
  if (certificates.length !== 1 || keys.length !== 1) return undefined
  const certificate = new X509Certificate(certificates[0] as string)
  return certificate.checkPrivateKey(keys[0]!) ? undefined : new Error('key values mismatch')
}

function listOf(given: unknown): readonly unknown[] {
  return given === undefined || given === null ? [] : [given].flat()
}

function pemOf(key: unknown): unknown {
  const isObject = typeof key === 'object' && key !== null && 'pem' in key
  return isObject ? key.pem : key
}

/** A key may be an object with a passphrase of its own. */
function keyInput(key: unknown, passphrase: string | undefined): PrivateKeyInput {
  const isObject = typeof key === 'object' && key !== null && 'pem' in key
  const own = isObject ? (key as { pem: string; passphrase?: string }) : { pem: key as string }
  const words = own.passphrase ?? passphrase
  return { key: own.pem, format: 'pem', ...(words === undefined ? {} : { passphrase: words }) }
}

function attempt<T>(make: () => T): T | Error {
  try {
    return make()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
