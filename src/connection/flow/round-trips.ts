/** How flow control measures round trips of its connection. */
export interface RoundTrips {
  /** Whether a probe makes no more sense: we are about to leave. */
  readonly leaving: boolean
  /** Sends PING; `onAnswer` never hears when the connection ends first. */
  ping(onAnswer: () => void): void
  /** The same without PING: SETTINGS that change nothing. One at a time. */
  probe(onAnswer: () => void): void
}
