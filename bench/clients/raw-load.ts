import type { Socket } from 'node:net'
import type { Reply, Request } from '../child.js'
import { connectTo } from '../wire/raw-connection.js'
import { pump, RawOrder } from '../wire/raw-order.js'

function timed(
  request: Request,
  order: RawOrder,
  run: (socket: Socket, size: number, done: () => void) => void,
): Promise<Reply> {
  const size = Number(request['messages']) * Number(request['size'])
  return new Promise((resolve, reject) => {
    const begin = performance.now()
    const socket = connectTo(Number(request['port']), { tls: request['tls'] === true })
    socket.on('error', reject)
    const head = Buffer.alloc(8)
    head.writeUInt8(order, 0)
    head.writeUIntBE(size, 2, 6)
    socket.write(head)
    run(socket, size, () => {
      socket.destroy()
      resolve({ seconds: (performance.now() - begin) / 1_000 })
    })
  })
}

/** Octets up a bare socket; the server confirms them with one octet. */
export async function rawUpload(request: Request): Promise<Reply> {
  return await timed(request, RawOrder.take, (socket, size, done) => {
    pump(socket, size)
    socket.on('data', done)
  })
}

/** Octets down a bare socket. */
export async function rawDownload(request: Request): Promise<Reply> {
  return await timed(request, RawOrder.give, (socket, size, done) => {
    let left = size
    socket.on('data', chunk => {
      left -= chunk.length
      if (left === 0) done()
    })
  })
}
