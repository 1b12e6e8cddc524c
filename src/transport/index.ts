export { checkMemory, MemoryBudget } from '../connection/index.js'
export {
  type Address,
  formatAddress,
  isLiteral,
  parseDialAddress,
  parseListenAddress,
} from './address.js'
export { inRootContext, inThisContext } from './async-context.js'
export type { BackOffOptions } from './back-off.js'
export type { CallSession } from './call-session.js'
export type { SessionConnectOptions } from './connect-waiters.js'
export { type ConnectionPeer, type Peer, peerAt, peerOf } from './connection-peer.js'
export {
  type GrpcTransportOptions,
  grpcTransport,
  type ListenerConnectionOptions,
} from './grpc-transport.js'
export type { HttpRequest, HttpResponse, OnRequest } from './http-request.js'
export { type MemoryTransportOptions, memoryTransport } from './memory-transport.js'
export { decodeMessage, encodeMessage, MESSAGE_SIZE_MAX } from './message.js'
export { nodeRuntime } from './node-runtime.js'
export { MessageError } from './protobuf-reader.js'
export { runCompressions } from './run-compressions.js'
export type {
  Cancellable,
  Certificate,
  ClientTlsOptions,
  RawAddress,
  RawConnectOptions,
  RawListenEvents,
  RawListener,
  RawListenOptions,
  RawSocket,
  Runtime,
  ServerTlsOptions,
} from './runtime.js'
export type { ServeOptions, Server, StopOptions } from './serve-options.js'
export { serve } from './server.js'
export { connect, Session } from './session.js'
export type { SessionOptions, StartOptions } from './session-options.js'
export type { SessionState } from './session-state.js'
export { thrownError, thrownText } from './thrown.js'
export type {
  CallListener,
  CallTransport,
  DialOptions,
  HandlerPlaces,
  Listener,
  ListenOptions,
  Message,
  Socket,
  Transport,
} from './transport.js'
export { TransportError, TransportErrorCode } from './transport-error.js'
export { TRANSPORT_PATH, TRANSPORT_PATH_OLD } from './transport-method.js'
