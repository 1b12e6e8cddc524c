import { Router } from '../../src/grpc/index.js'
import { serve } from '../../src/transport/server/server.js'
import { acceptorOf } from './calls.js'

// A server of its own process, for descriptor-watch.test.ts: its limit of open files is small.

const server = await serve({
  address: '127.0.0.1:0',
  handler: acceptorOf(new Router()),
  onError: error => console.log('code' in error ? error.code : '', error.message),
})
console.log(`port ${server.address.split(':')[1]}`)
let before = 0
setInterval(() => {
  if (server.connectionCount !== before) console.log(`connections ${server.connectionCount}`)
  before = server.connectionCount
}, 20)
