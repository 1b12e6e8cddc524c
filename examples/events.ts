// Events by way of a broker: NATS if there is one at NATS_URL or at port 4222 of this machine, else within this process.
// On NATS, go-micro's services hear and publish the same events.
//
//     npm run build && npm run compile && node .build/examples/events.js
import { createClient, createServer } from 'microwire'
import { memoryBroker } from 'microwire/broker'
import { natsBroker } from 'microwire/broker/nats'

interface Order {
  id: number
  item: string
}

/** NATS, or what stands in for it. Others would leave `mustConnect` out: then it is waited for. */
async function findBroker() {
  const nats = natsBroker({ mustConnect: true, onError: () => undefined })
  try {
    await nats.connect()
    return nats
  } catch (error) {
    await nats.close()
    console.log(`no NATS (${(error as { code: string }).code}): events stay in this process`)
    return memoryBroker()
  }
}

const broker = await findBroker()

// Two cooks share the orders, for they have the same queue; the bookkeeper gets all of them.
const cooked: number[] = []
const cooks = ['Ada', 'Bob'].map(name => {
  const server = createServer({ name: 'kitchen', broker })
  server.subscribe<Order>('orders', ({ id }) => void cooked.push(id), { queue: 'kitchen' })
  return { name, server }
})
const books = createServer({ name: 'books', broker })
const booked: string[] = []
books.subscribe<Order>('orders', ({ item }) => void booked.push(item))
for (const server of [...cooks.map(cook => cook.server), books]) await server.start()

const client = createClient({ broker })
for (const [id, item] of ['soup', 'bread', 'cake', 'tea'].entries()) {
  await client.publish('orders', { id, item } satisfies Order)
}

// Publishing settles when the broker has the event; handlers may take longer.
while (cooked.length < 4 || booked.length < 4) await new Promise(resolve => setTimeout(resolve, 5))
console.log(`cooked: ${cooked.sort().join(', ')}`)
console.log(`booked: ${booked.join(', ')}`)

await client.close()
for (const server of [...cooks.map(cook => cook.server), books]) await server.stop()
await broker.close()
