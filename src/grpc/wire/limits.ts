import { describe, nearest } from '../../options/index.js'

/** Limits of one call. Every limit has a default, a unit and a reason. */
export interface CallLimits {
  /**
   * Largest message to receive, checked against the declared size and again while decompressing. A
   * larger one fails with RESOURCE_EXHAUSTED. Unit: bytes. Default: 4_194_304. Reason: the default
   * of every gRPC implementation; CVE-2024-37168.
   */
  readonly messageSizeMax: number
  /**
   * Compressed messages of one connection that are being decompressed, or are decompressed and wait
   * to be read. Further messages stay compressed until those were read, but one is always in
   * progress. Until its size is known, a message counts as `messageSizeMax`. While a client leaves
   * half as many bytes of responses unread, a server decompresses one message in 10 s. Unit: bytes.
   * Default: 16_777_216. Reason: four messages of the largest size keep all threads of Node's pool
   * busy; a message of 4 MB can arrive as 4 kB, and its answer be as large.
   */
  readonly inflatedSizeMax: number
  /**
   * Largest message to compress on the main thread; larger ones use the thread pool. Unit: bytes.
   * Default: 8_192. Reason: 0.2 ms with gzip, the cost of using the thread pool.
   */
  readonly compressNowSizeMax: number
  /**
   * Largest message, by its decompressed size, to decompress on the main thread; larger ones use
   * the thread pool. Unit: bytes. Default: 65_536. Reason: 0.2 ms with gzip, as
   * `compressNowSizeMax`.
   */
  readonly inflateNowSizeMax: number
  /**
   * Largest message to send, before compression. A larger one fails with RESOURCE_EXHAUSTED. Unit:
   * bytes. Default: Infinity. Reason: as in other gRPC implementations; you control what you send.
   */
  readonly sendMessageSizeMax: number
  /**
   * Largest header list (headers or trailers) to receive, counted as in RFC 9113 §6.5.2. A larger
   * one fails with RESOURCE_EXHAUSTED, on a server with HTTP 431. Unit: bytes. Default: 16_384.
   * Reason: what the connection announces by default.
   */
  readonly metadataSizeMax: number
  /**
   * Decoded messages of one call that wait for the application; further ones stay encoded and get
   * no flow-control credit. Unit: messages. Default: 256. Reason: an empty message is five bytes on
   * the wire, but decoded it costs far more.
   */
  readonly queuedMessagesMax: number
  /**
   * Time without data for an incomplete unary or server-streaming request without a deadline; then
   * DEADLINE_EXCEEDED. Unit: ms. Default: 60_000. Reason: CVE-2026-48854; half a request holds a
   * stream and its buffer.
   */
  readonly requestIdleTimeoutMs: number
  /**
   * Time a call waits on a server where `streamsMax` handlers run, including those of cancelled
   * calls. Then it is refused with REFUSED_STREAM, so the client may send it again, and `onError`
   * is called. Unit: ms. Default: 10_000. Reason: handlers that settle do so sooner.
   */
  readonly startTimeoutMs: number
  /**
   * Longest time that a server gives a unary call, whatever its client asks for or not; then DEADLINE_EXCEEDED, and the
   * handler's signal is aborted. What a handler calls inherits it. Unit: ms. Default: Infinity. Reason: clients know what
   * they wait for; set it where they do not.
   */
  readonly timeoutMaxMs: number
  /**
   * Longest `grpc-message` to keep of a response. Unit: bytes as received. Default: 8_192. Reason:
   * it ends up in logs.
   */
  readonly statusMessageSizeMax: number
  /**
   * Longest `grpc-message` to send. Unit: bytes after encoding. Default: 4_096. Reason: many peers
   * accept 8 KiB of trailers in total.
   */
  readonly sendStatusMessageSizeMax: number
  /**
   * How much of a response that is not gRPC (such as the HTML page of a proxy) goes into the error
   * message; then the call ends. Unit: bytes. Default: 1_024. Reason: enough to recognise the page.
   */
  readonly errorBodySizeMax: number
  /**
   * Time to wait for such a body after its headers; then the call ends with the part that arrived.
   * Unit: ms. Default: 500. Reason: the headers determine the status, and a body may never end.
   */
  readonly errorBodyTimeoutMs: number
  /**
   * Encoded messages that a client call holds while it has no connection before `write` returns
   * false. Unit: bytes. Default: 1_048_576. Reason: back-pressure, not a hard limit, as on a
   * stream.
   */
  readonly unsentSizeMax: number
}

/** The default limits of a call, for both sides. */
export const DEFAULT_CALL_LIMITS: CallLimits = Object.freeze({
  messageSizeMax: 4_194_304,
  inflatedSizeMax: 16_777_216,
  compressNowSizeMax: 8_192,
  inflateNowSizeMax: 65_536,
  sendMessageSizeMax: Number.POSITIVE_INFINITY,
  metadataSizeMax: 16_384,
  queuedMessagesMax: 256,
  requestIdleTimeoutMs: 60_000,
  startTimeoutMs: 10_000,
  timeoutMaxMs: Number.POSITIVE_INFINITY,
  statusMessageSizeMax: 8_192,
  sendStatusMessageSizeMax: 4_096,
  errorBodySizeMax: 1_024,
  errorBodyTimeoutMs: 500,
  unsentSizeMax: 1_048_576,
})

/**
 * Merges the given limits of a call with the defaults and checks them.
 *
 * @throws RangeError for a limit that is not a positive number; TypeError for what is no limit of ours.
 */
export function callLimits(limits: Partial<CallLimits> | undefined): CallLimits {
  if (limits === undefined || limits === DEFAULT_CALL_LIMITS) return DEFAULT_CALL_LIMITS
  if (typeof limits !== 'object' || limits === null || Array.isArray(limits)) {
    throw new TypeError(`limits of calls must be an object of numbers, got ${describe(limits)}`)
  }
  const merged: Record<string, number> = { ...DEFAULT_CALL_LIMITS }
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_CALL_LIMITS, name)) {
      const near = nearest(Object.keys(DEFAULT_CALL_LIMITS), name)
      const meant = near === undefined ? 'docs/limits.md has all' : `did you mean ${near}?`
      throw new TypeError(`limits.${name} is not a limit of calls; ${meant}`)
    }
    if (value === undefined) continue
    if (typeof value !== 'number' || !(value > 0)) {
      throw new RangeError(`limits.${name} is ${String(value)}; expected a number above 0`)
    }
    merged[name] = value
  }
  return Object.freeze(merged) as unknown as CallLimits
}
