import t from 'tap'
import {
  FrameReader,
  readSettings,
  SETTINGS_ACK_FRAME_SIZE,
  SETTINGS_FRAME_SIZE_MAX,
  type Settings,
  writeSetting,
  writeSettings,
  writeSettingsAck,
} from '../../src/frame/index.js'

function written(settings: Settings): [number, number][] {
  const target = Buffer.alloc(100, 0xee)
  const end = writeSettings(target, 1, settings)
  const reader = new FrameReader()
  reader.push(target, 1, end)
  const entries: [number, number][] = []
  if (reader.next()) {
    readSettings(reader.bytes, reader.start, reader.end, (id, value) => entries.push([id, value]))
  }
  return entries
}

t.test('RFC 9113 §6.5.1: every setting is an identifier of 16 bits and a value of 32', t => {
  const all: Required<Settings> = {
    headerTableSize: 0xffff_ffff,
    enablePush: true,
    concurrentStreamsMax: 3,
    initialWindowSize: 0x7fff_ffff,
    frameSizeMax: 0xff_ffff,
    headerListSizeMax: 6,
    enableConnectProtocol: true,
    noRfc7540Priorities: true,
  }
  t.same(written(all), [
    [1, 0xffff_ffff],
    [2, 1],
    [3, 3],
    [4, 0x7fff_ffff],
    [5, 0xff_ffff],
    [6, 6],
    [8, 1],
    [9, 1],
  ])
  t.equal(writeSettings(Buffer.alloc(100), 0, all), SETTINGS_FRAME_SIZE_MAX)
  t.end()
})

t.test('RFC 9113 §6.5: absent settings are not sent; false and 0 are', t => {
  t.same(written({}), [])
  t.same(written({ enablePush: false, concurrentStreamsMax: 0, initialWindowSize: 0 }), [
    [2, 0],
    [3, 0],
    [4, 0],
  ])
  const target = Buffer.alloc(15)
  t.equal(writeSettings(target, 0, { frameSizeMax: 16_384 }), 15)
  t.equal(target.toString('hex'), '000006' + '04' + '00' + '00000000' + '0005' + '00004000')
  t.end()
})

t.test('RFC 9113 §6.5.2: our own settings out of range are refused by name and value', t => {
  const target = Buffer.alloc(100)
  const wrong: [Settings, string][] = [
    [{ headerTableSize: -1 }, 'settings.headerTableSize is -1;'],
    [{ concurrentStreamsMax: 2 ** 32 }, 'settings.concurrentStreamsMax is 4294967296;'],
    [{ initialWindowSize: 2 ** 31 }, 'settings.initialWindowSize is 2147483648;'],
    [{ frameSizeMax: 16_383 }, 'settings.frameSizeMax is 16383;'],
    [{ frameSizeMax: 2 ** 24 }, 'settings.frameSizeMax is 16777216;'],
    [{ headerListSizeMax: 1.5 }, 'settings.headerListSizeMax is 1.5;'],
  ]
  for (const [settings, message] of wrong) {
    try {
      writeSettings(target, 0, settings)
      t.fail(message)
    } catch (error) {
      t.ok(error instanceof RangeError)
      t.match((error as Error).message, message)
    }
  }
  t.ok(target.equals(Buffer.alloc(100)), 'nothing was written')
  t.end()
})

t.test('RFC 9113 §6.5.3: an acknowledgement is an empty SETTINGS frame with ACK', t => {
  const target = Buffer.alloc(10)
  t.equal(writeSettingsAck(target, 1), 1 + SETTINGS_ACK_FRAME_SIZE)
  t.equal(target.toString('hex'), '00' + '000000' + '04' + '01' + '00000000')
  t.end()
})

t.test('writeSetting writes any identifier and value, and nothing for undefined', t => {
  const target = Buffer.alloc(6)
  t.equal(writeSetting(target, 0, 0xabcd, 0xffff_fffe), 6)
  t.equal(target.toString('hex'), 'abcdfffffffe')
  t.equal(writeSetting(target, 0, 1, undefined), 0)
  t.end()
})
