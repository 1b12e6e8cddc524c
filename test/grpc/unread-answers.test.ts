import t from 'tap'
import { CallAcceptor, type CallOptions, Connection, GZIP, Router } from '../../src/grpc/index.js'
import { frames, REQUEST } from '../support/frames.js'
import { SlowGzip } from './slow-compression.js'
import { framed, RecordingRoute } from './support.js'

function connectionTo(router: Router, options: CallOptions = {}): Connection {
  return new Connection({
    role: 'server',
    handler: new CallAcceptor(router, options),
    host: {
      onOutput() {},
      onSettings() {},
      onGoaway() {},
      onCapacity() {},
      onHandlerError() {},
      onClosed() {},
    },
    now: 1_000,
  })
}

const REQUESTS: Record<string, readonly string[]> = {
  'a method that does not exist': REQUEST,
  'a request that is no gRPC': [...REQUEST, 'content-type', 'text/plain'],
  'a call without its message': [...REQUEST, 'content-type', 'application/grpc'],
}

for (const [name, fields] of Object.entries(REQUESTS)) {
  t.test(`CVE-2019-9512: who does not read the answers is not read: ${name}`, t => {
    const router = new Router()
    if (name.startsWith('a call')) router.add(new RecordingRoute('unary', fields[5]))
    const connection = connectionTo(router)
    const sends = (bytes: Buffer): boolean =>
      connection.receive(bytes, 0, bytes.length, 1_000) === bytes.length
    for (const bytes of [frames.preface(), frames.settings(), frames.settingsAck()]) sends(bytes)
    const request = frames.headers(1, fields, { endStream: true })
    let count = 0
    for (let id = 1; id < 200_000; id += 2) {
      request.writeUInt32BE(id, 5)
      if (!sends(request)) break
      count++
    }
    const sizeOf = (pieces: readonly Buffer[]): number =>
      pieces.reduce((sum, { length }) => sum + length, 0)
    const waiting = sizeOf(connection.takeOutput(1 << 30))
    t.ok(waiting < 1_050_000, `${waiting} octets wait after ${count} requests`)
    t.ok(count > 1_000, `${count} requests were read`)
    t.ok(connection.receive(request, 0, request.length, 1_000) > 0, 'goes on once they are taken')
    t.end()
  })
}

t.test('inflatedSizeMax: answers that leave by a window let the next message be inflated', t => {
  const gzip = new SlowGzip()
  const router = new Router()
  const route = new RecordingRoute('unary', '/greeter.Greeter/Hello')
  route.onStart = call => call.respond(call.request)
  router.add(route)
  const limits = { inflateNowSizeMax: 1, messageSizeMax: 60_000, inflatedSizeMax: 90_000 }
  const connection = connectionTo(router, { compressions: gzip.compressions, limits })
  const give = (bytes: Buffer): void => {
    connection.receive(bytes, 0, bytes.length, 1_000)
    connection.takeOutput(1 << 20)
  }
  const fields = [...REQUEST, 'content-type', 'application/grpc', 'grpc-encoding', 'gzip']
  const body = framed(GZIP.compress(Buffer.alloc(50_000, 'x')), 1)
  for (const bytes of [frames.preface(), frames.settings([[4, 0]]), frames.settingsAck()])
    give(bytes)
  for (const id of [1, 3]) {
    give(frames.headers(id, fields))
    give(frames.data(id, { bytes: body, endStream: true }))
  }
  gzip.finish()
  connection.takeOutput(1 << 20)
  t.equal(connection.memory.queuedSize, 50_005, 'its window is 0')
  t.equal(gzip.running, 0)
  give(frames.windowUpdate(1, 10_000))
  t.equal(connection.memory.queuedSize, 40_005)
  t.equal(gzip.running, 1, 'no more came of the client')
  gzip.finish()
  t.equal(route.calls.length, 2)
  t.end()
})
