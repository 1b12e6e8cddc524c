import type { Gate } from '../../../overload/index.js'
import type { Runtime } from '../../../transport/index.js'
import type { Context } from '../../call/context.js'
import type { Endpoint, EndpointTable } from '../handlers/endpoint-table.js'
import type { Subscriptions } from '../handlers/events.js'
import type { RunningHandlers } from '../handlers/running-handlers.js'
import type { KeptOctets } from './limits.js'

/** What the calls of one server have in common. */
export interface MucpServerOptions {
  /** The server's name: the id of errors that have none. */
  readonly name: string
  readonly table: EndpointTable
  readonly subscriptions: Subscriptions
  readonly runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly exposeErrors: boolean
  /** What each peer makes us keep. */
  readonly kept: KeptOctets
  readonly onError: (error: unknown, context: Context | undefined) => void
  readonly running: RunningHandlers
  /** Of a server that limits its calls. */
  readonly gates?: { of(endpoint: Endpoint): Gate | undefined }
}
