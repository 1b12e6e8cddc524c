import t from 'tap'
import {
  type HedgeRule,
  Hedges,
  RetryBudget,
  RetryThrottle,
  readServiceConfig,
} from '../../src/channel/index.js'
import { GrpcError, Metadata, Status } from '../../src/grpc/index.js'

const RULE: HedgeRule = {
  attemptsMax: 3,
  delayMs: 50,
  nonFatalStatuses: new Set([Status.Unavailable]),
}
const NO_BOUNDS = { budget: undefined, throttle: undefined }
const unavailable = new GrpcError(Status.Unavailable)

function pushback(value: string): Metadata {
  const metadata = new Metadata()
  metadata.set('grpc-retry-pushback-ms', value)
  return metadata
}

t.test(
  'R106: a failure that is not fatal brings the next attempt at once, a fatal one the end',
  t => {
    const hedges = new Hedges(RULE, NO_BOUNDS)
    t.equal(hedges.start(), true)
    t.equal(hedges.start(), true)
    t.equal(hedges.failed(unavailable, new Metadata()), 0)
    t.equal(hedges.start(), true)
    t.equal(hedges.start(), false, 'there are three')
    t.equal(hedges.failed(unavailable, new Metadata()), undefined, 'one still runs')
    t.equal(hedges.failed(unavailable, new Metadata()), 'end')
    const fatal = new Hedges(RULE, NO_BOUNDS)
    fatal.start()
    t.equal(fatal.failed(new GrpcError(Status.NotFound), new Metadata()), 'end')
    const unseen = new Hedges({ ...RULE, nonFatalStatuses: new Set() }, NO_BOUNDS)
    unseen.start()
    const error = new GrpcError(Status.Unavailable, '', { unprocessed: true })
    t.equal(unseen.failed(error, new Metadata()), 0, 'nobody looked at it')
    t.end()
  },
)

t.test('R119: pushback names the time of the next hedge, or forbids more', t => {
  const hedges = new Hedges(RULE, NO_BOUNDS)
  hedges.start()
  t.equal(hedges.failed(unavailable, pushback('120')), 120)
  hedges.start()
  t.equal(hedges.failed(unavailable, pushback('-1')), 'end')
  t.equal(hedges.start(), false)
  t.end()
})

t.test('R107, R151: throttle and budget hold hedges back, never the first attempt', t => {
  const throttle = new RetryThrottle({ maxTokens: 2, tokenRatio: 0.1 })
  throttle.onFailure()
  const throttled = new Hedges(RULE, { budget: undefined, throttle })
  t.same([throttled.start(), throttled.start()], [true, false])
  const budget = new RetryBudget({ ratio: 0, perSecond: 0 }, () => 0)
  const poor = new Hedges(RULE, { budget, throttle: undefined })
  t.same([poor.start(), poor.start()], [true, false])
  t.end()
})

t.test('R105: a hedging policy is read as a whole, and excludes a retry policy', t => {
  const read = (hedgingPolicy: object, more: object = {}) =>
    readServiceConfig({ methodConfig: [{ name: [{}], hedgingPolicy, ...more }] }).methods.get('/')
      ?.hedgingPolicy
  t.same(read({ maxAttempts: 9, hedgingDelay: '0.05s', nonFatalStatusCodes: ['UNAVAILABLE'] }), {
    maxAttempts: 5,
    delayMs: 50,
    nonFatalStatuses: new Set([Status.Unavailable]),
  })
  t.match(read({ maxAttempts: 2 }), { delayMs: 0 })
  t.throws(() => read({ maxAttempts: 2, hedgingDelay: '-1s' }), {
    message: /hedgingDelay: expected 0 or more/,
  })
  t.throws(() => read({ maxAttempts: 2 }, { retryPolicy: {} }), { message: /exclude each other/ })
  t.end()
})
