import t from 'tap'
import {
  Code,
  frames,
  indexed,
  insertingBlock,
  literalBlock,
  REQUEST,
  RESPONSE,
  tableSizeUpdate,
  zeros,
} from '../support/frames.js'
import { connect, FIXED_WINDOWS, type Peer, ROLES, streamIds, withStream } from '../support/peer.js'

const CALM = /^GOAWAY last \d+ ENHANCE_YOUR_CALM$/
const half = literalBlock(REQUEST).subarray(0, 20)
const rest = literalBlock(REQUEST).subarray(20)

/** Sends `frame` until the connection gives up; how often that was, or `count`. */
function floods(peer: Peer, frame: Buffer, count: number): number {
  const batch = 50
  const chunk = Buffer.concat(Array.from({ length: batch }, () => frame))
  for (let sent = 0; sent < count; sent += batch) {
    peer.sends(chunk)
    if (CALM.test(peer.takesLines().at(-1) ?? '')) return sent + batch
  }
  return count + 1
}

t.test(
  'CVE-2024-27316 (B1): eight CONTINUATION frames are taken, the ninth ends the connection',
  t => {
    for (const role of ROLES) {
      const id = role === 'client' ? 1 : 3
      const block = literalBlock(role === 'client' ? RESPONSE : REQUEST)
      const pieces = (count: number): Buffer[] => {
        const size = Math.ceil(block.length / (count + 1))
        return Array.from({ length: count }, (_, i) =>
          frames.continuation(id, block.subarray((i + 1) * size, (i + 2) * size), i === count - 1),
        )
      }
      const send = (count: number): Peer => {
        const { peer } = withStream({ role })
        const first = block.subarray(0, Math.ceil(block.length / (count + 1)))
        peer.sends(frames.headers(id, first, { endHeaders: false }), ...pieces(count))
        return peer
      }
      send(8).expectsNothing()
      send(9).expectsFatal(Code.enhanceYourCalm)
    }
    t.end()
  },
)

t.test('nghttp2 02788f1e (B1): a CONTINUATION that comes octet by octet counts once', t => {
  const { peer, events } = connect({ role: 'server' })
  peer.sendsInPieces(
    1,
    frames.headers(1, half, { endHeaders: false }),
    frames.continuation(1, rest),
  )
  t.same(events, ['request 1'])
  peer.expectsNothing()
  t.end()
})

t.test(
  'CVE-2026-33871 (B1): two empty CONTINUATION frames are taken, the third ends the connection',
  t => {
    const empty = frames.continuation(1, Buffer.alloc(0), false)
    const two = connect({ role: 'server' })
    two.peer.sends(
      frames.headers(1, half, { endHeaders: false }),
      empty,
      empty,
      frames.continuation(1, rest),
    )
    t.same(two.events, ['request 1'])
    const three = connect({ role: 'server' })
    three.peer.sends(frames.headers(1, half, { endHeaders: false }), empty, empty, empty)
    three.peer.expectsFatal(Code.enhanceYourCalm)
    t.end()
  },
)

t.test('CVE-2024-27983 (B1): the end of the socket inside a block leaves nothing behind', t => {
  const { peer, connection, recorder } = connect({ role: 'server' })
  peer.sends(
    frames.headers(1, half, { endHeaders: false }),
    frames.continuation(1, Buffer.alloc(0), false),
  )
  connection.destroy()
  t.equal(recorder.closedCount, 1)
  t.equal(connection.deadline, Number.POSITIVE_INFINITY)
  t.match(recorder.take(), [/^closed/])
  t.end()
})

t.test('RFC 9113 §10.5.1 (B1): an encoded block above 64 KiB ends the connection', t => {
  const { peer } = connect({ role: 'server' })
  const chunk = Buffer.alloc(16_000) // never mind what is in it
  peer.sends(frames.headers(1, chunk, { endHeaders: false }))
  for (let i = 0; i < 4; i++) peer.sends(frames.continuation(1, chunk, false))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.end()
})

t.test('CVE-2016-6581 (B2): references to a large entry cost its full size', t => {
  const { peer, recorder } = connect({ role: 'server' })
  const bomb = Buffer.concat([
    literalBlock(REQUEST),
    insertingBlock(['x', 'y'.repeat(4_000)]),
    ...Array.from({ length: 10_000 }, () => indexed(62)),
  ])
  peer.sends(frames.headers(1, bomb.subarray(0, 16_384), { endHeaders: bomb.length <= 16_384 }))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.equal(recorder.streams.size, 0)
  t.end()
})

