import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type BoundClient,
  type CallOptions,
  type Client,
  GrpcError,
  MicroError,
  type Service,
  Status,
} from '../../src/index.js'
import {
  encodeMessage,
  grpcTransport,
  MESSAGE_SIZE_MAX,
  type Message,
} from '../../src/transport/index.js'
import { type Greeter, loadGreeter, loadWords, type Words } from './greeter-service.js'

/** What the cases work with. */
export interface GreeterContext {
  readonly client: Client
  readonly address: string
  readonly tls?: { readonly ca: string }
}

const JSON_CALL: CallOptions = { contentType: 'application/json' }
const PROTO_CALL: CallOptions = { contentType: 'application/protobuf' }

type Case = () => Promise<void>

/** The cases of our client against a Go server: the same for mucp and for native gRPC. */
export async function greeterCases(context: GreeterContext): Promise<Map<string, Case>> {
  const service = await loadGreeter()
  const greeter = context.client.bind(service)
  const words = context.client.bind(await loadWords())
  return new Map<string, Case>([
    ['unary_json', async () => hello(greeter)],
    [
      'unary_protobuf',
      async () => equal((await words.upper({ value: 'ada' }, PROTO_CALL)).value, 'ADA'),
    ],
    ['error', () => rejects(greeter.fail({ name: 'Bob' }, JSON_CALL), allFourFields)],
    ['unknown_endpoint', () => unknownEndpoint(context.client, service)],
    ['metadata', () => metadata(greeter)],
    ['stream', () => serverEnds(greeter)],
    ['stream_client_ends', () => clientEnds(greeter)],
    ['stream_cancelled', () => clientCancels(greeter)],
    ['stream_error', () => serverFails(greeter)],
    ['timeout', () => timeout(greeter)],
  ])
}

/** Sizes, natively: the message itself is what is limited. */
export async function nativeSizeCases({ client }: GreeterContext): Promise<Map<string, Case>> {
  const words = client.bind(await loadWords())
  return new Map<string, Case>([
    ['message_max', () => length(words, MESSAGE_SIZE_MAX - BYTES_VALUE_OVERHEAD)],
    [
      'message_max_plus_one',
      () => rejects(length(words, MESSAGE_SIZE_MAX - BYTES_VALUE_OVERHEAD + 1)),
    ],
  ])
}

/** What one octet string of about 4 MiB takes beside itself: a tag and four octets of length. */
const BYTES_VALUE_OVERHEAD = 5

/** Sizes and events over the transport, on sockets of our own. */
export function mucpSocketCases(context: GreeterContext): Map<string, Case> {
  return new Map<string, Case>([
    ['message_max', () => rawLength(context, MESSAGE_SIZE_MAX, true)],
    ['message_max_plus_one', () => rawLength(context, MESSAGE_SIZE_MAX + 1, false)],
  ])
}

/** Last of all, for nobody is there afterwards. */
export async function serverGone({ client }: GreeterContext): Promise<void> {
  const greeter = client.bind(await loadGreeter())
  const start = performance.now()
  await rejects(greeter.exit({ name: '' }, JSON_CALL))
  ok(performance.now() - start < 4_000, 'an error at once')
}

async function hello(greeter: BoundClient<Greeter>): Promise<void> {
  equal((await greeter.hello({ name: 'Ada <ä>' }, JSON_CALL)).text, 'Hello, Ada <ä>')
}

function allFourFields(error: unknown): boolean {
  ok(error instanceof MicroError, `a MicroError, not ${error}`)
  const { id, code, detail, status } = error
  deepEqual(
    { id, code, detail, status },
    {
      id: 'greeter',
      code: 404,
      detail: 'no such name Bob',
      status: 'Not Found',
    },
  )
  return true
}

async function unknownEndpoint(client: Client, service: Service<Greeter>): Promise<void> {
  const methods = service.methods.map(method =>
    method.name === 'hello'
      ? { ...method, wireName: 'Nobody', endpoint: 'Greeter.Nobody', path: '/Greeter/Nobody' }
      : method,
  )
  await rejects(client.bind({ ...service, methods }).hello({ name: 'Ada' }, JSON_CALL))
  await hello(client.bind(service))
}

async function metadata(greeter: BoundClient<Greeter>): Promise<void> {
  const sent = { 'x-token': 's3cret, two', plain: 'ok' }
  for (const [name, value] of Object.entries(sent)) {
    equal((await greeter.meta({ name }, { ...JSON_CALL, metadata: sent })).text, value)
  }
}

async function serverEnds(greeter: BoundClient<Greeter>): Promise<void> {
  deepEqual(await conversation(greeter, ['a', 'b', 'c', 'bye']), [
    'Hello, a',
    'Hello, b',
    'Hello, c',
  ])
}

