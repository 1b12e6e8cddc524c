/** What one call may cost. Every field has a default, a unit and a reason. */
export interface CallLimits {
  /**
   * Largest message we receive, checked on the declared size and again while
   * decompressing. More: RESOURCE_EXHAUSTED. Unit: octets. Default: 4_194_304.
   * Reason: the default of every gRPC implementation; CVE-2024-37168.
   */
  readonly messageSizeMax: number
  /**
   * Octets of compressed messages that are being inflated, or wait inflated, on one connection; more
   * stay compressed until those were taken, but one goes on in any case. A message counts
   * `messageSizeMax` until its size is known. Unit: octets. Default: 16_777_216. Reason: four of the
   * largest messages keep all threads of Node's pool busy; a message of 4 MB may come in 4 kB.
   */
  readonly inflatedSizeMax: number
  /**
   * Largest message that is compressed at once; larger ones leave the thread. Unit: octets. Default:
   * 8_192. Reason: 0.2 ms with gzip, as much as leaving the thread costs.
   */
  readonly compressNowSizeMax: number
  /**
   * Largest message, as it was before it was compressed, that is inflated at once; larger ones leave
   * the thread. Unit: octets. Default: 65_536. Reason: 0.2 ms with gzip, as `compressNowSizeMax`.
   */
  readonly inflateNowSizeMax: number
  /**
   * Largest message we send, before compression. More: RESOURCE_EXHAUSTED.
   * Unit: octets. Default: Infinity. Reason: as other gRPC implementations; what we send is ours.
   */
  readonly sendMessageSizeMax: number
  /**
   * Header list (headers or trailers) we receive, by the count of RFC 9113
   * §6.5.2. More: RESOURCE_EXHAUSTED, on a server with HTTP 431. Unit: octets.
   * Default: 16_384. Reason: what the connection announces by default.
   */
  readonly metadataSizeMax: number
  /**
   * Decoded messages that wait for the application on one call; more stay
   * encoded and get no credit. Unit: messages. Default: 256. Reason: five
   * octets make an empty message, and a decoded one costs far more.
   */
  readonly queuedMessagesMax: number
  /**
   * Time without an octet of a unary or server-streaming request that is not
   * complete and has no deadline. Then: DEADLINE_EXCEEDED. Unit: ms. Default:
   * 60_000. Reason: CVE-2026-48854; half a request keeps a stream and its buffer.
   */
  readonly requestIdleTimeoutMs: number
  /**
   * Time that a call waits on a server where `streamsMax` handlers run, those of calls that were
   * cancelled among them. Then: REFUSED_STREAM, which tells the client that it may send the call again,
   * and `onError` hears of it. Unit: ms. Default: 10_000. Reason: handlers that settle do so sooner.
   */
  readonly startTimeoutMs: number
  /**
   * Text of a received `grpc-message` that is kept. Unit: octets as received.
   * Default: 8_192. Reason: it ends in logs.
   */
  readonly statusMessageSizeMax: number
  /**
   * Text of a `grpc-message` we send. Unit: octets after encoding. Default:
   * 4_096. Reason: many peers accept 8 KiB of trailers in all.
   */
  readonly sendStatusMessageSizeMax: number
  /**
   * Start of a body that is not gRPC (an HTML page of a proxy) that goes into
   * the error's message; then the call ends. Unit: octets. Default: 1_024. Reason: enough to recognise the page.
   */
  readonly errorBodySizeMax: number
  /**
   * Time for such a body, from its headers on; then the call ends with what has come. Unit: ms.
   * Default: 500. Reason: the headers have decided the status, and a body need not end.
   */
  readonly errorBodyTimeoutMs: number
  /**
   * Encoded messages a client call holds while it has no connection before
   * `write` answers false. Unit: octets. Default: 1_048_576. Reason:
   * back-pressure, not a cap, as on a stream.
   */
  readonly unsentSizeMax: number
}

/** The defaults, for both sides. */
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
  statusMessageSizeMax: 8_192,
  sendStatusMessageSizeMax: 4_096,
  errorBodySizeMax: 1_024,
  errorBodyTimeoutMs: 500,
  unsentSizeMax: 1_048_576,
})

/**
 * The defaults with `limits` on top, checked.
 *
 * @throws RangeError for a limit that is not a positive number, or that is no limit of ours.
 */
export function callLimits(limits: Partial<CallLimits> | undefined): CallLimits {
  if (limits === undefined || limits === DEFAULT_CALL_LIMITS) return DEFAULT_CALL_LIMITS
  const merged: Record<string, number> = { ...DEFAULT_CALL_LIMITS }
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined) continue
    if (!Object.hasOwn(DEFAULT_CALL_LIMITS, name)) throw new RangeError(`limits.${name} is unknown`)
    if (typeof value !== 'number' || !(value > 0)) {
      throw new RangeError(`limits.${name} is ${value}; expected a number above 0`)
    }
    merged[name] = value
  }
  return Object.freeze(merged) as unknown as CallLimits
}
