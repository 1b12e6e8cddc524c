import * as grpc from '@grpc/grpc-js'
import t from 'tap'
import { status } from '../../src/compat/index.js'

t.test('status has the names and numbers of grpc-js', t => {
  for (const [name, code] of Object.entries(status)) {
    t.equal(code, grpc.status[name as keyof typeof grpc.status], name)
  }
  t.equal(Object.keys(status).length, 17)
  t.end()
})
