import t, { type Test } from 'tap'
import {
  createClient,
  createServer,
  defineService,
  jsonCodec,
  type ServerOptions,
} from '../../src/micro/index.js'
import {
  KeptOctets,
  MUCP_HEADER_FIELDS_MAX,
  MUCP_HEADER_SIZE_MAX,
  MUCP_KEPT_SIZE_MAX,
  MUCP_NAME_SIZE_MAX,
  MUCP_QUEUE_SIZE_MAX,
} from '../../src/micro/server/mucp/limits.js'
import { type Message, memoryTransport, type Socket } from '../../src/transport/index.js'
import { settle } from './fake-runtime.js'

const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const secretive = {
  subtypes: ['json'],
  encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
  decode(): unknown {
    throw new Error('/etc/passwd')
  },
}
const things = defineService('t.Things', {
  slow: { kind: 'unary', ...json },
  up: { kind: 'client', ...json },
  onward: { kind: 'unary', ...json },
  odd: { kind: 'unary', request: secretive, response: json.response },
})

/** A server whose handlers never come to an end by themselves, and a socket to it. */
async function bench(t: Test, options: Partial<ServerOptions> = {}) {
  const transport = memoryTransport()
  const server = createServer({ name: 'things', address: 'things:1', transport, ...options })
  let go = (): void => undefined
  const gone = new Promise<void>(resolve => {
    go = resolve
  })
  const upstream = createClient({ address: 'secret.internal:1', transport, inherit: false })
  server.handle(things, {
    slow: async () => {
      await gone
      return 'slow'
    },
    up: async () => {
      await gone
      return 'up'
    },
    onward: () => upstream.bind(things).slow({}),
    odd: () => 'odd',
  })
  await server.start()
  const socket = await transport.dial('things:1')
  t.teardown(async () => {
    go()
    await upstream.close()
    await socket.close()
    await server.stop({ graceMs: 100 })
  })
  return { socket, transport }
}

function message(header: Record<string, string>, body: string | Uint8Array = ''): Message {
  const all = { 'Content-Type': 'application/json', 'Micro-ID': '1', ...header }
  return { header: new Map(Object.entries(all)), body: Buffer.from(body as string) }
}

/** Sends until it has to wait. */
async function sendAll(
  socket: Socket,
  next: (index: number) => Message,
  max: number,
): Promise<number> {
  let sent = 0
  void (async () => {
    for (; sent < max; sent++) await socket.send(next(sent))
  })().catch(() => undefined)
  for (let turn = 0; turn < 200; turn++) await settle()
  return sent
}

async function errorOf(socket: Socket, sent: Message): Promise<string | undefined> {
  await socket.send(sent)
  return (await socket.receive())?.header.get('Micro-Error')
}

t.test('a second message with the id of a unary call that runs is answered', async t => {
  const { socket } = await bench(t)
  const slow = message({ 'Micro-Endpoint': 'Things.Slow' }, '{}')
  await socket.send(slow)
  t.equal(await errorOf(socket, slow), "a call with the id '1' is running: use another id")
})

t.test('refused messages are answered at the pace of a peer that reads', async t => {
  const { socket } = await bench(t)
  const kinds: readonly (readonly [string, (index: number) => Message])[] = [
    ['unknown service', index => message({ 'Micro-ID': `${index}`, 'Micro-Endpoint': 'No.One' })],
    ['content type', index => message({ 'Micro-ID': `${index}`, 'Content-Type': 'text/html' })],
    ['too long', () => message({ 'Micro-ID': 'x'.repeat(MUCP_NAME_SIZE_MAX + 1) })],
  ]
  const [, first] = kinds[0]!
  // What a memory socket holds each way, and no more.
  t.ok((await sendAll(socket, first, 1_000)) < 250)
  for (const [name, next] of kinds.slice(1)) {
    const { socket: other } = await bench(t)
    t.ok((await sendAll(other, next, 1_000)) < 250, name)
  }
})

t.test('header fields, octets and names of a message are bounded, with the numbers', async t => {
  const { socket } = await bench(t)
  const many = Object.fromEntries(
    Array.from({ length: MUCP_HEADER_FIELDS_MAX }, (_, index) => [`k${index}`, '']),
  )
  t.equal(
    await errorOf(socket, message(many)),
    `the header has ${MUCP_HEADER_FIELDS_MAX + 2} fields; the limit is ${MUCP_HEADER_FIELDS_MAX}`,
  )
  t.match(
    await errorOf(socket, message({ token: 'x'.repeat(MUCP_HEADER_SIZE_MAX) })),
    `the limit is ${MUCP_HEADER_SIZE_MAX}`,
  )
  for (const name of ['ID', 'Stream', 'Service', 'Method', 'Endpoint', 'Topic']) {
    const sent = message({ [`Micro-${name}`]: 'x'.repeat(MUCP_NAME_SIZE_MAX + 1) })
    t.equal(
      await errorOf(socket, sent),
      `the ${name.toLowerCase()} has ${MUCP_NAME_SIZE_MAX + 1} characters; the limit is ${MUCP_NAME_SIZE_MAX}`,
    )
  }
})

