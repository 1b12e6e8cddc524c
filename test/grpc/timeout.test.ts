import fc from 'fast-check'
import t from 'tap'
import {
  encodeTimeout,
  parseMicroTimeout,
  parseTimeout,
  TIMEOUT_MAX_MS,
} from '../../src/grpc/wire/timeout.js'

t.test('R6: grpc-timeout is 1-8 digits and one unit, anchored', t => {
  const good: readonly (readonly [string, number])[] = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['250m', 250],
    ['1500u', 1.5],
    ['500000n', 0.5],
    ['0m', 0],
    ['00000001S', 1_000],
    ['99999999n', 99.999999],
  ]
  for (const [text, timeoutMs] of good) t.equal(parseTimeout(text), timeoutMs, text)
  const bad = [
    '',
    'S',
    '5',
    '123456789S',
    '-1S',
    '+1S',
    ' 1S',
    '1S ',
    '1 S',
    '1.5S',
    '1x',
    '1s',
    '1h',
    'abc5Sxyz',
    '5Sx',
    '1SS',
    '٣S',
    '1é',
    '1\u0100',
    '0x1S',
  ]
  for (const text of bad) t.equal(parseTimeout(text), -1, JSON.stringify(text))
  t.end()
})

t.test('R7: the largest timeouts neither overflow nor wrap', t => {
  t.equal(parseTimeout('99999999H'), TIMEOUT_MAX_MS)
  t.equal(parseTimeout('597H'), 597 * 3_600_000)
  t.equal(parseTimeout('2147484S'), 2_147_484_000)
  t.end()
})

t.test('R8: the finest unit that fits eight digits, rounded up', t => {
  t.equal(encodeTimeout(0.0000005), '1n')
  t.equal(encodeTimeout(50), '50000000n')
  t.equal(encodeTimeout(99.999999), '99999999n')
  t.equal(encodeTimeout(100), '100000u')
  t.equal(encodeTimeout(249.99991), '250000u')
  t.equal(encodeTimeout(99_999.999), '99999999u')
  t.equal(encodeTimeout(100_000), '100000m')
  t.equal(encodeTimeout(100_000.2), '100001m')
  t.equal(encodeTimeout(99_999_999), '99999999m')
  t.equal(encodeTimeout(100_000_000), '100000S')
  t.equal(encodeTimeout(1e11), '1666667M')
  t.equal(encodeTimeout(6.1e12), '1694445H')
  t.equal(encodeTimeout(TIMEOUT_MAX_MS), '99999999H')
  t.equal(encodeTimeout(1e300), '99999999H')
  t.equal(encodeTimeout(Number.POSITIVE_INFINITY), '99999999H')
  t.equal(encodeTimeout(0), '1n', 'never zero: that would be no limit to some, and over to others')
  t.equal(encodeTimeout(-5), '1n')
  t.end()
})

t.test('R8: what is encoded parses, and never to less', t => {
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: TIMEOUT_MAX_MS, noNaN: true }), timeoutMs => {
      const text = encodeTimeout(timeoutMs)
      const parsed = parseTimeout(text)
      // One part in a million, and not below by more than a rounding of doubles.
      return parsed >= timeoutMs * (1 - 1e-12) && parsed <= timeoutMs * 1.00001 + 1e-6
    }),
    { seed: 7, numRuns: 500 },
  )
  t.end()
})

t.test('go-micro timeout: nanoseconds in decimal digits', t => {
  t.equal(parseMicroTimeout('30000000000'), 30_000)
  t.equal(parseMicroTimeout('9223372036854775807') > 9.2e12, true)
  for (const text of ['', '-1', '1s', '1.5', '99999999999999999999']) {
    t.equal(parseMicroTimeout(text), -1, text)
  }
  t.end()
})
