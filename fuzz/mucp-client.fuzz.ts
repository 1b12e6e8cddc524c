import { GrpcError, MicroError } from '../src/index.js'
import { ERROR_DEPTH_MAX } from '../src/micro/errors/micro-error.js'
import {
  type Client,
  createClient,
  createServer,
  defineService,
  jsonCodec,
} from '../src/micro/index.js'
import { OctetSource } from '../src/testing/index.js'
import { type Message, memoryTransport, type Socket } from '../src/transport/index.js'
import { invariant } from './invariant.js'
import { someMessage } from './mucp-words.js'

// T14: a hostile mucp backend, for a client by itself and for a gateway that throws on what it was told.

const ANSWERS_MAX = 12
const TURNS_MAX = 2_000
const CALLS_MAX = 6
const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const service = defineService('fuzz.Fuzz', {
  one: { kind: 'unary', ...json },
  down: { kind: 'server', ...json },
  up: { kind: 'client', ...json },
  both: { kind: 'bidi', ...json },
})

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Octet 0: whether through a gateway; then each call's kind, and what its socket is told. */
export async function fuzz(data: Buffer): Promise<void> {
  const source = new OctetSource(data)
  const transport = memoryTransport()
  const backend = await transport.listen('backend:1')
  const sockets: Socket[] = []
  backend.accept(async socket => {
    sockets.push(socket)
    await answer(socket, source)
  })
  const client = createClient({ address: 'backend:1', transport, protocol: 'mucp', retries: 0 })
  const gateway = createServer({
    name: 'gateway',
    address: 'gateway:1',
    transport,
    onError: error => void String(error),
  })
  const { one, down, up, both } = client.bind(service)
  gateway.handle(service, { one, down, up, both })
  await gateway.start()
  const front = createClient({ address: 'gateway:1', transport, protocol: 'mucp', retries: 0 })
  const bound = bindAll((source.octet() & 1) === 0 ? client : front)
  const calls: Promise<unknown>[] = []
  let settled = 0
  for (let count = 1 + (source.octet() % CALLS_MAX); count > 0; count--) {
    const kind = source.octet() % 4
    calls.push(call(bound, kind).finally(() => settled++))
  }
  const outcomes = Promise.allSettled(calls)
  for (let turns = 0; settled < calls.length; turns++) {
    invariant(
      turns < TURNS_MAX,
      'T14 every call settles when its backend has left',
      () => `${calls.length - settled} wait`,
    )
    await turn()
  }
  for (const outcome of await outcomes) {
    if (outcome.status === 'fulfilled') continue
    const { reason } = outcome
    invariant(
      reason instanceof MicroError || reason instanceof GrpcError,
      'T14 a call fails with an error of ours',
      () => String(reason),
    )
    if (!(reason instanceof MicroError)) continue
    JSON.parse(reason.encode())
    invariant(isShallow(reason.extra, 0), 'T14 the depth of what is kept of an error is bounded')
  }
  await Promise.all([front.close(), client.close()])
  await gateway.stop({ graceMs: 0 })
  await backend.close()
}

type Bound = ReturnType<typeof bindAll>

function bindAll(client: Client) {
  return client.bind(service)
}

async function call({ one, down, up, both }: Bound, kind: number): Promise<unknown> {
  if (kind === 0) return one({})
  if (kind === 1) return up([1, 2])
  let last: unknown
  for await (const each of kind === 2 ? down({}) : both([1, 2])) last = each
  return last
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth < ERROR_DEPTH_MAX && Object.values(value).every(each => isShallow(each, depth + 1))
}

/** Says what the input has, then ends in one of three ways. */
async function answer(socket: Socket, source: OctetSource): Promise<void> {
  const request = await socket.receive()
  if (request === undefined) return
  for (let count = source.integer(0, ANSWERS_MAX); count > 0; count--) {
    const message = someMessage(source)
    if (source.octet() < 200) repeatIds(message, request)
    await socket.send(message)
  }
  const how = source.octet() % 3
  if (how === 0) throw new Error('the backend fails')
  if (how === 1) await socket.close()
}

function repeatIds({ header }: Message, request: Message): void {
  for (const name of ['Micro-Id', 'Micro-ID', 'Micro-Stream']) {
    const value = request.header.get(name)
    if (value !== undefined) header.set(name, value)
  }
}
