import t from 'tap'
import { Flag, FrameType, frameName } from '../../src/frame/index.js'

t.test('RFC 9113 §6: the ten frame types have the codes of the registry', t => {
  const names = [
    'DATA',
    'HEADERS',
    'PRIORITY',
    'RST_STREAM',
    'SETTINGS',
    'PUSH_PROMISE',
    'PING',
    'GOAWAY',
    'WINDOW_UPDATE',
    'CONTINUATION',
  ]
  t.same(
    names.map((_, code) => frameName(code)),
    names,
  )
  t.same(Object.values(FrameType), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16])
  t.end()
})

t.test('RFC 9218 §7.1: PRIORITY_UPDATE is type 0x10', t => {
  t.equal(frameName(0x10), 'PRIORITY_UPDATE')
  t.end()
})

t.test('RFC 9113 §5.5: an unknown type has a name that shows its code', t => {
  t.equal(frameName(0x0a), 'UNKNOWN(0x0a)')
  t.equal(frameName(0xee), 'UNKNOWN(0xee)')
  t.end()
})

t.test('RFC 9113 §6: the flags are single bits', t => {
  t.same(Flag, { EndStream: 0x1, Ack: 0x1, EndHeaders: 0x4, Padded: 0x8, Priority: 0x20 })
  t.end()
})
