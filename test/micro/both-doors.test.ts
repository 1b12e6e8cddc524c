import t from 'tap'
import {
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
  Status,
} from '../../src/index.js'

interface Name {
  name: string
}
interface Text {
  text: string
}

const json = { request: jsonCodec<Name>(), response: jsonCodec<Text>() }

const greeter = defineService('greeter.v1.Greeter', {
  hello: { kind: 'unary', ...json },
  later: { kind: 'unary', ...json },
  count: { kind: 'server', request: jsonCodec<{ to: number }>(), response: jsonCodec<number>() },
  sum: { kind: 'client', request: jsonCodec<number>(), response: jsonCodec<number>() },
  echo: { kind: 'bidi', request: jsonCodec<number>(), response: jsonCodec<number>() },
})

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(`${protocol}: one handler table answers all four kinds of call`, async t => {
    const server = createServer({ name: 'greeter' })
    server.handle(greeter, {
      hello: ({ name }, context) => {
        if (name === 'micro') throw MicroError.notFound('no such name')
        if (name === 'grpc') throw new GrpcError(Status.NotFound, 'no such name')
        if (name === 'bug') throw new Error('secret')
        context.headers.set('x-door', context.door)
        return { text: `Hello, ${name}` }
      },
      later: async ({ name }) => {
        await undefined
        return { text: `Later, ${name}` }
      },
      count: async function* ({ to }) {
        for (let n = 1; n <= to; n++) yield n
      },
      sum: async numbers => {
        let sum = 0
        for await (const n of numbers) sum += n
        return sum
      },
      echo: async function* (numbers) {
        for await (const n of numbers) yield n * 2
      },
    })
    await server.start()
    const client = createClient({ address: server.address, protocol })
    t.teardown(async () => {
      await client.close()
      await server.stop()
    })
    const { hello, later, count, sum, echo } = client.bind(greeter)
    let door: string | undefined
    t.same(
      await hello(
        { name: 'Ada' },
        {
          timeoutMs: 2_000,
          onHeaders: metadata => {
            door = metadata.get('x-door')
          },
        },
      ),
      { text: 'Hello, Ada' },
    )
    t.equal(door, protocol)
    t.same(await later({ name: 'Ada' }), { text: 'Later, Ada' })
    await t.rejects(hello({ name: 'micro' }), {
      code: 404,
      id: 'greeter',
      detail: 'no such name',
      status: 'Not Found',
    })
    await t.rejects(hello({ name: 'grpc' }), { message: 'no such name' })
    const hidden = await hello({ name: 'bug' }).catch(error => error)
    t.equal(hidden.message, 'the handler failed')
    const counted: number[] = []
    for await (const n of count({ to: 5 })) counted.push(n)
    t.same(counted, [1, 2, 3, 4, 5])
    t.equal(await sum([1, 2, 3]), 6)
    const echoed: number[] = []
    for await (const n of echo([1, 2, 3])) echoed.push(n)
    t.same(echoed, [2, 4, 6])
    const left: number[] = []
    for await (const n of count({ to: 1e9 })) {
      left.push(n)
      if (n === 3) break
    }
    t.same(left, [1, 2, 3])
  })
}
