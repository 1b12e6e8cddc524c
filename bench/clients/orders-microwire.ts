import { createClient, loadService, Metadata } from '../../src/micro/index.js'
import { answerRunner } from '../child.js'
import { generatedOrders, ORDERS_PROTO, type OrdersClient } from '../real/files.js'
import { orderFields, REQUEST, tokenOf, userOf, type Variety } from '../real/orders.js'
import type { OrdersTypes } from '../real/orders-types.js'
import { closedLoop } from './closed-loop.js'

// Calls of shop.v1.Orders as an application makes them. `--load`: the schema is read at run time.

const service = process.argv.includes('--load')
  ? await loadService<OrdersTypes>(ORDERS_PROTO, 'shop.v1.Orders')
  : await generatedOrders()

let orders: OrdersClient | undefined
let made = 0

answerRunner(
  { ready: 1 },
  {
    connect: request => {
      orders = createClient({ address: `127.0.0.1:${request['port']}` }).bind(service)
      return {}
    },
    get: async request => {
      const variety = request['variety'] as Variety
      const call = async (): Promise<void> => {
        const number = made++
        const fields = orderFields(number, variety).slice(1)
        const metadata = Object.fromEntries(fields.map(({ name, value }) => [name, value]))
        delete metadata['grpc-accept-encoding']
        metadata['authorization'] = tokenOf(userOf(number, variety))
        const order = await orders!.get(REQUEST, {
          metadata: Metadata.from(metadata),
          timeoutMs: 5_000,
        })
        if (order.id !== REQUEST.id) throw new Error('another order')
      }
      const { calls, inFlight } = request
      return { seconds: await closedLoop(Number(calls), Number(inFlight), call) }
    },
  },
)
