import t from 'tap'
import {
  Attempts,
  methodConfigOf,
  RetryBudget,
  RetryThrottle,
  readServiceConfig,
  retryDelayMs,
} from '../../src/channel/index.js'
import { GrpcError, Metadata, Status } from '../../src/grpc/index.js'
import { Outside } from './fakes.js'

const unavailable = () => new GrpcError(Status.Unavailable, '', { origin: 'peer' })
const FOREVER = Number.POSITIVE_INFINITY

t.test('gRPC A6: delays are min(initial x multiplier^(n-1), max), times 0.8 to 1.2', t => {
  const delays = { initialBackoffMs: 100, maxBackoffMs: 1_000, backoffMultiplier: 2 }
  const bases = [100, 200, 400, 800, 1_000, 1_000]
  t.same(
    bases.map((_, at) => Math.round(retryDelayMs(delays, at + 1, () => 0.5))),
    bases,
  )
  t.equal(Math.round(retryDelayMs(delays, 1, () => 0)), 80)
  t.equal(Math.round(retryDelayMs(delays, 6, () => 0.999_999)), 1_200)
  t.end()
})

t.test(
  'gRPC A6: a bucket of 10 lets four failures in a row be repeated, and opens again above its half',
  t => {
    const throttle = new RetryThrottle({ maxTokens: 10, tokenRatio: 0.1 })
    const open: boolean[] = []
    for (let i = 0; i < 5; i++) {
      throttle.onFailure()
      open.push(throttle.isOpen)
    }
    t.same(open, [true, true, true, true, false])
    throttle.onSuccess()
    t.equal(throttle.tokens, 5.1)
    throttle.onFailure()
    for (let i = 0; i < 10; i++) throttle.onSuccess()
    t.equal(throttle.tokens, 5.1)
    throttle.onFailure()
    t.notOk(throttle.isOpen)
    for (let i = 0; i < 200; i++) throttle.onSuccess()
    t.equal(throttle.tokens, 10)
    for (let i = 0; i < 20; i++) throttle.onFailure()
    t.equal(throttle.tokens, 0)
    const small = new RetryThrottle({ maxTokens: 2, tokenRatio: 1 })
    small.onFailure()
    t.notOk(small.isOpen, 'a bucket of two allows none')
    t.end()
  },
)

t.test(
  'a retry budget: 100 without calls, 300 after a thousand, and what was used is forgotten after ten seconds',
  t => {
    const outside = new Outside()
    const budget = new RetryBudget({}, outside.now)
    const takeAll = () => {
      let taken = 0
      while (budget.take()) taken++
      return taken
    }
    t.equal(budget.left, 100)
    for (let i = 0; i < 1_000; i++) budget.onCall()
    t.equal(budget.left, 300)
    t.equal(takeAll(), 300)
    outside.advance(10_000)
    t.equal(budget.left, 100)
    t.equal(new RetryBudget({ ratio: 0, perSecond: 0 }, outside.now).take(), false)
    t.end()
  },
)

t.test(
  'when all calls fail, retries are at most 20 % of them and ten a second, for as long as it lasts',
  t => {
    const outside = new Outside()
    const budget = new RetryBudget({}, outside.now)
    let retries = 0
    const seconds = 60
    for (let ms = 0; ms < seconds * 1_000; ms++) {
      outside.advance(1)
      budget.onCall()
      for (let attempt = 0; attempt < 4 && budget.take(); attempt++) retries++
    }
    const most = 0.2 * seconds * 1_000 + 10 * seconds + 100
    t.ok(retries <= most, `${retries} of ${most}`)
    t.ok(retries > most * 0.9)
    t.end()
  },
)

const RULE = {
  attemptsMax: 4,
  statuses: new Set([Status.Unavailable]),
  attemptTimeoutMs: FOREVER,
  delayMs: (retry: number) => retry * 100,
}

function trailers(pushback?: string): Metadata {
  const metadata = new Metadata()
  if (pushback !== undefined) metadata.set('grpc-retry-pushback-ms', pushback)
  return metadata
}

