import type { Socket } from 'node:net'
import { answerRunner, type Reply, type Request } from '../child.js'
import { Path, PREFIX_SIZE, prefixed } from '../payload.js'
import { type CallBody, type CallBytes, callBytes } from '../wire/call-bytes.js'
import { frame, HEADER_SIZE, Type } from '../wire/frame-bytes.js'
import { connectTo, type RawOptions } from '../wire/raw-connection.js'
import { HeldConnection } from './held-connection.js'

// Holds connections and streams for as long as the runner likes, so that it can see what they cost.

/** Connections that are set up at a time: no more than every server's backlog holds. */
const AT_ONCE = 32

/** Local addresses that connections come from in turn, so that ports do not run out: 127.0.0.2 and on. */
const ADDRESSES = 60

/** Calls prepared for one connection. */
const CALLS_MAX = 400_000

const held = new Map<number, HeldConnection[]>()
const prepared = new Map<string, CallBytes>()
let turn = 0

function rawOptions(request: Request): RawOptions {
  turn = (turn + 1) % ADDRESSES
  return { tls: request['tls'] === true, localAddress: `127.0.0.${turn + 2}` }
}

function portOf(request: Request): number {
  return Number(request['port'])
}

function connectionsTo(port: number): HeldConnection[] {
  const connections = held.get(port)
  if (connections === undefined) throw new Error(`no connections to port ${port}`)
  return connections
}

/** Runs `work` `count` times, a few of them at once. */
async function some(count: number, work: (index: number) => Promise<void>): Promise<Reply> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  const begin = performance.now()
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker))
  return { seconds: (performance.now() - begin) / 1_000 }
}

/** The prepared calls of a path are made once, as many as are ever asked for. */
function callsFor(path: string, count: number): CallBytes {
  let calls = prepared.get(path)
  if (calls === undefined || calls.offsets.length <= count) {
    calls = callBytes(path, count, false)
    prepared.set(path, calls)
  }
  return calls
}

/** Sets up connections; with `called`, each has made one call. */
async function open(request: Request): Promise<Reply> {
  const port = portOf(request)
  const connections: HeldConnection[] = []
  held.set(port, connections)
  return await some(Number(request['connections']), async () => {
    const connection = new HeldConnection(port, rawOptions(request))
    connections.push(connection)
    await connection.ready
    if (request['called'] === true) await connection.call(callsFor(Path.unary, 1), 1, 1)
  })
}

/** Calls over all connections to a port, in equal parts, `inFlight` on each. */
async function call(request: Request): Promise<Reply> {
  const connections = connectionsTo(portOf(request))
  const each = Math.ceil(Number(request['calls']) / connections.length)
  const calls = callsFor(
    String(request['path'] ?? Path.unary),
    Math.min(CALLS_MAX, Number(request['callsMax'])),
  )
  const inFlight = Number(request['inFlight'])
  const begin = performance.now()
  await Promise.all(connections.map(connection => connection.call(calls, each, inFlight)))
  return { calls: each * connections.length, seconds: (performance.now() - begin) / 1_000 }
}

/** What a held stream sends: a whole message, HEADERS alone, one octet of a large message, half of a small one. */
const BODIES: Readonly<Record<string, CallBody>> = {
  message: { data: prefixed(Buffer.alloc(100)), endStream: true },
  headers: { data: Buffer.alloc(0), endStream: false },
  declared: { data: Buffer.from([0, 0x00, 0x3f, 0xff, 0xff, 1]), endStream: false },
  half: { data: prefixed(Buffer.alloc(20)).subarray(0, 15), endStream: false },
}

function bodyOf(request: Request): CallBody {
  const body = BODIES[String(request['body'])]
  if (body === undefined) throw new Error(`unknown body '${request['body']}'`)
  return body
}

/** Streams on the one connection to a port, which stay open. */
async function hold(request: Request): Promise<Reply> {
  const [connection] = connectionsTo(portOf(request))
  const count = Number(request['streams'])
  await connection!.send(callBytes(String(request['path']), count, false, bodyOf(request)), count)
  return {}
}

/** Three whole frames: together with a small one, most of what one read of a socket brings. */
const FILLER: Buffer = prefixed(Buffer.alloc(49_152 - PREFIX_SIZE))
const FRAME_SIZE = 16_384

function fillerFrames(): Buffer[] {
  const frames: Buffer[] = []
  for (let start = 0; start < FILLER.length; start += FRAME_SIZE) {
    frames.push(frame(Type.data, 0, 1, FILLER.subarray(start, start + FRAME_SIZE)))
  }
  return frames
}

/**
 * Streams as above, each of which arrives in one write behind 48 KiB for stream 1, which swallows
 * them: whoever keeps a range of what the socket delivered keeps all of it.
 */
async function holdBehindFiller(request: Request): Promise<Reply> {
  const [connection] = connectionsTo(portOf(request))
  const count = Number(request['streams'])
  const body = bodyOf(request)
  const path = (call: number): string => (call === 0 ? Path.upload : String(request['path']))
  const { bytes, offsets } = callBytes(path, count + 1, false, body)
  await connection!.write(bytes.subarray(0, HEADER_SIZE + bytes.readUIntBE(0, 3)), 0, 0)
  const filler = fillerFrames()
  for (let stream = 1; stream <= count; stream++) {
    const held = bytes.subarray(offsets[stream], offsets[stream + 1])
    await connection!.write(Buffer.concat([...filler, held]), body.data.length, FILLER.length)
  }
  return {}
}

/** Sets up connections one after another, a few at once, and closes each when it is usable. */
async function connects(request: Request): Promise<Reply> {
  const port = portOf(request)
  return await some(Number(request['connections']), async () => {
    const connection = new HeldConnection(port, rawOptions(request))
    await connection.ready
    await connection.close()
  })
}

/** The same with bare sockets, of which the server's first octet says that they are accepted. */
async function bareConnects(request: Request): Promise<Reply> {
  return await some(Number(request['connections']), async () => {
    const socket = await bareSocket(request)
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.destroy()
    await closed
  })
}

const bare: Socket[] = []

/** Bare sockets that stay. */
async function openBare(request: Request): Promise<Reply> {
  return await some(Number(request['connections']), async () => {
    bare.push(await bareSocket(request))
  })
}

function bareSocket(request: Request): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(portOf(request), rawOptions(request))
    socket.once('error', reject)
    socket.once('data', () => resolve(socket))
  })
}

/** Ends everything that is held. */
async function release(): Promise<Reply> {
  const connections = [...held.values()].flat()
  held.clear()
  await Promise.all(connections.map(connection => connection.close()))
  for (const socket of bare.splice(0)) socket.destroy()
  return {}
}

answerRunner(
  { ready: 1 },
  { open, call, hold, holdBehindFiller, connects, bareConnects, openBare, release },
)
