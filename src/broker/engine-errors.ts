import { clientTlsMistake, thrownText } from '../transport/index.js'
import { BrokerError, BrokerErrorCode } from './broker-error.js'

/** Whose error it is. */
interface Named {
  readonly name: string
  readonly address: string
}

const CURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused; is it running, and the address right?',
  ENOTFOUND: 'host name not found; is the address right?',
  EAI_AGAIN: 'the name server did not answer',
  ETIMEDOUT: 'the host did not answer; is the address right, and no firewall between?',
  ECONNRESET:
    'it closed the connection; does it expect TLS, or none, or a certificate of the client?',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
}

/** The engine could not be reached. */
export function unreachable({ name, address }: Named, cause: unknown): BrokerError {
  const code = systemCode(cause)
  const cure = code === undefined ? undefined : CURES[code]
  const why = clientTlsMistake(cause) ?? cure ?? thrownText(cause)
  const text = `cannot connect to ${name} at ${address}: ${why}`
  return new BrokerError(BrokerErrorCode.Unavailable, address, text, cause)
}

/** It does not accept who we say that we are. @param where the options and variables that say so */
export function notAccepted({ name, address }: Named, where: string, cause: unknown): BrokerError {
  const text = `${name} at ${address} does not accept the credentials: ${thrownText(cause)}. They come from ${where}`
  return new BrokerError(BrokerErrorCode.Credentials, address, text, cause)
}

/** The connection went while the engine had not confirmed. */
export function unconfirmed({ name, address }: Named, topic: string, cause?: unknown): BrokerError {
  const text =
    `the connection to ${name} at ${address} was lost before it confirmed the message for ${topic}: ` +
    'it may have it, or not. Publish it again if handlers can take it twice'
  return new BrokerError(BrokerErrorCode.Lost, address, text, cause)
}

/** It refuses what was asked for. */
export function refused({ name, address }: Named, what: string, cause: unknown): BrokerError {
  const text = `${name} at ${address} refuses ${what}: ${thrownText(cause)}`
  return new BrokerError(BrokerErrorCode.Refused, address, text, cause)
}

/** The client library is not there. @param command what installs it */
export function noPackage({ name, address }: Named, library: string, cause: unknown): BrokerError {
  const text = `the ${name} broker needs the package ${library}: npm install ${library} (${thrownText(cause)})`
  return new BrokerError(BrokerErrorCode.Package, address, text, cause)
}

/** `ECONNREFUSED`, of the error or of what caused it; of several attempts, of the first. */
function systemCode(error: unknown, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth > 4) return undefined
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown }
  if (typeof code === 'string' && code in CURES) return code
  const [first] = Array.isArray(errors) ? errors : []
  return systemCode(cause, depth + 1) ?? systemCode(first, depth + 1)
}
