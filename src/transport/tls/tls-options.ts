import { nearest } from '../../options/index.js'
import type { ClientTlsOptions, ServerTlsOptions } from '../runtime/runtime.js'
import { checkContext } from './tls-context.js'
import { CLIENT_TLS_NAMES, SERVER_TLS_NAMES, TLS_NAMES_REFUSED } from './tls-option-names-table.js'

type TlsOptions = ClientTlsOptions | ServerTlsOptions
type Role = 'client' | 'server'

const TOO_OLD: readonly string[] = ['TLSv1', 'TLSv1.1']
const FLAGS: readonly string[] = [
  'allowPartialTrustChain',
  'enableTrace',
  'honorCipherOrder',
  'rejectUnauthorized',
  'requestCert',
  'requestOCSP',
]
const FUNCTIONS: readonly string[] = ['SNICallback', 'checkServerIdentity', 'pskCallback']

/** Where else a key may come from. */
const KEY_NAMES: readonly string[] = ['key', 'privateKeyIdentifier', 'clientCertEngine']
/** A server that has one of these needs no key and certificate of its own. */
const INSTEAD: readonly string[] = ['pfx', 'SNICallback', 'pskCallback', 'secureContext']

/** A new certificate may come in either form. */
const IDENTITY: readonly string[] = ['key', 'cert', 'pfx', 'passphrase']

/**
 * Refuses what cannot work, and what HTTP/2 does not allow. RFC 9113 §9.2: TLS 1.2 or newer, ALPN `h2`.
 *
 * @throws RangeError for a version that is too old, else TypeError; both name the option.
 */
export function checkTls(role: Role, tls: TlsOptions | undefined): void {
  if (tls === undefined) return
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) {
    throw new TypeError(`tls must be an object, got ${String(tls)}`)
  }
  const options = tls as Readonly<Record<string, unknown>>
  checkNames(role, options)
  for (const name of ['minVersion', 'maxVersion'] as const) {
    const version = tls[name]
    if (version === undefined || !TOO_OLD.includes(version)) continue
    throw new RangeError(`tls.${name} is ${version}; HTTP/2 needs TLSv1.2 or newer`)
  }
  for (const name of FLAGS) checkType(options, name, 'boolean')
  for (const name of FUNCTIONS) checkType(options, name, 'function')
  checkType(options, 'servername', 'string')
  checkPair(role, options)
  checkContext(tls)
}

/**
 * An update says everything anew: what it left out would be lost, or kept, and nobody would see which.
 *
 * @throws as `checkTls`; TypeError naming what `current` has and `next` does not mention.
 */
export function checkTlsUpdate(role: Role, current: TlsOptions, next: TlsOptions): void {
  if (next === undefined) throw new TypeError('tls is undefined; a server with TLS keeps it')
  checkTls(role, next)
  const { servername } = next as ClientTlsOptions
  if (role === 'client' && servername !== (current as ClientTlsOptions).servername) {
    throw new TypeError(
      `tls.servername is ${servername}, and was ${(current as ClientTlsOptions).servername}; requests are made with it: connect anew`,
    )
  }
  for (const [name, value] of Object.entries(current)) {
    if (value === undefined || name in next || IDENTITY.includes(name)) continue
    throw new TypeError(
      `tls.${name} was set and the update does not mention it; give it again, or tls.${name}: undefined to take it away`,
    )
  }
}

function checkNames(role: Role, tls: Readonly<Record<string, unknown>>): void {
  const known = role === 'server' ? SERVER_TLS_NAMES : CLIENT_TLS_NAMES
  for (const name of Object.keys(tls)) {
    if (known.includes(name)) continue
    if (Object.hasOwn(TLS_NAMES_REFUSED, name)) {
      if (tls[name] === undefined) continue
      throw new TypeError(`tls.${name} is not offered; ${TLS_NAMES_REFUSED[name]}`)
    }
    const near = nearest(known, name)
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    throw new TypeError(`tls.${name} is no option of a ${role}${hint}`)
  }
}

function checkType(
  tls: Readonly<Record<string, unknown>>,
  name: string,
  type: 'boolean' | 'function' | 'string',
): void {
  const value = tls[name]
  if (value === undefined || typeof value === type) return
  throw new TypeError(
    `tls.${name} is ${value === null ? 'null' : `a ${typeof value}`}; expected a ${type}`,
  )
}

function checkPair(role: Role, tls: Readonly<Record<string, unknown>>): void {
  const has = (name: string): boolean => tls[name] !== undefined && tls[name] !== null
  const hasKey = KEY_NAMES.some(has)
  const hasCert = has('cert')
  if (hasKey && !hasCert)
    throw new TypeError(
      'tls.key is given without tls.cert; it needs both: cert is the certificate chain of this key, in PEM',
    )
  if (hasCert && !hasKey)
    throw new TypeError(
      'tls.cert is given without tls.key; it needs both: key is the private key of this certificate, in PEM',
    )
  if (role === 'client' || hasKey || INSTEAD.some(has)) return
  throw new TypeError('tls of a server needs key and cert, or pfx')
}
