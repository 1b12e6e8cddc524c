import t from 'tap'
import {
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  Metadata,
  MicroError,
  Status,
} from '../../src/index.js'
import {
  decodeErrorStatus,
  encodeErrorMessage,
  encodeErrorStatus,
} from '../../src/micro/errors/error-details.js'
import {
  codeOfStatus,
  fromGrpcError,
  statusOfCode,
  toGrpcError,
  toMicroError,
} from '../../src/micro/errors/error-mapping.js'
import { atAddress, statusText } from '../../src/micro/errors/micro-error.js'
import { TransportError, TransportErrorCode } from '../../src/transport/index.js'

const DETAILS = 'grpc-status-details-bin'

t.test(
  'micro-wire §3.9: the text is JSON with id, code, detail, status in that order, zero values left out',
  t => {
    t.equal(
      new MicroError(404, 'no such name', { id: 'greeter' }).encode(),
      '{"id":"greeter","code":404,"detail":"no such name","status":"Not Found"}',
    )
    t.equal(new MicroError(0, 'x').encode(), '{"detail":"x"}')
    t.equal(new MicroError(299, '', { id: 'a' }).encode(), '{"id":"a","code":299}')
    t.equal(
      new MicroError(0, '<a & b>\u2028').encode(),
      '{"detail":"\\u003ca \\u0026 b\\u003e\\u2028"}',
    )
    t.end()
  },
)

t.test('micro-wire §3.9: what is read is written again, unknown members too', t => {
  const text = '{"id":"a","code":409,"detail":"d","status":"Conflict","reason":"R","domain":"D"}'
  const error = MicroError.parse(text)
  t.match(error, {
    id: 'a',
    code: 409,
    detail: 'd',
    message: 'd',
    status: 'Conflict',
    extra: { reason: 'R' },
  })
  t.equal(error.encode(), text)
  t.match(MicroError.parse('plain'), { code: 0, detail: 'plain', id: '', status: '' })
  t.match(MicroError.parse('{broken'), { code: 0, detail: '{broken' })
  t.match(MicroError.parse('{"code":"x","detail":5}'), { code: 500, detail: '' })
  t.match(MicroError.parse('{"code":-1}'), { code: 500 })
  t.end()
})

t.test('every constructor has its code and reason', t => {
  for (const [name, code] of [
    ['badRequest', 400],
    ['unauthorized', 401],
    ['forbidden', 403],
    ['notFound', 404],
    ['timeout', 408],
    ['conflict', 409],
    ['internal', 500],
  ] as const) {
    const error = MicroError[name]('why', { id: 'a' })
    t.match(error, { code, id: 'a', detail: 'why', status: statusText(code), name: 'MicroError' })
  }
  t.throws(() => new MicroError(1.5, ''), /code must be an integer from 0 to 999, got 1.5/)
  t.throws(() => new MicroError(1000, ''), RangeError)
  t.equal(statusText(299), '')
  t.end()
})

t.test('an error without id gets one, an id of its own stays', t => {
  const error = MicroError.notFound('x', { cause: 5 })
  t.match(error.from('greeter'), { id: 'greeter', code: 404, cause: 5 })
  t.equal(error.from(''), error)
  const named = MicroError.notFound('x', { id: 'a' })
  t.equal(named.from('greeter'), named)
  t.end()
})

t.test('micro-wire §4.4: the table of micro codes and gRPC statuses', t => {
  const pairs = [
    [400, 3],
    [401, 16],
    [403, 7],
    [404, 5],
    [408, 4],
    [409, 6],
    [412, 9],
    [500, 13],
    [501, 12],
    [503, 14],
  ] as const
  for (const [code, status] of pairs) {
    t.equal(statusOfCode(code), status)
    t.equal(codeOfStatus(status), code)
  }
  t.equal(statusOfCode(418), Status.Unknown)
  t.equal(statusOfCode(0), Status.Unknown)
  t.equal(codeOfStatus(Status.DataLoss), 500)
  t.end()
})

