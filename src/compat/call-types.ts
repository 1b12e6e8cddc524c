import type { EventEmitter } from 'node:events'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { Metadata, MetadataLike } from './metadata.js'

/**
 * The deadline of a call: milliseconds since 1970, or Infinity for none. grpc-js's type also allows
 * a `Date`.
 */
export type Deadline = Date | number

/** What every call of a grpc-js handler has. */
export interface ServerSurfaceCall {
  /** The caller cancelled, is lost, or its deadline has passed; a `cancelled` event told so. */
  readonly cancelled: boolean
  /** What came with the call. */
  readonly metadata: Metadata
  /** The caller's address as text. */
  getPeer(): string
  /** Sends the response metadata now. Only the first time counts. */
  sendMetadata(responseMetadata: MetadataLike): void
  /** When the caller gives up. */
  getDeadline(): Deadline
  /** `/package.Service/Method`. */
  getPath(): string
}

/** The call of a unary handler. */
export interface ServerUnaryCall<Req, _Res = unknown> extends ServerSurfaceCall, EventEmitter {
  readonly request: Req
}

/** The call of a client-streaming handler: a stream of requests. */
export interface ServerReadableStream<Req, _Res = unknown> extends ServerSurfaceCall, Readable {
  read(size?: number): Req | null
  /** Iterates over the requests. */
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Req>
}

/** The call of a server-streaming handler: a stream of responses. */
export interface ServerWritableStream<Req, Res> extends ServerSurfaceCall, Writable {
  readonly request: Req
  /** Sends a response; returns false if the buffer is full. */
  write(chunk: Res, callback?: (error: Error | null | undefined) => void): boolean
  /** Sends a response; returns false if the buffer is full. */
  write(
    chunk: Res,
    encoding: BufferEncoding,
    callback?: (error: Error | null | undefined) => void,
  ): boolean
  /** Ends the call with OK and these trailers. */
  end(trailers?: MetadataLike | (() => void)): this
}

/** The call of a bidi handler: a duplex stream. */
export interface ServerDuplexStream<Req, Res> extends ServerSurfaceCall, Duplex {
  read(size?: number): Req | null
  /** Iterates over the requests. */
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Req>
  /** Sends a response; returns false if the buffer is full. */
  write(chunk: Res, callback?: (error: Error | null | undefined) => void): boolean
  /** Sends a response; returns false if the buffer is full. */
  write(
    chunk: Res,
    encoding: BufferEncoding,
    callback?: (error: Error | null | undefined) => void,
  ): boolean
  /** Ends the call with OK and these trailers. */
  end(trailers?: MetadataLike | (() => void)): this
}

/**
 * A status with which a handler may end a call: an Error, or a plain object, with a status number
 * as `code`.
 */
export interface ServerStatus {
  /** A number from `status`. Without one the call ends with UNKNOWN. */
  readonly code?: number | string | undefined
  /** What the caller is told. Default: `message`. */
  readonly details?: string | undefined
  readonly message?: string | undefined
  /** Trailers. */
  readonly metadata?: MetadataLike | null | undefined
}

/** Answers a call with one response: an error, or a value and trailers. `flags` are ignored. */
export type sendUnaryData<Res> = (
  error: ServerStatus | null,
  value?: Res | null,
  trailers?: MetadataLike | null,
  flags?: number,
) => void

/** A unary handler of grpc-js. */
export type handleUnaryCall<Req, Res> = (
  call: ServerUnaryCall<Req, Res>,
  callback: sendUnaryData<Res>,
) => void

/** A client-streaming handler of grpc-js. */
export type handleClientStreamingCall<Req, Res> = (
  call: ServerReadableStream<Req, Res>,
  callback: sendUnaryData<Res>,
) => void

/** A server-streaming handler of grpc-js. */
export type handleServerStreamingCall<Req, Res> = (call: ServerWritableStream<Req, Res>) => void

/** A bidi handler of grpc-js. */
export type handleBidiStreamingCall<Req, Res> = (call: ServerDuplexStream<Req, Res>) => void
