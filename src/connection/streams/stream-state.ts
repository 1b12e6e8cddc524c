/**
 * The stream states of RFC 9113 §5.1.
 *
 * The reserved states are left out: our client sends SETTINGS_ENABLE_PUSH=0
 * and our server never pushes. `ResetSent` is "closed" by our own RST_STREAM:
 * what the peer sent before it heard of it must be tolerated.
 */
export const StreamState = {
  Idle: 0,
  Open: 1,
  HalfClosedLocal: 2,
  HalfClosedRemote: 3,
  ResetSent: 4,
  Closed: 5,
} as const
export type StreamState = (typeof StreamState)[keyof typeof StreamState]

/** What moves a stream. END_STREAM is an event of its own, after the HEADERS or DATA that carry it. */
export const StreamEvent = {
  /** HEADERS of a request, ours or the peer's. */
  Request: 0,
  /** END_STREAM of ours. */
  SendEnd: 1,
  /** END_STREAM of the peer's. */
  ReceiveEnd: 2,
  /** RST_STREAM of ours. */
  SendReset: 3,
  /** RST_STREAM of the peer's, or the end of the connection. */
  Lost: 4,
} as const
export type StreamEvent = (typeof StreamEvent)[keyof typeof StreamEvent]

const EVENT_COUNT = 5

const {
  Idle: idle,
  Open: open,
  HalfClosedLocal: hcl,
  HalfClosedRemote: hcr,
  ResetSent: rst,
  Closed: closed,
} = StreamState

// biome-ignore format: one row for each state, one column for each event
const transitions: Uint8Array = Uint8Array.of(
// Request  SendEnd  ReceiveEnd  SendReset  Lost
   open,    idle,    idle,       idle,      closed, // idle
   open,    hcl,     hcr,        rst,       closed, // open
   hcl,     hcl,     closed,     rst,       closed, // half-closed (local)
   hcr,     closed,  hcr,        rst,       closed, // half-closed (remote)
   rst,     rst,     rst,        rst,       closed, // reset sent
   closed,  closed,  closed,     closed,    closed, // closed
)

/** The state after an event; the same where nothing changes. A stream that has ended never begins again. */
export function nextStreamState(state: StreamState, event: StreamEvent): StreamState {
  return transitions[state * EVENT_COUNT + event] as StreamState
}
