import { createServer, type Socket } from 'node:net'
import { createServer as createSecureServer } from 'node:tls'
import { listenForRunner } from './listen.js'
import { secureOptions, serverArguments } from './server-arguments.js'

// What a connection costs in this runtime before any protocol: accepted, one octet to say so.

const ACCEPTED = Buffer.from([1])

function serve(socket: Socket): void {
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', () => {})
  socket.write(ACCEPTED)
}

const { tls } = serverArguments()
listenForRunner(
  tls === undefined ? createServer(serve) : createSecureServer(secureOptions(tls), serve),
)
