import type { Metadata } from '../../grpc/index.js'
import { describe, type OptionKind, type OptionKinds, unknownOption } from '../../options/index.js'
import { inThisContext } from '../../transport/index.js'
import type { Credentials } from './credentials.js'
import type { MetadataInit } from './metadata-init.js'
import { checkDuration, checkFlag, checkFunction, checkSignal, checkText } from './option-checks.js'

/** How a native call compresses what it sends: one of the client's `compressions`. `identity`: not at all. compression.md. */
export type CompressionName = 'gzip' | 'deflate' | 'identity' | (string & {})

/** Options of one call. */
export interface CallOptions {
  /**
   * Timeout of the whole call, retries included. `Infinity` means no limit; 0 fails at once. Unit:
   * ms. Default: that of the client.
   */
  readonly timeoutMs?: number
  /** Cancels the call when aborted. Default: none. */
  readonly signal?: AbortSignal
  /** Metadata to send. Default: none. */
  readonly metadata?: MetadataInit
  /**
   * Called for metadata that identifies the caller; needs TLS, see
   * `ClientOptions.allowPlaintextCredentials`. Default: that of the client.
   */
  readonly credentials?: Credentials
  /**
   * In a handler of a server with `inherit`: inherit the handler's deadline, cancellation and
   * selected metadata. Default: true.
   */
  readonly inherit?: boolean
  /** Address to call, instead of one from the registry. Default: that of the client. */
  readonly address?: string
  /** Content type of the request. Default: that of the client. */
  readonly contentType?: string
  /** gRPC: how to compress the requests of this call. Default: that of the client. */
  readonly compression?: CompressionName
  /** gRPC: wait for a connection instead of failing while there is none. Default: false. */
  readonly waitForReady?: boolean
  /**
   * Called with the metadata that precedes the first message. An exception it throws ends the call.
   * Default: none.
   */
  readonly onHeaders?: (metadata: Metadata) => void
  /** Called with the metadata that ends the call. Default: none. */
  readonly onTrailers?: (metadata: Metadata) => void
}

/** Every option, and what it may be. */
const KINDS: OptionKinds<CallOptions> = {
  timeoutMs: checkDuration,
  signal: checkSignal,
  metadata: 'any',
  credentials: checkFunction,
  inherit: checkFlag,
  address: checkText,
  contentType: checkText,
  compression: checkText,
  waitForReady: checkFlag,
  onHeaders: checkFunction,
  onTrailers: checkFunction,
}

const CHECKS: ReadonlyMap<string, OptionKind> = new Map(Object.entries(KINDS))

/**
 * Checks what a call is given, but for `metadata` and the names of codings: they are looked at
 * where they are used, once.
 *
 * @throws TypeError or RangeError naming the option that cannot be used
 */
export function checkCallOptions(options: CallOptions): void {
  if (typeof options !== 'object' || options === null || Symbol.iterator in options) {
    const what = describe(options)
    throw new TypeError(
      `the options of a call must be an object like { timeoutMs, metadata }, got ${what}`,
    )
  }
  // Not `checkOptions`: this is on the way of each call, and defaults of a prototype count.
  for (const name in options) {
    const kind = CHECKS.get(name)
    if (kind === undefined) throw unknownOption('a call', KINDS, name)
    const value: unknown = options[name as keyof CallOptions]
    if (value !== undefined && typeof kind === 'function') kind(name, value)
  }
}

/** The options with callbacks that run where the call was made, however the news comes: in its asynchronous context. */
export function bindCallbacks<Options extends CallOptions>(options: Options): Options {
  const { onHeaders, onTrailers } = options
  if (onHeaders === undefined && onTrailers === undefined) return options
  return {
    ...options,
    ...(onHeaders === undefined ? {} : { onHeaders: inThisContext(onHeaders) }),
    ...(onTrailers === undefined ? {} : { onTrailers: inThisContext(onTrailers) }),
  }
}

/**
 * The responses of a stream, in order. Leaving the loop early cancels the call. A slow reader slows
 * down the server.
 */
export interface ResponseStream<Res> extends AsyncIterableIterator<Res>, AsyncDisposable {
  /** Resolves with the metadata that precedes the messages; rejects if the call fails before. */
  readonly headers: Promise<Metadata>
  /** Resolves with the metadata that ends the call; rejects with the error of the call. */
  readonly trailers: Promise<Metadata>
  /** Cancels the call. Does nothing once the call has ended. */
  cancel(reason?: unknown): void
}

/** A call whose messages are sent and received one by one. */
export interface MessageStream<Req, Res> extends ResponseStream<Res> {
  /** Sends a message. Resolves when there is room for the next one. */
  send(request: Req): Promise<void>
  /** Resolves with the next response, or `undefined` after the last one. */
  receive(): Promise<Res | undefined>
  /** Ends the requests. */
  closeSend(): Promise<void>
}
