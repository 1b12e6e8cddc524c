import t from 'tap'
import { MemoryBudget } from '../../src/connection/index.js'
import { createClient, createServer, defineService, jsonCodec } from '../../src/micro/index.js'
import { grpcTransport, type Message } from '../../src/transport/index.js'
import { AddressBudgets } from '../../src/transport/server/address-budgets.js'
import { frames, REQUEST } from '../support/frames.js'
import { type Connected, connect } from '../support/peer.js'

const MIB = 1_048_576

/** A connection with `size` octets on each of some streams, which nobody reads. */
function uploads(
  memory: MemoryBudget,
  ids: readonly number[],
  size: number,
  heard: string[],
): Connected {
  const side = connect({ role: 'server', hold: true, consume: false, memory })
  for (const id of ids) {
    side.peer.sends(frames.headers(id, REQUEST))
    Object.assign(side.recorder.stream(id).handler, {
      onShed: (fault: string) => heard.push(fault),
    })
    for (let left = size; left > 0; left -= 16_384) {
      side.peer.sends(frames.data(id, { size: Math.min(left, 16_384) }))
    }
  }
  return side
}

t.test('memoryPerAddressMax: what the connections of one address hold together is bounded', t => {
  const all = new MemoryBudget(64 * MIB)
  const budgets = new AddressBudgets({ memoryMax: MIB, handlersMax: Number.POSITIVE_INFINITY }, all)
  const heard: string[] = []
  const first = uploads(budgets.enter('192.0.2.1').memory, [1, 3, 5, 7, 9], 100_000, heard)
  const other = uploads(budgets.enter('192.0.2.2').memory, [1, 3, 5, 7, 9], 100_000, heard)
  t.same(heard, [])
  // The same address, as IPv6 has it.
  const second = uploads(budgets.enter('::ffff:192.0.2.1').memory, [1, 3, 5, 7, 9], 110_000, heard)
  t.equal(budgets.size, 2)
  t.match(
    heard[0],
    /^\d+ octets are held for 192\.0\.2\.1; memoryPerAddressMax is 1048576: this connection holds most, \d+: this call, with 110000 of them, ends$/,
  )
  t.same([first.connection.streamCount, other.connection.streamCount], [5, 5], 'the largest alone')
  t.ok(second.connection.streamCount < 5)
  t.ok(
    all.used > 1_400_000 && all.used < 1_700_000,
    `all of it is in the budget of all: ${all.used}`,
  )
  for (const { connection, recorder } of [first, second, other]) {
    connection.destroy()
    for (const id of [1, 3, 5, 7, 9]) recorder.stream(id).release()
  }
  t.equal(all.used, 0)
  for (const address of ['192.0.2.1', '192.0.2.2', '::ffff:192.0.2.1']) budgets.leave(address)
  t.equal(budgets.size, 0, 'who has left costs nothing')
  t.equal(budgets.enter('').memory, all, 'a unix socket has no address')
  budgets.leave('')
  t.end()
})

t.test('memoryPerAddressMax of a server: a second connection has no memory of its own', async t => {
  const json = { request: jsonCodec<string>(), response: jsonCodec<string>() }
  const service = defineService('t.Memory', { idle: { kind: 'client', ...json } })
  const heard: string[] = []
  let settle = (): void => undefined
  const settled = new Promise<void>(resolve => {
    settle = resolve
  })
  await using server = createServer({
    name: 'memory',
    address: '127.0.0.1:0',
    memoryPerAddressMax: MIB,
    onError: error => heard.push((error as Error).message),
  })
  server.handle(service, {
    idle: async () => {
      await settled
      return ''
    },
  })
  await server.start()
  const open = (id: number): Message => ({
    header: new Map([
      ['Content-Type', 'application/json'],
      ['Micro-Id', `${id}`],
      ['Micro-Stream', `${id}`],
      ['Micro-Endpoint', 'Memory.Idle'],
      ['token', 'x'.repeat(30_000)],
    ]),
    body: Buffer.from('"x"'),
  })
  const transports = [grpcTransport(), grpcTransport()]
  const sockets = await Promise.all(transports.map(each => each.dial(server.address)))
  let isOver = false
  for (const socket of sockets) {
    void socket.over!.then(() => {
      isOver = true
    })
  }
  for (let id = 1; !isOver && id < 100; id++) {
    for (const socket of sockets) await socket.send(open(id)).catch(() => undefined)
  }
  t.ok(isOver)
  t.match(heard.join('\n'), /octets are held for 127\.0\.0\.1; memoryPerAddressMax is 1048576/)
  settle()
  for (const each of transports) await each.close()
})

