import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import type { RunningClientCall } from '../../src/grpc/client/running-call.js'
import { ErrorCode, GrpcError, Metadata, type ServerCall, Status } from '../../src/grpc/index.js'
import { Pair, PairCall } from './pair.js'
import { method, RecordingRoute } from './support.js'

const echo = (): RecordingRoute => {
  const route = new RecordingRoute('unary')
  route.onStart = call => {
    call.respond(`echo ${call.request}`, Metadata.from({ t: '1' }))
    call.settle()
  }
  return route
}

t.test('unary, cut into pieces of every size', t => {
  for (const pieceSize of [1, 2, 3, 7, 9, 64, 1 << 20]) {
    const pair = new Pair([echo()], { pieceSize })
    const metadata = Metadata.from({ x: 'y', 'z-bin': new Uint8Array([1, 2]) })
    const calls = Array.from({ length: 5 }, (_, i) => {
      const call = pair.start(method('unary'), { metadata, deadline: pair.now + 1_000 })
      call.call.request(`m${i}`)
      return call
    })
    pair.pump()
    for (const [i, call] of calls.entries()) {
      t.same([call.code, ...call.received], ['OK', `echo m${i}`])
      t.equal(call.trailers?.get('t'), '1')
    }
    t.same(pair.problems, [])
    t.equal(pair.server.streamCount, 0)
    t.equal(pair.server.runningCount, 0)
    t.equal(pair.client.streamCount, 0)
    t.equal(pair.client.runningCount, 0)
  }
  t.end()
})

t.test('metadata arrives as it was sent', t => {
  const route = echo()
  const pair = new Pair([route])
  const metadata = new Metadata()
  metadata.append('a', '1')
  metadata.append('a', '2')
  metadata.appendBinary('b-bin', new Uint8Array([0, 255]))
  const call = pair.start(method('unary'), { metadata })
  call.call.request('x')
  pair.pump()
  const seen = route.call.metadata
  t.same(seen.getAll('a'), ['1', '2'])
  t.same(seen.getBinary('b-bin'), new Uint8Array([0, 255]))
  t.equal(seen.get('user-agent'), 'grpc-test/1', 'R10: the server can read it')
  t.equal(route.call.authority, 'there:1')
  t.same(
    [...seen].map(([name]) => name),
    ['user-agent', 'a', 'a', 'b-bin'],
  )
  t.end()
})

t.test('one unary call is one HEADERS and one DATA, answered by HEADERS, DATA, HEADERS', t => {
  const pair = new Pair([echo()])
  pair.clientFrames.length = 0
  pair.serverFrames.length = 0
  pair.start(method('unary')).call.request('x')
  t.equal(pair.client.takeOutput(1 << 20).length, 1, 'in one piece')
  t.same(pair.clientFrames, ['HEADERS:1', 'DATA:1'])
  const second = pair.start(method('unary'))
  second.call.request('y')
  pair.pump()
  t.end()
})

t.test('server-streaming with back-pressure: all messages, in order', t => {
  const route = new RecordingRoute('server')
  let next = 0
  const total = 300
  const more = (call: ServerCall): void => {
    while (next < total) {
      const go = call.write(`${next++}:`.padEnd(5_000, 'x'))
      if (!go) return
    }
    if (!call.finished) call.finish()
    call.settle()
  }
  route.onStart = more
  route.onDrain = () => {
    route.heard.push('drain')
    more(route.call)
  }
  const pair = new Pair([route])
  const call = pair.start(method('server'))
  call.reads = false
  call.call.request('go')
  pair.pump()
  t.ok(next < total, 'the server has stopped: nobody reads')
  const stopped = next
  call.reads = true
  call.readAll()
  pair.pump()
  for (let i = 0; i < 50 && call.code === undefined; i++) {
    call.readAll()
    pair.pump()
  }
  t.ok(stopped < total)
  t.ok(route.heard.includes('drain'))
  t.equal(call.code, 'OK')
  t.same(
    call.received.map(text => Number.parseInt(String(text), 10)),
    Array.from({ length: total }, (_, i) => i),
  )
  t.same(pair.problems, [])
  t.end()
})

