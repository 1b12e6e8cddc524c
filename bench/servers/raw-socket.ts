import { createServer, type Socket } from 'node:net'
import { createServer as createSecureServer } from 'node:tls'
import { ORDER_SIZE, pump, RawOrder } from '../wire/raw-order.js'
import { listenForRunner } from './listen.js'
import { secureOptions, serverArguments } from './server-arguments.js'

// The limit of bulk transfer in this runtime: octets through a socket, nothing around them.

function serve(socket: Socket): void {
  socket.on('error', () => socket.destroy())
  socket.once('data', first => {
    // The client writes the order before anything else, so its eight octets arrive together.
    const size = first.readUIntBE(2, 6)
    if (first[0] === RawOrder.give) {
      pump(socket, size)
      return
    }
    let left = size
    const take = (octets: number): void => {
      left -= octets
      if (left === 0) socket.write(Buffer.from([1]))
    }
    take(first.length - ORDER_SIZE)
    socket.on('data', chunk => take(chunk.length))
  })
}

const { tls } = serverArguments()
listenForRunner(
  tls === undefined ? createServer(serve) : createSecureServer(secureOptions(tls), serve),
)