async function clientEnds(greeter: BoundClient<Greeter>): Promise<void> {
  deepEqual(await conversation(greeter, ['a', 'b']), ['Hello, a', 'Hello, b'])
  await until(greeter, 'stream', 'ended by client after 2')
}

/** Given up is not ended: the handler hears of it as an error. */
async function clientCancels(greeter: BoundClient<Greeter>): Promise<void> {
  const abort = new AbortController()
  async function* requests(): AsyncGenerator<{ name: string }> {
    yield { name: 'a' }
    await new Promise(() => {})
  }
  const replies = greeter.chat(requests(), { ...JSON_CALL, signal: abort.signal })
  equal((await replies.next()).value?.text, 'Hello, a')
  abort.abort()
  await rejects(replies.next(), (error: GrpcError | MicroError) => {
    equal(error.code, error instanceof GrpcError ? 'CANCELLED' : 499)
    equal((error.cause as Error).name, 'AbortError')
    return true
  })
  await until(greeter, 'stream', 'cancelled after 1')
}

async function serverFails(greeter: BoundClient<Greeter>): Promise<void> {
  await rejects(conversation(greeter, ['a', 'boom']), /boom/)
}

/** Each name goes when the last one's answer is there: Go's mucp server overwrites what it queues. */
async function conversation(
  greeter: BoundClient<Greeter>,
  names: readonly string[],
): Promise<string[]> {
  let answered = () => {}
  async function* requests(): AsyncGenerator<{ name: string }> {
    for (const name of names) {
      const turn = new Promise<void>(resolve => {
        answered = resolve
      })
      yield { name }
      if (name !== 'bye' && name !== 'boom') await turn
    }
  }
  const texts: string[] = []
  for await (const { text } of greeter.chat(requests(), JSON_CALL)) {
    texts.push(text)
    answered()
  }
  return texts
}

async function timeout(greeter: BoundClient<Greeter>): Promise<void> {
  const start = performance.now()
  await rejects(greeter.slow({ name: '' }, { ...JSON_CALL, timeoutMs: 300 }), error => {
    if (error instanceof MicroError) equal(error.code, 408)
    else ok(error instanceof GrpcError && error.status === Status.DeadlineExceeded, String(error))
    return true
  })
  ok(performance.now() - start < 3_000, 'in time')
  await until(greeter, 'slow', 'deadline')
}

/** Asks for a noted state until it is as wanted, three seconds at most. */
async function until(greeter: BoundClient<Greeter>, name: string, want: string): Promise<void> {
  let text = ''
  for (let i = 0; i < 60 && text !== want; i++) {
    if (i > 0) await delay(50)
    text = (await greeter.state({ name }, JSON_CALL)).text
  }
  equal(text, want)
}

async function length(words: BoundClient<Words>, size: number): Promise<void> {
  const reply = await words.length({ value: Buffer.alloc(size) }, PROTO_CALL)
  equal(reply.value, String(size))
}

/** Publishes an event and waits until the Go server has it. */
export async function publish({ client }: GreeterContext): Promise<void> {
  await client.publish('news', { name: 'extra' })
  await until(client.bind(await loadGreeter()), 'news', 'extra')
}

/** One Message of exactly `size` octets, encoded: answered, or refused by whoever sees it first. */
async function rawLength(context: GreeterContext, size: number, taken: boolean): Promise<void> {
  const { message, value } = messageOf(size)
  const transport = grpcTransport(context.tls === undefined ? {} : { clientTls: context.tls })
  const socket = await transport.dial(context.address)
  try {
    if (!taken) {
      await rejects(async () => {
        await socket.send(message)
        const reply = await socket.receive()
        if (reply === undefined) throw new Error('the server ended the socket')
      })
      return
    }
    await socket.send(message)
    const reply = await socket.receive()
    deepEqual(Buffer.from(reply?.body ?? []), bytesField(Buffer.from(String(value))))
  } finally {
    await socket.close()
    await transport.close()
  }
}

function messageOf(size: number): { message: Message; value: number } {
  const header = new Map([
    ['Micro-Service', 'greeter'],
    ['Micro-Endpoint', 'Words.Length'],
    ['Micro-Method', 'Words.Length'],
    ['Micro-Id', '7'],
    ['Micro-ID', '7'],
    ['Content-Type', 'application/protobuf'],
  ])
  let value = size - 1_000
  for (;;) {
    const message = { header, body: bytesField(Buffer.alloc(value)) }
    const encoded = encodeMessage(message, Number.POSITIVE_INFINITY).length
    if (encoded === size) return { message, value }
    value += size - encoded
  }
}

/** Field 1 of a protobuf message. */
function bytesField(bytes: Buffer): Buffer {
  const octets = [0x0a]
  let rest = bytes.length
  for (; rest > 0x7f; rest >>>= 7) octets.push((rest & 0x7f) | 0x80)
  return Buffer.concat([Buffer.from([...octets, rest]), bytes])
}
