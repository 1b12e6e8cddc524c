import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2'
import { heapOctets } from '../child.js'
import { Path } from '../payload.js'
import { listenForRunner } from './listen.js'
import { secureOptions, serverArguments } from './server-arguments.js'

// The least code that answers a unary call through node:http2: what any gRPC library on top of it
// has to pay before its own work begins.

const HEADERS = { ':status': 200, 'content-type': 'application/grpc' }
const TRAILERS = { 'grpc-status': '0' }

function echo(stream: ServerHttp2Stream, chunks: readonly Buffer[]): void {
  stream.respond(HEADERS, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers(TRAILERS))
  stream.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
}

const { tls } = serverArguments()
const server = tls === undefined ? createServer() : createSecureServer(secureOptions(tls))
server.on('stream', (stream: ServerHttp2Stream, headers: { ':path'?: string }) => {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (headers[':path'] !== Path.hold) stream.on('end', () => echo(stream, chunks))
  stream.on('error', () => stream.destroy())
})
server.on('sessionError', () => {})
listenForRunner(server, { heap: heapOctets })