t.test('CVE-2026-49975 (B3): thousands of references to a tiny field end the connection', t => {
  const { peer, recorder } = connect({ role: 'server' })
  const crumbs = Buffer.concat([literalBlock(REQUEST), Buffer.alloc(15_000, 0x80 | 32)]) // cookie, empty
  peer.sends(frames.headers(1, crumbs))
  peer.expectsFatal(Code.enhanceYourCalm)
  t.equal(recorder.streams.size, 0)
  t.end()
})

t.test('B6: two table size updates are taken, the third is a COMPRESSION_ERROR', t => {
  const { peer, events } = connect({ role: 'server' })
  const block = (count: number): Buffer =>
    Buffer.concat([
      ...Array.from({ length: count }, (_, i) => tableSizeUpdate(i * 100)),
      literalBlock(REQUEST),
    ])
  peer.sends(frames.headers(1, block(2)))
  t.same(events, ['request 1'])
  peer.sends(frames.headers(3, block(3)))
  peer.expectsFatal(Code.compressionError)
  t.end()
})

t.test('B8: our encoder keeps a small table whatever the peer allows', t => {
  const { peer, stream } = withStream({
    role: 'server',
    settings: { headerTableSize: 0xffff_ffff },
  })
  stream.sendHeaders(RESPONSE, false)
  for (let i = 0; i < 10; i++) peer.sends(frames.settings({ headerTableSize: 0xffff_ffff - i }))
  const fields = Array.from({ length: 300 }, (_, i) => [`x-name-${i}`, `value ${i}`]).flat()
  stream.sendHeaders(fields, true)
  t.same(peer.takes().at(-1)!.list, fields)
  t.end()
})

t.test(
  'C3: 20_000 changes of the initial window with 1_000 streams are cheap, then too many',
  t => {
    const { peer, recorder } = connect({ role: 'server', limits: { workMax: 100_000 } })
    peer.requests(...streamIds(1_000))
    for (const id of streamIds(1_000)) recorder.stream(id).sendHeaders(RESPONSE, false)
    peer.takes()
    const [small, large] = [
      frames.settings({ initialWindowSize: 1 }),
      frames.settings({ initialWindowSize: 60_000 }),
    ]
    const before = process.cpuUsage()
    for (let i = 0; i < 200; i++) {
      peer.sends(...Array.from({ length: 50 }, () => [small, large]).flat())
      peer.takes()
    }
    const { user, system } = process.cpuUsage(before)
    t.ok(user + system < 2_000_000, `${(user + system) / 1_000} ms, the scripted peer included`)
    t.end()
  },
)

t.test('CVE-2019-9518 (C5): more than 100 empty DATA frames in a row end the connection', t => {
  for (const role of ROLES) {
    const { peer } = withStream({ role })
    if (role === 'client') peer.sends(frames.headers(1, RESPONSE))
    for (let i = 0; i < 100; i++) peer.sends(frames.data(1))
    peer.expectsNothing()
    peer.sends(frames.data(1))
    peer.expectsFatal(Code.enhanceYourCalm)
  }
  t.end()
})

t.test(
  'CVE-2019-9518 (C5): octets in between forgive empty DATA, and padding is no progress',
  t => {
    const { peer } = withStream({ role: 'server' })
    for (let i = 0; i < 500; i++)
      peer.sends(frames.data(1), frames.data(1), frames.data(1, { size: 1 }))
    t.notOk(peer.takesLines().some(line => line.startsWith('GOAWAY')))
    for (let i = 0; i < 101; i++) peer.sends(frames.data(1, { padding: 10 }))
    t.match(peer.takesLines().at(-1), CALM)
    t.end()
  },
)

t.test('h2 c12d782 (C5): empty DATA with END_STREAM is free', t => {
  const { peer, recorder } = connect({ role: 'server' })
  for (const id of streamIds(2_000)) {
    peer.sends(frames.headers(id, REQUEST), frames.data(id, { endStream: true }))
    recorder.stream(id).sendHeaders(RESPONSE, true)
  }
  t.notOk(peer.takesLines().some(line => line.startsWith('GOAWAY')))
  t.end()
})

