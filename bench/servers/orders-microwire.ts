import {
  createServer,
  type ErrorDetail,
  GrpcError,
  loadService,
  Status,
} from '../../src/micro/index.js'
import { answerRunner, heapOctets } from '../child.js'
import { ECHO, ECHO_HANDLERS } from '../echo-service.js'
import { generatedOrders, ORDERS_PROTO } from '../real/files.js'
import { ERROR_DOMAIN, ERROR_INFO, find, record } from '../real/handlers.js'
import { orderOf } from '../real/orders.js'
import type { OrdersTypes } from '../real/orders-types.js'
import { serverArguments } from './server-arguments.js'

// microwire with an ordinary service. `--load`: its schema is read at run time, as `loadService` does.

const { tls, load } = serverArguments()
const service = load
  ? await loadService<OrdersTypes>(ORDERS_PROTO, 'shop.v1.Orders')
  : await generatedOrders()
const order = orderOf(BigInt)
const details: readonly ErrorDetail[] = [
  { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: ERROR_INFO },
]
const server = createServer({
  name: 'bench',
  address: '127.0.0.1:0',
  ...(tls === undefined ? {} : { tls: { ...tls, minVersion: 'TLSv1.3' } }),
})
  .handle(service, {
    async get({ id }) {
      const found = await find(id, order)
      await record(id)
      return found
    },
    peek: () => order,
    missing({ id }) {
      throw new GrpcError(Status.NotFound, `${ERROR_DOMAIN} has no order ${id}`, { details })
    },
  })
  .handle(ECHO, ECHO_HANDLERS)
await server.start()
const port = Number(server.address.slice(server.address.lastIndexOf(':') + 1))
answerRunner({ port }, { heap: heapOctets })
