import t from 'tap'
import { ConnectionError, ErrorCode } from '../../src/frame/index.js'

t.test('a ConnectionError says what goes into GOAWAY and which rule was broken', t => {
  const error = new ConnectionError(
    ErrorCode.FrameSizeError,
    'RFC 9113 §6.9',
    'payload is 3 octets',
  )
  t.ok(error instanceof Error)
  t.equal(error.name, 'ConnectionError')
  t.equal(error.errorCode, 6)
  t.equal(error.rule, 'RFC 9113 §6.9')
  t.equal(error.message, 'payload is 3 octets (RFC 9113 §6.9)')
  t.end()
})
