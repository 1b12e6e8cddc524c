import t from 'tap'
import {
  nextStreamState,
  Refusal,
  StreamInput,
  StreamState,
} from '../../src/connection/stream-state.js'

const { Misuse, Discard, StreamClosed, ConnectionStreamClosed, ConnectionProtocol } = Refusal
const { Open, HalfClosedLocal, HalfClosedRemote, ResetSent, Closed } = StreamState

type Row = Record<keyof typeof StreamInput, number>

/** RFC 9113 §5.1, written down a second time, state by state. */
const EXPECTED: Record<keyof typeof StreamState, Row> = {
  Idle: {
    SendHeaders: Open,
    SendData: Misuse,
    SendEnd: Misuse,
    SendReset: Misuse, // §6.4: RST_STREAM must not be sent for an idle stream
    ReceiveHeaders: Open,
    ReceiveData: ConnectionProtocol,
    ReceiveEnd: ConnectionProtocol,
    ReceiveReset: ConnectionProtocol,
    ReceiveWindowUpdate: ConnectionProtocol,
  },
  Open: {
    SendHeaders: Open,
    SendData: Open,
    SendEnd: HalfClosedLocal,
    SendReset: ResetSent,
    ReceiveHeaders: Open,
    ReceiveData: Open,
    ReceiveEnd: HalfClosedRemote,
    ReceiveReset: Closed,
    ReceiveWindowUpdate: Open,
  },
  HalfClosedLocal: {
    SendHeaders: Misuse,
    SendData: Misuse,
    SendEnd: Misuse,
    SendReset: ResetSent,
    ReceiveHeaders: HalfClosedLocal,
    ReceiveData: HalfClosedLocal,
    ReceiveEnd: Closed,
    ReceiveReset: Closed,
    ReceiveWindowUpdate: HalfClosedLocal,
  },
  HalfClosedRemote: {
    SendHeaders: HalfClosedRemote,
    SendData: HalfClosedRemote,
    SendEnd: Closed,
    SendReset: ResetSent,
    ReceiveHeaders: StreamClosed,
    ReceiveData: StreamClosed,
    ReceiveEnd: StreamClosed,
    ReceiveReset: Closed,
    ReceiveWindowUpdate: HalfClosedRemote,
  },
  ResetSent: {
    SendHeaders: Misuse,
    SendData: Misuse,
    SendEnd: Misuse,
    SendReset: ResetSent,
    ReceiveHeaders: Discard,
    ReceiveData: Discard,
    ReceiveEnd: Discard,
    ReceiveReset: Closed,
    ReceiveWindowUpdate: Discard,
  },
  Closed: {
    SendHeaders: Misuse,
    SendData: Misuse,
    SendEnd: Misuse,
    SendReset: Closed,
    ReceiveHeaders: ConnectionStreamClosed,
    ReceiveData: ConnectionStreamClosed,
    ReceiveEnd: ConnectionStreamClosed,
    ReceiveReset: Closed,
    ReceiveWindowUpdate: Discard,
  },
}

for (const [state, row] of Object.entries(EXPECTED)) {
  t.test(`RFC 9113 §5.1: ${state}`, t => {
    for (const [input, expected] of Object.entries(row)) {
      const from = StreamState[state as keyof typeof StreamState]
      const found = nextStreamState(from, StreamInput[input as keyof typeof StreamInput])
      t.equal(found, expected, input)
    }
    t.equal(Object.keys(row).length, Object.keys(StreamInput).length, 'every cell')
    t.end()
  })
}

t.test('states and refusals cannot be mistaken for each other', t => {
  const states: number[] = Object.values(StreamState)
  for (const refusal of Object.values(Refusal)) t.notOk(states.includes(refusal))
  t.ok(Math.min(...Object.values(Refusal)) > Math.max(...states), 'one comparison tells them apart')
  t.equal(Refusal.Misuse, Math.min(...Object.values(Refusal)))
  t.end()
})
