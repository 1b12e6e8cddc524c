import {
  type GrpcError,
  type HeaderList,
  Metadata,
  type ServerCall,
  type ServerCallHandler,
  Status,
  stacklessError,
} from '../../../grpc/index.js'
import {
  type Applicant,
  type Gate,
  priorityOf,
  type Refusal,
  Ticket,
} from '../../../overload/index.js'
import type { Endpoint } from '../handlers/endpoint-table.js'
import { GrpcContext } from './context.js'
import { type GrpcDoorOptions, GrpcRoute } from './route.js'

/** What says when a client may try again. gRPC A6. */
const PUSHBACK_NAME = 'grpc-retry-pushback-ms'

/** One endpoint on the gRPC door of a server that refuses what is too much. */
export class AdmittedRoute extends GrpcRoute {
  readonly #gate: Gate
  readonly #endpoint: Endpoint
  readonly #options: GrpcDoorOptions

  constructor(endpoint: Endpoint, path: string, options: GrpcDoorOptions, gate: Gate) {
    super(endpoint, path, options)
    this.#endpoint = endpoint
    this.#options = options
    this.#gate = gate
  }

  /** The earlier the cheaper. */
  refusal(headers: HeaderList): GrpcError | undefined {
    const refusal = this.#gate.refusal(priorityOf(fieldOf(headers, this.#gate.priorityName)))
    return refusal === undefined ? undefined : refusalError(refusal)
  }

  override start(call: ServerCall): ServerCallHandler | undefined {
    const run = (): ServerCallHandler | undefined => this.run(context, call)
    const context: AdmittedContext = new AdmittedContext(this.#endpoint, call, this.#options, run)
    call.handler = context
    const { priorityName } = this.#gate
    const priority = priorityName === undefined ? undefined : call.metadata.get(priorityName)
    const entered = this.#gate.enter(context, priorityOf(priority))
    if (!(entered instanceof Ticket)) {
      context.onRefused(entered)
      return undefined
    }
    context.ticket = entered
    return entered.isWaiting ? context : run()
  }
}

/** The context of a call that has a place, or waits for one. */
class AdmittedContext extends GrpcContext implements Applicant {
  ticket: Ticket | undefined = undefined
  readonly #call: ServerCall
  readonly #run: () => unknown

  constructor(endpoint: Endpoint, call: ServerCall, options: GrpcDoorOptions, run: () => unknown) {
    super(endpoint, call, options.running)
    this.#call = call
    this.#run = run
  }

  onAdmitted(): void {
    this.#run()
  }

  onRefused(refusal: Refusal): void {
    this.#call.fail(refusalError(refusal))
    this.settle(true)
  }

  override settle(isFailed = false): void {
    this.#leave(isFailed)
    super.settle(isFailed)
  }

  override release(): void {
    this.#leave(true)
    super.release()
  }

  override onCancel(error: GrpcError): void {
    if (this.ticket?.isWaiting === true) this.settle(true)
    super.onCancel(error)
  }

  #leave(isFailed: boolean): void {
    const { cancelled } = this.#call
    this.ticket?.leave(cancelled !== undefined ? 'cut' : isFailed ? 'failed' : 'done')
  }
}

/** What the client of a refused call reads. */
function refusalError({ kind, text, pushbackMs }: Refusal): GrpcError {
  const status = kind === 'quota' ? Status.ResourceExhausted : Status.Unavailable
  const metadata = new Metadata()
  metadata.set(PUSHBACK_NAME, String(pushbackMs))
  return stacklessError(status, `refused: ${text}; it may be tried again in ${pushbackMs} ms`, {
    metadata,
  })
}

function fieldOf(headers: HeaderList, name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  for (let at = 0; at < headers.length; at += 2) if (headers[at] === name) return headers[at + 1]
  return undefined
}
