import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { ClientTlsOptions, ServerTlsOptions } from '../runtime/runtime.js'
import { TLS_DEFAULTS } from './tls-defaults.js'
import { certificateFault, materialFault } from './tls-material.js'

/** What can be read alone, in the order in which it is looked for the culprit. */
const READ_ALONE: readonly (keyof SecureContextOptions)[] = [
  'cert',
  'key',
  'pfx',
  'crl',
  'ciphers',
  'ecdhCurve',
  'sigalgs',
  'dhparam',
  'minVersion',
  'maxVersion',
  'ticketKeys',
  'sessionIdContext',
]

/** What OpenSSL's reasons mean for one of these options. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /bad[ _]decrypt|mac verif|bad password read|interrupted or cancelled/i,
    'tls.passphrase does not open it',
  ],
  [/no[ _]start[ _]line|unsupported|not enough data|header too long|asn1|wrong tag/i, 'it is none'],
  [/key[ _]values[ _]mismatch/i, 'it does not belong to tls.cert'],
]

const WHAT: Readonly<Record<string, string>> = {
  cert: 'a certificate in PEM',
  ca: 'certificates in PEM',
  key: 'a private key in PEM',
  pfx: 'a PKCS #12 file in a Buffer',
  crl: 'a list of revoked certificates in PEM',
}

/** Options that were read and are good: a session for each address has the same ones. */
const good = new WeakSet<object>()

/**
 * Reads keys and certificates as they will be read for the first connection.
 *
 * @throws TypeError naming the option that cannot be used, with OpenSSL's error as `cause`
 */
export function checkContext(tls: ClientTlsOptions | ServerTlsOptions): void {
  if (good.has(tls)) return
  const options = { ...TLS_DEFAULTS, ...tls } as SecureContextOptions
  checkAuthorities(tls.ca)
  const cause = faultOf(options)
  if (cause !== undefined) throw namedError(options, cause)
  good.add(tls)
}

function faultOf(options: SecureContextOptions): unknown {
  try {
    createSecureContext(options)
    return readsNothing() ? materialFault(options) : undefined
  } catch (cause) {
    return cause ?? new Error('unknown')
  }
}

let readsLate: boolean | undefined

/** On Deno what cannot be used is found out by handshakes only. */
function readsNothing(): boolean {
  if (readsLate === undefined) {
    try {
      createSecureContext({ cert: 'none' })
      readsLate = true
    } catch {
      readsLate = false
    }
  }
  return readsLate
}

/** OpenSSL takes what is no certificate for an empty list, and trusts nobody. */
function checkAuthorities(ca: SecureContextOptions['ca']): void {
  if (ca === undefined || ca === null) return
  const list = Array.isArray(ca) ? ca : [ca]
  for (const [i, each] of list.entries()) {
    const cause = certificateFault(each)
    if (cause !== undefined) throw optionError(Array.isArray(ca) ? `ca[${i}]` : 'ca', cause)
  }
}

function namedError(options: SecureContextOptions, cause: unknown): TypeError {
  const { passphrase } = options
  for (const name of READ_ALONE) {
    if (options[name] === undefined) continue
    const alone = { [name]: options[name], ...(passphrase === undefined ? {} : { passphrase }) }
    const fault = faultOf(alone)
    if (fault !== undefined) return optionError(name, fault)
  }
  if (/key[ _]values[ _]mismatch/i.test(textOf(cause))) return optionError('key', cause)
  return new TypeError(`tls cannot be used: ${textOf(cause)}`, { cause })
}

function optionError(name: string, cause: unknown): TypeError {
  const text = textOf(cause)
  const reason = REASONS.find(([pattern]) => pattern.test(text))?.[1]
  const what = WHAT[name.replace(/\[.*/, '')]
  const expected = reason === 'it is none' && what !== undefined ? `it is not ${what}` : reason
  return new TypeError(`tls.${name} cannot be used: ${expected ?? text} (${text})`, { cause })
}

function textOf(cause: unknown): string {
  const { reason, message } = cause as { reason?: unknown; message?: unknown }
  return typeof reason === 'string' ? reason : String(message).split('\n')[0]!
}
