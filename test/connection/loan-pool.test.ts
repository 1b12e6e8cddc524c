import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Code, frames, REQUEST, Type } from '../support/frames.js'
import { type Connected, connect } from '../support/peer.js'
import type { PeerFrame } from '../support/strict-parser.js'

/** A pool of 200,000 octets, and windows that do not move. */
const LIMITS = { streamWindowSize: 65_535, streamWindowSizeMax: 0, receiveBufferMax: 400_000 }

function streams(count: number, limits = {}): Connected {
  const connected = connect({ role: 'server', limits: { ...LIMITS, ...limits } })
  for (let i = 0; i < count; i++) connected.peer.sends(frames.headers(1 + 2 * i, REQUEST))
  connected.peer.takes()
  return connected
}

function upload({ peer, connection }: Connected, id: number, size: number): PeerFrame[] {
  const seen: PeerFrame[] = []
  for (let left = size; left > 0 && !inspect(connection).core.over; left -= 16_384) {
    peer.sends(frames.data(id, { size: Math.min(left, 16_384) }))
    seen.push(...peer.takes())
  }
  return seen
}

/** Credit given to streams. */
function lent(seen: readonly PeerFrame[]): string[] {
  return seen
    .filter(({ type, streamId }) => type === Type.windowUpdate && streamId > 0)
    .map(({ streamId, payload }) => `${streamId} +${payload.readUInt32BE(0)}`)
}

/** Answers the signal that is under way. */
function answers({ peer }: Connected, seen: readonly PeerFrame[]): PeerFrame[] {
  const ping = seen.findLast(({ type, flags }) => type === Type.ping && flags === 0)
  t.ok(ping, 'a round trip is being counted')
  peer.sends(frames.ping(ping!.payload, true))
  return peer.takes()
}

t.test('loans are given in order, each whole, as far as the pool reaches', t => {
  const all = streams(4)
  const { peer, connection, recorder } = all
  const stream = (id: number) => recorder.stream(id)
  stream(1).expect(65_535 + 150_000)
  stream(3).expect(65_535 + 100_000)
  stream(5).expect(65_535 + 40_000)
  t.same(lent(peer.takes()), ['1 +150000'], 'the third does not overtake')
  t.equal(inspect(connection).receiver.loans.waiting, 2)
  upload(all, 1, 65_535 + 150_000)
  stream(1).consume(65_535 + 150_000)
  t.same(lent(peer.takes()), ['3 +100000', '5 +40000', '1 +65535'])
  t.equal(inspect(connection).receiver.loans.promised, 140_000)
  t.end()
})

t.test('where nobody holds a loan the first in line gets it, however large', t => {
  const { peer, recorder } = streams(2)
  recorder.stream(1).expect(65_535 + 10_000_000)
  recorder.stream(3).expect(65_535 + 1)
  t.same(lent(peer.takes()), ['1 +10000000'])
  t.end()
})

t.test('a loan goes back with its stream, and a waiter that has gone is passed over', t => {
  const all = streams(3)
  const { peer, recorder, connection } = all
  recorder.stream(1).expect(65_535 + 200_000)
  recorder.stream(3).expect(65_535 + 150_000)
  recorder.stream(5).expect(65_535 + 100_000)
  peer.takes()
  peer.sends(frames.rstStream(3, Code.cancel))
  t.same(lent(peer.takes()), [])
  peer.sends(frames.rstStream(1, Code.cancel))
  t.same(lent(peer.takes()), ['5 +100000'])
  recorder.stream(5).reset(Code.cancel)
  t.equal(inspect(connection).receiver.loans.promised, 0)
  t.equal(inspect(connection).receiver.loans.waiting, 0)
  t.end()
})

t.test('the end of a stream frees what its peer will not use', t => {
  const all = streams(2)
  const { peer, recorder, connection } = all
  recorder.stream(1).expect(65_535 + 200_000)
  recorder.stream(3).expect(65_535 + 50_000)
  upload(all, 1, 100_000)
  peer.sends(frames.data(1, { endStream: true }))
  t.same(lent(peer.takes()), ['3 +50000'])
  t.equal(inspect(connection).receiver.loans.promised, 100_000 - 65_535 + 50_000)
  recorder.stream(1).consume(100_000)
  t.equal(inspect(connection).receiver.loans.promised, 50_000)
  t.end()
})

t.test('what nobody waits for gets a loan only while half of the pool is free', t => {
  const { peer, recorder } = streams(4)
  recorder.stream(1).expect(65_535 + 60_000, false)
  t.same(lent(peer.takes()), ['1 +60000'])
  recorder.stream(3).expect(65_535 + 60_000, false)
  t.same(lent(peer.takes()), [], 'more than half of it')
  recorder.stream(3).expect(65_535 + 60_000)
  t.same(lent(peer.takes()), ['3 +60000'], 'somebody reads')
  recorder.stream(5).expect(65_535 + 150_000)
  recorder.stream(7).expect(65_535 + 1, false)
  t.same(lent(peer.takes()), [], 'somebody else waits')
  t.end()
})

