// Streams: many responses, many requests, and both at once. A slow reader slows the writer down.
//
//     npm run build && npm run compile && node .build/examples/streaming.js
import { createClient, createServer, loadService } from 'microwire'
import type { Greeter } from './greeter.js'

const service = await loadService<Greeter>('examples/greeter.proto', 'greeter.v1.Greeter')

const server = createServer({ name: 'greeter' })
server.handle(service, {
  hello: ({ name }) => ({ text: `Hello, ${name}` }),
  async *countdown({ from }, { signal }) {
    for (let left = from; left > 0 && !signal.aborted; left--) yield { left }
  },
  async sum(terms) {
    let sum = 0
    let count = 0
    for await (const { value } of terms) {
      sum += value
      count++
    }
    return { sum, count }
  },
  async *chat(lines) {
    for await (const { text } of lines) yield { text: text.toUpperCase() }
  },
})
await server.start()

const client = createClient({ address: server.address })
const { countdown, sum, chat } = client.bind(service)

for await (const { left } of countdown({ from: 3 })) console.log('left', left)

// Leaving the loop cancels the call: the server stops counting.
for await (const { left } of countdown({ from: 1_000_000 })) {
  if (left <= 999_998) break
}

const total = await sum([{ value: 1 }, { value: 2 }, { value: 3 }])
console.log('sum', total.sum, 'of', total.count)

async function* lines() {
  yield { text: 'hi' }
  yield { text: 'bye' }
}
for await (const { text } of chat(lines())) console.log('heard', text)

await client.close()
await server.stop()
