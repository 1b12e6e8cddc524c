import { createServer, type ServerHttp2Stream } from 'node:http2'
import { answerRunner } from '../child.js'

// The least code that answers a unary call through node:http2: what any gRPC library on top of it
// has to pay before its own work begins.

const HEADERS = { ':status': 200, 'content-type': 'application/grpc' }
const TRAILERS = { 'grpc-status': '0' }

function echo(stream: ServerHttp2Stream): void {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => {
    stream.respond(HEADERS, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(TRAILERS))
    stream.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
  })
  stream.on('error', () => stream.destroy())
}

const server = createServer()
  .on('stream', echo)
  .on('sessionError', () => {})
  .listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no TCP port')
    answerRunner({ port: address.port })
  })
