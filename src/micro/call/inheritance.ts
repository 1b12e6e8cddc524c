import { AsyncLocalStorage } from 'node:async_hooks'
import { type CallKind, Metadata } from '../../grpc/index.js'
import type { Runtime } from '../../transport/index.js'
import { iterateMessages, type MessageIterator } from '../async/message-iterator.js'
import type { CallOptions } from './call-options.js'
import type { Context } from './context.js'
import { metadataOf } from './metadata-init.js'
import type { AnyHandler } from './middleware.js'

/** What calls made by a handler inherit, besides the deadline and cancellation. */
export interface InheritOptions {
  /**
   * Names of metadata to pass on. (go-micro passes on everything, including `Authorization`, to
   * every service that a handler calls.) Default: none.
   */
  readonly metadata?: readonly string[]
}

/** What one server's calls pass on. */
export interface Inheritance {
  readonly names: readonly string[]
  readonly runtime: Pick<Runtime, 'now'>
}

interface Inherited extends Inheritance {
  readonly context: Context
}

/** Made by the first server that passes something on: until then clients look no further. */
let storage: AsyncLocalStorage<Inherited> | undefined

/** What the option `inherit` of a server says. @throws TypeError naming what is wrong with it */
export function inheritanceOf(
  option: boolean | InheritOptions | undefined,
  runtime: Pick<Runtime, 'now'>,
): Inheritance | undefined {
  if (option === undefined || option === false) return undefined
  if (option === true) return { names: [], runtime }
  const names = option.metadata ?? []
  return { names: names.map(checkName), runtime }
}

function checkName(name: unknown): string {
  const key = String(name).toLowerCase()
  try {
    if (key.endsWith('-bin')) new Metadata().setBinary(key, new Uint8Array())
    else new Metadata().set(key, '')
  } catch (cause) {
    throw new TypeError(`inherit.metadata: ${(cause as Error).message}`, { cause })
  }
  return key
}

/** The handler, whose outgoing calls inherit from the call it handles. */
export function passOn(inheritance: Inheritance, kind: CallKind, handler: AnyHandler): AnyHandler {
  storage ??= new AsyncLocalStorage()
  const handlers = storage
  const { names, runtime } = inheritance
  const hasStream = kind === 'server' || kind === 'bidi'
  return (request, context) => {
    const from = { context, names, runtime }
    const result = handlers.run(from, handler, request, context)
    if (!hasStream) return result
    return result instanceof Promise
      ? result.then(messages => new HandlerMessages(messages, handlers, from))
      : new HandlerMessages(result, handlers, from)
  }
}

/** Responses of a handler. A generator runs where it is read, so that has to be within the call as well. */
class HandlerMessages {
  /** Absent where the handler's iterator has none: then there is nothing to close. */
  readonly return: (() => Promise<IteratorResult<unknown>>) | undefined
  readonly #iterator: MessageIterator
  readonly #storage: AsyncLocalStorage<Inherited>
  readonly #from: Inherited

  constructor(messages: unknown, storage: AsyncLocalStorage<Inherited>, from: Inherited) {
    const { service, method } = from.context
    const what = `what the handler of ${service}.${method} returns`
    this.#storage = storage
    this.#from = from
    this.#iterator = storage.run(from, iterateMessages, messages, what)
    const close = this.#iterator.return
    this.return =
      close === undefined
        ? undefined
        : async () => {
            await storage.run(from, close)
            return { done: true, value: undefined }
          }
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#storage.run(this.#from, () => this.#iterator.next())
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/**
 * The options of a call, with what it inherits when a handler makes it: the
 * earlier deadline, both signals, and metadata of which the call has none of
 * its own.
 *
 * @param timeoutMs of calls that say nothing else. Unit: ms
 */
export function inherit(
  options: CallOptions | undefined,
  timeoutMs: number,
): CallOptions | undefined {
  if (storage === undefined || options?.inherit === false) return options
  const from = storage.getStore()
  return from === undefined ? options : inherited(from, options ?? {}, timeoutMs)
}

function inherited(from: Inherited, options: CallOptions, timeoutMs: number): CallOptions {
  const { context, names, runtime } = from
  const { signal } = options
  // A client's clock may be another one than the server's: what both know is how much is left.
  const leftMs = Math.max(0, context.deadline - runtime.now())
  const isEarlier = leftMs < (options.timeoutMs ?? timeoutMs)
  return {
    ...options,
    signal: signal === undefined ? context.signal : AbortSignal.any([signal, context.signal]),
    ...(isEarlier ? { timeoutMs: leftMs } : {}),
    ...(names.length === 0 ? {} : { metadata: inheritedMetadata(from, options) }),
  }
}

function inheritedMetadata({ context, names }: Inherited, { metadata }: CallOptions): Metadata {
  const own = metadata === undefined ? new Metadata() : metadataOf(metadata)
  const sent = new Metadata()
  for (const name of names) {
    if (own.has(name)) continue
    if (name.endsWith('-bin')) {
      for (const octets of context.metadata.getBinaryAll(name)) sent.appendBinary(name, octets)
    } else {
      for (const value of context.metadata.getAll(name)) sent.append(name, value)
    }
  }
  sent.merge(own)
  return sent
}
