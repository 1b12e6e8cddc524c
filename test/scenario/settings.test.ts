import t from 'tap'
import { Code, frames, RESPONSE, SettingId, zeros } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

t.test('RFC 9113 §6.5.3: each SETTINGS is acknowledged once, at once', t => {
  for (const role of ROLES) {
    const { peer } = connect({ role })
    peer.sends(frames.settings({ concurrentStreamsMax: 5 }), frames.settings())
    peer.expects(frames.settingsAck(), frames.settingsAck())
  }
  t.end()
})

t.test('RFC 9113 §6.5.3: values are processed in the order they come', t => {
  const { peer, stream } = withStream({ role: 'client' })
  const id = SettingId.initialWindowSize
  peer.sends(
    frames.settings([
      [id, 0],
      [id, 70_000],
      [id, 1_100],
    ]),
  )
  peer.expects(frames.settingsAck())
  stream.sendData(zeros, 0, 1_101, false)
  peer.expects(frames.data(1, { size: 1_100 }))
  t.end()
})

t.test('RFC 9113 §6.5.2: unknown settings are ignored', t => {
  for (const role of ROLES) {
    const { peer } = connect({ role })
    peer.sends(
      frames.settings([
        [0, 1],
        [7, 0xffff_ffff],
        [0xffff, 3],
      ]),
    )
    peer.expects(frames.settingsAck())
  }
  t.end()
})

t.test('RFC 9113 §6.5: values out of range are connection errors', t => {
  const wrong: [number, number, number][] = [
    [SettingId.enablePush, 2, Code.protocolError],
    [SettingId.enablePush, 0xffff_ffff, Code.protocolError],
    [SettingId.initialWindowSize, 0x8000_0000, Code.flowControlError],
    [SettingId.initialWindowSize, 0xffff_ffff, Code.flowControlError],
    [SettingId.frameSizeMax, 0, Code.protocolError],
    [SettingId.frameSizeMax, 16_383, Code.protocolError],
    [SettingId.frameSizeMax, 0x100_0000, Code.protocolError],
    [SettingId.frameSizeMax, 0xffff_ffff, Code.protocolError],
    [SettingId.enableConnectProtocol, 2, Code.protocolError],
    [SettingId.noRfc7540Priorities, 2, Code.protocolError],
  ]
  for (const role of ROLES) {
    for (const [id, value, code] of wrong) {
      const { peer, connection } = withStream({ role })
      peer.sends(frames.settings([[id, value]]))
      peer.expectsFatal(code)
      t.ok(connection.finished, `${role}, ${id} = ${value}`)
    }
  }
  t.end()
})

t.test('RFC 9113 §6.5: values at the edge of their range are legal', t => {
  const right: [number, number][] = [
    [SettingId.headerTableSize, 0],
    [SettingId.headerTableSize, 0xffff_ffff],
    [SettingId.enablePush, 0],
    [SettingId.concurrentStreamsMax, 0],
    [SettingId.concurrentStreamsMax, 0xffff_ffff],
    [SettingId.initialWindowSize, 0],
    [SettingId.initialWindowSize, 0x7fff_ffff],
    [SettingId.frameSizeMax, 16_384],
    [SettingId.frameSizeMax, 0xff_ffff],
    [SettingId.headerListSizeMax, 0],
    [SettingId.headerListSizeMax, 0xffff_ffff],
    [SettingId.enableConnectProtocol, 1],
  ]
  for (const role of ROLES) {
    for (const pair of right) {
      const { peer } = connect({ role })
      peer.sends(frames.settings([pair]))
      peer.expects(frames.settingsAck())
    }
  }
  t.end()
})

t.test('RFC 9113 §6.5.2: a server that sends ENABLE_PUSH=1 ends the connection', t => {
  const { peer } = connect({ role: 'client' })
  peer.sends(frames.settings({ enablePush: 1 }))
  peer.expectsFatal(Code.protocolError)
  const server = connect({ role: 'server' })
  server.peer.sends(frames.settings({ enablePush: 1 }))
  server.peer.expects(frames.settingsAck())
  t.end()
})

