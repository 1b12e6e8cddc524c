import type { TLSSocket } from 'node:tls'

/** RFC 9113 §9.2.1. Node only reports the attempt: the end of the socket is ours to make. */
export function refuseRenegotiation(socket: TLSSocket): void {
  socket.disableRenegotiation()
  socket.once('error', () => socket.destroy())
}