t.test('a second spelling of a name that answers repeat is bounded too', async t => {
  const { socket } = await bench(t)
  for (const name of ['Micro-Id', 'MICRO-STREAM', 'Accept', 'timeout']) {
    const sent = message({ 'Micro-ID': '1', 'Micro-Stream': '', [name]: 'x'.repeat(3_000) })
    t.match(await errorOf(socket, sent), / has 3000 characters; the limit is 1024$/)
  }
})

t.test('what waits for one handler is bounded in octets, not only in messages', async t => {
  const { socket } = await bench(t)
  const up = { 'Micro-Endpoint': 'Things.Up', 'Micro-Stream': '1' }
  await socket.send(message(up))
  const body = JSON.stringify('x'.repeat(MUCP_QUEUE_SIZE_MAX / 4))
  const sent = await sendAll(socket, () => message(up, body), 1_000)
  // 4 for the handler, 64 in the memory socket, one on its way.
  t.ok(sent <= 70, `${sent} were taken`)
})

t.test('what the sockets of one peer keep has one budget', t => {
  const kept = new KeptOctets()
  const half = MUCP_KEPT_SIZE_MAX / 2
  t.ok(kept.take('a', half))
  t.equal(kept.queueSizeMax('a'), MUCP_QUEUE_SIZE_MAX)
  t.ok(kept.take('a', half), 'up to the limit')
  t.equal(kept.queueSizeMax('a'), 1, 'from half of it on one message at a time')
  t.notOk(kept.take('a', 1), 'and no more')
  t.ok(kept.take('b', half), 'another peer has its own')
  kept.give('a', MUCP_KEPT_SIZE_MAX)
  t.ok(kept.take('a', half), 'what was given back counts no more')
  t.end()
})

t.test('the budget grows with messageSizeMax: the largest message fits beside what waits', t => {
  const largest = 256 * 1_048_576
  const kept = new KeptOctets(largest)
  t.equal(kept.sizeMax, 2 * largest)
  t.ok(kept.take('a', largest))
  t.equal(kept.queueSizeMax('a'), MUCP_QUEUE_SIZE_MAX)
  t.ok(kept.take('a', largest))
  t.notOk(kept.take('a', 1))
  t.equal(new KeptOctets(4 * 1_048_576).sizeMax, MUCP_KEPT_SIZE_MAX, 'by default as it was')
  t.end()
})

t.test(
  'openings that never send their request are refused at the budget of their peer',
  async t => {
    const { socket } = await bench(t)
    const header = { 'Micro-Endpoint': 'Things.Up', token: 'x'.repeat(MUCP_HEADER_SIZE_MAX - 200) }
    const fits = Math.floor(MUCP_KEPT_SIZE_MAX / MUCP_HEADER_SIZE_MAX)
    let refused: string | undefined
    const reading = socket.receive().then(answer => {
      refused = answer?.header.get('Micro-Error')
    })
    for (let index = 0; index < fits + 2; index++) {
      const id = { 'Micro-ID': `${index}`, 'Micro-Stream': `${index}` }
      await socket.send(message({ ...header, ...id }, 'x'.repeat(10_000)))
    }
    await reading
    t.match(
      refused,
      `"code":429,"detail":"this connection makes the server keep more than ${MUCP_KEPT_SIZE_MAX} octets"`,
    )
  },
)

t.test(
  "exposeErrors false: a codec's own words and the address of another service stay here",
  async t => {
    const { socket } = await bench(t)
    const odd = await errorOf(socket, message({ 'Micro-Endpoint': 'Things.Odd' }, '{}'))
    t.match(odd, /"code":400,"detail":"cannot read the request"/)
    const onward = await errorOf(socket, message({ 'Micro-Endpoint': 'Things.Onward' }, '{}'))
    t.match(onward, /"code":500,"detail":"a call to another service failed"/)
    const open = await bench(t, { exposeErrors: true })
    t.match(
      await errorOf(open.socket, message({ 'Micro-Endpoint': 'Things.Odd' }, '{}')),
      'cannot read the request: /etc/passwd',
    )
    t.match(
      await errorOf(open.socket, message({ 'Micro-Endpoint': 'Things.Onward' }, '{}')),
      'secret.internal:1',
    )
  },
)
