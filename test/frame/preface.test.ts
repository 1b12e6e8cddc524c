import t from 'tap'
import { CLIENT_PREFACE } from '../../src/frame/index.js'

t.test('RFC 9113 §3.4: the client preface is these 24 octets', t => {
  t.equal(CLIENT_PREFACE.toString('hex'), '505249202a20485454502f322e300d0a0d0a534d0d0a0d0a')
  t.end()
})
