import t from 'tap'
import type { Stream } from '../../src/connection/index.js'
import { frames, REQUEST } from '../support/frames.js'
import { connect } from '../support/peer.js'

// How much one connection does before others have their turn.

const SERVER = { role: 'server' } as const

function requests(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => frames.headers(1 + 2 * i, REQUEST)))
}

/** A server whose handler does `turnCallsMax` pieces of work in a turn, and a host that counts who wants one. */
function workshop(work: number, turnCallsMax: number) {
  const done: number[] = []
  let wanted = 0
  let due = 0
  const connected = connect({
    ...SERVER,
    limits: { turnCallsMax },
    onTurn: () => {
      wanted++
    },
    onReceived: () => {
      for (let count = 1; done.length < due; count++) {
        done.push(count)
        if (!connected.connection.turns.isOver(count)) continue
        if (done.length < due) connected.connection.turns.request()
        return
      }
    },
  })
  due = work
  connected.connection.turn(1_000)
  return { ...connected, done, wanted: () => wanted }
}

t.test('a handler that has more to do than a turn holds goes on in turns of its own', t => {
  const { connection, done, wanted } = workshop(7, 3)
  t.equal(wanted(), 1)
  t.same(done, [1, 2, 3])
  connection.turn(1_001)
  t.same(done, [1, 2, 3, 1, 2, 3])
  t.equal(wanted(), 2)
  connection.turn(1_002)
  t.equal(done.length, 7)
  t.equal(wanted(), 2, 'nobody asks for a turn when all is done')
  t.end()
})

t.test('nothing is read while the handler is behind: each receive goes on with its work', t => {
  const { connection, done, recorder } = workshop(7, 3)
  const bytes = requests(1)
  t.equal(connection.receive(bytes, 0, bytes.length, 1_000), 0)
  t.equal(done.length, 6)
  t.equal(recorder.streams.size, 0)
  t.equal(connection.receive(bytes, 0, bytes.length, 1_000), 0)
  t.equal(done.length, 7)
  t.equal(connection.receive(bytes, 0, bytes.length, 1_000), bytes.length)
  t.equal(recorder.streams.size, 1)
  t.end()
})

t.test('a host that gives no turns has all of the work done at once', t => {
  let left = 5
  const { connection } = connect({
    ...SERVER,
    limits: { turnCallsMax: 1 },
    onReceived: () => {
      if (left > 0 && --left > 0) connection?.turns.request()
    },
  })
  connection.turn(1_000)
  t.equal(left, 0)
  t.equal(connection.turns.isOver(1_000_000), false)
  t.end()
})

t.test('octets that come after the end do not keep the handler from what is left', t => {
  const { connection, done } = workshop(9, 3)
  connection.destroy()
  t.equal(done.length, 6)
  t.equal(connection.receive(Buffer.alloc(10), 0, 10, 1_000), 10)
  t.equal(done.length, 9)
  t.end()
})

t.test(
  'turnTimeMaxUs: frames and calls are looked at now and then, from when a turn is first looked at',
  t => {
    let now = 0
    const { connection, recorder } = connect({
      ...SERVER,
      limits: { turnTimeMaxUs: 3_000 },
      onTurn: () => {},
      stopwatch: () => now++,
    })
    const bytes = requests(300)
    const size = bytes.length / 300
    // After 32, 64, 96 and 128 frames the clock shows 0, 1, 2 and 3.
    t.equal(connection.receive(bytes, 0, bytes.length, 1_000), 128 * size)
    t.equal(recorder.streams.size, 128)
    t.equal(connection.turns.isOver(16), false, 'the next turn begins anew')
    t.same(
      [17, 31].map(count => connection.turns.isOver(count)),
      [false, false],
      'nobody looks in between',
    )
    t.same(
      [32, 48, 64].map(count => connection.turns.isOver(count)),
      [false, false, true],
    )
    t.end()
  },
)

