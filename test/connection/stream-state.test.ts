import t from 'tap'
import {
  nextStreamState,
  StreamEvent,
  StreamState,
} from '../../src/connection/streams/stream-state.js'

const { Idle, Open, HalfClosedLocal, HalfClosedRemote, ResetSent, Closed } = StreamState

type Row = Record<keyof typeof StreamEvent, number>

/** RFC 9113 §5.1, written down a second time, state by state. */
const EXPECTED: Record<keyof typeof StreamState, Row> = {
  // §6.4: RST_STREAM must not be sent for an idle stream.
  Idle: { Request: Open, SendEnd: Idle, ReceiveEnd: Idle, SendReset: Idle, Lost: Closed },
  Open: {
    Request: Open,
    SendEnd: HalfClosedLocal,
    ReceiveEnd: HalfClosedRemote,
    SendReset: ResetSent,
    Lost: Closed,
  },
  HalfClosedLocal: {
    Request: HalfClosedLocal,
    SendEnd: HalfClosedLocal,
    ReceiveEnd: Closed,
    SendReset: ResetSent,
    Lost: Closed,
  },
  HalfClosedRemote: {
    Request: HalfClosedRemote,
    SendEnd: Closed,
    ReceiveEnd: HalfClosedRemote,
    SendReset: ResetSent,
    Lost: Closed,
  },
  ResetSent: {
    Request: ResetSent,
    SendEnd: ResetSent,
    ReceiveEnd: ResetSent,
    SendReset: ResetSent,
    Lost: Closed,
  },
  Closed: { Request: Closed, SendEnd: Closed, ReceiveEnd: Closed, SendReset: Closed, Lost: Closed },
}

for (const [state, row] of Object.entries(EXPECTED)) {
  t.test(`RFC 9113 §5.1: ${state}`, t => {
    for (const [event, expected] of Object.entries(row)) {
      const from = StreamState[state as keyof typeof StreamState]
      const found = nextStreamState(from, StreamEvent[event as keyof typeof StreamEvent])
      t.equal(found, expected, event)
    }
    t.equal(Object.keys(row).length, Object.keys(StreamEvent).length, 'every cell')
    t.end()
  })
}

t.test('RFC 9113 §5.1: a stream that has ended stays so, whatever comes', t => {
  for (const from of [ResetSent, Closed]) {
    for (const event of Object.values(StreamEvent)) {
      t.ok(nextStreamState(from, event) >= ResetSent, `${from} ${event}`)
    }
  }
  t.end()
})