t.test('RFC 8441 §3: ENABLE_CONNECT_PROTOCOL never goes back from 1 to 0', t => {
  for (const role of ROLES) {
    const { peer } = connect({ role, settings: { enableConnectProtocol: 1 } })
    peer.sends(frames.settings({ enableConnectProtocol: 1 }))
    peer.expects(frames.settingsAck())
    peer.sends(frames.settings({ enableConnectProtocol: 0 }))
    peer.expectsFatal(Code.protocolError)
  }
  t.end()
})

t.test('RFC 9218 §2.1: NO_RFC7540_PRIORITIES does not change after the first SETTINGS', t => {
  for (const role of ROLES) {
    const first = connect({ role, settings: { noRfc7540Priorities: 1 } })
    first.peer.sends(frames.settings({ noRfc7540Priorities: 1 }))
    first.peer.expects(frames.settingsAck())
    first.peer.sends(frames.settings({ noRfc7540Priorities: 0 }))
    first.peer.expectsFatal(Code.protocolError)
    const later = connect({ role })
    later.peer.sends(frames.settings({ noRfc7540Priorities: 1 }))
    later.peer.expectsFatal(Code.protocolError)
    const unsaid = connect({ role })
    unsaid.peer.sends(frames.settings({ noRfc7540Priorities: 0 })) // 0 is what it was all along
    unsaid.peer.expects(frames.settingsAck())
  }
  t.end()
})

t.test(
  'CVE-2019-9515 (D3): an acknowledgement of SETTINGS we never sent ends the connection',
  t => {
    for (const role of ROLES) {
      const { peer } = connect({ role }) // the one SETTINGS of ours is acknowledged
      peer.sends(frames.settingsAck())
      peer.expectsFatal(Code.protocolError)
    }
    t.end()
  },
)

t.test('CVE-2019-9515 (D2): 32 entries in one SETTINGS are taken, 33 are too many', t => {
  const entries = (count: number): [number, number][] =>
    Array.from({ length: count }, () => [SettingId.headerListSizeMax, 16_384])
  for (const role of ROLES) {
    const { peer } = connect({ role })
    peer.sends(frames.settings(entries(32)))
    peer.expects(frames.settingsAck())
    peer.sends(frames.settings(entries(33)))
    peer.expectsFatal(Code.enhanceYourCalm)
  }
  t.end()
})

t.test('RFC 9113 §6.5.2: a larger MAX_FRAME_SIZE of the peer is used, a smaller one obeyed', t => {
  const { peer, stream } = withStream({ role: 'server' })
  peer.sends(frames.settings({ frameSizeMax: 20_000 }))
  peer.expects(frames.settingsAck())
  stream.sendHeaders(RESPONSE, false)
  stream.sendData(zeros, 0, 40_000, false)
  const sizes = peer.takes().map(frame => frame.payload.length)
  t.ok(sizes.slice(1).every(size => size <= 20_000))
  t.ok(Math.max(...sizes) > 16_384, 'larger frames than the minimum')
  peer.sends(frames.settings({ frameSizeMax: 16_384 }))
  stream.sendData(zeros, 0, 25_000, true) // within the window of 65_535
  peer.takes() // the strict parser checks the sizes
  t.end()
})

t.test('CVE-2026-33814 (D13): a bad MAX_FRAME_SIZE is refused before it is applied', t => {
  const { peer, open } = connect({ role: 'client' })
  peer.sends(frames.settings({ frameSizeMax: 1 }))
  t.throws(() => open(true), 'no request goes out after the error')
  peer.expectsFatal(Code.protocolError)
  t.end()
})

t.test('RFC 9113 §6.5.3: the acknowledgement comes before anything that uses the new values', t => {
  const { peer, stream } = withStream({ role: 'client', settings: { initialWindowSize: 1_500 } })
  stream.sendData(zeros, 0, 1_800, true)
  peer.expects(frames.data(1, { size: 1_500 }))
  peer.sends(frames.settings({ initialWindowSize: 50_000 }))
  peer.expects(frames.settingsAck(), frames.data(1, { size: 300, endStream: true }))
  t.end()
})