t.test('turnTimeMaxUs: a large frame is looked at sooner than small ones', t => {
  let now = 0
  const { connection } = connect({
    ...SERVER,
    limits: { turnTimeMaxUs: 3_000 },
    onTurn: () => {},
    stopwatch: () => now++,
  })
  const block = [...REQUEST, 'x-long', 'x'.repeat(3_800)]
  const each = frames.headers(1, block).length
  const bytes = Buffer.concat(
    Array.from({ length: 100 }, (_, i) => frames.headers(1 + 2 * i, block)),
  )
  t.ok(each > 8 * 512 - 300 && each < 8 * 512, `${each} octets count for 8 frames`)
  t.equal(connection.receive(bytes, 0, bytes.length, 1_000), 16 * each, 'four looks of four frames')
  t.end()
})

t.test('a turn is not timed without a stopwatch', t => {
  const { connection, recorder } = connect({ ...SERVER, limits: { turnTimeMaxUs: 0 } })
  const bytes = requests(300)
  t.equal(connection.receive(bytes, 0, bytes.length, 1_000), bytes.length)
  t.equal(recorder.streams.size, 300)
  t.end()
})

/** Five requests on a server that tells two streams in a turn. */
function crowded(limits: object = {}) {
  const connected = connect({
    ...SERVER,
    limits: { turnCallsMax: 2, ...limits },
    onTurn: () => {},
  })
  connected.peer.sends(requests(5))
  connected.recorder.take()
  return connected
}

function lost(events: readonly string[]): number {
  return events.filter(event => event.startsWith('lost')).length
}

t.test('a connection that is destroyed tells its streams in turns, each once', t => {
  const { connection, recorder, events } = crowded()
  connection.destroy(new Error('gone'))
  // Two at once and two with the turn that ends there.
  t.equal(lost(events), 4)
  t.equal(recorder.closedCount, 1)
  connection.turn(1_000)
  t.equal(lost(events), 5)
  connection.turn(1_000)
  t.equal(lost(events), 5)
  for (const { lastCalls, lost } of recorder.streams.values()) {
    t.equal(lastCalls, 1)
    t.equal(lost?.message, 'gone')
  }
  t.equal(connection.streamCount, 0)
  t.equal(connection.runningCount, 0)
  t.equal(connection.timers.count, 0)
  t.end()
})

t.test('RFC 9113 §5.4.1: nothing is sent on streams that wait to hear of the end', t => {
  const { connection, peer, recorder } = crowded()
  const last: Stream = recorder.stream(9)
  peer.sends(frames.windowUpdate(0, 0))
  const [goaway, ...more] = peer.takes()
  t.equal(goaway?.type, 7)
  t.same(more, [])
  t.equal(recorder.on(9).lost, undefined)
  t.equal(last.closed, true)
  last.sendHeaders([':status', '200'], false)
  last.sendData(Buffer.alloc(10), 0, 10, true)
  last.reset(8)
  t.equal(connection.hasOutput, false)
  connection.turn(1_000)
  t.equal(recorder.on(9).lastCalls, 1)
  t.equal(connection.streamCount, 0)
  t.end()
})

t.test(
  'a connection that its handler ends tells all streams, though nobody else wants a turn',
  t => {
    let wanted = 0
    let ends = false
    const connected = connect({
      ...SERVER,
      limits: { turnCallsMax: 2 },
      onTurn: () => {
        wanted++
      },
      onReceived: () => {
        if (ends) connected.connection.destroy(new Error('enough'))
      },
    })
    const { connection, peer, events } = connected
    peer.sends(requests(5))
    ends = true
    connection.turn(1_000)
    for (let turns = 0; wanted > turns; turns++) connection.turn(1_000)
    t.equal(lost(events), 5)
    t.equal(connection.streamCount, 0)
    t.end()
  },
)

t.test('user code hears nothing before every stream has heard of the end', t => {
  const { connection, recorder } = crowded()
  const before = recorder.receivedCount
  connection.destroy()
  t.equal(recorder.receivedCount, before)
  connection.turn(1_000)
  t.equal(recorder.receivedCount, before + 1)
  t.end()
})

t.test('a client hears of all its calls at once: they are its own', t => {
  const { connection, open, events } = connect({
    role: 'client',
    limits: { turnCallsMax: 1 },
    onTurn: () => {},
  })
  for (let i = 0; i < 5; i++) open()
  connection.destroy()
  t.equal(lost(events), 5)
  t.end()
})
