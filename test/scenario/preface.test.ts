import t from 'tap'
import { Code, frames, REQUEST, SettingId, Type } from '../support/frames.js'
import { connect, ROLES } from '../support/peer.js'

t.test('RFC 9113 §3.4: a server takes the preface in any segmentation', t => {
  for (const size of [1, 2, 3, 7, 23, 24, 25, 1000]) {
    const { peer, events } = connect({ role: 'server', handshake: false })
    peer.takes()
    peer.sendsInPieces(size, frames.preface(), frames.settings(), frames.headers(1, REQUEST))
    t.same(events, ['settings', 'request 1'], `pieces of ${size}`)
    peer.expects(frames.settingsAck())
  }
  t.end()
})

t.test('RFC 9113 §3.4: the preface fails at its first wrong octet', t => {
  for (let i = 0; i < 24; i++) {
    const { peer, connection, recorder } = connect({ role: 'server', handshake: false })
    const preface = frames.preface()
    if (i > 0) peer.sends(preface.subarray(0, i))
    t.notOk(connection.finished, `${i} octets are right`)
    peer.sends(Buffer.of(preface[i]! ^ 0x80))
    peer.expectsFatal(Code.protocolError, 0)
    t.equal(recorder.streams.size, 0)
  }
  t.end()
})

t.test('RFC 9113 §3.4: what an HTTP/1.1 client sends is no preface', t => {
  const { peer, connection, events } = connect({ role: 'server', handshake: false })
  peer.sends(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
  peer.takes()
  t.ok(connection.finished)
  t.notOk(events.some(event => event.startsWith('request')))
  t.end()
})

t.test('RFC 9113 §3.4: the first frame must be SETTINGS, and not an acknowledgement', t => {
  const wrong = {
    'SETTINGS ack': frames.settingsAck(),
    PING: frames.ping(),
    HEADERS: frames.headers(1, REQUEST),
    DATA: frames.data(1, { size: 1 }),
    WINDOW_UPDATE: frames.windowUpdate(0, 1),
    GOAWAY: frames.goaway(0, 0),
    'unknown type': frames.raw(0xee, 0, 0),
  }
  for (const role of ROLES) {
    for (const [name, frame] of Object.entries(wrong)) {
      const { peer, events } = connect({ role, handshake: false })
      peer.takes()
      peer.sends(...(role === 'server' ? [frames.preface()] : []), frame)
      peer.expectsFatal(Code.protocolError, 0)
      t.notOk(events.includes('settings'), `${role}, ${name}`)
    }
  }
  t.end()
})

t.test('RFC 9113 §3.4: each side sends SETTINGS first, before it heard anything', t => {
  for (const role of ROLES) {
    const { peer } = connect({ role, handshake: false })
    const [first] = peer.takes() // the strict parser checks magic and order
    t.equal(first!.type, Type.settings, role)
    t.equal(first!.flags, 0, role)
  }
  t.end()
})

t.test('RFC 9113 §3.4: a client may send requests before the server SETTINGS came', t => {
  const { peer, open, events } = connect({ role: 'client', handshake: false })
  open(true)
  const sent = peer.takes()
  t.equal(sent[0]!.type, Type.settings)
  t.same(sent.at(-1)!.list, REQUEST)
  peer.sends(frames.settings())
  t.same(events, ['settings'])
  peer.expects(frames.settingsAck())
  t.end()
})

t.test('RFC 9113 §3.4: empty SETTINGS are a preface too', t => {
  for (const role of ROLES) {
    const { peer, events } = connect({ role, handshake: false })
    peer.takes()
    peer.sends(...(role === 'server' ? [frames.preface()] : []), frames.settings())
    t.same(events, ['settings'])
    peer.expects(frames.settingsAck())
  }
  t.end()
})

t.test('RFC 9113 §6.5.2: our SETTINGS say what our limits are', t => {
  const read = (role: 'client' | 'server'): Map<number, number> => {
    const limits = { headerListSizeMax: 10_000, streamWindowSize: 70_000, frameSizeMax: 20_000 }
    const { peer } = connect({ role, handshake: false, limits: { ...limits, streamsMax: 7 } })
    const { payload } = peer.takes()[0]!
    const found = new Map<number, number>()
    for (let i = 0; i < payload.length; i += 6) {
      found.set(payload.readUInt16BE(i), payload.readUInt32BE(i + 2))
    }
    return found
  }
  for (const role of ROLES) {
    const sent = read(role)
    t.equal(sent.get(SettingId.headerListSizeMax), 10_000, role)
    t.equal(sent.get(SettingId.initialWindowSize), 70_000, role)
    t.equal(sent.get(SettingId.frameSizeMax), 20_000, role)
    t.notOk(sent.has(SettingId.enableConnectProtocol), 'RFC 8441 §3: never advertised')
    t.ok(
      [...sent.keys()].every(id => id >= 1 && id <= 6),
      'RFC 9113 §5.5: no extension is offered',
    )
  }
  t.equal(read('client').get(SettingId.enablePush), 0, 'RFC 9113 §8.4: no push to this client')
  t.not(read('server').get(SettingId.enablePush), 1, 'RFC 9113 §6.5.2: a server never sends 1')
  t.equal(read('server').get(SettingId.concurrentStreamsMax), 7)
  t.end()
})

t.test('RFC 9113 §6.9.2: the connection window grows by WINDOW_UPDATE, never by SETTINGS', t => {
  for (const role of ROLES) {
    for (const connectionWindowSize of [100_000, 200_000]) {
      const { peer } = connect({ role, handshake: false, limits: { connectionWindowSize } })
      const update = peer.takesLines().filter(line => line.startsWith('WINDOW_UPDATE'))
      t.same(update, [`WINDOW_UPDATE +${connectionWindowSize - 65_535}`], role)
    }
  }
  t.end()
})