t.test('RUSTSEC-2026-0258 (C5): small DATA frames that nobody consumes end the connection', t => {
  const limits = { ...FIXED_WINDOWS, smallDataMax: 8_388_608 }
  const { peer } = connect({ role: 'server', limits })
  const ids = streamIds(900)
  peer.sends(...ids.map(id => frames.headers(id, REQUEST)))
  peer.takes()
  let count = 0
  for (let round = 0; round < 100 && !peer.connection.finished; round++) {
    peer.sends(...ids.map(id => frames.data(id, { size: 1 })))
    count += ids.length
    peer.takes()
  }
  t.ok(peer.connection.finished)
  t.ok(count <= 40_000, `${count} frames were taken`)
  t.end()
})

t.test('RUSTSEC-2026-0258 (C5): a dozen readers that pause do not end the connection', t => {
  const { peer } = connect({ role: 'server' })
  const ids = streamIds(12)
  peer.sends(...ids.map(id => frames.headers(id, REQUEST)))
  // Messages of 15 octets, as many as each window holds.
  for (const id of ids) {
    peer.sends(Buffer.concat(Array.from({ length: 3_000 }, () => frames.data(id, { size: 20 }))))
  }
  t.notOk(peer.takesLines().some(line => line.startsWith('GOAWAY')))
  t.end()
})

t.test('RUSTSEC-2026-0258 (C5): small DATA frames that are consumed are welcome', t => {
  const { peer } = withStream({ role: 'server', consume: true })
  const chunk = Buffer.concat(Array.from({ length: 100 }, () => frames.data(1, { size: 1 })))
  for (let i = 0; i < 1_000; i++) peer.sends(chunk)
  t.notOk(peer.takesLines().some(line => line.startsWith('GOAWAY')))
  t.end()
})

t.test('CVE-2019-9512 (D1): PINGs that nobody reads the answers of stop the reading', t => {
  const { connection } = connect({ role: 'client' })
  const chunk = Buffer.concat(Array.from({ length: 500 }, () => frames.ping()))
  const reached = connection.receive(chunk, 0, chunk.length, 1_000)
  t.ok(reached < chunk.length, 'not all was read')
  t.ok(reached >= 100 * 17 && reached <= 120 * 17, `stopped after ${reached / 17} PINGs`)
  connection.takeOutput(1 << 20)
  t.ok(
    connection.receive(chunk, reached, chunk.length, 1_000) > reached,
    'goes on once the answers are taken',
  )
  t.end()
})

t.test(
  'CVE-2019-9512 (D1): 10_000 PINGs of a peer that reads are answered, or end the connection',
  t => {
    const { peer } = connect({ role: 'client' })
    let answers = 0
    for (let i = 0; i < 10_000 && !peer.connection.finished; i++) {
      peer.sends(frames.ping(String(i).padStart(8, '0')))
      const [line] = peer.takesLines()
      if (line === `PING ACK ${Buffer.from(String(i).padStart(8, '0')).toString('hex')}`) answers++
      else t.match(line, CALM)
    }
    t.ok(answers >= 5_000, `${answers} answers`)
    t.end()
  },
)

for (const [id, name, frame] of [
  ['CVE-2019-9512 (D1)', 'PING', frames.ping()],
  ['CVE-2019-9515 (D2)', 'SETTINGS', frames.settings()],
  ['CVE-2019-9513 (D5)', 'PRIORITY', frames.priority(1)],
  ['RFC 9218 (D5)', 'PRIORITY_UPDATE', frames.priorityUpdate(1)],
  ['CVE-2026-48619 (D7)', 'frames of unknown type', frames.raw(0xee, 0, 0)],
  [
    'CVE-2026-48619 (D7)',
    'large frames of unknown type',
    frames.raw(0x0c, 0, 0, zeros.subarray(0, 16_384)),
  ],
  ['D9', 'WINDOW_UPDATE on a closed stream', frames.windowUpdate(1, 1)],
  ['C1', 'WINDOW_UPDATE of one octet', frames.windowUpdate(0, 1)],
  ['D1', 'PING acknowledgements', frames.ping('unasked!', true)],
] as const) {
  t.test(`${id}: a flood of ${name} ends the connection`, t => {
    const { peer, stream } = withStream({
      role: 'server',
      limits: { pingStrikesMax: Number.POSITIVE_INFINITY },
    })
    if (name.includes('closed')) stream.reset(Code.cancel)
    const count = floods(peer, frame, 25_000)
    t.ok(count <= 20_000, `${count} frames were taken`)
    t.ok(count >= 4_000, 'honest traffic is not hit')
    t.end()
  })
}

