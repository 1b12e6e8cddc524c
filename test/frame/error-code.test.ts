import t from 'tap'
import { ErrorCode, errorCodeName } from '../../src/frame/index.js'

t.test('RFC 9113 §7: the fourteen error codes have the codes of the registry', t => {
  const names = [
    'NO_ERROR',
    'PROTOCOL_ERROR',
    'INTERNAL_ERROR',
    'FLOW_CONTROL_ERROR',
    'SETTINGS_TIMEOUT',
    'STREAM_CLOSED',
    'FRAME_SIZE_ERROR',
    'REFUSED_STREAM',
    'CANCEL',
    'COMPRESSION_ERROR',
    'CONNECT_ERROR',
    'ENHANCE_YOUR_CALM',
    'INADEQUATE_SECURITY',
    'HTTP_1_1_REQUIRED',
  ]
  t.same(
    Object.values(ErrorCode).map(code => errorCodeName(code)),
    names,
  )
  t.same(
    Object.values(ErrorCode),
    names.map((_, code) => code),
  )
  t.end()
})

t.test('RFC 9113 §7: an unknown code has a name that shows it', t => {
  t.equal(errorCodeName(14), 'UNKNOWN(0x0e)')
  t.equal(errorCodeName(0xffff_ffff), 'UNKNOWN(0xffffffff)')
  t.end()
})
