import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/micro/index.js'

interface Note {
  readonly i: number
}
const json = { request: jsonCodec<Note>(), response: jsonCodec<Note>() }
const notes = defineService('notes.v1.Notes', {
  down: { kind: 'server', ...json },
  up: { kind: 'client', ...json },
  both: { kind: 'bidi', ...json },
})

/** Many times what a call keeps decoded (256), in more octets than one buffer of the reader. */
const COUNT = 20_000

function* count(): Generator<Note> {
  for (let i = 0; i < COUNT; i++) yield { i }
}

/** Where the order breaks; COUNT when it does not. Reads nothing for a while, again and again. */
async function firstWrong(messages: AsyncIterable<Note>): Promise<number> {
  let expected = 0
  for await (const { i } of messages) {
    if (i !== expected) return expected
    expected++
    if (expected % 5_000 === 1) await new Promise(resolve => setTimeout(resolve, 20))
  }
  return expected
}

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(
    `${protocol}: a reader that is thousands of messages behind gets each, in order`,
    async t => {
      await using server = createServer({ name: 'notes', address: '127.0.0.1:0' })
      server.handle(notes, {
        down: () => count(),
        up: async requests => ({ i: await firstWrong(requests) }),
        both: async function* (requests) {
          yield { i: await firstWrong(requests) }
          yield* count()
        },
      })
      await server.start()
      await using client = createClient({ address: server.address, protocol })
      const bound = client.bind(notes)
      t.equal(await firstWrong(bound.down({ i: 0 })), COUNT, 'from the server')
      t.equal((await bound.up(count())).i, COUNT, 'from the client')
      const replies = bound.both(count())[Symbol.asyncIterator]()
      t.equal((await replies.next()).value?.i, COUNT, 'both ways: up')
      const rest = { [Symbol.asyncIterator]: () => replies }
      t.equal(await firstWrong(rest), COUNT, 'both ways: down')
    },
  )
}
