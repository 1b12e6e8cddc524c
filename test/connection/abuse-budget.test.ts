import t, { type Test } from 'tap'
import { AbuseBudget } from '../../src/connection/budgets/abuse-budget.js'
import { inspect } from '../../src/connection/connection.js'
import { type ConnectionLimits, resolveLimits } from '../../src/connection/core/limits.js'
import { recordOf } from '../../src/connection/streams/stream-record.js'
import { ErrorCode } from '../../src/frame/index.js'
import { Code, frames, REQUEST, RESPONSE, TRAILERS } from '../support/frames.js'
import { connect, FIXED_WINDOWS, ROLES } from '../support/peer.js'

function budgetWith(limits?: Partial<ConnectionLimits>): AbuseBudget {
  return new AbuseBudget(resolveLimits('server', limits), 0)
}

/** `run` passes `times` times, then ends the connection. */
function passes(t: Test, times: number, message: RegExp, run: () => void): void {
  for (let i = 0; i < times; i++) run()
  t.throws(run, { errorCode: ErrorCode.EnhanceYourCalm, rule: 'RFC 9113 §10.5', message })
}

t.test('CVE-2019-9512: work is paid for, and regained with time', t => {
  const budget = budgetWith({ workMax: 10, workPerSecond: 5 })
  passes(t, 10, /last a PING; the budget is 10 and 5 each second/, () => budget.work(1, 0, 'PING'))
  passes(t, 5, /PING/, () => budget.work(1, 1_000, 'PING'))
  t.end()
})

t.test('DATA that we sent, and octets that were consumed, pay for work', t => {
  const budget = budgetWith({ workMax: 6, workPerSecond: 0 })
  for (let i = 0; i < 6; i++) budget.work(1, 0, 'x')
  budget.sentData(2_048)
  passes(t, 4, /x/, () => budget.work(1, 0, 'x'))
  budget.consumed({ retained: 10_000, smallData: 0 }, 3_072)
  passes(t, 3, /x/, () => budget.work(1, 0, 'x'))
  t.end()
})

t.test('CVE-2023-44487: resets before user code started', t => {
  const budget = budgetWith({ resetsMax: 3, resetsPerSecond: 1 })
  passes(t, 3, /too many RST_STREAM frames; the budget is 3/, () => budget.reset(0))
  budget.completed()
  passes(t, 1, /RST_STREAM/, () => budget.reset(0))
  passes(t, 2, /RST_STREAM/, () => budget.reset(2_000))
  t.end()
})

t.test('CVE-2025-8671: a reset that the peer made us send costs more', t => {
  const budget = budgetWith({ resetsMax: 30, resetsPerSecond: 0, provokedResetCost: 10 })
  passes(t, 3, /too many stream errors/, () => budget.provokedReset(0))
  t.end()
})

t.test('streams above the limit in a row', t => {
  const budget = budgetWith({ refusedStreamsMax: 2 })
  budget.refusedStream()
  budget.refusedStream()
  budget.acceptedStream()
  passes(t, 2, /3 streams above the limit in a row; 2 are tolerated/, () => budget.refusedStream())
  t.end()
})

t.test('CVE-2019-9518: empty DATA frames in a row', t => {
  const budget = budgetWith({ emptyDataMax: 2 })
  budget.emptyData()
  budget.emptyData()
  budget.data({ retained: 1_000, smallData: 0 }, 1_000, false)
  passes(t, 2, /3 empty DATA frames; 2 are tolerated/, () => budget.emptyData())
  t.end()
})

t.test('RUSTSEC-2026-0258: small DATA frames that wait cost what they lack', t => {
  const budget = budgetWith({ smallDataSize: 100, smallDataMax: 1_000 })
  const one = { retained: 20, smallData: 0 }
  const two = { retained: 10, smallData: 0 }
  for (let i = 0; i < 1_000; i++) budget.data(one, 100, false)
  for (let i = 0; i < 1_000; i++) budget.data(one, 1, true)
  for (let i = 0; i < 6; i++) budget.data(one, 1, false)
  passes(t, 4, /lack 1089 octets; 1000 are tolerated/, () => budget.data(two, 1, false))
  t.same([one.smallData, two.smallData], [6 * 99, 5 * 99])
  budget.consumed(two, 10)
  t.equal(two.smallData, 0, 'all of it')
  budget.consumed(one, 10)
  t.equal(one.smallData, 3 * 99, 'half of it')
  passes(t, 7, /lack 1089 octets/, () => budget.data(two, 1, false))
  t.end()
})

