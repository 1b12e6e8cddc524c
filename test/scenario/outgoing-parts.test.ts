import t from 'tap'
import { frames, REQUEST, RESPONSE, requestBut } from '../support/frames.js'
import { connect, withStream } from '../support/peer.js'

t.test('RFC 9113 §8.1, §8.3: pseudo-header fields where they may not be are not sent', t => {
  const { open } = connect({ role: 'client' })
  t.throws(() => open(true, REQUEST, [':path', '/x']), { name: 'TypeError' }, 'behind others')
  t.throws(() => open(true, [':path', '/x', ...REQUEST]), { name: 'TypeError' }, 'twice')
  t.throws(() => open(true, [':status', '200', ...REQUEST]), { name: 'TypeError' })
  t.throws(() => open(true, requestBut(':path', undefined)), { name: 'TypeError' }, 'no :path')
  const { stream } = withStream({ role: 'server' })
  t.throws(() => stream.sendHeaders(['a', 'b'], false), { message: /trailers and end the stream/ })
  stream.sendHeaders(RESPONSE, false)
  t.throws(() => stream.sendHeaders([':path', '/x'], true), {
    message: /trailers cannot have :path/,
  })
  t.end()
})

t.test('RFC 9113 §8.1.1: a request is HEAD wherever its :method stands', t => {
  const { peer, open, events } = connect({ role: 'client' })
  open(true, [':scheme', 'http', ':method', 'HEAD', ':path', '/', ':authority', 'a'])
  peer.takes()
  peer.sends(frames.headers(1, [':status', '200', 'content-length', '500'], { endStream: true }))
  t.same(events, ['headers 1 end'])
  t.end()
})
