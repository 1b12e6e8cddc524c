import {
  CallAcceptor,
  type CallOptions,
  CallSettings,
  callLimits,
  type Route,
  Router,
  type ServerCall,
} from '../../grpc/index.js'
import { inRootContext } from '../runtime/async-context.js'
import type { ServerTlsOptions } from '../runtime/runtime.js'
import { thrownError } from '../runtime/thrown.js'
import type { ServeOptions, Server } from '../server/serve-options.js'
import { serve } from '../server/server.js'
import { GrpcServerSocket } from './grpc-server-socket.js'
import type { CallListener, Socket } from './transport.js'
import { TRANSPORT_PATH, TRANSPORT_PATH_OLD, transportMethod } from './transport-method.js'

export interface GrpcListenerOptions extends Omit<ServeOptions, 'handler'> {
  readonly calls: CallOptions
  /** Encoded message we send. Unit: octets. */
  readonly messageSizeMax: number
}

type Accept = (socket: Socket) => void | Promise<void>

/** Micro sockets and native calls on one port. */
export class GrpcListener implements CallListener {
  readonly #options: GrpcListenerOptions
  #server: Server | undefined
  #router: Router = new Router()
  #handler: Accept | undefined
  /** Opened before `accept` was called. */
  #waiting: GrpcServerSocket[] = []
  #hasCalls = false
  readonly #startTimeoutMs: number

  constructor(options: GrpcListenerOptions) {
    this.#options = options
    this.#startTimeoutMs = callLimits(options.calls.limits).startTimeoutMs
    this.#addTransport(this.#router)
  }

  get address(): string {
    return this.#server?.address ?? ''
  }

  get descriptors(): readonly number[] {
    return this.#server?.descriptors ?? []
  }

  /** The server below, with its counters. */
  get server(): Server | undefined {
    return this.#server
  }

  async listen(): Promise<this> {
    const { calls, messageSizeMax: _, ...options } = this.#options
    const settings = new CallSettings(calls)
    this.#server = await serve({
      ...options,
      handler: () => new CallAcceptor(this.#router, settings),
    })
    return this
  }

  onCall(router: Router): void {
    if (this.#hasCalls)
      throw new TypeError('onCall was called before on this listener; it takes one callback')
    // Throws when the router has one of the paths; from now on the router itself refuses them.
    this.#addTransport(router)
    this.#hasCalls = true
    this.#router = router
  }

  accept(handler: Accept): void {
    if (this.#handler !== undefined)
      throw new TypeError('accept was called before on this listener; it takes one callback')
    this.#handler = handler
    for (const socket of this.#waiting.splice(0)) this.#serve(socket, handler)
  }

  close(): Promise<void> {
    return this.stop(Number.POSITIVE_INFINITY)
  }

  async stop(graceMs: number): Promise<void> {
    for (const socket of this.#waiting.splice(0)) this.#serve(socket, () => {})
    await this.#server?.stop({ graceMs })
  }

  updateTls(tls: ServerTlsOptions): void {
    this.#server?.updateTls(tls)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #addTransport(router: Router): void {
    const start = (call: ServerCall): GrpcServerSocket => this.#open(call)
    const routes: Route[] = [TRANSPORT_PATH, TRANSPORT_PATH_OLD].map(path => ({
      method: transportMethod(path),
      // Clients of go-micro end a socket by resetting it, right behind their last message.
      keepsReceived: true,
      start,
    }))
    for (const route of routes) router.add(route)
  }

  #open(call: ServerCall): GrpcServerSocket {
    const socket = new GrpcServerSocket(call, this.#options.messageSizeMax, this.#startTimeoutMs)
    if (this.#handler === undefined) this.#waiting.push(socket)
    else this.#serve(socket, this.#handler)
    return socket
  }

  #serve(socket: GrpcServerSocket, handler: Accept): void {
    // Sockets that have waited for `accept` would be served in its context.
    inRootContext(() => socket.serve(handler)).catch((error: unknown) => {
      this.#options.onError?.(thrownError(error))
    })
  }
}
