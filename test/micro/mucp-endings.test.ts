import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/micro/index.js'
import { grpcTransport, memoryTransport, type Transport } from '../../src/transport/index.js'

interface Note {
  readonly i: number
}
const json = { request: jsonCodec<Note>(), response: jsonCodec<Note>() }
const uploads = defineService('uploads.v1.Uploads', {
  up: { kind: 'client', ...json },
  both: { kind: 'bidi', ...json },
})

/** How a handler's loop over its requests ended. */
interface Seen {
  readonly got: number
  /** Undefined after an orderly end. */
  readonly error: unknown
}

/** What the client wants to send, and how much of it before it gives up. */
const TOTAL = 1_000
const BEFORE = 100

/** A promise, and how it is kept. */
function later<T>(): { promise: Promise<T>; keep: (value: T) => void } {
  let keep: (value: T) => void = () => undefined
  const promise = new Promise<T>(resolve => {
    keep = resolve
  })
  return { promise, keep }
}

/** A server whose handlers do not read before `go`, and a client that gives up. */
async function rig(protocol: 'grpc' | 'mucp', transport: Transport | undefined) {
  const seen = later<Seen>()
  const begun = later<void>()
  const go = later<void>()
  const read = async (requests: AsyncIterable<Note>): Promise<void> => {
    let got = 0
    begun.keep()
    await go.promise
    try {
      for await (const _ of requests) got++
      seen.keep({ got, error: undefined })
    } catch (error) {
      seen.keep({ got, error })
      throw error
    }
  }
  const given = transport === undefined ? {} : { transport }
  const address = transport?.name === 'memory' ? 'uploads:0' : '127.0.0.1:0'
  const server = createServer({ name: 'uploads', address, ...given })
  server.handle(uploads, {
    async up(requests) {
      await read(requests)
      return { i: 0 }
    },
    async *both(requests) {
      await read(requests)
      yield { i: 0 }
    },
  })
  await server.start()
  const client = createClient({ address: server.address, protocol, ...given })
  return {
    begun: begun.promise,
    go: go.keep,
    seen: seen.promise,
    bound: client.bind(uploads),
    client,
    close: async () => {
      await client.close()
      await server.stop({ graceMs: 100 })
    },
  }
}

type Rig = Awaited<ReturnType<typeof rig>>

/** The ways to give an upload up, once `BEFORE` messages are sent. */
const WAYS: Readonly<Record<string, (rig: Rig) => Promise<unknown>>> = {
  'its source throws': ({ bound, begun }) =>
    bound.up(
      source(begun, () => {
        throw new Error('the disk is full')
      }),
    ),
  'its signal aborts': ({ bound, begun }) => {
    const controller = new AbortController()
    return bound.up(
      source(begun, () => controller.abort()),
      { signal: controller.signal },
    )
  },
  'its deadline passes': ({ bound, begun }) =>
    bound.up(
      source(begun, () => new Promise(resolve => setTimeout(resolve, 600))),
      { timeoutMs: 500 },
    ),
  'the reader of its replies leaves': async ({ client, begun }) => {
    const stream = client.stream(uploads, 'both')
    for (let i = 0; i < BEFORE; i++) await stream.send({ i })
    await begun
    await stream.return?.()
  },
  'the stream is cancelled': async ({ client, begun }) => {
    const stream = client.stream(uploads, 'both')
    for (let i = 0; i < BEFORE; i++) await stream.send({ i })
    await begun
    stream.cancel()
  },
  'the client is closed': async ({ client, begun }) => {
    const stream = client.stream(uploads, 'both')
    for (let i = 0; i < BEFORE; i++) await stream.send({ i })
    await begun
    await client.close()
  },
}

async function* source(begun: Promise<void>, giveUp: () => unknown): AsyncGenerator<Note> {
  for (let i = 0; i < TOTAL; i++) {
    if (i === BEFORE) {
      await begun
      await giveUp()
    }
    yield { i }
  }
}

const DOORS: readonly (readonly [string, 'grpc' | 'mucp', () => Transport | undefined])[] = [
  ['mucp', 'mucp', () => undefined],
  ['mucp, small windows', 'mucp', () => grpcTransport({ limits: { streamWindowSize: 1_000 } })],
  ['mucp in memory', 'mucp', () => memoryTransport()],
  ['native', 'grpc', () => undefined],
]

for (const [door, protocol, transport] of DOORS) {
  for (const [way, giveUp] of Object.entries(WAYS)) {
    t.test(`an upload that was given up never ends in good order: ${door}, ${way}`, async t => {
      const given = transport()
      const made = await rig(protocol, given)
      const ended = giveUp(made).catch(error => error)
      setTimeout(() => made.go(), 50)
      const { got, error } = await made.seen
      t.ok(error instanceof Error, `an orderly end after ${got} of ${TOTAL}`)
      if (protocol === 'mucp') t.equal(got, BEFORE, 'what arrived whole comes before')
      await ended
      await made.close()
    })
  }
}
