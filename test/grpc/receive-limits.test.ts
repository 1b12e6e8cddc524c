import t from 'tap'
import { DEFAULT_LIMITS } from '../../src/connection/index.js'
import { receiveLimits } from '../../src/grpc/index.js'

t.test('messageSizeMax is all that needs raising: what may wait follows it', t => {
  t.equal(receiveLimits(undefined, 4_194_304), undefined, 'the defaults do')
  const given = { streamsMax: 5 }
  t.equal(receiveLimits(given, DEFAULT_LIMITS.receiveBufferMax / 2), given)
  t.same(receiveLimits(given, 268_435_456), { streamsMax: 5, receiveBufferMax: 536_870_912 })
  t.same(receiveLimits(undefined, Number.POSITIVE_INFINITY), {
    receiveBufferMax: Number.POSITIVE_INFINITY,
  })
  t.end()
})

t.test('a limit that contradicts messageSizeMax is refused, by both names with the numbers', t => {
  t.throws(
    () => receiveLimits({ receiveBufferMax: 1_000_000 }, 4_194_304),
    new RangeError(
      'limits.receiveBufferMax is 1000000, less than messageSizeMax, which is 4194304: such a message could not be received; raise the one or lower the other',
    ),
  )
  const equal = { receiveBufferMax: 4_194_304 }
  t.equal(receiveLimits(equal, 4_194_304), equal)
  t.end()
})
