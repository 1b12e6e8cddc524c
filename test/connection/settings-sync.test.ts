import t from 'tap'
import { inspect } from '../../src/connection/connection.js'
import { resolveLimits } from '../../src/connection/core/limits.js'
import { ourSettings } from '../../src/connection/settings-sync.js'
import { Code, frames, type SettingPairs } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

t.test('RFC 9113 §6.5.2: the defaults hold until the peer speaks', t => {
  const { connection } = connect({ role: 'client', handshake: false })
  t.same(connection.peerSettings, {
    headerTableSize: 4_096,
    concurrentStreamsMax: Number.POSITIVE_INFINITY,
    initialWindowSize: 65_535,
    frameSizeMax: 16_384,
    headerListSizeMax: Number.POSITIVE_INFINITY,
    enableConnectProtocol: false,
  })
  t.end()
})

t.test('RFC 9113 §6.5.3: applied in order, the last value counts, acknowledged at once', t => {
  const { connection, peer } = connect({ role: 'client' })
  peer.sends(
    frames.settings([
      [1, 0],
      [1, 100],
      [3, 5],
      [3, 7],
      [4, 1_000],
      [5, 20_000],
      [6, 30_000],
      [8, 1],
      [0xabc, 9],
    ]),
  )
  peer.expects(frames.settingsAck())
  t.same(connection.peerSettings, {
    headerTableSize: 100,
    concurrentStreamsMax: 7,
    initialWindowSize: 1_000,
    frameSizeMax: 20_000,
    headerListSizeMax: 30_000,
    enableConnectProtocol: true,
  })
  t.end()
})

const wrong: [
  rule: string,
  role: 'client' | 'server',
  code: number,
  first: SettingPairs,
  then: SettingPairs,
][] = [
  ['9113 §6.5.2: ENABLE_PUSH = 2', 'server', Code.protocolError, [], [[2, 2]]],
  ['9113 §6.5.2: ENABLE_PUSH = 1 from a server', 'client', Code.protocolError, [], [[2, 1]]],
  ['9113 §6.5.2: a window of 2^31', 'client', Code.flowControlError, [], [[4, 2 ** 31]]],
  ['9113 §6.5.2: frames of 16,383', 'server', Code.protocolError, [], [[5, 16_383]]],
  ['9113 §6.5.2: frames of 2^24', 'server', Code.protocolError, [], [[5, 2 ** 24]]],
  ['8441 §3: 1 to 0', 'client', Code.protocolError, [[8, 1]], [[8, 0]]],
  ['9218 §2.1: changed', 'client', Code.protocolError, [[9, 1]], [[9, 0]]],
  ['9218 §2.1: said late', 'server', Code.protocolError, [], [[9, 1]]],
  ['9113 §10.5: 33 entries', 'server', Code.enhanceYourCalm, [], new Array(33).fill([3, 1])],
]
for (const [rule, role, code, first, then] of wrong) {
  t.test(`RFC ${rule}`, t => {
    const { peer } = connect({ role, settings: first })
    peer.sends(frames.settings(then))
    peer.expectsGoaway(code)
    t.end()
  })
}

t.test('what says nothing new is fine', t => {
  const { peer, connection } = connect({ role: 'client', settings: [[8, 1]] })
  peer.sends(
    frames.settings([
      [8, 1],
      [9, 0],
      [2, 0],
    ]),
  )
  peer.sends(frames.settings(new Array(32).fill([3, 1])))
  t.equal(inspect(connection).core.over, false)
  t.end()
})

t.test('RFC 9113 §6.5.3: nothing of SETTINGS with a wrong value is applied', t => {
  const { peer, connection } = connect({ role: 'client' })
  peer.sends(
    frames.settings([
      [4, 1],
      [5, 1],
    ]),
  )
  peer.expectsGoaway(Code.protocolError)
  t.equal(connection.peerSettings.initialWindowSize, 65_535)
  t.end()
})

t.test('RFC 9113 §6.5.3: an acknowledgement for nothing', t => {
  const { peer } = connect({ role: 'server' })
  peer.sends(frames.settingsAck())
  peer.expectsGoaway(Code.protocolError)
  t.end()
})

for (const role of ROLES) {
  t.test(`RFC 9113 §3.4: the first frame is SETTINGS, and no acknowledgement (${role})`, t => {
    for (const first of [frames.settingsAck(), frames.ping(), frames.windowUpdate(0, 1)]) {
      const { peer, events } = connect({ role, handshake: false })
      peer.takes()
      if (role === 'server') peer.sends(frames.preface())
      peer.sends(first)
      peer.expectsGoaway(Code.protocolError, 0)
      t.notOk(events.includes('settings'))
    }
    t.end()
  })
}

t.test('RFC 9113 §6.9.2: a window of a stream past 2^31-1', t => {
  const { peer } = withStream({ role: 'client' })
  peer.sends(frames.windowUpdate(1, 1_000), frames.settings({ initialWindowSize: 2 ** 31 - 1 }))
  t.match(peer.expectsGoaway(Code.flowControlError), /takes a stream window past 2\^31-1/)
  t.end()
})

t.test('each of two SETTINGS has its own time to be acknowledged', t => {
  const { peer, connection, recorder } = connect({ role: 'server', handshake: false })
  peer.sends(frames.preface(), frames.settings({}))
  peer.takes()
  peer.advance(15_000)
  inspect(connection).settings.send({})
  peer.sends(frames.settingsAck())
  peer.advance(19_999)
  t.equal(recorder.closedCount, 0)
  peer.sends(frames.settingsAck())
  peer.advance(60_000)
  t.equal(recorder.closedCount, 0)
  inspect(connection).settings.send({})
  inspect(connection).settings.send({})
  peer.sends(frames.settingsAck())
  peer.takes()
  peer.advance(20_000)
  peer.expectsGoaway(Code.settingsTimeout)
  t.end()
})

t.test('ours: what equals the default of the protocol is left out', t => {
  const plain = {
    decoderTableSizeMax: 4_096,
    streamWindowSize: 65_535,
    frameSizeMax: 16_384,
    headerListSizeMax: 9,
    streamsMax: 8,
  }
  t.same(ourSettings('client', resolveLimits('client', plain)), {
    enablePush: false,
    headerListSizeMax: 9,
  })
  t.same(ourSettings('server', resolveLimits('server', plain)), {
    concurrentStreamsMax: 8,
    headerListSizeMax: 9,
  })
  const all = {
    decoderTableSizeMax: 0,
    streamWindowSize: 1,
    frameSizeMax: 20_000,
    headerListSizeMax: 9,
  }
  t.same(ourSettings('client', resolveLimits('client', all)), {
    headerTableSize: 0,
    enablePush: false,
    initialWindowSize: 1,
    frameSizeMax: 20_000,
    headerListSizeMax: 9,
  })
  t.end()
})
