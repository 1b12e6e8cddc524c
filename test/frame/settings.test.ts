import t, { type Test } from 'tap'
import {
  ConnectionError,
  checkSetting,
  ErrorCode,
  readSettings,
  Setting,
  settingName,
} from '../../src/frame/index.js'

const UINT32_MAX = 0xffff_ffff

function rejects(t: Test, id: number, value: number, errorCode: ErrorCode, rule: string): void {
  try {
    checkSetting(id, value)
    t.fail(`${settingName(id)} = ${value} passed`)
  } catch (error) {
    t.ok(error instanceof ConnectionError)
    t.match(error, { errorCode, rule })
    t.match((error as Error).message, String(value))
  }
}

t.test(
  'RFC 9113 §6.5.3: settings are passed in the order sent, repeats and unknown ones too',
  t => {
    const bytes = Buffer.from('ee' + '000400000001' + 'abcd80000000' + '000400000002' + 'ee', 'hex')
    const seen: number[][] = []
    readSettings(bytes, 1, bytes.length - 1, (id, value) => seen.push([id, value]))
    t.same(seen, [
      [4, 1],
      [0xabcd, 0x8000_0000],
      [4, 2],
    ])
    readSettings(bytes, 1, 1, () => t.fail('an empty payload has no settings'))
    t.end()
  },
)

t.test('RFC 9113 §6.5.2: ENABLE_PUSH is 0 or 1, else PROTOCOL_ERROR', t => {
  checkSetting(Setting.EnablePush, 0)
  checkSetting(Setting.EnablePush, 1)
  rejects(t, Setting.EnablePush, 2, ErrorCode.ProtocolError, 'RFC 9113 §6.5.2')
  rejects(t, Setting.EnablePush, UINT32_MAX, ErrorCode.ProtocolError, 'RFC 9113 §6.5.2')
  t.end()
})

t.test('RFC 9113 §6.5.2: INITIAL_WINDOW_SIZE is at most 2^31 - 1, else FLOW_CONTROL_ERROR', t => {
  const rule = 'RFC 9113 §6.5.2'
  checkSetting(Setting.InitialWindowSize, 0)
  checkSetting(Setting.InitialWindowSize, 0x7fff_ffff)
  rejects(t, Setting.InitialWindowSize, 0x8000_0000, ErrorCode.FlowControlError, rule)
  rejects(t, Setting.InitialWindowSize, UINT32_MAX, ErrorCode.FlowControlError, rule)
  t.end()
})

t.test('RFC 9113 §6.5.2: MAX_FRAME_SIZE is 2^14 to 2^24 - 1, else PROTOCOL_ERROR', t => {
  checkSetting(Setting.MaxFrameSize, 16_384)
  checkSetting(Setting.MaxFrameSize, 16_777_215)
  for (const value of [0, 16_383, 16_777_216, UINT32_MAX]) {
    rejects(t, Setting.MaxFrameSize, value, ErrorCode.ProtocolError, 'RFC 9113 §6.5.2')
  }
  t.end()
})

t.test('RFC 8441 §3: ENABLE_CONNECT_PROTOCOL is 0 or 1, else PROTOCOL_ERROR', t => {
  checkSetting(Setting.EnableConnectProtocol, 0)
  checkSetting(Setting.EnableConnectProtocol, 1)
  rejects(t, Setting.EnableConnectProtocol, 2, ErrorCode.ProtocolError, 'RFC 8441 §3')
  t.end()
})

t.test('RFC 9218 §2.1: NO_RFC7540_PRIORITIES is 0 or 1, else PROTOCOL_ERROR', t => {
  checkSetting(Setting.NoRfc7540Priorities, 0)
  checkSetting(Setting.NoRfc7540Priorities, 1)
  rejects(t, Setting.NoRfc7540Priorities, 2, ErrorCode.ProtocolError, 'RFC 9218 §2.1')
  t.end()
})

t.test('RFC 9113 §6.5.2: the other settings, and unknown ones, take any value', t => {
  const free = [Setting.HeaderTableSize, Setting.MaxConcurrentStreams, Setting.MaxHeaderListSize]
  for (const id of [0, 7, 10, 0xffff, ...free]) {
    checkSetting(id, 0)
    checkSetting(id, UINT32_MAX)
  }
  t.pass('nothing was thrown')
  t.end()
})

t.test('RFC 9113 §6.5.2: settings have the names of the registry', t => {
  t.same(Object.values(Setting).map(settingName), [
    'HEADER_TABLE_SIZE',
    'ENABLE_PUSH',
    'MAX_CONCURRENT_STREAMS',
    'INITIAL_WINDOW_SIZE',
    'MAX_FRAME_SIZE',
    'MAX_HEADER_LIST_SIZE',
    'ENABLE_CONNECT_PROTOCOL',
    'NO_RFC7540_PRIORITIES',
  ])
  t.equal(settingName(0), 'UNKNOWN(0x00)')
  t.equal(settingName(7), 'UNKNOWN(0x07)')
  t.equal(settingName(0xabcd), 'UNKNOWN(0xabcd)')
  t.end()
})
