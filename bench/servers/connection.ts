import type { ConnectionHandler, StreamHandler } from '../../src/connection/index.js'
import { serve } from '../../src/transport/index.js'
import { answerRunner } from '../child.js'

// The HTTP/2 layer alone, to be held against node:http2: streams that nobody answers.

const silent: StreamHandler = {
  onHeaders() {},
  onData() {},
  onDrain() {},
  onReset() {},
  onLost() {},
}

const handler: ConnectionHandler = { onStream: () => silent, onReceived() {} }

const server = await serve({
  address: '127.0.0.1:0',
  handler: () => handler,
  limits: { streamsMax: 100_000 },
})
answerRunner({ port: Number(server.address.slice(server.address.lastIndexOf(':') + 1)) })
