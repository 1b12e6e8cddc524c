// One server after the other, of all that a name stands for, or a list: a name is looked up again when servers come and go.
//
//     npm run build && npm run compile && node .build/examples/round-robin.js
import { createClient, createServer, defineService, jsonCodec } from 'microwire'
import { roundRobin } from 'microwire/micro'

const json = { request: jsonCodec<object>(), response: jsonCodec<{ by: string }>() }
const who = defineService('who.v1.Who', { serves: { kind: 'unary', ...json } })

async function serve(name: string) {
  const server = createServer({ name: 'who' })
  server.handle(who, { serves: () => ({ by: name }) })
  await server.start()
  return server
}

const servers = [await serve('one'), await serve('two'), await serve('three')]
// In production a name: 'dns:///who.internal:50051'.
const address = `ipv4:${servers.map(server => server.address).join()}`
const client = createClient({ address, balancer: roundRobin() })
const { serves } = client.bind(who)

const count = async (calls: number) => {
  const counts = new Map<string, number>()
  for (let call = 0; call < calls; call++) {
    const { by } = await serves({})
    counts.set(by, (counts.get(by) ?? 0) + 1)
  }
  return [...counts]
    .sort()
    .map(([by, times]) => `${by} ${times}`)
    .join(', ')
}
// Each call starts one more connection.
await count(20)
console.log(await count(30))
await servers[0]!.stop()
await count(2)
console.log(await count(30))

await client.close()
for (const server of servers) await server.stop()
