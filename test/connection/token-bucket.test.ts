import fc from 'fast-check'
import t from 'tap'
import { TokenBucket } from '../../src/connection/budgets/token-bucket.js'

t.test('a full bucket gives its tokens in a burst and no more', t => {
  const bucket = new TokenBucket(10, 0, 0)
  for (let i = 0; i < 10; i++) t.equal(bucket.spend(1, 0), true)
  t.equal(bucket.spend(1, 0), false)
  t.equal(bucket.tokens, 0)
  t.end()
})

t.test('tokens come back with time, up to the maximum', t => {
  const bucket = new TokenBucket(10, 100, 1_000)
  t.equal(bucket.spend(10, 1_000), true)
  t.equal(bucket.spend(1, 1_005), false, 'half a token is none')
  t.equal(bucket.spend(1, 1_010), true, 'refused spending does not lose what has grown')
  t.equal(bucket.spend(11, 900_000), false, 'never more than the maximum')
  t.equal(bucket.spend(10, 900_000), true)
  t.end()
})

t.test('useful work gives tokens back, up to the maximum', t => {
  const bucket = new TokenBucket(10, 0, 0)
  bucket.spend(5, 0)
  bucket.credit(2)
  t.equal(bucket.tokens, 7)
  bucket.credit(100)
  t.equal(bucket.tokens, 10)
  t.end()
})

t.test('time in which the bucket was full is not saved up', t => {
  const bucket = new TokenBucket(5, 1_000, 0)
  bucket.spend(0, 60_000)
  bucket.spend(5, 60_000)
  t.equal(bucket.spend(1, 60_000), false)
  t.end()
})

t.test('model: never grants more than the burst, the rate and the credit allow', t => {
  const step = fc.record({
    cost: fc.integer({ min: 0, max: 30 }),
    credit: fc.integer({ min: 0, max: 10 }),
    after: fc.integer({ min: 0, max: 500 }),
  })
  const property = fc.property(
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 0, max: 1_000 }),
    fc.array(step, { maxLength: 60, size: 'max' }),
    (tokensMax, perSecond, steps) => {
      const bucket = new TokenBucket(tokensMax, perSecond, 0)
      let now = 0
      let tokens = tokensMax
      for (const { cost, credit, after } of steps) {
        now += after
        tokens = Math.min(tokensMax, tokens + (after * perSecond) / 1_000)
        const granted = bucket.spend(cost, now)
        // Rounding may decide when the two are a hair apart.
        if (Math.abs(tokens - cost) > 1e-6 && granted !== tokens >= cost) return false
        if (granted) tokens -= cost
        bucket.credit(credit)
        tokens = Math.min(tokensMax, tokens + credit)
        if (bucket.tokens > tokensMax || bucket.tokens < -1e-6) return false
      }
      return Math.abs(bucket.tokens - tokens) < 1e-6
    },
  )
  fc.assert(property, { seed: 10_5, numRuns: 500 })
  t.end()
})
