import { setTimeout as sleep } from 'node:timers/promises'
import {
  bytesCodec,
  createServer,
  defineService,
  jsonCodec,
  MicroError,
  type Server,
} from '../../src/index.js'
import {
  grpcTransport,
  memoryTransport,
  type ServerTlsOptions,
  type Socket,
} from '../../src/transport/index.js'
import type { Played } from './attack-socket.js'
import { certificate } from './certificate.js'
import {
  aborted,
  begin,
  DOWNLOAD_COUNT,
  isOrdinary,
  later,
  MESSAGE,
  nothingAfter,
  ZOMBIE_MS,
} from './counts.js'
import type { Door, MemoryPlay } from './play.js'

/** What a server under attack says of itself. */
export interface Started {
  /** For the ordinary client. */
  readonly port: number
  /** For the attacker, where it is another one. */
  readonly attackPort?: number
  /** Of a door with TLS. */
  readonly cert?: string
}

const bytes = bytesCodec()
const service = defineService('attack.Target', {
  echo: { kind: 'unary', request: bytes, response: bytes },
  hold: { kind: 'bidi', request: bytes, response: bytes },
  zombie: { kind: 'bidi', request: bytes, response: bytes },
  download: { kind: 'server', request: bytes, response: bytes },
})
const json = jsonCodec<unknown>()
/** For go-micro's protocol, and for messages that are text. */
const notes = defineService('attack.Notes', {
  note: { kind: 'unary', request: json, response: json },
  wait: { kind: 'unary', request: json, response: json },
  chat: { kind: 'bidi', request: json, response: json },
  idle: { kind: 'bidi', request: json, response: json },
})

function addServices(server: Server): void {
  server.handle(service, {
    echo(request) {
      if (!isOrdinary(request)) begin()()
      return request
    },
    hold: (_requests, context) => nothingAfter(aborted(context.signal)),
    zombie: () => nothingAfter(later(ZOMBIE_MS)),
    async *download() {
      const end = begin()
      try {
        // Each its own, as real ones are: what waits is memory of its own.
        for (let i = 0; i < DOWNLOAD_COUNT; i++) yield Buffer.from(MESSAGE)
      } finally {
        end()
      }
    },
  })
  server.handle(notes, {
    note(request) {
      begin()()
      return request
    },
    async wait(request, context) {
      const end = begin()
      await aborted(context.signal)
      end()
      return request
    },
    // Rethrows what its client says: a gateway does.
    async *chat(requests) {
      const end = begin()
      try {
        for await (const each of requests) yield each
      } finally {
        end()
      }
    },
    idle: (_requests, context) => nothingAfter(aborted(context.signal)),
  })
  server.subscribe('news', () => begin()())
}

/** A server under attack, for who shares its process. */
export interface Opened {
  readonly started: Started
  readonly stop: () => Promise<void>
}

/** Serves at a port of its own, with the ordinary client's service too. */
export async function startMicrowire(door: Door): Promise<Started> {
  const { started } = await openMicrowire(door)
  return started
}

/** The same, and how it ends. */
export async function openMicrowire(door: Door): Promise<Opened> {
  const isTls = door === 'tls' || door === 'raw-tls'
  const pems = isTls ? await certificate() : undefined
  const server = createServer({
    name: 'attack',
    address: '127.0.0.1:0',
    // Told, so that what handlers throw is not printed; and looked at: a hook that throws is a fault of the row.
    onError: error => void String(error),
    ...(pems === undefined ? {} : { tls: pems }),
  })
  if (door === 'guarded') {
    server.use((call, next) => {
      if (call.kind === 'event') throw new MicroError(403, 'no events')
      return next(call.request)
    })
  }
  addServices(server)
  await server.start()
  const port = portOf(server.address)
  const cert = pems === undefined ? {} : { cert: pems.cert }
  const stop = async (): Promise<void> => {
    await server.stop({ graceMs: 0 })
  }
  if (!['raw', 'raw-tls', 'throwing'].includes(door)) return { started: { port, ...cert }, stop }
  const raw = await startRaw(door, pems)
  const stopBoth = async (): Promise<void> => {
    await Promise.all([stop(), raw.stop()])
  }
  return { started: { port, attackPort: raw.port, ...cert }, stop: stopBoth }
}

/** Sockets without micro on top. */
async function startRaw(
  door: Door,
  pems: ServerTlsOptions | undefined,
): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const transport = grpcTransport({
    onError: error => void String(error),
    ...(pems === undefined ? {} : { serverTls: pems }),
  })
  const listener = await transport.listen('127.0.0.1:0')
  listener.accept(async socket => {
    const end = begin()
    try {
      if (door === 'throwing') {
        await socket.receive()
        throw new Error('secret: /etc/passwd')
      }
      // It never receives: what comes must wait at the peer's side.
      await socket.over
    } finally {
      end()
    }
  })
  const stop = async (): Promise<void> => {
    await listener.close()
    await transport.close()
  }
  return { port: portOf(listener.address), stop }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

/** After what an attack has sent its sockets stay open for so long. Unit: ms. */
const MEMORY_STAY_MS = 100
const open: Socket[] = []

/** Plays an attack within the process, over the memory transport; its CPU is in what is measured. */
export async function playMemory(name: string, scale: number): Promise<Played> {
  const transport = memoryTransport()
  const server = createServer({ name: 'attack', address: 'attack:1', transport })
  addServices(server)
  await server.start()
  const startedAt = performance.now()
  const played: MemoryPlay = {
    octets: 0,
    sockets: 0,
    times: count => Math.max(1, Math.round(count * scale)),
  }
  const dial = async (): Promise<Socket> => {
    const socket = await transport.dial('attack:1')
    played.sockets++
    open.push(socket)
    return socket
  }
  const { attackNamed } = await import('./surfaces.js')
  await attackNamed(name).playMemory!(dial, played)
  await sleep(MEMORY_STAY_MS)
  memoryServers.push(server)
  return {
    octets: played.octets,
    disconnectMs: undefined,
    goaways: [],
    resets: 0,
    connections: played.sockets,
    elapsedMs: performance.now() - startedAt,
  }
}

const memoryServers: Server[] = []

/** The attacker within the process goes. */
export async function leaveMemory(): Promise<void> {
  await Promise.all(open.splice(0).map(socket => socket.close()))
  await Promise.all(memoryServers.splice(0).map(server => server.stop({ graceMs: 500 })))
}
