import t from 'tap'
import {
  Code,
  frames,
  literalBlock,
  REQUEST,
  RESPONSE,
  requestBut,
  requestWith,
  TRAILERS,
} from '../support/frames.js'
import { type Connected, connect, ROLES, withStream } from '../support/peer.js'

/** The request is answered with RST_STREAM PROTOCOL_ERROR before anybody sees it. */
function refusesRequest(list: readonly string[]): void {
  const { peer, events, connection } = connect({ role: 'server' })
  peer.sends(frames.headers(1, list, { endStream: true }))
  peer.expects(frames.rstStream(1, Code.protocolError))
  if (events.length > 0) throw new Error(`events: ${events.join(', ')}`)
  if (connection.streamCount !== 0) throw new Error('the stream stays')
  peer.requests(3) // and nobody else is harmed
  if (events.join() !== 'request 3 end') throw new Error(`events: ${events.join(', ')}`)
}

function refusesResponse(list: readonly string[], endStream = false): void {
  const connected = withStream({ role: 'client' })
  const { peer, open } = connected
  peer.sends(frames.headers(1, list, { endStream }))
  isRefused(connected)
  const next = open(true) // and nobody else is harmed
  peer.skips(1)
  peer.sends(frames.headers(3, RESPONSE, { endStream: true }))
  if (!next.ended) throw new Error('the next response was not taken')
}

/** In a request as in a response. */
function refusesTrailers(list: readonly string[], endStream = true): void {
  for (const role of ROLES) {
    const connected = withStream({ role })
    if (role === 'client') connected.peer.sends(frames.headers(1, RESPONSE))
    connected.recorder.take()
    connected.peer.sends(frames.headers(1, list, { endStream }))
    isRefused(connected)
  }
}

/** Stream 1 is reset, its handler hears that once and of nothing else. */
function isRefused({ peer, events, recorder }: Connected): void {
  peer.expects(frames.rstStream(1, Code.protocolError))
  if (events.join() !== 'reset 1 PROTOCOL_ERROR by us')
    throw new Error(`events: ${events.join(', ')}`)
  if (recorder.handlerErrors.length > 0) throw recorder.handlerErrors[0]!.error
}

function takesRequest(list: readonly string[]): readonly string[] {
  const { peer, recorder } = connect({ role: 'server' })
  peer.sends(frames.headers(1, list))
  peer.expectsNothing()
  return recorder.on(1).lists[0]!
}

t.test('RFC 9113 §8.2.1: octets that may not stand in a field name', t => {
  for (let octet = 0; octet < 256; octet++) {
    const bad = octet <= 0x20 || (octet >= 0x41 && octet <= 0x5a) || octet >= 0x7f || octet === 0x3a
    const list = requestWith(`a${String.fromCharCode(octet)}b`, 'x')
    if (bad) refusesRequest(list)
    else takesRequest(list)
  }
  refusesRequest(requestWith('X', '1'))
  refusesResponse([...RESPONSE, 'Content-Type', 'x'])
  refusesTrailers(['Grpc-Status', '0'])
  t.end()
})

t.test('CVE-2019-9516 (D6): an empty field name is malformed', t => {
  refusesRequest(requestWith('', 'x'))
  refusesRequest(requestWith('', ''))
  refusesResponse([...RESPONSE, '', 'x'])
  t.end()
})

t.test('RFC 9113 §8.2.1: NUL, CR and LF may not stand in a field value', t => {
  for (const bad of ['\0', '\r', '\n', '\r\n']) {
    for (const value of [`${bad}a`, `a${bad}`, `a${bad}b`]) {
      refusesRequest(requestWith('x', value))
      refusesResponse([...RESPONSE, 'x', value])
      refusesTrailers(['x', value])
    }
  }
  t.same(takesRequest(requestWith('x', 'caf\xe9 \t\x01')).slice(-2), ['x', 'caf\xe9 \t\x01'])
  t.end()
})

