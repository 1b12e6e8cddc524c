import t from 'tap'
import { frames, REQUEST, RESPONSE, requestWith, TRAILERS } from '../support/frames.js'
import { connect, withStream } from '../support/peer.js'

t.test('RFC 9113 §10.3: what may not be sent throws at our own caller', t => {
  const bad: string[][] = [
    ['X-Upper', '1'],
    ['', '1'],
    ['a b', '1'],
    ['x', 'a\r\nb: c'],
    ['x', 'a\0'],
    ['x', ' a'],
    ['x', 'a '],
    ['x', 'smile \u{1f600}'],
    ['connection', 'close'],
    ['transfer-encoding', 'chunked'],
    ['te', 'gzip'],
    ['content-length', 'many'],
    ['keep-alive', 'timeout=5'],
    ['proxy-connection', 'close'],
    ['upgrade', 'h2c'],
    [':late', '1'],
    ['odd'],
  ]
  for (const fields of bad) {
    const client = connect({ role: 'client' })
    t.throws(() => client.open(true, requestWith(...fields)), TypeError, fields.join(': '))
    client.peer.expectsNothing()
    client.open(true) // and the connection is none the worse
    client.peer.expects(frames.headers(1, REQUEST, { endStream: true }))

    const server = withStream({ role: 'server' })
    t.throws(() => server.stream.sendHeaders([...RESPONSE, ...fields], false), TypeError)
    server.stream.sendHeaders(RESPONSE, false)
    t.throws(() => server.stream.sendHeaders(fields, true), TypeError)
    server.stream.sendHeaders(TRAILERS, true)
    server.peer.expects(
      frames.headers(1, RESPONSE),
      frames.headers(1, TRAILERS, { endStream: true }),
    )
  }
  t.end()
})

t.test(
  'RFC 9113 §8.3: pseudo-header fields that are not defined, or come late, are not sent',
  t => {
    const { peer, open } = connect({ role: 'client' })
    for (const name of [':', ':late', ':Method', ':version']) {
      t.throws(() => open(true, [name, '1', ...REQUEST]), TypeError, name)
    }
    t.throws(() => open(true, requestWith(':path', '/late')), TypeError, 'behind regular fields')
    peer.expectsNothing()
    const server = withStream({ role: 'server' })
    t.throws(() => server.stream.sendHeaders([':reason', 'OK', ...RESPONSE], false), TypeError)
    t.throws(() => server.stream.sendHeaders([...RESPONSE, ':status', '200'], false), TypeError)
    server.peer.expectsNothing()
    t.end()
  },
)

t.test('RFC 9113 §10.3: extra fields are checked as well', t => {
  const { open, peer } = connect({ role: 'client' })
  t.throws(() => open(true, REQUEST, ['x', 'a\nb']), TypeError)
  open(true, REQUEST, ['grpc-timeout', '1S'])
  peer.expects(frames.headers(1, requestWith('grpc-timeout', '1S'), { endStream: true }))
  t.end()
})

t.test('RFC 9113 §6.5.2: a list larger than the peer accepts is not sent', t => {
  const { open, peer } = connect({ role: 'client', settings: { headerListSizeMax: 1_000 } })
  t.throws(() => open(true, requestWith('x', 'y'.repeat(1_000))), {
    name: 'HeaderListError',
    sizeMax: 1_000,
  })
  peer.expectsNothing()
  open(true)
  peer.expects(frames.headers(1, REQUEST, { endStream: true }))
  t.end()
})
