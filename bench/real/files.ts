import { pathToFileURL } from 'node:url'
import type { BoundClient, Service } from '../../src/micro/index.js'
import { CACHE, ROOT } from '../paths.js'
import type { OrdersTypes } from './orders-types.js'

/** The schema. */
export const ORDERS_PROTO: string = `${ROOT}bench/real/orders.proto`

/** The schema as a FileDescriptorSet, for peers whose code is made at run time. */
export const ORDERS_DESCRIPTORS: string = `${CACHE}/orders.binpb`

/** The response encoded, for peers that have to begin with it. */
export const ORDER_OCTETS: string = `${CACHE}/order.binpb`

/** The generated code. */
export const ORDERS_MODULE: string = `${CACHE}/orders_mw.js`

/** The generated service. `prepareOrders` has run. */
export async function generatedOrders(): Promise<Service<OrdersTypes>> {
  const module = (await import(pathToFileURL(ORDERS_MODULE).href)) as {
    Orders: Service<OrdersTypes>
  }
  return module.Orders
}

/** What `client.bind` makes of it. */
export type OrdersClient = BoundClient<OrdersTypes>
