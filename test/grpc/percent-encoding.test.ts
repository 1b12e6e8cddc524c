import fc from 'fast-check'
import t from 'tap'
import { decodeStatusMessage, encodeStatusMessage } from '../../src/grpc/wire/percent-encoding.js'

const MAX = 8_192

t.test('T3: grpc-message escapes what is not printable ASCII, and the percent sign', t => {
  t.equal(encodeStatusMessage('plain ~ text', MAX), 'plain ~ text')
  t.equal(encodeStatusMessage('100%', MAX), '100%25')
  t.equal(encodeStatusMessage('a\nb\x7f', MAX), 'a%0Ab%7F')
  t.equal(encodeStatusMessage('é€😀', MAX), '%C3%A9%E2%82%AC%F0%9F%98%80')
  t.equal(encodeStatusMessage('x\ud800y', MAX), 'x%EF%BF%BDy', 'a lone surrogate')
  t.equal(encodeStatusMessage('', MAX), '')
  t.end()
})

t.test('T3: a long message is cut between characters', t => {
  t.equal(encodeStatusMessage('abcdef', 4), 'abcd')
  t.equal(encodeStatusMessage('ab€', 10), 'ab', 'the euro sign takes nine')
  t.equal(encodeStatusMessage('ab€', 11), 'ab%E2%82%AC')
  t.equal(encodeStatusMessage('x'.repeat(10_000), 100).length, 100)
  t.end()
})

t.test(
  'T3: a message keeps its spaces, though a field has none at its ends (RFC 9113 §8.2.1)',
  t => {
    t.equal(encodeStatusMessage(' a b ', 100), '%20a b%20')
    t.equal(encodeStatusMessage('  ', 100), '%20%20')
    t.equal(encodeStatusMessage(' ', 100), '%20')
    t.equal(encodeStatusMessage('ä ', 100), '%C3%A4%20')
    t.equal(encodeStatusMessage('a  bcd', 3), 'a', 'nor where it is cut')
    t.equal(encodeStatusMessage('a  bcd', 5), 'a  bc')
    for (const text of [' a b ', '  ', 'ä ', ' % ']) {
      t.equal(decodeStatusMessage(encodeStatusMessage(text, 100), 100), text)
    }
    t.end()
  },
)

t.test('T4: decoding never fails', t => {
  t.equal(decodeStatusMessage('a%23b%2Cc%', MAX), 'a#b,c%')
  t.equal(decodeStatusMessage('ok%FFok', MAX), 'ok\ufffdok')
  t.equal(decodeStatusMessage('%zz%4', MAX), '%zz%4')
  t.equal(decodeStatusMessage('%4g%g4', MAX), '%4g%g4')
  t.equal(decodeStatusMessage('%c3%A9', MAX), 'é', 'either case of hex')
  t.equal(decodeStatusMessage('\xc3\xa9', MAX), 'é', 'raw octets that are UTF-8')
  t.equal(decodeStatusMessage('%', MAX), '%')
  t.equal(decodeStatusMessage('%2', MAX), '%2')
  t.equal(decodeStatusMessage('%25', MAX), '%')
  t.equal(decodeStatusMessage('x'.repeat(20), 5), 'xxxxx')
  t.end()
})

t.test('T3, T4: decode undoes encode', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      const encoded = encodeStatusMessage(text, 1e6)
      return /^[\x20-\x7e]*$/.test(encoded) && decodeStatusMessage(encoded, 1e6) === text
    }),
    { seed: 7, numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const octets = Buffer.from(text, 'utf8').toString('latin1')
      return typeof decodeStatusMessage(octets, MAX) === 'string'
    }),
    { seed: 7, numRuns: 500 },
  )
  t.end()
})