t.test('RFC 9113 §8.2.1: white space around a received value is taken off, in both roles', t => {
  const padded: [value: string, trimmed: string][] = [
    [' a', 'a'],
    ['a ', 'a'],
    ['\ta', 'a'],
    [' \ta b\t ', 'a b'],
    [' ', ''],
    ['\t', ''],
  ]
  for (const [value, trimmed] of padded) {
    t.same(takesRequest(requestWith('x', value, 'y', 'z')).slice(-4), ['x', trimmed, 'y', 'z'])
    for (const role of ROLES) {
      const { peer, recorder, on } = withStream({ role })
      if (role === 'client') {
        peer.sends(frames.headers(1, [...RESPONSE, 'x', value]))
        t.same(on.lists.at(-1), [...RESPONSE, 'x', trimmed], 'response')
      }
      peer.sends(frames.headers(1, ['grpc-status', '2', 'x', value], { endStream: true }))
      t.same(on.lists.at(-1), ['grpc-status', '2', 'x', trimmed], `trailers to a ${role}`)
      t.same(recorder.handlerErrors, [])
    }
  }
  t.same(takesRequest(requestWith('x', '')).slice(-2), ['x', ''])
  t.same(takesRequest(requestWith('x', 'a b')).slice(-2), ['x', 'a b'])
  t.end()
})

t.test('RFC 9113 §8.2.1: the rules of a field hold for what is left between white space', t => {
  for (const value of [' 1 ', '1\t']) {
    const { peer, events, recorder } = connect({ role: 'server' })
    peer.sends(frames.headers(1, requestWith('content-length', value)))
    peer.sends(frames.data(1, { size: 1, endStream: true }))
    t.same(events, ['request 1', 'data 1 1 end'])
    t.same(recorder.on(1).lists[0]?.slice(-2), ['content-length', '1'])
  }
  t.ok(takesRequest([...requestBut('te', undefined), 'te', ' trailers ']).includes('trailers'))
  takesRequest(requestWith('host', ' localhost:50051'))
  refusesRequest(requestWith('content-length', ' 1 1 '))
  refusesRequest(requestWith('content-length', ' '))
  refusesRequest([...requestBut('te', undefined), 'te', ' gzip'])
  refusesRequest(requestWith('host', ' elsewhere '))
  refusesRequest(requestWith('x', ' a\0 '))
  refusesRequest(requestWith('connection', ' close '))
  const crumbs = takesRequest(requestWith('cookie', 'a=1 ', 'cookie', ' b=2'))
  t.same(crumbs.slice(REQUEST.length), ['cookie', 'a=1; b=2'])
  refusesRequest([' x', '1', ...REQUEST]) // a name has no white space
  t.end()
})

t.test('RFC 9113 §8.3: white space around a pseudo-header value is malformed', t => {
  for (const name of [':method', ':scheme', ':path', ':authority']) {
    const value = REQUEST[REQUEST.indexOf(name) + 1]!
    for (const padded of [` ${value}`, `${value} `, `${value}\t`]) {
      refusesRequest(requestBut(name, padded))
    }
  }
  refusesResponse([':status', ' 200'])
  refusesResponse([':status', '200\t'])
  refusesRequest(['x', ' y', ...REQUEST]) // and a padded field is a regular field
  t.end()
})

t.test(
  'RFC 7541 §2.3.2: a padded value stays in the table as it came, and is trimmed each time',
  t => {
    const list = requestWith('x-spaced', ' a b ')
    const { peer, recorder } = connect({ role: 'server' })
    for (const id of [1, 3, 5, 7]) {
      peer.sends(frames.headers(id, list))
      t.same(recorder.on(id).lists[0]?.slice(-2), ['x-spaced', 'a b'])
    }
    t.end()
  },
)

