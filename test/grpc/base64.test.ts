import fc from 'fast-check'
import t from 'tap'
import { decodeBase64, encodeBase64, isBase64 } from '../../src/grpc/wire/base64.js'

t.test('M4: base64 may be padded or not', t => {
  for (const text of ['', 'AA==', 'AA', 'AAA=', 'AAA', 'AAAA', '+/+/']) t.ok(isBase64(text), text)
  t.same(decodeBase64('AAE'), new Uint8Array([0, 1]))
  t.same(decodeBase64('AAE='), new Uint8Array([0, 1]))
  t.end()
})

t.test('M4: anything else is no base64', t => {
  for (const text of [
    'A',
    'AAAAA',
    '=',
    '==',
    '====',
    'A===',
    'A=',
    'AA=',
    'A=AA',
    'AA A',
    '-_-_',
    'AA\u0141A',
    'AA~A',
  ]) {
    t.notOk(isBase64(text), text)
    t.equal(decodeBase64(text), undefined)
  }
  t.end()
})

t.test('M4: it is sent unpadded', t => {
  t.equal(encodeBase64(new Uint8Array([0])), 'AA')
  t.equal(encodeBase64(new Uint8Array([0, 1])), 'AAE')
  t.equal(encodeBase64(new Uint8Array([0, 1, 2])), 'AAEC')
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      const text = encodeBase64(bytes)
      return !text.includes('=') && Buffer.compare(decodeBase64(text)!, bytes) === 0
    }),
    { seed: 7 },
  )
  t.end()
})

t.test('M4: octets of a view are those of the view', t => {
  t.equal(encodeBase64(new Uint8Array([9, 0, 1, 9]).subarray(1, 3)), 'AAE')
  t.end()
})
