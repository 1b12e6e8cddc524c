import type { Socket } from '../../src/transport/index.js'
import { frames, literalBlock } from '../../test/support/frames.js'
import type { Attacker, AttackSocket } from './attack-socket.js'

/** One attack of the catalogue. */
export interface Attack {
  /** Names the row; begins with its number in the catalogue. */
  readonly name: string
  /** What it does, and the CVE it is known by. */
  readonly about: string
  /** Handlers that may start. */
  readonly handlersMax: number
  /** Why the connection may live on; undefined: the server must end it. */
  readonly livesBecause?: string
  /** How the one under attack is started: see `Door`. Default: `plain`. */
  readonly door?: Door
  /** A client is under attack: the calls that it makes, to the attacker, who takes its connections. */
  readonly client?: HostileCalls
  /** Connections that a client may make; default: those that one call needs, 2. */
  readonly connectionsMax?: number
  /** What the attack may leave in memory where what it sends is rightly kept. Unit: octets. Default: 3 MiB. */
  readonly retainedMax?: number
  /** Why the accounts of memory say less, or more, than what is kept. Absent: they are right within a fifth. */
  readonly uncountedBecause?: string
  /** Where what it sends is honest work, of few octets. Unit: us. Default: 1. */
  readonly cpuUsPerOctetMax?: number
  /** Plays it against a server that came from outside. */
  readonly play?: (attacker: Attacker) => Promise<void>
  /** Plays it over the memory transport, in the process of the server. */
  readonly playMemory?: (dial: () => Promise<Socket>, played: MemoryPlay) => Promise<void>
  /** A connection that the client under attack has made. */
  readonly answer?: (socket: AttackSocket, attacker: Attacker) => Promise<void>
}

/**
 * `plain` and `tls`: a server of services, native and mucp; `guarded`: the same with middleware that refuses events;
 * `raw`: a listener of micro's transport whose handlers never read, `raw-tls`: over TLS; `throwing`: whose handlers throw; `memory`: a server over
 * the memory transport. For clients, the first two.
 */
export type Door = 'plain' | 'tls' | 'guarded' | 'raw' | 'raw-tls' | 'throwing' | 'memory'

export interface HostileCalls {
  readonly count: number
  /** `unread`: a stream of responses of which one is read. `upload`: 16 MiB in messages of 64 KiB. */
  readonly kind: 'unary' | 'unread' | 'upload' | 'read'
  readonly protocol?: 'grpc' | 'mucp'
  /** Unit: ms. Default: 2_000. */
  readonly timeoutMs?: number
}

/** What an attacker within the process has to tell. */
export interface MemoryPlay {
  octets: number
  sockets: number
  /** Part of the whole. */
  readonly times: (count: number) => number
}

export type Path = 'Echo' | 'Hold' | 'Zombie' | 'Download'

/** A request of one of the target's methods. */
export function request(path: Path, ...fields: string[]): string[] {
  return [
    ':method',
    'POST',
    ':scheme',
    'http',
    ':path',
    `/attack.Target/${path}`,
    ':authority',
    'localhost',
    'te',
    'trailers',
    'content-type',
    'application/grpc+proto',
    ...fields,
  ]
}

export const HOLD: Buffer = literalBlock(request('Hold'))
export const CANCEL = 8

/** Made when it is first asked for: what is large would be made in every process. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Streams 1, 3, 5 ... */
export function ids(count: number, from = 1): number[] {
  return Array.from({ length: count }, (_, i) => from + 2 * i)
}

export function join(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts)
}

export function repeat(bytes: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes))
}

/** The same octets, in pieces of many frames, until the server has had enough. */
export async function flood(socket: AttackSocket, frame: Buffer, count: number): Promise<void> {
  const inPiece = Math.max(1, Math.min(count, Math.floor(65_536 / frame.length)))
  const piece = repeat(frame, inPiece)
  for (let sent = 0; sent < count && !socket.closed; sent += inPiece) {
    await socket.send(piece)
    await socket.turn()
  }
}

/** A frame for each of many streams, in pieces. */
export async function perStream(
  socket: AttackSocket,
  count: number,
  make: (id: number) => Buffer,
  from = 1,
): Promise<void> {
  const all = ids(count, from)
  for (let i = 0; i < all.length && !socket.closed; i += 200) {
    await socket.send(join(all.slice(i, i + 200).map(make)))
    await socket.turn()
  }
}

/** One octet message: a gRPC message of nothing. */
export const EMPTY_MESSAGE: Buffer = Buffer.alloc(5)

/** The message of a Download or Echo. */
export function message(size: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5 + size)
  bytes[0] = flag
  bytes.writeUInt32BE(size, 1)
  return bytes
}

export const hold = (id: number, endStream = false): Buffer =>
  frames.headers(id, HOLD, { endStream })

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