t.test('micro-wire §4.4: the example trailer, octet for octet', t => {
  const micro = new MicroError(404, 'no such name', { id: 'greeter' })
  t.equal(
    encodeErrorMessage(micro).toString('hex'),
    '0a07677265657465721094031a0c6e6f2073756368206e616d6522094e6f7420466f756e64',
  )
  const error = toGrpcError(MicroError.notFound('no such name'), 'greeter', false)
  t.equal(error.status, 5)
  t.equal(error.message, micro.encode())
  t.equal(
    error.metadata.get(DETAILS),
    'CAUSSHsiaWQiOiJncmVldGVyIiwiY29kZSI6NDA0LCJkZXRhaWwiOiJubyBzdWNoIG5hbWUiLCJzdGF0dXMiOiJOb3QgRm91bmQifRpJCiB0eXBlLmdvb2dsZWFwaXMuY29tL2Vycm9ycy5FcnJvchIlCgdncmVldGVyEJQDGgxubyBzdWNoIG5hbWUiCU5vdCBGb3VuZA',
  )
  t.match(decodeErrorStatus(error.metadata.getBinary(DETAILS)!), {
    id: 'greeter',
    code: 404,
    detail: 'no such name',
    status: 'Not Found',
  })
  t.end()
})

t.test('details that are no errors.Error, or no protobuf, are none', t => {
  t.equal(decodeErrorStatus(Buffer.from('0805', 'hex')), undefined, 'no details')
  t.equal(decodeErrorStatus(Buffer.from('1aff', 'hex')), undefined, 'cut short')
  t.equal(decodeErrorStatus(Buffer.from('80', 'hex')), undefined, 'ends inside a varint')
  t.equal(decodeErrorStatus(Buffer.from('0b', 'hex')), undefined, 'a group')
  const other = Buffer.from('\x1a\x06\x0a\x04a/b.', 'latin1')
  t.equal(decodeErrorStatus(other), undefined, 'another type')
  const fixed = Buffer.from('090102030405060708150102030408051a00', 'hex')
  t.equal(decodeErrorStatus(fixed), undefined, 'unknown fields are skipped')
  t.end()
})

t.test('a peer error with a micro error inside is the micro error; others stay as they are', t => {
  const sent = toGrpcError(MicroError.notFound('x'), 'greeter', false)
  const received = new GrpcError(sent.status, sent.message, {
    metadata: sent.metadata,
    origin: 'peer',
  })
  const micro = fromGrpcError(received)
  t.match(micro, { code: 404, id: 'greeter', detail: 'x', cause: received })
  const jsonOnly = new GrpcError(5, sent.message, { origin: 'peer' })
  t.match(fromGrpcError(jsonOnly), { code: 404, detail: 'x' })
  for (const plain of [
    new GrpcError(5, 'x', { origin: 'peer' }),
    new GrpcError(5, '{"detail":"no code"}', { origin: 'peer' }),
    new GrpcError(5, sent.message, { origin: 'local' }),
  ]) {
    t.equal(fromGrpcError(plain), plain)
  }
  t.end()
})

t.test('members beyond the four cross the native door too, read from the JSON of the status', t => {
  const extra = { reason: 'R', domain: 'D' }
  const sent = toGrpcError(new MicroError(409, 'd', { id: 'a', extra }), 'greeter', false)
  const receive = (message: string, metadata: Metadata) =>
    fromGrpcError(new GrpcError(sent.status, message, { metadata, origin: 'peer' })) as MicroError
  const received = receive(sent.message, sent.metadata)
  t.match(received, { id: 'a', code: 409, detail: 'd', status: 'Conflict' })
  t.same(received.extra, extra)
  t.equal(received.encode(), sent.message)
  for (const text of ['plain', '{"code":404,"reason":"of another error"}']) {
    const metadata = new Metadata()
    const plain = new MicroError(409, 'd', { id: 'a' })
    metadata.setBinary(DETAILS, encodeErrorStatus(6, text, plain))
    t.same(receive(text, metadata).extra, {}, text)
    t.equal(receive(text, metadata).code, 409)
  }
  t.end()
})

t.test('exceptions: GrpcError and MicroError cross to the other door, others are hidden', t => {
  const grpc = new GrpcError(Status.PermissionDenied, 'no')
  t.equal(toGrpcError(grpc, 'a', false), grpc)
  t.match(toMicroError(grpc, 'a', false), { id: 'a', code: 403, detail: 'no' })
  const carried = toGrpcError(MicroError.conflict('c'), 'b', false)
  t.match(toMicroError(carried, 'a', false), { id: 'b', code: 409, detail: 'c' }, 'there and back')
  const metadata = new Metadata()
  t.match(toMicroError(new GrpcError(2, 'x', { metadata }), 'a', false), { code: 500, detail: 'x' })
  for (const thrown of [new Error('secret'), 'secret', undefined]) {
    t.match(toMicroError(thrown, 'a', false), { id: 'a', code: 500, detail: 'the handler failed' })
    t.match(toGrpcError(thrown, 'a', false), { status: 2, message: 'the handler failed' })
  }
  t.match(toMicroError('secret', 'a', true), { detail: 'secret' })
  t.match(toGrpcError(new Error('secret'), 'a', true), { message: 'secret' })
  t.end()
})

