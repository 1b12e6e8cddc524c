import t from 'tap'
import {
  callLimits,
  DEFAULT_CALL_LIMITS,
  GrpcError,
  Metadata,
  Status,
  statusName,
} from '../../src/grpc/index.js'
import { stacklessError } from '../../src/grpc/wire/status.js'

t.test('status names are those of statuscodes.md', t => {
  t.equal(statusName(0), 'OK')
  t.equal(statusName(16), 'UNAUTHENTICATED')
  t.equal(statusName(99), 'STATUS(99)')
  for (const [key, value] of Object.entries(Status)) {
    if (value === 0) continue
    const upper = key.replace(/(?!^)([A-Z])/g, '_$1').toUpperCase()
    t.equal(statusName(value), upper)
  }
  t.end()
})

t.test('GrpcError says who ended the call, and whether it may be sent again', t => {
  const plain = new GrpcError(Status.NotFound, 'no such thing')
  t.match(plain, {
    name: 'GrpcError',
    status: 5,
    code: 'NOT_FOUND',
    message: 'no such thing',
    origin: 'local',
    unprocessed: false,
  })
  t.equal('cause' in plain, false)
  t.equal(plain.hasMetadata, false)
  plain.metadata.set('a', '1')
  t.equal(plain.metadata.get('a'), '1', 'the same metadata each time')
  t.equal(plain.hasMetadata, true)
  const cause = new Error('below')
  const metadata = Metadata.from({ a: '1' })
  const full = new GrpcError(Status.Unavailable, 'x', {
    cause,
    metadata,
    origin: 'network',
    unprocessed: true,
  })
  t.match(full, { cause, metadata, origin: 'network', unprocessed: true })
  t.equal(new GrpcError(Status.Internal).message, '')
  t.end()
})

t.test('GrpcError has a status from 1 to 16', t => {
  for (const status of [0, 17, -1, 1.5, Number.NaN]) {
    t.throws(() => new GrpcError(status as Status, 'x'), RangeError, String(status))
  }
  t.end()
})

t.test('errors that a peer causes carry no stack', t => {
  const limit = Error.stackTraceLimit
  t.notMatch(stacklessError(Status.Internal, 'x').stack, /\n\s+at /)
  t.equal(Error.stackTraceLimit, limit)
  t.match(new GrpcError(Status.Internal, 'x').stack, /\n\s+at /)
  t.end()
})

t.test('limits: defaults, changes, mistakes', t => {
  t.equal(callLimits(undefined), DEFAULT_CALL_LIMITS)
  t.equal(callLimits(DEFAULT_CALL_LIMITS), DEFAULT_CALL_LIMITS)
  t.equal(DEFAULT_CALL_LIMITS.messageSizeMax, 4 * 1024 * 1024)
  t.equal(callLimits({ messageSizeMax: 10 }).messageSizeMax, 10)
  t.equal(callLimits({ messageSizeMax: 10 }).queuedMessagesMax, 256)
  t.equal(callLimits({ messageSizeMax: undefined as unknown as number }).messageSizeMax, 4_194_304)
  t.throws(() => callLimits({ messageSizeMax: 0 }), {
    message: 'limits.messageSizeMax is 0; expected a number above 0',
  })
  t.throws(() => callLimits({ messageSizeMax: '1' as unknown as number }), RangeError)
  t.throws(() => callLimits({ nonsense: 1 } as object), {
    message: /^limits\.nonsense is not a limit of calls; docs\/limits\.md has all$/,
  })
  t.end()
})
