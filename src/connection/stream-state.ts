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

/** What may happen to a stream. END_STREAM is an input of its own, applied after HEADERS or DATA. */
export const StreamInput = {
  SendHeaders: 0,
  SendData: 1,
  SendEnd: 2,
  SendReset: 3,
  ReceiveHeaders: 4,
  ReceiveData: 5,
  ReceiveEnd: 6,
  ReceiveReset: 7,
  ReceiveWindowUpdate: 8,
} as const
export type StreamInput = (typeof StreamInput)[keyof typeof StreamInput]

/** Why there is no next state. Values do not overlap with StreamState. */
export const Refusal = {
  /** Our own caller came too late: nothing is sent. */
  Misuse: 16,
  /** Keep HPACK and the connection window in step, then drop the frame. */
  Discard: 17,
  /** Stream error of type STREAM_CLOSED. */
  StreamClosed: 18,
  /** Connection error of type STREAM_CLOSED. */
  ConnectionStreamClosed: 19,
  /** Connection error of type PROTOCOL_ERROR. */
  ConnectionProtocol: 20,
} as const
export type Refusal = (typeof Refusal)[keyof typeof Refusal]

const INPUT_COUNT = 9

const {
  Open: open,
  HalfClosedLocal: hcl,
  HalfClosedRemote: hcr,
  ResetSent: rst,
  Closed: closed,
} = StreamState
const {
  Misuse: mis,
  Discard: drop,
  StreamClosed: sErr,
  ConnectionStreamClosed: cErr,
  ConnectionProtocol: cPro,
} = Refusal

// biome-ignore format: one row for each state, one column for each input
const transitions: Uint8Array = Uint8Array.of(
// send: HEADERS  DATA  END     RST   receive: HEADERS  DATA  END     RST     WINDOW_UPDATE
         open,    mis,  mis,    mis,           open,    cPro, cPro,   cPro,   cPro, // idle
         open,    open, hcl,    rst,           open,    open, hcr,    closed, open, // open
         mis,     mis,  mis,    rst,           hcl,     hcl,  closed, closed, hcl,  // half-closed (local)
         hcr,     hcr,  closed, rst,           sErr,    sErr, sErr,   closed, hcr,  // half-closed (remote)
         mis,     mis,  mis,    rst,           drop,    drop, drop,   closed, drop, // reset sent
         mis,     mis,  mis,    closed,        cErr,    cErr, cErr,   closed, drop, // closed
)

/** The next state, or the reason there is none. */
export function nextStreamState(state: StreamState, input: StreamInput): StreamState | Refusal {
  return transitions[state * INPUT_COUNT + input] as StreamState | Refusal
}
