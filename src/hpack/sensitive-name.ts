/**
 * Parts of a header name, between `-`, `_` and `.`, that mark its values as secret. Two parts in a
 * row count as one: `api-key`.
 */
export const SENSITIVE_PARTS: readonly string[] = [
  'accesskey',
  'apikey',
  'auth',
  'authentication',
  'authn',
  'authorization',
  'authz',
  'bearer',
  'cookie',
  'credential',
  'credentials',
  'csrf',
  'jwt',
  'otp',
  'passphrase',
  'passwd',
  'privatekey',
  'pwd',
  'session',
  'sessionid',
  'sid',
  'xsrf',
]

/**
 * Endings of a part of a header name that mark its values as secret: `x-access-token`,
 * `clientsecret`.
 */
export const SENSITIVE_ENDINGS: readonly string[] = ['password', 'secret', 'token', 'tokens']

const PARTS: ReadonlySet<string> = new Set(SENSITIVE_PARTS)

/**
 * Whether the values of a lower-case header name are secret: `authorization`, `x-api-key`,
 * `x-session-id`, ... They enter no HPACK table, neither here nor at a proxy. RFC 7541 §7.1.3.
 */
export function isSensitiveName(name: string): boolean {
  const parts = name.split(/[-_.]/)
  return parts.some((part, index) => {
    if (PARTS.has(part) || PARTS.has(part + (parts[index + 1] ?? ''))) return true
    return SENSITIVE_ENDINGS.some(ending => part.endsWith(ending))
  })
}
