import type { Method } from '../wire/method.js'
import type { ClientCallFace } from './client-call-face.js'
import type { ClientCallOptions, ClientCallReceiver } from './client-call-options.js'
import { RunningClientCall } from './running-call.js'

/**
 * One call of a client. It accepts messages at once and starts when there is a connection; its
 * deadline counts from its creation.
 */
export interface ClientCall extends ClientCallFace {}

/** How a `ClientCall` is made. */
export interface ClientCallConstructor {
  /**
   * @throws TypeError when the method has no codec for the subtype.
   * @throws RangeError when the compression is unknown.
   */
  new (method: Method, options: ClientCallOptions, receiver: ClientCallReceiver): ClientCall
}

/** Makes a call: see the type of the same name. */
export const ClientCall: ClientCallConstructor = RunningClientCall
