import t from 'tap'
import {
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
} from '../../src/index.js'
import type { TypedCodec } from '../../src/micro/index.js'
import { memoryTransport } from '../../src/transport/index.js'

/** Text in upper case, as a codec that nobody knows. */
const upper: TypedCodec<string> = {
  subtypes: ['x-upper.1'],
  encode: value => Buffer.from(value.toUpperCase()),
  decode: (bytes, start, end) => bytes.toString('latin1', start, end),
}
const codecs = { request: upper, response: upper }
const shouts = defineService('a.v1.Shouts', {
  one: { kind: 'unary', ...codecs },
  many: { kind: 'server', ...codecs },
  all: { kind: 'bidi', ...codecs },
})

async function listOf(texts: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = []
  for await (const text of texts) list.push(text)
  return list
}

for (const [door, protocol, transport] of [
  ['grpc', 'grpc', undefined],
  ['mucp', 'mucp', undefined],
  ['mucp in memory', 'mucp', memoryTransport()],
] as const) {
  t.test(`a codec with a subtype of its own serves every kind of call: ${door}`, async t => {
    const given = transport === undefined ? {} : { transport }
    const address = transport === undefined ? '127.0.0.1:0' : 'shouts:1'
    const server = createServer({ name: 'shouts', address, onError: () => undefined, ...given })
    server.handle(shouts, {
      one(text) {
        if (text === 'NO') throw new Error('no')
        return `${text}!`
      },
      *many(text) {
        yield text
        yield `${text}?`
      },
      all: texts => texts,
    })
    await server.start()
    t.teardown(() => server.stop())
    await using client = createClient({ address: server.address, protocol, ...given })
    const { one, many, all } = client.bind(shouts)
    t.equal(await one('a'), 'A!')
    t.same(await listOf(many('b')), ['B', 'B?'])
    t.same(await listOf(all(['c', 'd'])), ['C', 'D'])
    const error = await one('no').catch(error => error)
    t.ok(error instanceof (protocol === 'grpc' ? GrpcError : MicroError))
  })
}

t.test('codecs that have no subtype in common are refused when they are defined, by name', t => {
  const define = (request: TypedCodec<never>, response: TypedCodec<never>) => () =>
    defineService('a.v1.S', { get: { kind: 'unary', request, response } })
  const json = jsonCodec<never>()
  const own = upper as unknown as TypedCodec<never>
  t.throws(define(own, json), {
    name: 'TypeError',
    message:
      'get: its codecs have no subtype in common: request has x-upper.1, response json; give both codecs one of the same subtype',
  })
  t.throws(define({ ...json, subtypes: ['JSON'] }, json), /^get: a subtype has lower-case .*'JSON'/)
  t.throws(define({ ...json, subtypes: [''] }, json), /^get: a subtype has .*got ''/)
  t.doesNotThrow(define({ ...own, subtypes: ['json', 'x-upper.1'] }, json))
  t.end()
})
