import type { Socket } from '../../transport/index.js'

/** Closes a socket that nobody needs any more. Never rejects: a transport that breaks its word in that harms nobody. */
export async function closeSocket(socket: Socket): Promise<void> {
  try {
    await socket.close()
  } catch {}
}
