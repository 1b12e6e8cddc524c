import type { MethodTypes } from '../../src/micro/index.js'
import type { OrderValue } from './orders.js'

/** The request. */
export interface GetOrder {
  readonly id: string
  readonly view: string
}

type Order = OrderValue<bigint>

/** The types of `shop.v1.Orders`. */
export interface OrdersTypes {
  readonly get: MethodTypes<'unary', GetOrder, Order>
  readonly peek: MethodTypes<'unary', GetOrder, Order>
  readonly missing: MethodTypes<'unary', GetOrder, Order>
}