t.test('client-streaming and bidi', t => {
  const sum = new RecordingRoute('client', '/t.T/Sum')
  let total = 0
  sum.readable = call => {
    while (call.readable) total += Number(call.read())
    if (call.ended) call.respond(String(total))
  }
  const talk = new RecordingRoute('bidi', '/t.T/Talk')
  talk.readable = call => {
    while (call.readable) call.write(`you said ${call.read()}`)
    if (call.ended) call.finish()
  }
  const pair = new Pair([sum, talk])
  const summing = pair.start(method('client', '/t.T/Sum'))
  for (let i = 1; i <= 1_000; i++) summing.call.write(String(i))
  summing.call.halfClose()
  const talking = pair.start(method('bidi', '/t.T/Talk'))
  talking.call.write('a')
  pair.pump()
  t.same(talking.received, ['you said a'])
  talking.call.write('b')
  talking.call.halfClose()
  pair.pump()
  t.same(talking.received, ['you said a', 'you said b'])
  t.equal(talking.code, 'OK')
  t.same([summing.code, ...summing.received], ['OK', '500500'])
  t.same(pair.problems, [])
  t.end()
})

t.test('L1, L8: a message of exactly the limit passes both ways, through small windows', t => {
  const windows = { streamWindowSize: 65_535, connectionWindowSize: 65_535 }
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond(call.request)
  const pair = new Pair([route], { clientLimits: windows, serverLimits: windows })
  const message = 'm'.repeat(4_194_304)
  const call = pair.start(method('unary'))
  call.call.request(message)
  pair.pump()
  t.equal(call.code, 'OK', call.error?.message ?? '')
  t.equal(call.received[0], message)
  const large = pair.start(method('unary'))
  large.call.request(`${message}!`)
  pair.pump()
  t.match(large.error, {
    code: 'RESOURCE_EXHAUSTED',
    message: 'received message larger than max (4194305 vs. 4194304): messageSizeMax',
    origin: 'peer',
  })
  const after = pair.start(method('unary'))
  after.call.request('small')
  pair.pump()
  t.equal(after.code, 'OK', 'the connection goes on')
  t.same(pair.problems, [])
  t.end()
})

t.test('L1: octets of a typed array within a larger buffer pass both ways', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond(call.request)
  const pair = new Pair([route])
  const outer = Uint8Array.from({ length: 100_000 }, (_, at) => at % 251)
  const call = pair.start(method('unary'), { subtype: 'bytes' })
  call.call.request(outer.subarray(1_000, 90_000))
  pair.pump()
  t.equal(call.code, 'OK', call.error?.message ?? '')
  t.equal(Buffer.compare(call.received[0] as Uint8Array, outer.subarray(1_000, 90_000)), 0)
  t.end()
})

/** The least windows there are, for both sides, and no credit ahead of what is consumed. */
const NARROW = {
  streamWindowSize: 65_535,
  connectionWindowSize: 65_535,
  streamWindowSizeMax: 0,
  connectionWindowSizeMax: 65_535,
}

