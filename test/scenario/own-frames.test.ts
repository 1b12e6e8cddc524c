import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { Code, frames, REQUEST, RESPONSE, TRAILERS, Type } from '../support/frames.js'
import { connect, streamIds } from '../support/peer.js'

/** Limits at which the first frame too many would be the end. */
const TIGHT = { controlFramesMax: 10, controlFramesPause: 10 }

t.test('RFC 9113 §10.5: any number of streams may be given up in one tick', t => {
  const client = connect({
    role: 'client',
    settings: { concurrentStreamsMax: 5_000 },
  })
  const calls = streamIds(3_000).map(() => client.open(true))
  client.peer.takes()
  for (const { stream } of calls) stream!.reset(Code.cancel)
  t.equal(client.connection.finished, false)
  t.equal(client.connection.blocked, false, 'and the peer is read meanwhile')
  const seen = client.peer.takes()
  t.equal(seen.filter(({ type }) => type === Type.rstStream).length, 3_000)
  t.equal(seen.length, 3_000)
  t.end()
})

t.test('RFC 9113 §8.1: any number of responses may end in one tick, NO_ERROR behind them', t => {
  const server = connect({ role: 'server', limits: { ...TIGHT, streamsMax: 4_000 } })
  const ids = streamIds(1_500)
  for (const id of ids) server.peer.sends(frames.headers(id, REQUEST))
  for (const id of ids) {
    const stream = server.recorder.stream(id)
    stream.sendHeaders(RESPONSE, false)
    stream.sendHeaders(TRAILERS, true)
    stream.reset(Code.noError)
  }
  t.equal(server.connection.finished, false)
  t.equal(server.connection.blocked, false)
  const resets = server.peer.takes().filter(({ type }) => type === Type.rstStream)
  t.equal(resets.length, 1_500)
  t.end()
})

t.test('WINDOW_UPDATE, PING, SETTINGS and GOAWAY of our own count as nobody’s abuse', t => {
  const server = connect({ role: 'server', limits: { ...TIGHT, streamWindowSize: 100 } })
  const { connection, peer, recorder } = server
  const ids = streamIds(50)
  for (const id of ids) peer.sends(frames.headers(id, REQUEST), frames.data(id, { size: 100 }))
  peer.takes()
  for (const id of ids) recorder.stream(id).consume(100)
  for (let i = 0; i < 50; i++) connection.ping(() => {})
  for (let i = 0; i < 50; i++) inspect(connection).settings.send({})
  connection.shutdown()
  t.equal(connection.finished, false)
  t.equal(connection.blocked, false)
  const types = peer.takes().map(({ type }) => type)
  const count = (wanted: number): number => types.filter(type => type === wanted).length
  t.equal(count(Type.windowUpdate), 50)
  t.equal(count(Type.ping), 51)
  t.equal(count(Type.settings), 50)
  t.equal(count(Type.goaway), 1)
  t.end()
})

t.test('CVE-2019-9512: what the peer made us send is counted, whichever frame it is', t => {
  const provocations: Record<string, Buffer[]> = {
    'PING acknowledgements': Array.from({ length: 20 }, () => frames.ping()),
    'SETTINGS acknowledgements': Array.from({ length: 20 }, () => frames.settings()),
    'RST_STREAM for a broken rule': streamIds(20, 3).map(id => frames.headers(id, ['X', '1'])),
    'RST_STREAM for a stream too many': streamIds(20, 3).map(id => frames.headers(id, REQUEST)),
  }
  for (const [name, octets] of Object.entries(provocations)) {
    const limits = { streamsMax: 1, controlFramesPause: 10, pingStrikesMax: 100 }
    const { connection, peer } = connect({ role: 'server', limits })
    peer.sends(frames.headers(1, REQUEST))
    peer.takes()
    const all = Buffer.concat(octets)
    const reached = connection.receive(all, 0, all.length, peer.now)
    t.ok(reached < all.length, `${name}: not all of it is read`)
    t.equal(connection.blocked, true, name)
    t.equal(inspect(connection).control.provoked, 11, name)
  }
  t.end()
})
