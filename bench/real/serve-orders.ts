import {
  createServer,
  type ErrorDetail,
  GrpcError,
  loadService,
  Status,
} from '../../src/micro/index.js'
import type { Certificate } from '../certificate.js'
import { ECHO, ECHO_HANDLERS } from '../echo-service.js'
import { generatedOrders, ORDERS_PROTO } from './files.js'
import { ERROR_DOMAIN, ERROR_INFO, find, record } from './handlers.js'
import { orderOf } from './orders.js'
import type { OrdersTypes } from './orders-types.js'

/** How `serveOrders` listens. */
export interface OrdersOptions {
  readonly tls?: Certificate | undefined
  /** Read the schema at run time, as `loadService` does. */
  readonly load?: boolean
  /** Default: a free one. */
  readonly port?: number
  /** Default: false. */
  readonly reusePort?: boolean
}

/** Starts microwire with an ordinary service; returns the port. */
export async function serveOrders(options: OrdersOptions): Promise<number> {
  const { tls, load = false, port = 0, reusePort = false } = options
  const service = load
    ? await loadService<OrdersTypes>(ORDERS_PROTO, 'shop.v1.Orders')
    : await generatedOrders()
  const order = orderOf(BigInt)
  const details: readonly ErrorDetail[] = [
    { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: ERROR_INFO },
  ]
  const server = createServer({
    name: 'bench',
    address: `127.0.0.1:${port}`,
    ...(tls === undefined ? {} : { tls: { ...tls, minVersion: 'TLSv1.3' } }),
    ...(reusePort ? { reusePort } : {}),
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
  return Number(server.address.slice(server.address.lastIndexOf(':') + 1))
}