t.test('a peer that answers and sends nothing loses its place after one round trip', t => {
  const all = streams(3)
  const { peer, recorder, connection } = all
  recorder.stream(1).expect(65_535 + 200_000)
  const seen = peer.takes()
  t.same(lent(answers(all, seen)), [], 'the peer has seen the window now')
  recorder.stream(3).expect(65_535 + 100_000)
  t.same(lent(answers(all, peer.takes())), ['3 +100000'])
  t.equal(inspect(connection).receiver.loans.promised, 100_000)
  recorder.stream(5).expect(65_535 + 100_000)
  t.same(lent(peer.takes()), ['5 +100000'], 'what the first may send does not count any more')
  t.end()
})

t.test('who may not have seen its window is not judged', t => {
  const all = streams(2)
  const { peer, recorder } = all
  recorder.stream(1).expect(65_535 + 200_000)
  recorder.stream(3).expect(65_535 + 100_000)
  const first = answers(all, peer.takes())
  t.same(lent(first), [], 'the first round trip only shows that it has')
  t.same(lent(answers(all, first)), ['3 +100000'])
  t.end()
})

t.test('while a borrower moves the others wait for it', t => {
  const all = streams(2)
  const { peer, recorder } = all
  recorder.stream(1).expect(65_535 + 195_000)
  recorder.stream(3).expect(65_535 + 195_000)
  let seen = answers(all, peer.takes())
  for (let i = 0; i < 3; i++) {
    const more = upload(all, 1, 65_536)
    seen = answers(all, [...seen, ...more])
    t.same(lent([...more, ...seen]), [])
  }
  upload(all, 1, 65_535 + 195_000 - 3 * 65_536)
  recorder.stream(1).consume(65_535 + 195_000)
  t.same(lent(peer.takes()), ['3 +195000', '1 +65535'])
  t.end()
})

t.test('who moves again after it was passed over is believed: silence must last longer then', t => {
  const all = streams(3)
  const { peer, recorder, connection } = all
  recorder.stream(1).expect(65_535 + 200_000)
  recorder.stream(3).expect(65_535 + 200_000)
  let seen = answers(all, peer.takes())
  seen = answers(all, seen)
  t.same(lent(seen), ['3 +200000'])
  upload(all, 1, 10_000)
  t.equal(inspect(connection).receiver.loans.promised, 400_000, 'it counts again')
  recorder.stream(5).expect(65_535 + 100_000)
  seen = answers(all, [...seen, ...peer.takes()])
  seen = answers(all, seen)
  t.same(lent(seen), [], 'one silent round trip is not enough')
  t.notOk(
    seen.some(({ type }) => type === Type.ping),
    'nor are there more for a while',
  )
  peer.advance(2)
  seen = answers(all, peer.takes())
  t.same(lent(seen), ['5 +100000'])
  t.end()
})

t.test('a fair sender would have served it: a borrower that is passed over again and again', t => {
  const all = streams(3)
  const { peer, recorder } = all
  recorder.stream(1).expect(65_535 + 200_000)
  let seen = answers(all, peer.takes())
  recorder.stream(3).expect(65_535 + 100_000)
  seen.push(...peer.takes())
  // The third is small messages that never stop. No round trip is silent.
  for (let i = 0; i < 50 && lent(seen).length === 0; i++) {
    const more: PeerFrame[] = []
    for (let k = 0; k < 5; k++) {
      peer.sends(frames.data(5, { size: 15_000 }))
      recorder.stream(5).consume(15_000)
      more.push(...peer.takes())
    }
    seen = [...more, ...answers(all, [...seen, ...more])].filter(frame => frame.streamId !== 5)
  }
  t.same(lent(seen), ['3 +100000'])
  t.end()
})

t.test(
  'what is held is bounded; the largest of what stalled goes, and says whose limit it was',
  t => {
    const all = streams(3)
    const { peer, recorder, connection } = all
    const shed: string[] = []
    for (const id of [1, 3, 5]) {
      const handler = recorder.stream(id).handler
      handler.onShed = fault => shed.push(`${id}: ${fault}`)
    }
    recorder.stream(1).expect(65_535 + 200_000)
    recorder.stream(3).expect(65_535 + 200_000)
    recorder.stream(5).expect(65_535 + 200_000)
    const seen = upload(all, 1, 65_535 + 150_000)
    let last = answers(all, [...seen, ...peer.takes()])
    for (let i = 0; i < 4 && lent(last).length === 0; i++) last = answers(all, last)
    t.same(lent(last), ['3 +200000'])
    last = [...last, ...upload(all, 3, 65_535 + 190_000)]
    for (let i = 0; i < 4 && lent(last).length === 0; i++) last = answers(all, last)
    last = answers(all, last)
    last = answers(all, last)
    t.same(lent(last), ['5 +200000'])
    t.equal(inspect(connection).receiver.loans.held, 340_000)
    upload(all, 5, 65_535 + 60_000)
    t.equal(shed.length, 0, 'all that may be held')
    upload(all, 5, 1)
    t.match(shed, [
      '3: the server holds 400001 octets of messages that are not complete or not read; its limits.receiveBufferMax is 400000: this call, with 255535 of them, ends',
    ])
    t.equal(recorder.on(3).resetCode, Code.enhanceYourCalm)
    t.equal(recorder.on(1).resetCode ?? recorder.on(5).resetCode, undefined)
    t.equal(inspect(connection).receiver.loans.held, 210_001)
    t.end()
  },
)

