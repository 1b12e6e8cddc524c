import { createServer, type Socket } from 'node:net'
import { answerRunner } from '../child.js'
import { ORDER_SIZE, pump, RawOrder } from '../wire/raw-order.js'

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

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP port')
  answerRunner({ port: address.port })
})
