import { Metadata } from '../../../grpc/index.js'
import type { Message, Peer, Runtime } from '../../../transport/index.js'
import type { Context, Door } from '../../call/context.js'
import { checkText } from '../../call/option-checks.js'
import { MicroError } from '../../errors/micro-error.js'
import { mergeInto, metadataFields } from '../../mucp/metadata.js'
import { CallCancel } from '../handlers/call-cancel.js'
import type { Endpoint } from '../handlers/endpoint-table.js'

/** What a call, or an event, is for. */
interface Described {
  readonly service: Pick<Endpoint['service'], 'name'>
  /** An event has no path. */
  readonly method: Pick<Endpoint['method'], 'name'> & { readonly path?: string }
}

/** The context of a call that came over a transport, or of an event, wherever it came from. */
export class MucpContext implements Context {
  readonly door: Door
  readonly deadline: number
  readonly peer: Peer
  compressing = true
  readonly #endpoint: Described
  readonly #header: ReadonlyMap<string, string>
  readonly #runtime: Pick<Runtime, 'now' | 'schedule'>
  readonly #cancel = new CallCancel()
  #metadata: Metadata | undefined
  #headers: Metadata | undefined
  #trailers: Metadata | undefined

  constructor(
    endpoint: Described,
    message: Message,
    timeoutMs: number,
    peer: Peer,
    runtime: Pick<Runtime, 'now' | 'schedule'>,
    door: Door = 'mucp',
  ) {
    this.door = door
    this.#endpoint = endpoint
    this.#header = message.header
    this.#runtime = runtime
    this.peer = peer
    this.deadline = timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : runtime.now() + timeoutMs
  }

  get service(): string {
    return this.#endpoint.service.name
  }

  get method(): string {
    return this.#endpoint.method.name
  }

  get path(): string {
    return this.#endpoint.method.path ?? ''
  }

  get metadata(): Metadata {
    this.#metadata ??= Metadata.fromHeaders(metadataFields(this.#header))
    return this.#metadata
  }

  get headers(): Metadata {
    this.#headers ??= new Metadata()
    return this.#headers
  }

  get trailers(): Metadata {
    this.#trailers ??= new Metadata()
    return this.#trailers
  }

  get signal(): AbortSignal {
    this.#cancel.arm(this.#runtime, this.deadline, () => {
      this.#cancel.cancel(MicroError.timeout('deadline exceeded'))
    })
    return this.#cancel.signal
  }

  get cancelled(): boolean {
    return this.#cancel.cancelled
  }

  /** What a door without compression says. */
  get compressed(): boolean {
    return false
  }

  get compression(): string {
    return 'identity'
  }

  set compression(name: string) {
    checkText('compression', name)
  }

  /** Calls the one listener when the call is cancelled; at once when it is. */
  whenCancelled(listener: () => void): void {
    this.#cancel.whenCancelled(listener)
  }

  cancel(reason: unknown): void {
    this.#cancel.cancel(reason)
  }

  /** The handler has settled. */
  finish(): void {
    this.#cancel.finish()
  }

  /** Moves response metadata that was set, once, into a message's header. */
  takeHeaders(header: Map<string, string>): void {
    mergeInto(header, this.#headers)
    this.#headers = undefined
  }

  /** As `takeHeaders`, at the end. */
  takeTrailers(header: Map<string, string>): void {
    mergeInto(header, this.#trailers)
    this.#trailers = undefined
  }
}
