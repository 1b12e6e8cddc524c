/**
 * Plays one attack, in a process of its own at the lowest priority: forked, `node attacker.js`.
 * Told `listen`, it answers with the port where it waits for clients, over TLS and plain. Told a
 * `PlayOrder`, it answers with a `Played` when the other side has ended the connection or patience
 * has; its sockets stay open until it is told `leave`.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { createServer as createTlsServer } from 'node:tls'
import { Attacker, type Played, type PlayOrder } from './attack-socket.js'
import { certificate } from './certificate.js'
import type { Attack } from './play.js'
import { attackNamed } from './surfaces.js'

export interface Listening {
  readonly port: number
  readonly tlsPort: number
  readonly cert: string
}

let attacker: Attacker | undefined
/** A client's connections go to the attack that is played; between two they are ended. */
let onSocket: ((socket: Socket) => void) | undefined

async function listen(): Promise<Listening> {
  const { cert, key } = await certificate()
  const onConnection = (socket: Socket): void => {
    socket.on('error', () => {})
    if (onSocket === undefined) socket.destroy()
    else onSocket(socket)
  }
  const options = { allowHalfOpen: true, noDelay: true }
  const plain = createServer(options, onConnection)
  const tls = createTlsServer({ ...options, cert, key, ALPNProtocols: ['h2'] }, onConnection)
  tls.on('tlsClientError', () => {})
  return { port: await portOf(plain), tlsPort: await portOf(tls), cert }
}

function portOf(server: Server): Promise<number> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

/** Answers what connects; its part is over when no answer is under way for a while. */
async function answerAll(attack: Attack, playing: Attacker, patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs
  let running = 0
  // Until somebody comes only patience ends it: on a busy machine a TLS client takes its time.
  let lastAt = Number.POSITIVE_INFINITY
  let fault: unknown
  onSocket = raw => {
    running++
    void playing
      .take(raw)
      .then(socket => attack.answer!(socket, playing))
      .catch(error => {
        fault ??= error
      })
      .finally(() => {
        running--
        lastAt = performance.now()
      })
  }
  while (performance.now() < until && (running > 0 || performance.now() - lastAt < QUIET_MS)) {
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  if (fault !== undefined) throw fault
}

/** After this a client that has gone does not come again. Unit: ms. */
const QUIET_MS = 300

async function play(order: PlayOrder): Promise<Played> {
  const attack = attackNamed(order.name)
  const startedAt = performance.now()
  attacker = new Attacker(order.port, order.scale, order.tls)
  if (attack.answer === undefined) await attack.play!(attacker)
  else await answerAll(attack, attacker, order.patienceMs)
  const deadline = performance.now() + order.patienceMs
  while (performance.now() < deadline && attacker.sockets.some(socket => !socket.closed)) {
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const { sockets } = attacker
  const lives = sockets.some(socket => !socket.closed)
  const last = Math.max(0, ...sockets.map(socket => socket.closedAt ?? 0))
  return {
    octets: sockets.reduce((sum, socket) => sum + socket.octets, 0),
    disconnectMs: lives ? undefined : last - startedAt,
    goaways: [...new Set(sockets.flatMap(socket => socket.goaways))].slice(0, 4),
    resets: sockets.reduce((sum, socket) => sum + socket.resets, 0),
    connections: sockets.length,
    elapsedMs: performance.now() - startedAt,
  }
}

function fail(error: unknown): void {
  process.stderr.write(`attacker: ${error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}

if (process.send !== undefined && process.argv[2] === 'child') {
  setPriority(19)
  process.on('message', (order: PlayOrder | 'leave' | 'listen') => {
    if (order === 'leave') {
      onSocket = undefined
      for (const socket of attacker?.sockets ?? []) socket.leave()
      process.send!({ left: true })
      return
    }
    const answer = order === 'listen' ? listen() : play(order)
    answer.then(result => process.send!(result), fail)
  })
  process.on('disconnect', () => setImmediate(() => process.exit(0)))
}
