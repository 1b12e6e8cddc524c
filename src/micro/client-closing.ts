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

/** What goes ahead of a call, a registry's answer or its credentials, ends when the client is closed. */
export class Preparations {
  readonly #rejects = new Set<() => void>()

  /** What `step` gives, unless `close` comes first. */
  race<T>(step: Promise<T>, protocol: Protocol | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const onClose = (): void => reject(clientClosed(protocol, true))
      this.#rejects.add(onClose)
      step.then(resolve, reject).finally(() => this.#rejects.delete(onClose))
    })
  }

  close(): void {
    for (const reject of this.#rejects) reject()
    this.#rejects.clear()
  }
}
