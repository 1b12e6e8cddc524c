import t from 'tap'
import { ConnectionError, ErrorCode, GoawayError } from '../../src/connection/index.js'
import { GrpcError, Status } from '../../src/grpc/index.js'
import {
  cancelError,
  deadlineError,
  errorCodeToGrpc,
  explainError,
  http2CodeOf,
  lateError,
  requestIdleError,
  requestLostError,
  requestResetError,
  responseLostError,
  responseResetError,
  unsendableError,
} from '../../src/grpc/wire/call-error.js'
import { callTimes, NOT_YET } from '../../src/grpc/wire/call-timing.js'

t.test('PROTOCOL-HTTP2 "Errors": the status of each HTTP/2 code, and the code is kept', t => {
  const statuses: Readonly<Record<number, Status>> = {
    [ErrorCode.RefusedStream]: Status.Unavailable,
    [ErrorCode.Cancel]: Status.Cancelled,
    [ErrorCode.EnhanceYourCalm]: Status.ResourceExhausted,
    [ErrorCode.InadequateSecurity]: Status.PermissionDenied,
  }
  for (const code of Object.values(ErrorCode)) {
    t.equal(errorCodeToGrpc(code), statuses[code] ?? Status.Internal)
    const error = responseResetError(code, true)
    t.match(error, { origin: 'peer', http2Code: code, status: errorCodeToGrpc(code) })
    t.equal(error.unprocessed, code === ErrorCode.RefusedStream, 'RFC 9113 §8.7')
    t.match(error.message, error.http2CodeName!)
    t.notOk(responseResetError(code, false).unprocessed, 'our own reset proves nothing')
  }
  t.match(requestResetError(ErrorCode.Cancel, true), {
    status: Status.Cancelled,
    origin: 'peer',
    http2CodeName: 'CANCEL',
  })
  t.match(requestResetError(ErrorCode.ProtocolError, false), { origin: 'local', http2Code: 1 })
  t.end()
})

t.test('a lost connection keeps its cause, and the HTTP/2 code that ended it', t => {
  const broken = new ConnectionError(ErrorCode.FrameSizeError, 'RFC 9113 §4.2', 'too large')
  const left = new GoawayError(ErrorCode.EnhanceYourCalm, 'too_many_pings')
  t.equal(left.message, 'the peer sent GOAWAY(ENHANCE_YOUR_CALM, "too_many_pings")')
  t.match(responseLostError(broken, false), {
    status: Status.Unavailable,
    origin: 'network',
    unprocessed: false,
    http2CodeName: 'FRAME_SIZE_ERROR',
    cause: broken,
  })
  t.match(responseLostError(left, true), { unprocessed: true, http2Code: 11, cause: left })
  t.match(requestLostError(left), { status: Status.Cancelled, origin: 'network', http2Code: 11 })
  const above = Object.assign(new Error('lost'), { http2Code: 2 })
  t.equal(http2CodeOf(above), 2, 'as the errors of the transport have it')
  for (const cause of [new Error('x'), undefined, 'x', { http2Code: 2 }]) {
    t.equal(http2CodeOf(cause), undefined)
  }
  const plain = responseLostError(new Error('x'), false)
  t.notOk('http2Code' in plain, 'what there is not does not show in a log')
  t.equal(plain.http2CodeName, undefined)
  t.end()
})

t.test('what never left is unprocessed, whatever ended it', t => {
  t.match(cancelError('a:1', true), { code: 'CANCELLED', unprocessed: true, address: 'a:1' })
  t.match(cancelError(undefined, false), { unprocessed: false })
  t.match(unsendableError(new RangeError('header list'), 'a:1'), {
    status: Status.ResourceExhausted,
    message: 'header list',
    unprocessed: true,
    address: 'a:1',
    origin: 'local',
  })
  const sent = callTimes(2_000, 1_000, NOT_YET, 0, undefined)
  t.match(lateError(sent, 2_000, 'a:1'), {
    unprocessed: false,
    address: 'a:1',
    timing: { sentMs: 1_000 },
  })
  const last = new Error('refused')
  const place = { address: 'a:1', connected: false, lastError: last, connectingMs: () => 0 }
  const waiting = callTimes(2_000, NOT_YET, NOT_YET, 0, { place, since: 1_000 })
  t.match(lateError(waiting, 2_000, 'a:1'), { unprocessed: true, cause: last })
  t.end()
})

t.test('a server may notice first that time is up: the timing is ours', t => {
  const times = callTimes(2_000, 1_000, NOT_YET, 0, undefined)
  const late = new GrpcError(Status.DeadlineExceeded, 'theirs', { origin: 'peer' })
  explainError(late, times, 1_990, 'a:1')
  t.match(late, { message: 'theirs', address: 'a:1', timing: { totalMs: 990, sentMs: 990 } })
  const other = new GrpcError(Status.NotFound, 'theirs', { origin: 'peer' })
  explainError(other, times, 1_990, 'a:1')
  t.match(other, { address: 'a:1' })
  t.notOk('timing' in other)
  const endless = new GrpcError(Status.DeadlineExceeded, 'theirs', { origin: 'peer' })
  const forever = callTimes(Number.POSITIVE_INFINITY, 5, NOT_YET, 0, undefined)
  explainError(endless, forever, 1_990, undefined)
  t.notOk('timing' in endless)
  t.end()
})

t.test('a server whose time is up has words for it', t => {
  t.match(deadlineError(), { status: Status.DeadlineExceeded, origin: 'local' })
  t.match(requestIdleError(), { message: 'the rest of the request did not come' })
  t.end()
})