t.test('the work budget comes back with time', t => {
  const { peer } = connect({ role: 'client' })
  for (let i = 0; i < 60; i++) {
    peer.sends(...Array.from({ length: 900 }, () => frames.priority(1)))
    peer.advance(1_000)
  }
  peer.expectsNothing()
  t.end()
})

t.test('CVE-2019-9511 (C1): WINDOW_UPDATE pays for itself with the octets it lets us send', t => {
  const { peer, stream } = withStream({
    role: 'server',
    settings: { initialWindowSize: 0x7000_0000 },
  })
  stream.sendHeaders(RESPONSE, false)
  for (let i = 0; i < 20_000; i++) {
    stream.sendData(zeros, 0, 8_192, false)
    peer.takes()
    peer.sends(frames.windowUpdate(0, 4_096), frames.windowUpdate(0, 4_096))
  }
  t.notOk(peer.connection.finished)
  t.end()
})

t.test('D11: answers that wait are bounded, whatever the driver does', t => {
  const { connection } = connect({ role: 'client' })
  const chunk = Buffer.concat(Array.from({ length: 100 }, () => frames.ping()))
  for (let i = 0; i < 200 && !connection.finished; i++) {
    for (let at = 0, stuck = 0; at < chunk.length && stuck < 20; ) {
      const reached = connection.receive(chunk, at, chunk.length, 1_000)
      stuck = reached === at ? stuck + 1 : 0
      at = reached
    }
  }
  const waiting = connection.takeOutput(1 << 24).reduce((sum, { length }) => sum + length, 0)
  t.ok(waiting <= 65_536, `${waiting} octets wait`)
  t.end()
})

t.test('D12: a turn handles 1_000 frames, then others have theirs', t => {
  const { connection } = connect({ role: 'client' })
  const chunk = Buffer.concat(Array.from({ length: 2_500 }, () => frames.priority(1)))
  let at = 0
  const turns: number[] = []
  while (at < chunk.length) {
    const reached = connection.receive(chunk, at, chunk.length, 1_000)
    turns.push((reached - at) / 14)
    at = reached
  }
  t.same(turns, [1_000, 1_000, 500])
  t.end()
})

t.test('D12: a turn handles 256 KiB, then others have theirs', t => {
  const { connection, events } = withStream({
    role: 'server',
    consume: true,
    limits: { streamWindowSize: 2_000_000 },
  })
  const chunk = Buffer.concat(Array.from({ length: 50 }, () => frames.data(1, { size: 16_384 })))
  const reached = connection.receive(chunk, 0, chunk.length, 1_000)
  t.ok(reached >= 245_760 && reached <= 262_144 + 16_393, `${reached} octets`)
  t.ok(events.length <= 17)
  let at = reached
  for (let turns = 0; at < chunk.length && turns < 10; turns++) {
    connection.takeOutput(1 << 20)
    at = connection.receive(chunk, at, chunk.length, 1_000)
  }
  t.equal(at, chunk.length)
  t.same(events.length, 50)
  t.end()
})

t.test('D12: a turn that ends inside a frame or a block loses nothing', t => {
  const { peer, recorder } = connect({
    role: 'server',
    limits: { turnFramesMax: 1, turnSizeMax: 1 },
  })
  peer.sends(
    frames.headers(1, half, { endHeaders: false }),
    frames.continuation(1, rest),
    frames.data(1, { bytes: 'some body' }),
    frames.headers(1, ['a', 'b'], { endStream: true }),
  )
  t.ok(peer.turns >= 4, `${peer.turns} turns`)
  t.equal(recorder.on(1).body.toString(), 'some body')
  t.same(recorder.on(1).lists, [REQUEST, ['a', 'b']])
  t.end()
})

t.test('onReceived ends each turn, once', t => {
  const { peer, recorder } = connect({ role: 'server', limits: { turnFramesMax: 10 } })
  const before = recorder.receivedCount
  peer.sends(...Array.from({ length: 25 }, () => frames.priority(1)))
  t.equal(recorder.receivedCount - before, peer.turns)
  t.equal(peer.turns, 3)
  t.end()
})
