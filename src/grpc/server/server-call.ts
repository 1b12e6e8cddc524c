import type { HeaderList, Stream } from '../../connection/index.js'
import type { Metadata } from '../wire/metadata.js'
import type { Method } from '../wire/method.js'
import type { GrpcError } from '../wire/status.js'

/** Receives the events of a server call: at the end of a `receive`, or on timeout. */
export interface ServerCallHandler {
  /** `read` has something new: messages, or the end of the requests (`ended`). */
  onReadable(): void
  /** `write` had answered false: go on. */
  onDrain(): void
  /**
   * The call is over, and not by us: the client cancelled, the connection was
   * lost, time is up or the client broke a rule. The last call. A broken message
   * that had waited undecoded is found, and told, inside `read`.
   */
  onCancel(error: GrpcError): void
}

/** A method and its handler. */
export interface Route {
  readonly method: Method
  /**
   * Client-streaming and bidi: messages that arrived whole before the client cancelled stay readable, and the
   * call starts even if it was cancelled at once. For what answers each message by itself. Default: false, a cancelled call drops them.
   */
  readonly keepsReceived?: boolean
  /** A response that cannot be encoded: the client reads the codec's own words. Default: false, they may hold secrets. */
  readonly exposesErrors?: boolean
  /**
   * Asked for each call as soon as its header is there: an error ends it before a message of it is read. For servers
   * that have too much to do. Default: none is refused.
   */
  refusal?(headers: HeaderList): GrpcError | undefined
  /**
   * A call has come. It runs at the end of a `receive`: for unary when request
   * and END_STREAM are there; for server-streaming at the request, for go-micro
   * does not half-close; for client-streaming and bidi once the headers are there.
   *
   * Whatever is returned hears of later events; undefined hears of none. What
   * is thrown ends the call with UNKNOWN. Call `call.settle()` when done.
   */
  start(call: ServerCall): ServerCallHandler | undefined
  /**
   * Hears what `CallOptions.onError` hears of its calls, before it: a response that cannot be encoded or compressed, trailers that the
   * client does not take, a stream that held too much. `call.handler` is who hears of the call.
   */
  onError?(error: unknown, call: ServerCall): void
}

/**
 * One call on a server. Created by `CallAcceptor` and passed to `Route.start`.
 *
 * Sending on a call that is over is a no-op: the client may cancel at any time.
 */
export interface ServerCall {
  readonly stream: Stream
  readonly route: Route
  readonly path: string
  /** Chooses the codecs: `proto`, `json` ... What the client sends, and gets. */
  readonly subtype: string
  /** What the client calls us: `:authority`, else `host`, else ''. */
  readonly authority: string
  /** What the client sent besides the protocol's own fields. Made when first asked for. */
  readonly metadata: Metadata
  /** When the client gives up. Unit: ms, monotonic, on the connection's clock. Infinity if never. */
  readonly deadline: number
  /** Unary and server-streaming: the one request, there when `start` runs. May be taken: it is kept no longer then. */
  request: unknown
  /** Whether messages leave compressed from now on, provided there is a `compression`. Default: true. */
  compressing: boolean
  /**
   * How responses are compressed: `identity` where they are not, or the client does not accept it. Default: the server's.
   * May be set, for this call's responses; for a single message there is `compressing`.
   *
   * @throws RangeError for a compression that the server does not have; TypeError once the response headers, which name it, were sent
   */
  compression: string
  /** Why the call is over, if it was not us who ended it. */
  readonly cancelled: GrpcError | undefined
  /** Who hears of it: what `start` of its route gives. A route may set it earlier, for its own `onError`. */
  handler: ServerCallHandler | undefined
  /** Whether nothing more can be sent: status sent, or cancelled. */
  readonly finished: boolean
  /** Whether the client has half-closed and everything was read. */
  readonly ended: boolean
  /** Client-streaming and bidi: whether `read` has a message, or one to inflate. */
  readonly readable: boolean
  /** Client-streaming and bidi: whether `read` has asked for a message that is still being inflated: `onReadable` follows. */
  readonly inflating: boolean
  /** Whether the request, or the last one that `read` gave, came compressed. */
  readonly compressed: boolean
  /** Client-streaming and bidi: the next message, or undefined when it is `inflating`, or none is there: then it is wanted, however large. Gives the client credit for it. */
  read(): unknown
  /** Sends the response headers ahead of the first message. @throws TypeError when they were sent. */
  sendHeaders(metadata?: Metadata): void
  /** Sends one message. False when much is queued: wait for `onDrain`. @throws TypeError for a second message where one is due. */
  write(message: unknown): boolean
  /** Sends one message and OK: HEADERS, DATA and trailers in one go. @throws as `write`. */
  respond(message: unknown, trailers?: Metadata): void
  /** Ends the call with OK. @throws TypeError when a method that responds with one message has sent none. */
  finish(trailers?: Metadata): void
  /** Ends the call with the error's status, message and metadata. */
  fail(error: GrpcError): void
  /** User code has settled: the call stops counting against the client's stream limit. */
  settle(): void
}
