import type { Socket } from 'node:net'

/** First octet of an order to the bare-socket server; the octets it is about follow as 48 bits. */
export const RawOrder = { take: 1, give: 2 } as const
export type RawOrder = (typeof RawOrder)[keyof typeof RawOrder]

/** Octets of an order. */
export const ORDER_SIZE = 8

const CHUNK: Buffer = Buffer.alloc(64 * 1024)

/** Writes `size` octets as fast as the socket takes them. */
export function pump(socket: Socket, size: number): void {
  let left = size
  const write = (): void => {
    while (left > 0) {
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK
      left -= chunk.length
      if (!socket.write(chunk)) return
    }
  }
  socket.on('drain', write)
  write()
}