t.test('RFC 9113 §8.2.2: fields of an HTTP/1.1 connection are malformed', t => {
  const bad: [string, string][] = [
    ['connection', 'close'],
    ['keep-alive', 'timeout=5'],
    ['proxy-connection', 'keep-alive'],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'h2c'],
    ['te', 'gzip'],
    ['te', 'trailers, deflate'],
  ]
  for (const [name, value] of bad) {
    refusesRequest([...requestBut('te', undefined), name, value])
    refusesResponse([...RESPONSE, name, value])
    refusesTrailers([name, value])
  }
  t.same(takesRequest(REQUEST), REQUEST) // te: trailers is the exception
  t.end()
})

t.test('RFC 9113 §8.3: pseudo-header fields that may not be', t => {
  refusesRequest([':unknown', '1', ...REQUEST])
  refusesRequest([':status', '200', ...REQUEST])
  refusesRequest([':', '1', ...REQUEST])
  for (const name of [':method', ':scheme', ':path', ':authority']) {
    const value = REQUEST[REQUEST.indexOf(name) + 1]!
    refusesRequest([name, value, ...REQUEST]) // twice
    refusesRequest([...requestBut(name, undefined), name, value]) // behind a regular field
  }
  for (const [name, value] of [
    ['content-length', '0'],
    ['host', 'localhost:50051'],
    ['cookie', 'a=1'],
    ['te', 'trailers'],
    ['x', 'y'],
  ] as const) {
    refusesRequest([name, value, ...REQUEST])
    refusesResponse([name, value, ':status', '200'])
  }
  refusesResponse(['content-type', 'a', ':status', '200'])
  refusesResponse([':status', '200', ':status', '200'])
  refusesResponse([':status', '200', ':path', '/'])
  refusesResponse([':status', '200', ':method', 'GET'])
  refusesResponse(['content-type', 'a'])
  t.end()
})

t.test('RFC 9113 §8.3.1: a request needs :method, :scheme and :path, once and valid', t => {
  for (const name of [':method', ':scheme', ':path']) {
    refusesRequest(requestBut(name, undefined))
    refusesRequest(requestBut(name, ''))
  }
  for (const path of ['a', 'http://a/b', '?x', ' /a']) refusesRequest(requestBut(':path', path))
  t.end()
})

t.test('RFC 9113 §8.3.1: OPTIONS may ask for *, and nobody else', t => {
  const list = [':method', 'OPTIONS', ':scheme', 'http', ':path', '*', ':authority', 'a']
  t.same(takesRequest(list), list)
  refusesRequest(requestBut(':path', '*'))
  refusesRequest([':path', '*', ':scheme', 'http', ':authority', 'a', ':method', 'GET'])
  const { open } = connect({ role: 'client' })
  t.throws(() => open(true, requestBut(':path', '*')), {
    name: 'TypeError',
    message: ":path is '*' with POST; OPTIONS alone may have it (RFC 9113 §8.3.1)",
  })
  t.end()
})

t.test('RFC 9113 §8.3.1: :authority and host', t => {
  refusesRequest(requestWith('host', 'elsewhere'))
  refusesRequest(requestBut(':authority', 'user@localhost'))
  for (const bad of ['a b', 'a/b', 'a?b', 'a#b', 'a,b', 'a\\b', 'caf\xe9', 'a:b', '<a>']) {
    refusesRequest(requestBut(':authority', bad))
    refusesRequest([...requestBut(':authority', undefined), 'host', bad])
  }
  refusesRequest(requestWith('host', 'localhost:50051', 'host', 'localhost:50051'))
  refusesRequest(requestBut(':authority', undefined)) // neither
  takesRequest(requestWith('host', 'localhost:50051'))
  const list = takesRequest([...requestBut(':authority', undefined), 'host', 'a'])
  t.ok(list.includes('a'))
  t.end()
})

t.test('RFC 9113 §8.5: CONNECT has :method and :authority, and neither :scheme nor :path', t => {
  t.same(takesRequest([':method', 'CONNECT', ':authority', 'a:1']), [
    ':method',
    'CONNECT',
    ':authority',
    'a:1',
  ])
  takesRequest([':authority', 'a:1', ':method', 'CONNECT'])
  refusesRequest([':method', 'CONNECT'])
  refusesRequest(requestBut(':method', 'CONNECT'))
  const [method, , ...rest] = REQUEST
  refusesRequest([...rest.slice(0, 6), method!, 'CONNECT']) // :method comes last
  t.end()
})