t.test('E13: credit comes back for all that nobody wanted', t => {
  const route = new RecordingRoute('bidi')
  route.onStart = call => {
    call.fail(new GrpcError(Status.ResourceExhausted, 'no'))
    call.settle()
  }
  const pair = new Pair([route], { clientLimits: NARROW, serverLimits: NARROW })
  const large = 'x'.repeat(60_000)
  const passes = (when: string): void => {
    const call = pair.start(method('unary', '/t.T/Echo'))
    call.call.request(large)
    pair.pump()
    t.equal(call.code, 'OK', when)
    t.ok(call.received[0] === large)
  }
  const whole = new RecordingRoute('unary', '/t.T/Echo')
  whole.onStart = call => {
    call.respond(call.request)
    call.settle()
  }
  pair.router.add(whole)
  for (let i = 0; i < 100; i++) {
    const call = pair.start(method('bidi'))
    call.call.write('x'.repeat(100_000))
    pair.pump()
    t.equal(call.code, 'RESOURCE_EXHAUSTED')
  }
  passes('a server that had ended its calls')
  const unread = new RecordingRoute('bidi', '/t.T/Unread')
  pair.router.add(unread)
  for (let i = 0; i < 100; i++) {
    const call = pair.start(method('bidi', '/t.T/Unread'))
    call.call.write('x'.repeat(100_000))
    pair.pump()
    call.call.cancel()
    pair.pump()
    unread.call.settle()
  }
  passes('a server whose handlers did not read')
  const ended = new RecordingRoute('bidi', '/t.T/Ended')
  ended.onStart = call => call.finish()
  pair.router.add(ended)
  for (let i = 0; i < 100; i++) {
    const call = pair.start(method('bidi', '/t.T/Ended'))
    // Half of it comes with the HEADERS, half when the call is over on the server.
    call.call.write('x'.repeat(15_000))
    pair.server.receive(...octets(pair.client.takeOutput(1 << 20)), pair.now)
    call.call.write('x'.repeat(15_000))
    pair.pump()
    ended.call.settle()
  }
  passes('a server that had nothing to read')
  const talks = new RecordingRoute('server', '/t.T/Talks')
  talks.onStart = call => {
    call.write('x'.repeat(50_000))
    call.finish()
    call.settle()
  }
  pair.router.add(talks)
  for (let i = 0; i < 100; i++) {
    const call = pair.start(method('server', '/t.T/Talks'))
    call.reads = i % 2 === 0
    call.call.request('go')
    // Some cancel before the answer comes, some with it unread.
    if (i % 3 === 0) pair.server.receive(...octets(pair.client.takeOutput(1 << 20)), pair.now)
    if (i % 3 < 2) call.call.cancel()
    pair.pump()
    if (i % 3 === 2) call.call.cancel()
    pair.pump()
  }
  passes('a client that had given up')
  t.equal(pair.server.runningCount, 0)
  t.same(pair.problems, [])
  t.end()
})

t.test('T15: a call that the server ended early is over on both sides', t => {
  const route = new RecordingRoute('bidi')
  route.onStart = call => {
    call.finish()
    call.settle()
  }
  const pair = new Pair([route])
  const call = pair.start(method('bidi'))
  pair.pump()
  t.equal(call.code, 'OK')
  t.equal(pair.client.streamCount, 0)
  t.equal(pair.server.streamCount, 0)
  t.ok(pair.serverFrames.includes('RST_STREAM:1'))
  t.same(pair.problems, [])
  t.end()
})

t.test('E3, E4: when time is up both sides know, whoever is first', t => {
  const route = new RecordingRoute('unary')
  const pair = new Pair([route])
  const call = pair.start(method('unary'), { deadline: pair.now + 100 })
  call.call.request('x')
  pair.pump()
  pair.advance(pair.now + 100)
  t.equal(call.code, 'DEADLINE_EXCEEDED')
  t.ok(route.call.cancelled)
  t.equal(pair.server.runningCount, 1, 'the handler still runs')
  route.call.settle()
  t.equal(pair.server.runningCount, 0)
  const slow = pair.start(method('unary'), { deadline: pair.now + 100 })
  slow.call.request('x')
  pair.pump()
  pair.server.advance(pair.now + 200)
  pair.pump()
  t.match(slow.error, { code: 'DEADLINE_EXCEEDED', origin: 'peer' })
  t.same(pair.problems, [])
  t.end()
})

t.test('E4: a cancelled call cancels its handler', t => {
  const route = new RecordingRoute('bidi')
  const pair = new Pair([route])
  const call = pair.start(method('bidi'))
  pair.pump()
  call.call.cancel()
  t.equal(call.code, 'CANCELLED')
  pair.pump()
  t.match(route.call.cancelled, {
    code: 'CANCELLED',
    message: 'the client cancelled the call: CANCEL',
  })
  t.end()
})

