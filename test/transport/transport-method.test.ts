import t from 'tap'
import { decodeMessage, encodeMessage } from '../../src/transport/micro/message.js'
import {
  TRANSPORT_PATH,
  TRANSPORT_PATH_OLD,
  transportMethod,
} from '../../src/transport/micro/transport-method.js'

t.test('micro-wire fact 1: the two paths of Transport/Stream', t => {
  t.equal(TRANSPORT_PATH, '/go.micro.transport.grpc.Transport/Stream')
  t.equal(TRANSPORT_PATH_OLD, '/go.micro.grpc.transport.Transport/Stream')
  t.end()
})

t.test('it streams messages both ways; they are encoded before the call sees them', t => {
  const method = transportMethod(TRANSPORT_PATH)
  t.equal(method.kind, 'bidi')
  const bytes = encodeMessage({ header: new Map([['a', 'b']]), body: Buffer.from('hi') })
  t.equal(method.request.get('proto')?.encode(bytes), bytes)
  t.same(
    method.response.get('proto')?.decode(bytes, 0, bytes.length),
    decodeMessage(bytes, 0, bytes.length),
  )
  t.end()
})