t.test('RFC 8441 §4: extended CONNECT was not offered, so it is malformed', t => {
  refusesRequest([':method', 'CONNECT', ':protocol', 'websocket', ...REQUEST.slice(2)])
  refusesRequest([':protocol', 'websocket', ...REQUEST])
  t.end()
})

t.test('RFC 9113 §8.3.2: :status is three digits', t => {
  for (const status of ['', '20', '2000', 'abc', '2 0', '+20', '099', '000']) {
    refusesResponse([':status', status])
  }
  for (const status of ['200', '404', '599']) {
    const { peer, events } = withStream({ role: 'client' })
    peer.sends(frames.headers(1, [':status', status]))
    t.same(events, ['headers 1'], status)
  }
  t.end()
})

t.test('RFC 9113 §8.1: interim responses come before the final one', t => {
  const { peer, events, on } = withStream({ role: 'client' })
  peer.sends(
    frames.headers(1, [':status', '100']),
    frames.headers(1, [':status', '103', 'link', '</a>']),
    frames.headers(1, RESPONSE),
    frames.data(1, { size: 1 }),
    frames.headers(1, TRAILERS, { endStream: true }),
  )
  t.same(events, ['headers 1', 'headers 1', 'headers 1', 'data 1 1', 'headers 1 end'])
  t.same(on.lists[0], [':status', '100'])
  t.end()
})

t.test('RFC 9113 §8.1: an interim response does not end a stream', t => {
  refusesResponse([':status', '100'], true)
  refusesResponse([':status', '103'], true)
  t.end()
})

t.test('RFC 9113 §8.6: there is no 101', t => {
  refusesResponse([':status', '101'])
  const { peer, stream } = withStream({ role: 'server' })
  t.throws(() => stream.sendHeaders([':status', '101'], false), TypeError)
  peer.expectsNothing()
  t.end()
})

t.test('RFC 9113 §8.1: DATA before the final response is malformed', t => {
  for (const interim of [[], [frames.headers(1, [':status', '100'])]]) {
    const { peer, events, recorder } = withStream({ role: 'client' })
    peer.sends(...interim, frames.data(1, { size: 1 }))
    peer.expects(frames.rstStream(1, Code.protocolError))
    t.equal(events.at(-1), 'reset 1 PROTOCOL_ERROR by us')
    t.same(recorder.handlerErrors, [], 'no handler is called behind its last call')
  }
  t.end()
})

t.test('E7: endless interim responses end the stream', t => {
  const { peer, events } = withStream({ role: 'client' })
  const interim = frames.headers(1, [':status', '103'])
  for (let i = 0; i < 8; i++) peer.sends(interim)
  t.equal(events.length, 8)
  peer.expectsNothing()
  peer.sends(interim)
  t.match(
    peer.takesLines().at(-1),
    /^(RST_STREAM stream 1|GOAWAY last \d+) (ENHANCE_YOUR_CALM|PROTOCOL_ERROR)$/,
  )
  t.end()
})

t.test('RFC 9113 §8.1: trailers end the stream', t => {
  refusesTrailers(TRAILERS, false)
  refusesTrailers([], false)
  t.end()
})

t.test('RFC 9113 §8.1: trailers have no pseudo-header fields', t => {
  refusesTrailers([':path', '/'])
  refusesTrailers([':status', '200'])
  refusesTrailers([...TRAILERS, ':x', '1'])
  refusesTrailers(RESPONSE)
  t.end()
})

t.test('RFC 9113 §8.1.1: content-length is a number of octets', t => {
  for (const value of ['', 'x', '+5', '-1', '1.0', '0x1', '1 1', '1,1', '9'.repeat(16)]) {
    refusesRequest(requestWith('content-length', value))
    refusesResponse([...RESPONSE, 'content-length', value])
  }
  refusesRequest(requestWith('content-length', '1', 'content-length', '2'))
  const { peer, events } = connect({ role: 'server' })
  peer.sends(frames.headers(1, requestWith('content-length', '0'), { endStream: true }))
  t.same(events, ['request 1 end'])
  t.end()
})

