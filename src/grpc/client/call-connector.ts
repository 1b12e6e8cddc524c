import type { ConnectionHandler, StreamHandler } from '../../connection/index.js'
import { checkOptions, type OptionKinds } from '../../options/index.js'
import { CallBatch } from '../message/call-batch.js'
import type { ClientCallFace } from './client-call-face.js'

/** Options of a `CallConnector`. */
export interface CallConnectorOptions {
  /** The server, as it was dialled: errors of calls name it. Default: none. */
  readonly address?: string
  /**
   * Hears what a receiver threw; the call is cancelled. Default: it is thrown
   * on, out of `receive`, once all other calls had their turn.
   */
  readonly onError?: (error: unknown, call: ClientCallFace) => void
}

const KINDS: OptionKinds<CallConnectorOptions> = { address: 'string', onError: 'function' }

/**
 * gRPC on one client connection: passes what arrives to the receivers of its calls. One for each
 * connection.
 */
export class CallConnector implements ConnectionHandler {
  /** Its calls that have news. */
  readonly batch: CallBatch = new CallBatch()
  /** The server, as it was dialled. */
  readonly address: string | undefined
  readonly #onError: ((error: unknown, call: ClientCallFace) => void) | undefined
  #thrown: { readonly error: unknown } | undefined

  constructor(options: CallConnectorOptions = {}) {
    checkOptions('CallConnector', options, KINDS)
    this.address = options.address
    this.#onError = options.onError
    this.#thrown = undefined
  }

  /** For the connection alone. Servers open no streams: the connection refuses PUSH_PROMISE before it comes here. */
  onStream(): StreamHandler {
    throw new TypeError('a client connection has no requests')
  }

  /** For the connection alone. */
  onReceived(): void {
    // Our own calls: how many there are was decided here.
    this.batch.run(undefined)
    const thrown = this.#thrown
    if (thrown === undefined) return
    this.#thrown = undefined
    throw thrown.error
  }

  /** For its calls alone: a receiver threw. */
  onThrown(error: unknown, call: ClientCallFace): void {
    if (this.#onError !== undefined) this.#onError(error, call)
    else this.#thrown ??= { error }
  }
}
