import { shareInstances } from '../options/index.js'

/** What is wrong with an engine. */
export const RegistryErrorCode = {
  /** Nobody answers at its addresses. */
  Unreachable: 'REGISTRY_UNREACHABLE',
  /** It has not answered in time. */
  Timeout: 'REGISTRY_TIMEOUT',
  /** It does not take our credentials, or they may not do this. */
  Denied: 'REGISTRY_DENIED',
  /** It answered with an error. */
  Refused: 'REGISTRY_REFUSED',
  /** A record, or a name, that cannot be used. */
  Record: 'REGISTRY_RECORD',
  /** The registry was closed. */
  Closed: 'REGISTRY_CLOSED',
} as const

/** One of `RegistryErrorCode`. */
export type RegistryErrorCode = (typeof RegistryErrorCode)[keyof typeof RegistryErrorCode]

const CURES: Readonly<Record<RegistryErrorCode, string>> = {
  REGISTRY_UNREACHABLE: 'is it running, and is the address right?',
  REGISTRY_TIMEOUT: 'is it overloaded, or without a leader?',
  REGISTRY_DENIED: 'check the user, the password or the token, and what they may do',
  REGISTRY_REFUSED: 'see its log',
  REGISTRY_RECORD: 'see registries.md for what a record has',
  REGISTRY_CLOSED: 'create another one',
}

/** What a registry's engine failed with: what, at which address, and what to try. No secrets are in it. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: RegistryErrorCode
  /** The engine: `etcd`. */
  readonly engine: string
  /** Where it was asked, without credentials. */
  readonly address: string

  constructor(
    engine: string,
    address: string,
    code: RegistryErrorCode,
    what: string,
    cause?: unknown,
  ) {
    super(
      `${engine} at ${address}: ${what}; ${CURES[code]}`,
      cause === undefined ? undefined : { cause },
    )
    this.code = code
    this.engine = engine
    this.address = address
  }
}

/** A connection over TLS that was reset: an engine that wants a certificate may do just that, without a word. */
export function resetText(message: string, isTls: boolean): string {
  if (!isTls || !message.includes('ECONNRESET')) return message
  return `${message}: it closed the connection; does it want a certificate of the client?`
}

shareInstances(RegistryError, 'RegistryError')
