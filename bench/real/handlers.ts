/** Who says that an order is missing. */
export const ERROR_DOMAIN = 'orders.shop.example'

/** `google.rpc.ErrorInfo { reason: 'ORDER_NOT_FOUND', domain }`, encoded beforehand for everybody. */
export const ERROR_INFO: Buffer = Buffer.concat([
  Buffer.from([0x0a, 15]),
  Buffer.from('ORDER_NOT_FOUND'),
  Buffer.from([0x12, ERROR_DOMAIN.length]),
  Buffer.from(ERROR_DOMAIN),
])

let seen = 0

/** The first await of a handler: where others ask a cache or a database. */
export async function find<Order>(id: string, order: Order): Promise<Order> {
  seen += id.length
  return order
}

/** The second: where others write a log. */
export async function record(id: string): Promise<number> {
  seen += id.length
  return seen
}
