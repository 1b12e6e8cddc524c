import type { MetadataInit } from './metadata-init.js'

/** The call for which credentials are requested. */
export interface CredentialsTarget {
  /** With its package: `greeter.v1.Greeter`. */
  readonly service: string
  /** In JavaScript: `hello`. */
  readonly method: string
  /** What the server is called: its host and port, or its name in the certificate. */
  readonly authority: string
  /** The audience of a token, as gRPC forms it: `https://<authority>/<service>`. */
  readonly url: string
  /** The caller's signal, for a request that fetches a token. */
  readonly signal: AbortSignal | undefined
}

/**
 * Called before each call; returns metadata that identifies the caller, such as an `authorization`
 * token. It replaces other metadata of the same names, and middleware does not see it.
 *
 * A `GrpcError` or `MicroError` it fails with ends the call; any other error
 * ends it as UNAUTHENTICATED (mucp: 401).
 */
export type Credentials = (target: CredentialsTarget) => MetadataInit | Promise<MetadataInit>

/** @throws TypeError for what cannot be credentials */
export function checkCredentials(credentials: unknown): void {
  if (typeof credentials === 'function') return
  throw new TypeError(`credentials must be a function, got ${typeof credentials}`)
}