t.test('GOAWAY frames from one peer', t => {
  const budget = budgetWith({ goawaysMax: 2 })
  passes(t, 2, /3 GOAWAY frames/, () => budget.goaway())
  t.end()
})

t.test('a WINDOW_UPDATE that lets us send nothing does not pay for a flood', t => {
  const { peer, connection } = connect({
    role: 'server',
    limits: { workMax: 100, workPerSecond: 0, controlFramesPause: 1_000_000 },
    hold: true,
  })
  peer.requests(1)
  peer.sends(frames.rstStream(1, Code.cancel))
  for (let round = 0; round < 50 && !inspect(connection).core.over; round++) {
    peer.sends(frames.windowUpdate(1, 2 ** 31 - 1))
    for (let i = 0; i < 40; i++) peer.sends(frames.priority(1))
    peer.takes()
  }
  t.equal(inspect(connection).core.over, true, '2000 frames of no use with a budget of 100')
  t.end()
})

t.test('window updates of an honest peer that reads are free', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { workMax: 50, workPerSecond: 0 },
    hold: true,
  })
  peer.requests(1)
  const stream = recorder.stream(1)
  stream.sendHeaders(RESPONSE, false)
  for (let i = 0; i < 500; i++) {
    stream.sendData(Buffer.alloc(16_000), 0, 16_000, false)
    peer.takes()
    peer.sends(frames.windowUpdate(0, 16_000), frames.windowUpdate(1, 16_000))
  }
  t.equal(inspect(connection).core.over, false)
  t.end()
})

for (const role of ROLES) {
  t.test(`${role}: small messages that are consumed after each turn are honest`, t => {
    const limits = { ...FIXED_WINDOWS, smallDataMax: 10_000 }
    const consumeLater = (): void => {
      const owner = role === 'client' ? handler : recorder.streams.get(1)
      const stream = owner?.stream
      if (stream === undefined) return
      const { retained } = recordOf(stream)
      if (retained > 0) stream.consume(retained)
    }
    const { peer, connection, recorder, open } = connect({
      role,
      limits,
      onReceived: () => consumeLater(),
    })
    const handler = role === 'client' ? open() : undefined
    peer.sends(frames.headers(1, role === 'client' ? RESPONSE : REQUEST))
    for (let i = 0; i < 500 && !inspect(connection).core.over; i++) {
      peer.sends(frames.data(1, { size: 10 }))
      peer.takes()
    }
    t.equal(recorder.closedCause, undefined)
    t.end()
  })
}

t.test('small messages that nobody consumes end the connection', t => {
  const { peer, connection } = connect({ role: 'server', limits: { smallDataMax: 10_000 } })
  peer.sends(frames.headers(1, REQUEST))
  for (let i = 0; i < 500 && !inspect(connection).core.over; i++)
    peer.sends(frames.data(1, { size: 10 }))
  t.equal(inspect(connection).core.over, true)
  t.end()
})

t.test('completed streams pay for cancelled ones', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { resetsMax: 3, resetsPerSecond: 0 },
  })
  for (let id = 1; id < 200; id += 4) {
    peer.requests(id, id + 2)
    recorder.stream(id).sendHeaders([...RESPONSE, ...TRAILERS], true)
    peer.sends(frames.rstStream(id + 2, Code.cancel))
    peer.takes()
  }
  t.equal(inspect(connection).core.over, false)
  t.end()
})

t.test('large octets that one stream consumes do not pay for small ones that wait on others', t => {
  const { peer, connection, recorder } = connect({
    role: 'server',
    limits: { ...FIXED_WINDOWS, smallDataMax: 50_000 },
  })
  peer.sends(frames.headers(1, REQUEST), frames.headers(3, REQUEST))
  for (let i = 0; i < 1_000 && !inspect(connection).core.over; i++) {
    peer.sends(frames.data(1, { size: 1 }), frames.data(3, { size: 10_000 }))
    recorder.stream(3).consume(10_000)
    peer.takes()
  }
  t.equal(
    inspect(connection).core.over,
    true,
    '1000 frames of one octet wait; about 200 are tolerated',
  )
  t.end()
})
