import t from 'tap'
import { CallAcceptor, DEFAULT_CALL_LIMITS, Router } from '../../src/grpc/index.js'
import { CallSettings } from '../../src/grpc/server/call-options.js'

t.test('CallSettings: what is left out has its default', t => {
  const settings = new CallSettings({})
  t.equal(settings.limits, DEFAULT_CALL_LIMITS)
  t.equal(settings.compression, undefined)
  t.equal(settings.acceptEncoding, 'identity,gzip,deflate')
  t.equal(settings.onError, undefined)
  t.end()
})

t.test('CallSettings: a wrong option is named, before there is a connection', t => {
  t.throws(() => new CallSettings({ limits: { messageSizeMax: 0 } }), {
    name: 'RangeError',
    message: 'limits.messageSizeMax is 0; expected a number above 0',
  })
  t.throws(() => new CallSettings({ compression: 'br' }), {
    name: 'RangeError',
    message: 'compression is "br"; expected one of gzip, deflate',
  })
  t.end()
})

t.test('CallAcceptor: takes settings that were checked before, as they are', t => {
  let reads = 0
  const settings = new CallSettings({
    get limits() {
      reads++
      return {}
    },
  })
  const before = reads
  for (let i = 0; i < 3; i++) t.doesNotThrow(() => new CallAcceptor(new Router(), settings))
  t.equal(reads, before)
  t.end()
})