t.test('a micro error knows who ended the call, and where, from its cause or by itself', t => {
  const grpc = new GrpcError(Status.Unavailable, 'x', {
    origin: 'network',
    unprocessed: true,
    address: 'a:1',
  })
  const known = { origin: 'network', unprocessed: true, address: 'a:1' }
  t.match(toMicroError(grpc, 'a', false), known)
  t.match(MicroError.internal('x', { cause: grpc }).from('b'), { id: 'b', ...known })
  const lost = new TransportError(TransportErrorCode.Lost, 'a:1', 'lost')
  t.match(MicroError.internal('x', { cause: lost }), { origin: 'network', address: 'a:1' })
  const own = MicroError.notFound('x', { cause: new Error('below') })
  t.match(own, { origin: 'local', unprocessed: false })
  t.notOk('address' in own, 'what there is not does not show in a log')
  t.equal(atAddress(own, 'a:1').address, 'a:1')
  t.equal(atAddress(own, 'b:1').address, 'a:1', 'the first one stays')
  t.equal(own.encode(), MicroError.notFound('x').encode(), 'nothing of it is sent')
  for (const text of ['plain', '{"code":404}']) t.equal(MicroError.parse(text).origin, 'peer')
  t.end()
})

t.test('mucp: errors of the server and of the connection have its address', async t => {
  const json = { request: jsonCodec<object>(), response: jsonCodec<object>() }
  const service = defineService('t.Fails', {
    one: { kind: 'unary', ...json },
    many: { kind: 'server', ...json },
  })
  const server = createServer({ name: 'fails' })
  server.handle(service, {
    one: () => {
      throw MicroError.notFound('no')
    },
    // biome-ignore lint/correctness/useYield: it fails before its first message
    many: async function* () {
      throw MicroError.conflict('no')
    },
  })
  await server.start()
  const { address } = server
  const client = createClient({ address, protocol: 'mucp', retries: 0 })
  t.teardown(() => client.close())
  const { one, many } = client.bind(service)
  await t.rejects(one({}), { code: 404, origin: 'peer', address })
  await t.rejects(many({}).next(), { code: 409, origin: 'peer', address })
  await server.stop()
  await t.rejects(one({}), { code: 500, origin: 'network', address })
})

t.test('DEADLINE_EXCEEDED counts earlier attempts; the handler hears who is gone', async t => {
  const json = { request: jsonCodec<object>(), response: jsonCodec<object>() }
  const service = defineService('t.Retry', { one: { kind: 'unary', ...json } })
  const server = createServer({ name: 'retry' })
  const reasons: unknown[] = []
  let calls = 0
  server.handle(service, {
    one: async (_request, { signal }) => {
      if (++calls === 1) throw new GrpcError(Status.Unavailable, 'not now')
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      reasons.push(signal.reason)
      return {}
    },
  })
  await server.start()
  const { address } = server
  const client = createClient({ address, protocol: 'grpc', retries: 1 })
  t.teardown(async () => {
    await client.close()
    await server.stop()
  })
  const failed = client.bind(service).one({}, { timeoutMs: 250 })
  const error: unknown = await failed.catch(thrown => thrown)
  if (!(error instanceof GrpcError)) throw error
  // Whichever side notices first.
  t.match(error, { code: 'DEADLINE_EXCEEDED', address, unprocessed: false })
  const { earlierMs, sentMs, totalMs } = error.timing!
  t.ok(earlierMs >= 99 && sentMs > 0 && totalMs >= 200, JSON.stringify(error.timing))
  while (reasons.length === 0) await new Promise(resolve => setTimeout(resolve, 1))
  t.match(reasons[0], { name: 'GrpcError', address: /^127\.0\.0\.1:\d+$/ })
})

t.test('a call whose time is up while it waits is not tried again', async t => {
  const json = { request: jsonCodec<object>(), response: jsonCodec<object>() }
  const service = defineService('t.Late', {
    one: { kind: 'unary', ...json },
    many: { kind: 'server', ...json },
  })
  const client = createClient({ address: '127.0.0.1:1', protocol: 'grpc', retries: 3 })
  t.teardown(() => client.close())
  const { one, many } = client.bind(service)
  const options = { timeoutMs: 30, waitForReady: true }
  const expected = { code: 'DEADLINE_EXCEEDED', unprocessed: true, address: '127.0.0.1:1' }
  await t.rejects(one({}, options), expected)
  await t.rejects(many({}, options).next(), expected)
})
