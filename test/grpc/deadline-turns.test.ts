import t from 'tap'
import { CallAcceptor, Connection, type ConnectionHandler, Router } from '../../src/grpc/index.js'
import { frames, REQUEST } from '../support/frames.js'
import { RecordingRoute } from './support.js'

// A thousand calls may have one deadline, and each handler that hears of it runs user code. A client tells all at once: they are its own calls.

function serverOf(handler: ConnectionHandler) {
  let wanted = 0
  const connection = new Connection({
    role: 'server',
    handler,
    host: {
      onOutput() {},
      onTurn: () => void wanted++,
      onSettings() {},
      onGoaway() {},
      onCapacity() {},
      onHandlerError() {},
      onClosed() {},
    },
    now: 1_000,
    limits: { turnCallsMax: 3 },
  })
  const give = (...all: Buffer[]): void => {
    for (const bytes of all) connection.receive(bytes, 0, bytes.length, 1_000)
    connection.takeOutput(1 << 20)
  }
  return { connection, give, wanted: () => wanted }
}

/** What has been told after each turn, until no turn is wanted any more. */
function told(connection: Connection, wanted: () => number, count: () => number): number[] {
  const counts: number[] = []
  let before = wanted()
  connection.advance(2_000)
  counts.push(count())
  while (wanted() > before) {
    before = wanted()
    connection.turn(2_000)
    counts.push(count())
  }
  return counts
}

t.test('turnCallsMax: handlers hear of a deadline that many calls have in turns', t => {
  const route = new RecordingRoute('bidi', '/greeter.Greeter/Hello')
  const router = new Router()
  router.add(route)
  const { connection, give, wanted } = serverOf(new CallAcceptor(router))
  give(frames.preface(), frames.settings(), frames.settingsAck())
  const fields = [...REQUEST, 'content-type', 'application/grpc', 'grpc-timeout', '500m']
  for (let id = 1; id < 16; id += 2) give(frames.headers(id, fields))
  connection.turn(1_000)
  connection.turn(1_000)
  const count = (): number => route.heard.filter(text => text === 'cancel').length
  const counts = told(connection, wanted, count)
  t.equal(counts.at(-1), 8)
  t.ok(
    counts.every((each, i) => each - (counts[i - 1] ?? 0) <= 3),
    `${counts}`,
  )
  t.end()
})