t.test(
  'gRPC A8: a client asks a silent server with SETTINGS, not with one PING after the other',
  t => {
    const all = connect({ role: 'client', limits: LIMITS })
    const { peer, open } = all
    const calls = Array.from({ length: 3 }, () => open())
    peer.takes()
    for (const id of [1, 3, 5]) {
      peer.sends(frames.headers(id, [':status', '200']), frames.data(id, { size: 10 }))
    }
    calls[0]!.stream!.expect(65_535 + 200_000)
    calls[1]!.stream!.expect(65_535 + 200_000)
    let pings = 0
    let settings = 0
    for (let i = 0; i < 20; i++) {
      for (const { type, flags, payload } of peer.takes()) {
        if (flags !== 0) continue
        if (type === Type.ping) {
          pings++
          peer.sends(frames.ping(payload, true))
        } else if (type === Type.settings) {
          settings++
          peer.sends(frames.settingsAck())
        }
      }
      if (i === 10) calls[2]!.stream!.expect(65_535 + 200_000)
    }
    t.ok(pings <= 3, `${pings} PINGs, two of which are tolerated without DATA between`)
    t.ok(settings >= 1, `${settings} SETTINGS`)
    t.equal(inspect(all.connection).receiver.loans.waiting, 0, 'all are served')
    t.end()
  },
)

/** One has stalled with 190,000 octets, another borrowed 190,000 and moves, a third waits for as much. */
function crowded(): { all: Connected; seen: PeerFrame[] } {
  const all = streams(3)
  const { peer, recorder, connection } = all
  recorder.stream(1).expect(65_535 + 195_000)
  const first = upload(all, 1, 65_535 + 190_000)
  recorder.stream(3).expect(65_535 + 190_000)
  let seen = [...first, ...peer.takes()]
  for (let i = 0; i < 4 && lent(seen).length < 2; i++) seen = [...seen, ...answers(all, seen)]
  t.same(lent(seen), ['1 +195000', '3 +190000'])
  t.equal(inspect(connection).receiver.loans.held, 190_000)
  upload(all, 3, 65_535)
  recorder.stream(5).expect(65_535 + 190_000)
  return { all, seen: [...seen, ...peer.takes()] }
}

t.test('nobody leaves on probation where all that may yet come has no room', t => {
  let { all, seen } = crowded()
  const { recorder, peer, connection } = all
  for (let i = 0; i < 11; i++) {
    const more = upload(all, 3, 16_384)
    seen = answers(all, [...seen, ...more])
    t.same(lent([...more, ...seen]), [])
  }
  upload(all, 3, 190_000 - 11 * 16_384)
  recorder.stream(3).consume(65_535 + 190_000)
  t.match(lent(peer.takes()), ['5 +190000'])
  upload(all, 5, 65_535 + 190_000)
  t.equal(recorder.on(1).resetCode, undefined, 'nobody had to go')
  t.equal(inspect(connection).receiver.loans.held, 380_000)
  t.end()
})

t.test('a trickle holds up others for 64 round trips at most', t => {
  let { all, seen } = crowded()
  let rounds = 0
  while (lent(seen).every(text => !text.startsWith('5')) && rounds < 200) {
    rounds++
    const more = upload(all, 3, 100)
    seen = answers(all, [...seen, ...more])
  }
  t.same(lent(seen), ['5 +190000'])
  t.ok(rounds > 60 && rounds < 70, `${rounds}`)
  t.end()
})

t.test('rounds of an earlier wait do not count against a borrower of a later one', t => {
  let { all, seen } = crowded()
  const { peer, recorder } = all
  seen = seen.filter(({ type }) => type === Type.ping)
  const trickle = (rounds: number) => {
    for (let i = 0; i < rounds && lent(seen).length === 0; i++) {
      const more = upload(all, 3, 100)
      seen = answers(all, [...seen, ...more])
    }
  }
  trickle(50)
  t.same(lent(seen), [])
  // Who waited has gone; a while later another comes.
  peer.sends(frames.rstStream(5, Code.cancel), frames.headers(7, REQUEST))
  seen = answers(all, [...seen, ...peer.takes()])
  recorder.stream(7).expect(65_535 + 190_000)
  seen.push(...peer.takes())
  trickle(30)
  t.same(lent(seen), [], '80 rounds in all, 30 of this wait')
  t.end()
})
