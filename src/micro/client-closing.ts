import { GrpcError, Status } from '../grpc/index.js'
import { MicroError } from './micro-error.js'
import { CLIENT_ID } from './mucp-codec.js'
import type { Protocol } from './target.js'

const TEXT = 'the client was closed'

/** What a call ends with whose client was closed: CANCELLED, 499 over mucp. */
export function clientClosed(
  protocol: Protocol | undefined,
  unprocessed: boolean,
  cause?: unknown,
): GrpcError | MicroError {
  if (protocol !== 'mucp') return new GrpcError(Status.Cancelled, TEXT, { unprocessed, cause })
  return new MicroError(499, TEXT, { id: CLIENT_ID, origin: 'local', unprocessed, cause })
}

/** A step ahead of a call that can be ended: a `MucpGuard`. */
interface Step {
  readonly protocol: Protocol | undefined
  stop(reason: unknown): void
}

/** What goes ahead of calls, a registry's answer or credentials: it ends when the client is closed. */
export class Preparations {
  readonly #steps = new Set<Step>()
  #isClosed = false

  add(step: Step): void {
    if (this.#isClosed) step.stop(clientClosed(step.protocol, true))
    else this.#steps.add(step)
  }

  delete(step: Step): void {
    this.#steps.delete(step)
  }

  close(): void {
    this.#isClosed = true
    for (const step of [...this.#steps]) step.stop(clientClosed(step.protocol, true))
  }
}
