import type { ConnectionPeer } from '../socket/connection-peer.js'

/** Body of a request that is not gRPC; more is answered with 413. Unit: octets. Reason: health checks and hooks have small ones; gRPC has streams. */
export const HTTP_BODY_SIZE_MAX = 65_536
/** Time for such a request to be complete; then 408. Unit: ms. Reason: as `requestIdleTimeoutMs` of calls. */
export const HTTP_REQUEST_TIMEOUT_MS = 60_000

/** A request whose content type is not gRPC: a health check, a metrics scraper. */
export interface HttpRequest {
  /** `GET`, `HEAD`, `POST` ... as it was sent. */
  readonly method: string
  /** With its query, as it was sent: `/healthz?full=1`. */
  readonly path: string
  /** `:authority`, else `host`. */
  readonly authority: string
  /** By lower-case name; several values of one name are joined by `, `. Without pseudo-header fields. */
  readonly headers: Readonly<Record<string, string>>
  /** At most 65,536 octets. */
  readonly body: Buffer
  /** Who asks. */
  readonly peer: ConnectionPeer
  /** Aborted when the client has gone, or does not want the answer any more. */
  readonly signal: AbortSignal
}

/** The answer to a request that is not gRPC. */
export interface HttpResponse {
  /** From 200 to 599. Default: 200. */
  readonly status?: number
  /** `content-length` is added, and for a text `content-type: text/plain; charset=utf-8` unless there is one. Default: none. */
  readonly headers?: Readonly<Record<string, string>>
  /** Not sent for HEAD, 204 and 304. Default: empty. */
  readonly body?: string | Uint8Array
}

/**
 * Answers requests that are not gRPC. Undefined sends 404. An exception, or a response that cannot
 * be sent, sends 500 and is reported to `onError`.
 */
export type OnRequest = (
  request: HttpRequest,
) => HttpResponse | undefined | Promise<HttpResponse | undefined>

/** What the requests of one connection share. */
export interface HttpDoorOptions {
  readonly peer: ConnectionPeer
  readonly onRequest: OnRequest
  /** Must not throw. */
  readonly onError: (error: Error) => void
}

/** @throws TypeError naming the option when it is no function. */
export function checkOnRequest(onRequest: unknown): void {
  if (onRequest === undefined || typeof onRequest === 'function') return
  throw new TypeError(`onRequest is a ${typeof onRequest}; expected a function`)
}

/** A response as it is sent. */
export interface EncodedResponse {
  readonly fields: string[]
  readonly body: Buffer
}

/** @throws TypeError for a response that makes no sense. */
export function encodeResponse(response: HttpResponse, method: string): EncodedResponse {
  if (typeof response !== 'object' || response === null) {
    throw new TypeError(
      `onRequest answered with a ${typeof response}; expected { status, headers, body }`,
    )
  }
  const { status = 200, headers = {}, body = '' } = response
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`onRequest answered with status ${String(status)}; expected 200 to 599`)
  }
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
    throw new TypeError(
      `onRequest answered with a body of type ${typeof body}; expected a string or a Uint8Array`,
    )
  }
  // A copy: whoever gave it may go on to write to it.
  const octets = Buffer.from(body as string)
  const fields = [':status', String(status)]
  let hasType = typeof body !== 'string' || body === ''
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase()
    if (key.startsWith(':') || key === 'content-length' || typeof value !== 'string') {
      throw new TypeError(
        `onRequest answered with the header ${JSON.stringify(name)}, which cannot be set so`,
      )
    }
    if (key === 'content-type') hasType = true
    fields.push(key, value)
  }
  if (!hasType) fields.push('content-type', 'text/plain; charset=utf-8')
  if (status !== 204 && status !== 304) fields.push('content-length', String(octets.length))
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304
  return { fields, body: hasBody ? octets : octets.subarray(0, 0) }
}
