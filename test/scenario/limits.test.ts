import t from 'tap'
import { type ConnectionLimits, DEFAULT_LIMITS } from '../../src/connection/index.js'
import { SettingId } from '../support/frames.js'
import { connect, ROLES } from '../support/peer.js'

t.test('the defaults that a peer can see or meet', t => {
  const expected: Partial<ConnectionLimits> = {
    frameSizeMax: 16_384,
    headerListSizeMax: 16_384,
    headerListSizeHardMax: 65_536,
    headerFieldsMax: 512,
    headerFieldsHardMax: 1_000,
    continuationsMax: 8,
    emptyContinuationsMax: 2,
    headerTimeoutMs: 10_000,
    decoderTableSizeMax: 4_096,
    encoderTableSizeMax: 4_096,
    tableSizeUpdatesMax: 2,
    streamWindowSize: 131_072,
    connectionWindowSize: 1_048_576,
    streamsMax: 1_000,
    peerStreamsAssumed: 100,
    resetsMax: 1_000,
    resetsPerSecond: 100,
    provokedResetCost: 10,
    controlFramesPause: 100,
    controlFramesMax: 1_000,
    pingIntervalMinMs: 300_000,
    pingStrikesMax: 2,
    settingsEntriesMax: 32,
    settingsTimeoutMs: 20_000,
    emptyDataMax: 100,
    workMax: 10_000,
    workPerSecond: 1_000,
    streamBufferSize: 65_536,
    connectionBufferSize: 1_048_576,
    prefaceTimeoutMs: 10_000,
    idleTimeoutMs: Number.POSITIVE_INFINITY,
    writeStallTimeoutMs: 60_000,
    turnFramesMax: 1_000,
    turnCallsMax: 1_000,
    turnTimeMaxUs: 500,
    turnSizeMax: 262_144,
  }
  for (const [name, value] of Object.entries(expected)) {
    t.equal(DEFAULT_LIMITS[name as keyof ConnectionLimits], value, name)
  }
  t.ok(Object.isFrozen(DEFAULT_LIMITS))
  t.end()
})

t.test('every limit can be given, and its default given is the same as none', t => {
  for (const role of ROLES) {
    const settings = (limits: Partial<ConnectionLimits>): string =>
      connect({ role, handshake: false, limits }).peer.takesLines().join('\n')
    t.equal(settings({ ...DEFAULT_LIMITS }), settings({}), role)
  }
  t.end()
})

t.test('RFC 9113 §6.5.2: a smaller table for our decoder is announced', t => {
  const { peer } = connect({ role: 'client', handshake: false, limits: { decoderTableSizeMax: 0 } })
  const { payload } = peer.takes()[0]!
  const found: [number, number][] = []
  for (let i = 0; i < payload.length; i += 6)
    found.push([payload.readUInt16BE(i), payload.readUInt32BE(i + 2)])
  t.ok(found.some(([id, value]) => id === SettingId.headerTableSize && value === 0))
  t.end()
})
