import t from 'tap'
import { frames, Type, zeros } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

t.test('RFC 9113 §6.7: a PING is answered with the same eight octets', t => {
  for (const role of ROLES) {
    const { peer } = connect({ role, limits: { pingStrikesMax: Number.POSITIVE_INFINITY } })
    const payloads = ['\0\0\0\0\0\0\0\0', 'abcdefgh'].map(text => Buffer.from(text, 'latin1'))
    payloads.push(Buffer.alloc(8, 0xff))
    for (const payload of payloads) {
      peer.sends(frames.ping(payload))
      peer.expects(frames.ping(payload, true))
    }
  }
  t.end()
})

t.test('RFC 9113 §6.7: each PING has an answer of its own, in order', t => {
  const { peer } = connect({ role: 'client' })
  const payloads = Array.from({ length: 20 }, (_, i) => `ping-${String(i).padStart(3, '0')}`)
  peer.sends(...payloads.map(payload => frames.ping(payload)))
  peer.expects(...payloads.map(payload => frames.ping(payload, true)))
  t.end()
})

t.test('RFC 9113 §6.7: an acknowledgement is never answered, expected or not', t => {
  for (const role of ROLES) {
    const { peer, events } = connect({ role })
    peer.sends(frames.ping('nobody  ', true))
    peer.expectsNothing()
    t.same(events, [])
  }
  t.end()
})

t.test('RFC 9113 §6.7: our PING is acknowledged once, to whom it belongs', t => {
  for (const role of ROLES) {
    const { connection, peer } = connect({ role })
    const heard: string[] = []
    connection.ping(now => heard.push(`first ${now}`))
    connection.ping(now => heard.push(`second ${now}`))
    const sent = peer.takes()
    t.same(
      sent.map(frame => [frame.type, frame.flags]),
      [
        [Type.ping, 0],
        [Type.ping, 0],
      ],
      role,
    )
    t.not(sent[0]!.payload.toString('hex'), sent[1]!.payload.toString('hex'), 'told apart')
    peer.now += 7
    peer.sends(frames.ping(sent[1]!.payload, true))
    t.same(heard, [`second ${peer.now}`])
    peer.sends(frames.ping(sent[0]!.payload, true), frames.ping(sent[0]!.payload, true))
    t.same(heard, [`second ${peer.now}`, `first ${peer.now}`])
    peer.expectsNothing()
  }
  t.end()
})

t.test('RFC 9113 §6.7: the answer goes before DATA that waits', t => {
  const { peer, stream } = withStream({
    role: 'client',
    settings: { initialWindowSize: 1_000_000 },
  })
  peer.sends(frames.windowUpdate(0, 1_000_000))
  stream.sendData(zeros, 0, 600_000, true) // far more than the pending output may hold
  peer.sends(frames.ping())
  const lines = peer.takesLines()
  const answer = lines.findIndex(line => line.startsWith('PING ACK'))
  t.ok(answer >= 0 && answer < lines.length - 20, `PING ack is frame ${answer} of ${lines.length}`)
  t.end()
})

t.test('gRPC A8: more than two strikes for PINGs that come too often end the connection', t => {
  const { peer } = connect({ role: 'server' })
  peer.sends(frames.ping(), frames.ping(), frames.ping()) // two come too early
  peer.expects(...[1, 2, 3].map(() => frames.ping('12345678', true)))
  peer.sends(frames.ping())
  t.equal(peer.expectsFatal(11), 'too_many_pings')
  t.end()
})

t.test('gRPC A8: PINGs as far apart as we ask for are no strikes', t => {
  const { peer } = withStream({ role: 'server' })
  for (let i = 0; i < 10; i++) {
    peer.sends(frames.ping())
    peer.expectsNext(frames.ping('12345678', true))
    peer.advance(300_001)
  }
  t.end()
})

t.test('gRPC A8: without a stream a PING every two hours is often enough', t => {
  const { peer } = connect({ role: 'server' })
  for (let i = 0; i < 3; i++) {
    peer.sends(frames.ping())
    peer.expectsNext(frames.ping('12345678', true))
    peer.advance(300_001)
  }
  peer.sends(frames.ping())
  peer.expectsFatal(11)
  t.end()
})

t.test('gRPC A8: DATA or HEADERS of ours take the strikes back', t => {
  const { peer, stream } = withStream({ role: 'server' })
  stream.sendHeaders([':status', '200'], false)
  for (let i = 0; i < 10; i++) {
    peer.sends(frames.ping(), frames.ping())
    stream.sendData(zeros, 0, 1, false)
    t.notOk(
      peer.takesLines().some(line => line.startsWith('GOAWAY')),
      `round ${i}`,
    )
  }
  t.end()
})

t.test('gRPC A8: a client counts no strikes', t => {
  const { peer } = connect({ role: 'client' })
  for (let i = 0; i < 50; i++) peer.sends(frames.ping())
  t.equal(peer.takesLines().filter(line => line.startsWith('PING ACK')).length, 50)
  t.end()
})

t.test('gRPC A9 (K5): a server asks after 2 h of silence, streams or not, and waits 20 s', t => {
  const idle = connect({ role: 'server' })
  const busy = withStream({ role: 'server' })
  for (const { peer, recorder } of [idle, busy]) {
    peer.advance(7_200_000 - 2_000)
    peer.expectsNothing()
    peer.advance(4_000)
    t.same(
      peer.takes().map(frame => [frame.type, frame.flags]),
      [[Type.ping, 0]],
    )
    peer.advance(15_000)
    t.equal(recorder.closedCount, 0)
    peer.advance(7_000)
    t.match(recorder.closedCause, { message: /has not answered a keepalive PING in 20000 ms/ })
  }
  t.end()
})

t.test('an exception from the callback of a PING harms nobody', t => {
  const { connection, peer, recorder } = connect({ role: 'client' })
  connection.ping(() => {
    throw new Error('thrown on purpose')
  })
  const [ping] = peer.takes()
  peer.sends(frames.ping(ping!.payload, true), frames.ping())
  peer.expects(frames.ping('12345678', true))
  t.equal(recorder.handlerErrors.length, 1)
  t.end()
})

t.test('gRPC A8: keepalive without calls, where the client asks for it', t => {
  const limits = { keepaliveIntervalMs: 10_000, keepaliveIdleIntervalMs: 30_000 }
  const { peer } = connect({ role: 'client', limits })
  peer.advance(29_999)
  peer.expectsNothing()
  peer.advance(1)
  t.match(peer.takesLines(), [/^PING /])
  const silent = connect({ role: 'client', limits: { keepaliveIntervalMs: 10_000 } })
  silent.peer.advance(100_000)
  silent.peer.expectsNothing()
  t.end()
})

t.test('gRPC A8: a server may permit PINGs without any stream', t => {
  const strict = connect({ role: 'server' })
  const permissive = connect({ role: 'server', limits: { pingIdleIntervalMinMs: 0 } })
  for (let i = 0; i < 6; i++) {
    for (const { peer } of [strict, permissive]) {
      peer.advance(300_000)
      peer.sends(frames.ping())
    }
  }
  t.match(strict.peer.takesLines().at(-1), /^GOAWAY .* ENHANCE_YOUR_CALM/)
  t.equal(permissive.connection.finished, false)
  for (let i = 0; i < 4; i++) permissive.peer.sends(frames.ping())
  t.match(permissive.peer.takesLines().at(-1), /^GOAWAY .* ENHANCE_YOUR_CALM/)
  t.end()
})
