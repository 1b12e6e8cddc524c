import t, { type Test } from 'tap'
import {
  type Client,
  type ClientOptions,
  createClient,
  createServer,
  defineService,
  jsonCodec,
  type Server,
  type ServerOptions,
} from '../../src/micro/index.js'

interface Note {
  readonly i: number
}
const json = { request: jsonCodec<Note>(), response: jsonCodec<Note>() }
const bursts = defineService('bursts.v1.Bursts', {
  echo: { kind: 'unary', ...json },
  feed: { kind: 'server', ...json },
  upload: { kind: 'client', ...json },
})

interface Rig {
  readonly server: Server
  readonly client: Client
  readonly errors: unknown[]
  /** Lets all uploads end at once. */
  release(): void
  running: number
}

async function rig(
  t: Test,
  given: { server?: Partial<ServerOptions>; client?: Partial<ClientOptions> } = {},
): Promise<Rig> {
  const errors: unknown[] = []
  let release = (): void => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  const server = createServer({
    name: 'bursts',
    address: '127.0.0.1:0',
    onError: error => void errors.push(error),
    ...given.server,
  })
  const made: Rig = { server, client: undefined as unknown as Client, errors, release, running: 0 }
  server.handle(bursts, {
    echo: request => request,
    async *feed({ i }, context) {
      made.running++
      try {
        yield { i }
        await new Promise((_, reject) => {
          context.signal.addEventListener('abort', () => reject(context.signal.reason))
        })
      } finally {
        made.running--
      }
    },
    async upload() {
      made.running++
      await released
      made.running--
      return { i: 1 }
    },
  })
  await server.start()
  const client = createClient({ address: server.address, ...given.client })
  t.teardown(async () => {
    await client.close()
    await server.stop({ graceMs: 0 })
  })
  return Object.assign(made, { client })
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 5_000 && !condition(); i++) {
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  if (!condition()) throw new Error('the condition did not come true in time')
}

for (const [protocol, count] of [
  ['grpc', 1_500],
  ['mucp', 1_100],
] as const) {
  t.test(
    `${protocol}: ${count} feeds behind one signal end in one tick; who stands by is served`,
    async t => {
      const { client, errors } = await rig(t, {
        server: { limits: { streamsMax: 2_000 } },
        client: { protocol },
      })
      const bound = client.bind(bursts)
      const abort = new AbortController()
      const feeds = Array.from({ length: count }, (_, i) =>
        bound.feed({ i }, { signal: abort.signal })[Symbol.asyncIterator](),
      )
      const first = await Promise.all(feeds.map(feed => feed.next()))
      t.ok(first.every(({ value }, i) => value?.i === i))
      const bystander = bound.feed({ i: -1 })[Symbol.asyncIterator]()
      await bystander.next()
      const next = bystander.next()
      next.catch(() => {})
      const rests = feeds.map(feed => feed.next())
      const reason = new Error('enough')
      abort.abort(reason)
      const ends = await Promise.allSettled(rests)
      t.ok(ends.every(end => end.status === 'rejected' && end.reason.cause === reason))
      t.same(await bound.echo({ i: 7 }), { i: 7 })
      const pending = Symbol('pending')
      t.equal(await Promise.race([next, Promise.resolve(pending)]), pending, 'the bystander lives')
      t.same(errors, [])
    },
  )

  t.test(`${protocol}: ${count} handlers that end together lose no result`, async t => {
    const made = await rig(t, {
      server: { limits: { streamsMax: 4_000 } },
      client: { protocol },
    })
    const bound = made.client.bind(bursts)
    let give = (): void => {}
    const never = new Promise<void>(resolve => {
      give = resolve
    })
    const uploads = Array.from({ length: count }, async (_, i) => {
      return bound.upload(
        (async function* () {
          yield { i }
          await never
        })(),
      )
    })
    await until(() => made.running === count)
    made.release()
    const results = await Promise.allSettled(uploads)
    give()
    t.same(
      results.filter(({ status }) => status === 'rejected'),
      [],
    )
    t.same(made.errors, [])
  })
}

for (const [protocol, streamsMax, callers, rounds] of [
  ['grpc', 10, 20, 5],
  ['grpc', undefined, 5_000, 2],
  ['mucp', 10, 20, 5],
] as const) {
  const title = `${protocol}: ${callers} callers that break after the first message, ${rounds} times`
  t.test(`${title}, with streamsMax ${streamsMax ?? 'by default'}: none is refused`, async t => {
    const limits = streamsMax === undefined ? {} : { streamsMax }
    const { client, errors, ...made } = await rig(t, { server: { limits }, client: { protocol } })
    const bound = client.bind(bursts)
    const failures: unknown[] = []
    const caller = async (i: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        try {
          for await (const note of bound.feed({ i })) {
            if (note.i !== i) failures.push(note)
            break
          }
        } catch (error) {
          failures.push(error)
        }
      }
    }
    await Promise.all(Array.from({ length: callers }, (_, i) => caller(i)))
    t.same(failures, [])
    t.same(errors, [])
    t.equal(made.running >= 0, true)
  })
}

t.test('mucp: 3,000 events that are published in one tick all reach their subscriber', async t => {
  const { server, client, errors } = await rig(t, {
    client: { protocol: 'mucp', service: 'bursts' },
  })
  const seen = new Set<number>()
  server.subscribe<Note>('notes', ({ i }) => {
    seen.add(i)
  })
  const events = Array.from({ length: 3_000 }, (_, i) => client.publish('notes', { i }))
  const results = await Promise.allSettled(events)
  t.same(
    results.filter(({ status }) => status === 'rejected'),
    [],
  )
  t.equal(seen.size, 3_000)
  t.same(errors, [])
})
