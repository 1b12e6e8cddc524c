// A NestJS transport: controllers with @GrpcMethod and @GrpcStreamMethod, served by microwire.
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices'
import {
  type Context,
  createServer,
  GrpcError,
  type Handlers,
  type Server as MicrowireServer,
  type ServerOptions,
  type Service,
  Status,
} from 'microwire'
import { firstValueFrom, from, type Observable } from 'rxjs'

export interface MicrowireStrategyOptions extends ServerOptions {
  readonly services: readonly Service<object>[]
}

/** `app.connectMicroservice({ strategy: new MicrowireStrategy({ name, address, services }) })` */
export class MicrowireStrategy extends Server implements CustomTransportStrategy {
  readonly #services: readonly Service<object>[]
  readonly #server: MicrowireServer

  constructor({ services, ...options }: MicrowireStrategyOptions) {
    super()
    this.#services = services
    this.#server = createServer(options)
  }

  /** Where it listens. */
  get address(): string {
    return this.#server.address
  }

  listen(callback: (error?: unknown) => void): void {
    this.#start().then(() => callback(), callback)
  }

  async close(): Promise<void> {
    await this.#server.stop({ graceMs: 5_000 })
  }

  on(event: string): never {
    throw new TypeError(`microwire has no event ${event}: use the option onError`)
  }

  /** For `app.getMicroservices()[0].unwrap()`: health, reflection, `updateTls`. */
  unwrap<T>(): T {
    return this.#server as T
  }

  async #start(): Promise<void> {
    for (const service of this.#services) {
      const handlers = service.methods.map(({ name, wireName, kind }) => {
        const isStream = kind === 'client' || kind === 'bidi'
        const handler = this.#handlerOf(service.shortName, wireName, isStream)
        const run = async (request: unknown, context: Context) => {
          const given = isStream ? from(request as AsyncIterable<unknown>) : request
          return this.transformToObservable<unknown>(await handler(given, context))
        }
        return [name, kind === 'server' || kind === 'bidi' ? many(run) : one(run)]
      })
      this.#server.handle(service, Object.fromEntries(handlers) as Handlers<object>)
    }
    await this.#server.start()
  }

  /** @throws TypeError for a method that no controller has */
  #handlerOf(service: string, rpc: string, isStream: boolean): MessageHandler {
    const streaming = isStream ? 'rx_stream' : 'no_stream'
    const handler = this.getHandlerByPattern(this.normalizePattern({ service, rpc, streaming }))
    if (handler !== null) return handler
    const decorator = isStream ? 'GrpcStreamMethod' : 'GrpcMethod'
    throw new TypeError(`no controller has @${decorator}('${service}', '${rpc}')`)
  }
}

type Run = (request: unknown, context: Context) => Promise<Observable<unknown>>

function one(run: Run) {
  return async (request: unknown, context: Context): Promise<unknown> =>
    await firstValueFrom(await run(request, context)).catch(refuse)
}

function many(run: Run) {
  return async function* (request: unknown, context: Context): AsyncGenerator<unknown> {
    yield* valuesOf(await run(request, context))
  }
}

/** What an observable emits, until it ends or nobody reads on. */
async function* valuesOf(source: Observable<unknown>): AsyncGenerator<unknown> {
  const waiting: unknown[] = []
  let end: (() => void) | undefined
  let wake = (): void => {}
  const subscription = source.subscribe({
    next: value => {
      waiting.push(value)
      wake()
    },
    error: (error: unknown) => {
      end = () => refuse(error)
      wake()
    },
    complete: () => {
      end = () => {}
      wake()
    },
  })
  try {
    for (;;) {
      while (waiting.length > 0) yield waiting.shift()
      if (end !== undefined) return end()
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  } finally {
    subscription.unsubscribe()
  }
}

/** What a filter of Nest made of an exception: `new RpcException(new GrpcError(...))`, or `{ code, message }`. */
function refuse(error: unknown): never {
  if (error instanceof GrpcError) throw error
  const { code, message } = error as { code?: unknown; message?: unknown }
  throw new GrpcError(typeof code === 'number' ? (code as Status) : Status.Unknown, String(message))
}