t.test('RFC 9113 §8.2.3: cookie crumbs are joined', t => {
  const list = takesRequest(
    requestWith('cookie', 'a=1', 'x', 'y', 'cookie', 'b=2', 'cookie', 'c=3'),
  )
  t.same(list.slice(REQUEST.length), ['cookie', 'a=1; b=2; c=3', 'x', 'y'])
  t.end()
})

t.test('RFC 9113 §10.5.1: a list that passes the soft limit is refused, its stream alone', t => {
  const run = (list: readonly string[], limits: object): string[] => {
    const { peer, events } = connect({ role: 'server', limits })
    peer.sends(frames.headers(1, list))
    t.same(events, [])
    return peer.takesLines()
  }
  const reset = ['RST_STREAM stream 1 ENHANCE_YOUR_CALM']
  t.same(run(requestWith('x', 'y'.repeat(16_150)), {}), reset, 'octets')
  t.same(run(manyFields(512), {}), reset, 'fields: 512')
  t.same(
    run(requestWith('cookie', 'a', 'cookie', 'b'), { headerFieldsMax: 6 }),
    reset,
    'crumbs count',
  )
  const { events, peer } = connect({ role: 'server' })
  peer.sends(frames.headers(1, requestWith('x', 'y'.repeat(15_000))))
  t.same(events, ['request 1'])
  t.end()
})

t.test('RFC 9113 §10.5.1: a response or trailers past the soft limit end their stream', t => {
  const response = withStream({ role: 'client' })
  response.peer.sends(frames.headers(1, manyFields(512, RESPONSE)))
  response.peer.expects(frames.rstStream(1, Code.enhanceYourCalm))
  t.same(response.events, ['reset 1 ENHANCE_YOUR_CALM by us'])
  const trailers = withStream({ role: 'server' })
  trailers.peer.sends(frames.headers(1, manyFields(513, []), { endStream: true }))
  trailers.peer.expects(frames.rstStream(1, Code.enhanceYourCalm))
  t.same(trailers.events, ['reset 1 ENHANCE_YOUR_CALM by us'])
  t.end()
})

t.test('RFC 9113 §10.5.1: a list that passes the hard limit ends the connection', t => {
  const fields = connect({ role: 'server' })
  fields.peer.sends(frames.headers(1, manyFields(1_000)))
  const reason = fields.peer.expectsFatal(Code.enhanceYourCalm)
  t.equal(
    reason,
    'block of more than 1000 fields (RFC 9113 section 10.5.1)',
    'the rule is named once',
  )
  const octets = connect({ role: 'server' })
  const block = literalBlock(
    requestWith(...Array.from({ length: 5 }, () => ['x', 'y'.repeat(13_200)]).flat()),
  )
  octets.peer.sends(frames.headers(1, block.subarray(0, 16_000), { endHeaders: false }))
  for (let at = 16_000; at < block.length; at += 16_000) {
    const last = at + 16_000 >= block.length
    octets.peer.sends(frames.continuation(1, block.subarray(at, at + 16_000), last))
  }
  octets.peer.expectsFatal(Code.enhanceYourCalm)
  t.end()
})

t.test('CVE-2026-21710 (B10): field names that mean something to JavaScript are just names', t => {
  const names = ['__proto__', 'constructor', 'hasownproperty', '0', '4294967295', 'tostring']
  const fields = names.flatMap(name => [name, 'x'])
  t.same(takesRequest(requestWith(...fields)).slice(REQUEST.length), fields)
  t.end()
})

/** `base` and `count` small fields behind it. */
function manyFields(count: number, base: readonly string[] = REQUEST): string[] {
  return [...base, ...Array.from({ length: count }, (_, i) => [`x${i % 10}`, '']).flat()]
}