t.test('E5: a lost connection ends the calls of both sides', t => {
  const route = new RecordingRoute('bidi')
  const pair = new Pair([route])
  const calls = [pair.start(method('bidi')), pair.start(method('bidi'))]
  pair.pump()
  const cause = new Error('read ECONNRESET')
  pair.client.destroy(cause)
  pair.server.destroy(cause)
  for (const call of calls)
    t.match(call.error, { code: 'UNAVAILABLE', origin: 'network', unprocessed: false })
  for (const call of route.calls) t.match(call.cancelled, { code: 'CANCELLED', origin: 'network' })
  t.equal(route.heard.filter(name => name === 'cancel').length, 2)
  t.end()
})

t.test('E6: after GOAWAY no call starts, and the one that runs completes', t => {
  const route = new RecordingRoute('unary')
  const pair = new Pair([route])
  const accepted = pair.start(method('unary'))
  accepted.call.request('x')
  pair.pump()
  pair.server.shutdown()
  pair.pump()
  t.equal(pair.client.canOpen, false)
  const late = method('unary')
  t.throws(() => pair.start(late), { name: 'TypeError', message: /no new calls/ })
  route.call.respond('done')
  route.call.settle()
  pair.pump()
  t.same([accepted.code, ...accepted.received], ['OK', 'done'])
  t.end()
})

t.test('E11: a refused stream is UNAVAILABLE and may be sent again', t => {
  const route = new RecordingRoute('unary')
  const pair = new Pair([route], { serverLimits: { streamsMax: 1 } })
  const first = pair.start(method('unary'))
  first.call.request('x')
  pair.pump()
  t.equal(pair.client.canOpen, false, 'the limit is honoured')
  // A call that left before the limit was known.
  const racing = new Pair([route], { serverLimits: { streamsMax: 1 } })
  Object.defineProperty(inspect(racing.client).streams, 'canOpen', { get: () => true })
  const one = racing.start(method('unary'))
  const two = racing.start(method('unary'))
  one.call.request('x')
  two.call.request('x')
  racing.pump()
  t.match(two.error, {
    code: 'UNAVAILABLE',
    unprocessed: true,
    message: 'the server reset the stream: REFUSED_STREAM',
  })
  t.equal(one.code, undefined)
  t.end()
})

t.test('a running handler counts against the stream limit until it settles', t => {
  const route = new RecordingRoute('bidi')
  const pair = new Pair([route])
  const call = pair.start(method('bidi'))
  pair.pump()
  call.call.cancel()
  pair.pump()
  t.equal(pair.server.streamCount, 0)
  t.equal(pair.server.runningCount, 1)
  route.call.settle()
  t.equal(pair.server.runningCount, 0)
  t.end()
})

t.test('a stream that is reset within the same chunk never reaches its handler', t => {
  const route = new RecordingRoute('bidi')
  const pair = new Pair([route])
  const call = pair.start(method('bidi'))
  call.call.write('x')
  call.call.cancel()
  pair.pump()
  t.same(route.heard, [])
  t.equal(pair.server.runningCount, 0)
  t.end()
})

t.test('T1: an unknown method is one HEADERS frame', t => {
  const pair = new Pair([echo()])
  pair.serverFrames.length = 0
  const call = pair.start(method('unary', '/t.T/No'))
  call.call.request('x')
  pair.pump()
  t.match(call.error, {
    code: 'UNIMPLEMENTED',
    message: 'unknown method No for service t.T',
    origin: 'peer',
  })
  t.same(
    pair.serverFrames.filter(frame => frame.startsWith('HEADERS')),
    ['HEADERS:1'],
  )
  t.end()
})

