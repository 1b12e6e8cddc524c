import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Connection, type ConnectionLimits, DEFAULT_LIMITS } from '../../src/connection/index.js'
import { SettingId } from '../support/frames.js'
import { connect, ROLES } from '../support/peer.js'
import { Recorder } from '../support/recorder.js'

function make(limits: object): Connection {
  const recorder = new Recorder()
  return new Connection({ role: 'server', handler: recorder, host: recorder, now: 0, limits })
}

t.test('every limit says its unit, its default and its reason', t => {
  const path = join(import.meta.dirname, '..', '..', '..', 'src', 'connection', 'limits.ts')
  const text = readFileSync(path, 'utf8')
  for (const [name, value] of Object.entries(DEFAULT_LIMITS)) {
    const documented = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*readonly ${name}: number`).exec(
      text,
    )
    t.ok(documented, `${name} is documented`)
    const doc = documented![1]!.replace(/\s*\n\s*\*\s*/g, ' ')
    t.match(doc, /Unit: \w+/, name)
    t.match(doc, /Reason: .+/, name)
    const said = /Default: ([\d_]+|Infinity)/.exec(doc)
    t.ok(said, `${name} has a default`)
    // A default that differs by role is told in words; the table is the server's.
    if (!/Default: Infinity for a client/.test(doc)) {
      t.equal(Number(said![1]!.replaceAll('_', '')), value, `${name}: comment and code agree`)
    }
  }
  t.end()
})

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
    streamWindowSize: 262_144,
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
    turnSizeMax: 262_144,
  }
  for (const [name, value] of Object.entries(expected)) {
    t.equal(DEFAULT_LIMITS[name as keyof ConnectionLimits], value, name)
  }
  t.ok(Object.isFrozen(DEFAULT_LIMITS))
  t.end()
})

t.test('a limit that does not exist, or is no number, is refused by name', t => {
  t.throws(() => make({ streamMax: 5 }), { name: 'TypeError', message: /streamMax/ })
  for (const value of [Number.NaN, -1, 1.5, '5', null, undefined, Number.NEGATIVE_INFINITY]) {
    t.throws(() => make({ continuationsMax: value }), {
      name: 'RangeError',
      message: /continuationsMax/,
    })
  }
  t.end()
})

t.test('RFC 9113 §6.5.2: limits that become settings stay in their range', t => {
  const bad: Partial<ConnectionLimits>[] = [
    { frameSizeMax: 16_383 },
    { frameSizeMax: 0x100_0000 },
    { streamWindowSize: 0x8000_0000 },
    { connectionWindowSize: 0x8000_0000 },
    { connectionWindowSize: 65_534 },
    { streamsMax: 2 ** 32 },
    { turnFramesMax: 0 },
    { turnSizeMax: 0 },
  ]
  for (const limits of bad) t.throws(() => make(limits), RangeError, JSON.stringify(limits))
  t.doesNotThrow(() => make({ frameSizeMax: 0xff_ffff, streamsMax: 0, streamWindowSize: 0 }))
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