t.test(
  'gRPC A6: attempts end with the list of statuses, their number, the time left, and what the server says',
  t => {
    const none = { budget: undefined, throttle: undefined }
    const attempts = new Attempts(RULE, none)
    t.same(
      [1, 2, 3, 4].map(() => attempts.next(unavailable(), trailers(), FOREVER, false)),
      [100, 200, 300, undefined],
    )
    t.equal(attempts.count, 4)
    const next = (error: GrpcError, pushback?: string, leftMs = FOREVER, own = false) =>
      new Attempts(RULE, none).next(error, trailers(pushback), leftMs, own)
    t.equal(next(new GrpcError(Status.Internal)), undefined)
    t.equal(next(unavailable(), undefined, 100), undefined, 'its deadline would pass before')
    t.equal(next(unavailable(), '250'), 250)
    t.equal(next(unavailable(), '0'), 0)
    t.equal(next(unavailable(), '-1'), undefined)
    t.equal(next(unavailable(), 'soon'), undefined)
    t.equal(next(new GrpcError(Status.Internal), '250'), undefined, 'a status that is not listed')
    t.equal(next(new GrpcError(Status.DeadlineExceeded), undefined, FOREVER, true), 100)
    t.end()
  },
)

t.test('gRPC A6: after a pushback the delays begin anew', t => {
  const attempts = new Attempts(RULE, { budget: undefined, throttle: undefined })
  t.equal(attempts.next(unavailable(), trailers(), FOREVER, false), 100)
  t.equal(attempts.next(unavailable(), trailers('250'), FOREVER, false), 250)
  t.equal(attempts.next(unavailable(), trailers(), FOREVER, false), 100)
  t.end()
})

t.test(
  'gRPC A6: a refusal costs a token whatever its status; a status that is not listed costs none',
  t => {
    const throttle = new RetryThrottle({ maxTokens: 10, tokenRatio: 0.1 })
    const once = (error: GrpcError, pushback?: string) =>
      new Attempts(RULE, { budget: undefined, throttle }).next(
        error,
        trailers(pushback),
        FOREVER,
        false,
      )
    once(new GrpcError(Status.NotFound))
    t.equal(throttle.tokens, 10)
    once(new GrpcError(Status.NotFound), '-1')
    t.equal(throttle.tokens, 9)
    once(unavailable())
    t.equal(throttle.tokens, 8)
    for (let i = 0; i < 3; i++) once(unavailable())
    t.equal(once(unavailable()), undefined)
    t.end()
  },
)

const RETRY = {
  maxAttempts: 4,
  initialBackoff: '0.1s',
  maxBackoff: '1s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE', 'deadline_exceeded', 8],
}

t.test(
  'gRPC A2, A6: a service config, from JSON or an object, with numbers as texts; what is not known is passed over',
  t => {
    const config = readServiceConfig(
      JSON.stringify({
        unknown: 1,
        loadBalancingConfig: [{ grpclb: {} }, { round_robin: {} }],
        retryThrottling: { maxTokens: '10', tokenRatio: 0.1239 },
        methodConfig: [
          { name: [{ service: 'a.B', method: 'C' }], timeout: '1.5s', waitForReady: true },
          {
            name: [{ service: 'a.B' }],
            retryPolicy: { ...RETRY, maxAttempts: 50, perAttemptRecvTimeout: '2s' },
          },
          { name: [{}], timeout: '0.001s', retryPolicy: null },
          { timeout: '9s' },
        ],
      }),
    )
    t.equal(config.balancing?.name, 'roundRobin')
    t.same(config.throttling, { maxTokens: 10, tokenRatio: 0.123 })
    t.same(methodConfigOf(config, 'a.B', 'C'), { timeoutMs: 1_500, waitForReady: true })
    const { retryPolicy } = methodConfigOf(config, 'a.B', 'Other')!
    t.match(retryPolicy, {
      maxAttempts: 5,
      initialBackoffMs: 100,
      maxBackoffMs: 1_000,
      attemptTimeoutMs: 2_000,
    })
    t.same([...retryPolicy!.retryableStatuses].sort(), [14, 4, 8])
    t.same(methodConfigOf(config, 'x.Y', 'Z'), { timeoutMs: 1 })
    t.equal(methodConfigOf(readServiceConfig({}), 'x.Y', 'Z'), undefined)
    t.equal(readServiceConfig({ loadBalancingPolicy: 'ROUND_ROBIN' }).balancing?.name, 'roundRobin')
    t.equal(
      readServiceConfig({ loadBalancingConfig: [{ pick_first: {} }] }).balancing?.connects,
      'first',
    )
    t.end()
  },
)

