import type { Transport } from '../../transport/index.js'
import { isCallTransport } from '../protocol.js'
import type { ClientOptions } from './client-options.js'

/** Of the default transport. See `Client.updateTls`. */
export function updateTls(
  options: ClientOptions,
  transport: Transport,
  tls: NonNullable<ClientOptions['tls']>,
): void {
  if (options.transport !== undefined || !isCallTransport(transport)) {
    throw new TypeError('the client was given its transport; update the tls of that')
  }
  transport.updateTls(tls)
}