t.test('what an address may have is not had again by whoever leaves and comes back', t => {
  const budgets = new AddressBudgets({ memoryMax: MIB, handlersMax: 2 }, new MemoryBudget(64 * MIB))
  const { memory, handlerGroup } = budgets.enter('192.0.2.1')
  t.equal(handlerGroup!.tryTake(), true)
  budgets.leave('192.0.2.1')
  t.equal(budgets.size, 1, 'its handler still runs')
  t.match(budgets.enter('192.0.2.1'), { memory, handlerGroup })
  budgets.leave('192.0.2.1')
  handlerGroup!.free()
  t.equal(budgets.size, 0)
  t.end()
})

/** A server of few handlers for each address, whose handlers settle when told. */
async function fewHandlers(startTimeoutMs: number) {
  const json = { request: jsonCodec<number>(), response: jsonCodec<number>() }
  const service = defineService('t.Few', { slow: { kind: 'unary', ...json } })
  const heard: string[] = []
  const settles: (() => void)[] = []
  let began = (): void => undefined
  const server = createServer({
    name: 'few',
    address: '127.0.0.1:0',
    handlersPerAddressMax: 2,
    calls: { limits: { startTimeoutMs }, onError: error => heard.push((error as Error).message) },
    onError: error => heard.push((error as Error).message),
  })
  server.handle(service, {
    slow: request =>
      new Promise(resolve => {
        settles.push(() => resolve(request))
        began()
      }),
  })
  await server.start()
  /** Settles when so many have begun. */
  const begun = (count: number): Promise<void> =>
    new Promise(resolve => {
      began = () => {
        if (settles.length >= count) resolve()
      }
      began()
    })
  const clientOf = (protocol: 'grpc' | 'mucp') =>
    createClient({ address: server.address, protocol, retries: 0, service: 'few' })
  return { server, service, heard, settles, begun, clientOf }
}

t.test('handlersPerAddressMax: more connections run no more handlers, by either door', async t => {
  const { server, service, settles, begun, clientOf } = await fewHandlers(10_000)
  const clients = [clientOf('grpc'), clientOf('mucp'), clientOf('grpc'), clientOf('mucp')]
  const first = clients.slice(0, 2).map(client => client.bind(service).slow(1))
  await begun(2)
  const later = clients.slice(2).map(client => client.bind(service).slow(2))
  // Both have reached the server: what is sent behind them on their connections is answered.
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(settles.length, 2)
  settles[0]!()
  await begun(3)
  settles[1]!()
  await begun(4)
  for (const settle of settles) settle()
  t.same(await Promise.all([...first, ...later]), [1, 1, 2, 2])
  for (const client of clients) await client.close()
  await server.stop()
})

t.test('handlersPerAddressMax: calls that wait in vain are refused, and hear why', async t => {
  const { server, service, heard, settles, begun, clientOf } = await fewHandlers(20)
  const clients = [clientOf('grpc'), clientOf('grpc'), clientOf('mucp')]
  // Its socket is there before all places are taken.
  const warm = clients[2]!.bind(service).slow(0)
  await begun(1)
  settles.pop()!()
  await warm
  const first = [clients[0]!.bind(service).slow(1), clients[0]!.bind(service).slow(1)]
  await begun(2)
  await t.rejects(clients[1]!.bind(service).slow(2, { timeoutMs: 200 }))
  await t.rejects(clients[2]!.bind(service).slow(2), {
    message: /refused after 20 ms: 2 handlers of this peer run.*handlersPerAddressMax/,
  })
  t.match(heard.join('\n'), /2 handlers of 127\.0\.0\.1 run \(handlersPerAddressMax\)/)
  for (const settle of settles) settle()
  await Promise.all(first)
  for (const client of clients) await client.close()
  await server.stop()
})

t.test('memoryPerAddressMax names what it cannot be', t => {
  t.throws(() => createServer({ name: 'a', memoryPerAddressMax: 1 }), {
    message: /memoryPerAddressMax is 1; expected .*1048576/,
  })
  t.end()
})