t.test(
  'gRPC A6: what is wrong in a service config is refused as a whole, and the error names the place',
  t => {
    const policy = (change: object) => ({
      methodConfig: [{ name: [{}], retryPolicy: { ...RETRY, ...change } }],
    })
    const at = 'serviceConfig\\.methodConfig\\[0\\]\\.'
    const cases: readonly (readonly [unknown, RegExp])[] = [
      ['{', /^serviceConfig: it is no JSON/],
      [[], /^serviceConfig: expected an object/],
      [{ methodConfig: {} }, /^serviceConfig\.methodConfig: expected a list/],
      [
        policy({ maxAttempts: 1 }),
        new RegExp(`^${at}retryPolicy\\.maxAttempts: expected at least 2, got 1`),
      ],
      [policy({ maxAttempts: 2.5 }), /maxAttempts: expected a whole number, got 2.5/],
      [
        policy({ maxBackoff: '1' }),
        new RegExp(`^${at}retryPolicy\\.maxBackoff: expected a duration like "0.5s"`),
      ],
      [policy({ initialBackoff: '0s' }), /initialBackoff: expected a duration above 0/],
      [policy({ backoffMultiplier: 0 }), /backoffMultiplier: expected a number above 0, got 0/],
      [policy({ retryableStatusCodes: [] }), /retryableStatusCodes: the list is empty/],
      [
        policy({ retryableStatusCodes: ['UNAVAILABLE', 'LATE'] }),
        /retryableStatusCodes\[1\]: expected a status/,
      ],
      [policy({ retryableStatusCodes: [17] }), /retryableStatusCodes\[0\]: expected a status/],
      [
        { methodConfig: [{ name: [{ method: 'x' }] }] },
        /name\[0\]: method 'x' is named without its service/,
      ],
      [{ methodConfig: [{ name: [{}, { service: '' }] }] }, /name\[1\]: '\/' was named before/],
      [{ methodConfig: [{ timeout: 5 }] }, new RegExp(`^${at}timeout: expected a duration`)],
      [{ methodConfig: [{ waitForReady: 'yes' }] }, /waitForReady: expected true or false/],
      [
        { methodConfig: [{ hedgingPolicy: { maxAttempts: 1 } }] },
        new RegExp(`^${at}hedgingPolicy.maxAttempts: expected at least 2, got 1`),
      ],
      [{ healthCheckConfig: [] }, /^serviceConfig\.healthCheckConfig: expected an object/],
      [
        { healthCheckConfig: { serviceName: 5 } },
        /^serviceConfig\.healthCheckConfig\.serviceName: expected a text/,
      ],
      [
        { retryThrottling: { maxTokens: 1_001, tokenRatio: 1 } },
        /maxTokens: expected 1 to 1000, got 1001/,
      ],
      [
        { retryThrottling: { maxTokens: 10, tokenRatio: 0 } },
        /tokenRatio: expected at least 0.001/,
      ],
      [
        { loadBalancingConfig: [{ ring_hash: {} }] },
        /none of ring_hash is known; there are pick_first, round_robin/,
      ],
      [
        { loadBalancingConfig: [{ a: {}, b: {} }] },
        /loadBalancingConfig\[0\]: expected one policy, got 2/,
      ],
    ]
    for (const [config, message] of cases)
      t.throws(() => readServiceConfig(config), message, String(message))
    t.end()
  },
)
