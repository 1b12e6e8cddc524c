/** Calls the server at the address it is given, by both protocols, closes nothing and has nothing more to do. */
import { createClient, defineService, jsonCodec } from '../../src/index.js'

const json = { request: jsonCodec<number>(), response: jsonCodec<number>() }
const things = defineService('a.v1.Things', {
  one: { kind: 'unary', ...json },
  many: { kind: 'server', ...json },
})
const address = process.argv[2]!

for (const protocol of ['grpc', 'mucp'] as const) {
  const client = createClient({ address, protocol })
  await client.connect()
  const { one, many } = client.bind(things)
  console.log(protocol, await one(1))
  for await (const each of many(2)) console.log(protocol, each)
}
