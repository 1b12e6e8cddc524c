// Events: published to a topic, heard by whoever subscribed to it on the server.
//
//     npm run build && npm run compile && node .build/examples/publish-subscribe.js
import { createClient, createServer } from 'microwire'

interface Order {
  id: number
  item: string
}

const server = createServer({
  name: 'kitchen',
  onError: error => console.log('the kitchen saw:', (error as Error).message),
})
const leave = server.subscribe<Order>('orders', ({ id, item }, event) => {
  console.log(`${event.topic}: cook ${item} for order ${id}`)
})
server.subscribe<Order>('orders', ({ id }) => {
  if (id < 0) throw new RangeError(`order ${id} cannot be`)
})
await server.start()

const client = createClient({ address: server.address, protocol: 'mucp' })
await client.publish('orders', { id: 1, item: 'soup' } satisfies Order)
await client.publish('orders', { id: 2, item: 'bread' } satisfies Order)

// Publishing settles when every subscriber is done; the publisher hears that one failed.
await client
  .publish('orders', { id: -1, item: 'air' } satisfies Order)
  .catch(() => console.log('order -1 was refused'))

leave()
await client.publish('orders', { id: 3, item: 'cake' } satisfies Order)
console.log('nobody cooks any more')

await client.close()
await server.stop()
