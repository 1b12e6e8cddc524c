import t from 'tap'
import { contentCodec, grpcSubtype, legacyContentType } from '../../src/micro/mucp/content-type.js'
import {
  grpcEnvelope,
  jsonRpcEnvelope,
  plainEnvelope,
  protoRpcEnvelope,
} from '../../src/micro/mucp/envelope.js'
import { formatTimeout, isProtocolHeader, readMucpFields } from '../../src/micro/mucp/header.js'

function text({ bytes, start, end }: { bytes: Buffer; start: number; end: number }): string {
  return bytes.toString('latin1', start, end)
}

const NONE = new Uint8Array(0)

t.test('micro-wire §3.2: content types and their codecs', t => {
  for (const [type, subtype] of [
    ['application/json', 'json'],
    ['application/protobuf', 'proto'],
    ['application/grpc', 'proto'],
    ['application/grpc+proto', 'proto'],
    ['application/grpc+json', 'json'],
    ['application/octet-stream', 'bytes'],
    ['application/json-rpc', 'json'],
    ['application/proto-rpc', 'proto'],
  ] as const) {
    t.equal(contentCodec(type)?.subtype, subtype, type)
  }
  t.equal(contentCodec('text/html'), undefined)
  t.equal(legacyContentType('application/json'), 'application/json-rpc')
  t.equal(legacyContentType('application/protobuf'), 'application/proto-rpc')
  t.equal(legacyContentType('application/octet-stream'), 'application/octet-stream')
  t.end()
})

t.test('micro-wire §4.3: content types and their gRPC subtypes', t => {
  for (const [type, subtype] of [
    ['application/proto', 'proto'],
    ['application/protobuf', 'proto'],
    ['application/octet-stream', 'proto'],
    ['application/grpc', 'proto'],
    ['application/grpc+proto', 'proto'],
    ['application/json', 'json'],
    ['application/grpc+json', 'json'],
    ['application/grpc+bytes', 'bytes'],
    ['application/grpc+thrift', 'thrift'],
    ['text/html', undefined],
  ] as const) {
    t.equal(grpcSubtype(type), subtype, type)
  }
  t.end()
})

t.test('plain: the message is the body', t => {
  const body = Buffer.from('abc')
  t.equal(text(plainEnvelope.openRequest(body)), 'abc')
  t.equal(plainEnvelope.wrapRequest(body, '1', 'A.B'), body)
  t.equal(plainEnvelope.wrapReply(body, '1', 'A.B', 'error').length, 0)
  t.end()
})

t.test('micro-wire §3.8: gRPC framing and its faults', t => {
  const wrapped = Buffer.from(grpcEnvelope.wrapRequest(Buffer.from('abc'), '', ''))
  t.equal(wrapped.toString('hex'), '0000000003616263')
  t.equal(text(grpcEnvelope.openReply(wrapped)), 'abc')
  t.equal(text(grpcEnvelope.openRequest(Buffer.alloc(0))), '')
  t.equal(grpcEnvelope.wrapReply(NONE, '', '', 'x').length, 0)
  t.throws(() => grpcEnvelope.openRequest(Buffer.from('00', 'hex')), /length-prefixed/)
  t.throws(() => grpcEnvelope.openRequest(Buffer.from('0100000000', 'hex')), /uncompressed/)
  t.throws(
    () => grpcEnvelope.openRequest(Buffer.from('0000000002ff', 'hex')),
    /length prefix says 2 of 1 octets/,
  )
  t.throws(() => grpcEnvelope.openRequest(Buffer.from('00ffffffff', 'hex')), /length prefix/)
  t.end()
})

t.test('micro-wire §3.2: json-rpc 1.0', t => {
  const { wrapRequest, openRequest, wrapReply, openReply } = jsonRpcEnvelope
  t.equal(
    Buffer.from(wrapRequest(Buffer.from('{"a":1}\n'), '7', 'A.B')).toString(),
    '{"params":[{"a":1}],"id":"7","method":"A.B"}\n',
  )
  t.equal(
    Buffer.from(wrapRequest(NONE, '7', 'A.B')).toString(),
    '{"params":[null],"id":"7","method":"A.B"}\n',
  )
  const request = openRequest(Buffer.from('{"params":[{"a":1}],"id":7,"method":"A.B"}'))
  t.match(request, { endpoint: 'A.B', id: '7', error: '' })
  t.equal(text(request), '{"a":1}')
  t.equal(text(openRequest(Buffer.from('{"method":"A.B"}'))), '')
  t.equal(
    Buffer.from(wrapReply(NONE, '7', 'A.B', 'no "x"')).toString(),
    '{"id":"7","result":null,"error":"no \\"x\\""}\n',
  )
  t.match(openReply(Buffer.from('{"id":"7","result":null,"error":"x"}')), { error: 'x', end: 0 })
  t.throws(() => openReply(Buffer.from('null x')), /json-rpc envelope/)
  t.equal(text(openReply(Buffer.from('null'))), '')
  t.end()
})

t.test('micro-wire §3.2: proto-rpc', t => {
  const { wrapRequest, openRequest, wrapReply, openReply } = protoRpcEnvelope
  const body = Buffer.from(wrapRequest(Buffer.from('abc'), '258', 'A.B'))
  t.equal(body.toString('hex'), '0000000e0a03412e42110201000000000000' + '00000003616263')
  const request = openRequest(body)
  t.match(request, { endpoint: 'A.B', id: '258', error: '' })
  t.equal(text(request), 'abc')
  const long = 'x'.repeat(300)
  t.match(openReply(Buffer.from(wrapReply(Buffer.from('no'), '', 'A.B', long))), {
    id: '0',
    error: long,
    endpoint: 'A.B',
  })
  t.equal(text(openReply(Buffer.from(wrapReply(Buffer.from('yes'), '0', '', '')))), 'yes')
  for (const hex of [
    '00',
    '00000005',
    '0000000000000001',
    '000000010a00000000',
    '000000020aff00000000',
    '00000002080100000000',
    '000000060affffffff0f00000000',
  ]) {
    t.throws(() => openRequest(Buffer.from(hex, 'hex')), RangeError, hex)
  }
  t.end()
})

t.test('micro-wire §3.1: Timeout is decimal nanoseconds, rounded up; nonsense is none', t => {
  t.equal(formatTimeout(5_000), '5000000000')
  t.equal(formatTimeout(0.0004), '1000')
  t.equal(formatTimeout(9e12), '9000000000000000000')
  const timeout = (value: string): number => readMucpFields(new Map([['timeout', value]])).timeoutMs
  t.equal(timeout('5000000'), 5)
  for (const value of ['', '0', '-5', '5s', '1e9', '99999999999999999999'])
    t.equal(timeout(value), Number.POSITIVE_INFINITY, value)
  t.end()
})

t.test('what belongs to the protocol is no metadata; what wrappers add is', t => {
  for (const name of [
    'micro-id',
    'x-micro-id',
    'micro-error',
    'timeout',
    'connection',
    ':path',
    'local',
    'remote',
  ]) {
    t.ok(isProtocolHeader(name), name)
  }
  for (const name of [
    'authorization',
    'micro-from-service',
    'micro-trace-id',
    'micro-namespace',
    'foo',
  ]) {
    t.notOk(isProtocolHeader(name), name)
  }
  t.end()
})
