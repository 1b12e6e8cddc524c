import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Code, frames, Type } from '../support/frames.js'
import { connect } from '../support/peer.js'

t.test('each control frame as it stands on the wire, and as the observer sees it', t => {
  const seen: string[] = []
  const { connection, peer } = connect({
    role: 'server',
    observer: {
      onFrame: (sent, type, flags, id, size) => {
        if (sent) seen.push(`${type} ${flags} ${id} ${size}`)
      },
    },
  })
  seen.length = 0
  const { control } = inspect(connection)
  control.settings({ frameSizeMax: 20_000 })
  control.settingsAck()
  control.ping(Buffer.from('..12345678'), 2, false)
  control.ping(Buffer.from('abcdefgh'), 0, true)
  control.reset(3, Code.cancel, false)
  control.windowUpdate(5, 77)
  control.goaway(9, Code.noError, undefined)
  control.goaway(7, Code.noError, 'see §6 of it')
  const lines = connection.takeOutput(1_000)
  t.same(
    Buffer.concat(lines),
    Buffer.concat([
      frames.settings({ frameSizeMax: 20_000 }),
      frames.settingsAck(),
      frames.ping('12345678'),
      frames.ping('abcdefgh', true),
      frames.rstStream(3, Code.cancel),
      frames.windowUpdate(5, 77),
      frames.goaway(9, Code.noError),
      frames.goaway(7, Code.noError, 'see section 6 of it'),
    ]),
  )
  t.same(seen, [
    '4 0 0 6',
    '4 1 0 0',
    '6 0 0 8',
    '6 1 0 8',
    '3 0 3 4',
    '8 0 5 4',
    '7 0 0 8',
    '7 0 0 27',
  ])
  t.equal(peer.now, 1_000)
  t.end()
})

t.test('debug data is at most 256 octets', t => {
  const { connection } = connect({ role: 'client' })
  inspect(connection).control.goaway(0, Code.noError, '§'.repeat(300))
  const [bytes] = connection.takeOutput(10_000)
  t.equal(bytes!.length, 9 + 8 + 256)
  t.end()
})

t.test('CVE-2019-9512: answers that nobody reads end the connection, GOAWAY still fits', t => {
  const { connection, recorder, peer } = connect({
    role: 'server',
    limits: { controlFramesMax: 10, controlFramesPause: 1_000, pingStrikesMax: 100 },
  })
  const pings = Buffer.concat(Array.from({ length: 20 }, () => frames.ping()))
  connection.receive(pings, 0, pings.length, 1_000)
  t.equal(inspect(connection).core.over, true)
  t.match(recorder.closedCause, {
    message:
      /11 answers to control frames and broken rules wait for the peer to read; the limit is 10/,
  })
  const found = peer.takes()
  t.equal(found.length, 12)
  t.equal(found.at(-1)!.type, Type.goaway)
  t.end()
})

t.test('taking output starts the count again', t => {
  const limits = { controlFramesMax: 10, pingStrikesMax: 100 }
  const { connection, peer } = connect({ role: 'server', limits })
  for (let i = 0; i < 8; i++) {
    peer.sends(frames.ping(), frames.settings({}))
    t.equal(inspect(connection).control.provoked, 2)
    peer.takes()
    t.equal(inspect(connection).control.provoked, 0)
  }
  t.equal(inspect(connection).core.over, false)
  t.end()
})
