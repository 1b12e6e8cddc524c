import type { Server } from 'node:net'
import { answerRunner, type Commands } from '../child.js'

/** Listens on a free port and tells the runner. */
export function listenForRunner(server: Server, commands: Commands = {}): void {
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no TCP port')
    answerRunner({ port: address.port }, commands)
  })
}
