import t from 'tap'
import { CallAcceptor, Connection, Router } from '../../src/grpc/index.js'
import { frames, REQUEST } from '../support/frames.js'
import { RecordingRoute } from './support.js'

const REQUESTS: Record<string, readonly string[]> = {
  'a method that does not exist': REQUEST,
  'a request that is no gRPC': [...REQUEST, 'content-type', 'text/plain'],
  'a call without its message': [...REQUEST, 'content-type', 'application/grpc'],
}

for (const [name, fields] of Object.entries(REQUESTS)) {
  t.test(`CVE-2019-9512: who does not read the answers is not read: ${name}`, t => {
    const router = new Router()
    if (name.startsWith('a call')) router.add(new RecordingRoute('unary', fields[5]))
    const connection = new Connection({
      role: 'server',
      handler: new CallAcceptor(router),
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