t.test('L9, L10: compression is agreed on both ways', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => {
    call.compressing = call.request !== 'plain'
    call.respond(String(call.request).repeat(2).padEnd(1_200, '.'))
  }
  const pair = new Pair([route], { call: { compression: 'deflate' } })
  const call = pair.start(method('unary'), { compression: 'gzip' })
  const text = 'compress me '.repeat(100)
  call.call.request(text)
  const asked = pair.client.takeOutput(1 << 20)
  t.ok(Buffer.concat(asked).length < 600, 'the request is small')
  t.ok(Buffer.concat(asked).includes(Buffer.of(0x1f, 0x8b)), 'and gzip')
  pair.server.receive(...octets(asked), pair.now)
  const answered = pair.server.takeOutput(1 << 20)
  t.ok(Buffer.concat(answered).length < 600, 'the response is small')
  t.ok(Buffer.concat(answered).includes('deflate'))
  pair.client.receive(...octets(answered), pair.now)
  t.same([call.code, ...call.received], ['OK', text + text])

  const plain = pair.start(method('unary'), { compression: 'gzip' })
  plain.call.request('plain')
  pair.server.receive(...octets(pair.client.takeOutput(1 << 20)), pair.now)
  const inFull = pair.server.takeOutput(1 << 20)
  t.ok(Buffer.concat(inFull).length > 1_200, 'compressing is off for this response')
  pair.client.receive(...octets(inFull), pair.now)
  t.equal(plain.code, 'OK')
  t.end()
})

t.test('R12, R15: fields that would be malformed are never sent', t => {
  const pair = new Pair([echo()])
  const base = pair.headers(method('unary'))
  const { call } = new PairCall(method('unary'), { timers: pair.client.timers })
  const handler = call as RunningClientCall
  for (const extra of [
    ['connection', 'close'],
    ['te', 'gzip'],
    ['Upper', 'x'],
    ['transfer-encoding', 'chunked'],
  ]) {
    t.throws(() => pair.client.open(base, true, handler, extra), TypeError, extra[0]!)
  }
  t.equal(pair.client.streamCount, 0)
  t.end()
})

t.test('M11: authorization is sent never-indexed, each time, and arrives', t => {
  const route = echo()
  const pair = new Pair([route])
  const metadata = Metadata.from({ authorization: 'Bearer secret' })
  for (let i = 0; i < 3; i++) {
    const call = pair.start(method('unary'), { metadata })
    call.call.request('x')
    const bytes = Buffer.concat(pair.client.takeOutput(1 << 20))
    // RFC 7541 §6.2.3: pattern 0001, and 23 = 15 + 8 in the static table.
    t.ok(bytes.includes(Buffer.of(0x1f, 0x08)))
    pair.server.receive(bytes, 0, bytes.length, pair.now)
    pair.pump()
    t.equal(route.call.metadata.get('authorization'), 'Bearer secret')
    t.equal(call.code, 'OK')
  }
  t.end()
})

t.test('M9: a request larger than the server announces fails here', t => {
  const pair = new Pair([echo()], { serverLimits: { headerListSizeMax: 1_000 } })
  const call = pair.start(method('unary'), { metadata: Metadata.from({ a: 'x'.repeat(2_000) }) })
  t.match(call.error, {
    code: 'RESOURCE_EXHAUSTED',
    message: /header list of \d+ octets; the peer accepts 1000/,
  })
  t.equal(pair.client.streamCount, 0)
  const next = pair.start(method('unary'))
  next.call.request('x')
  pair.pump()
  t.equal(next.code, 'OK')
  t.end()
})

t.test('M9: trailers that a client does not take stay here, the status goes', t => {
  const route = new RecordingRoute('unary')
  route.onStart = call => call.respond('x', Metadata.from({ a: 'x'.repeat(2_000) }))
  const pair = new Pair([route], { clientLimits: { headerListSizeMax: 1_000 } })
  const call = pair.start(method('unary'))
  call.call.request('x')
  pair.pump()
  t.equal(call.code, 'OK', 'the server leaves out what the client does not take')
  t.equal(pair.problems.length, 1)
  t.end()
})

t.test('T15: the reset code of an early end is NO_ERROR', t => {
  t.equal(ErrorCode.NoError, 0)
  const route = new RecordingRoute('bidi')
  const pair = new Pair([route])
  const call = pair.start(method('bidi'))
  pair.pump()
  call.call.write('ignored')
  route.call.finish()
  pair.pump()
  t.equal(call.code, 'OK')
  t.same(pair.problems, [])
  t.end()
})

/** Pieces of output as one range. */
function octets(pieces: readonly Buffer[]): [Buffer, number, number] {
  const all = Buffer.concat(pieces)
  return [all, 0, all.length]
}
