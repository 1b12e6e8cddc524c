export { checkMemory, MemoryBudget } from '../connection/index.js'
export { BackOff, type BackOffOptions, checkBackOff } from './client/back-off.js'
export type { CallSession } from './client/call-session.js'
export type { SessionConnectOptions } from './client/connect-waiters.js'
export { connect, Session } from './client/session.js'
export type { SessionOptions, StartOptions } from './client/session-options.js'
export type { SessionState } from './client/session-state.js'
export { TransportError, TransportErrorCode } from './errors/transport-error.js'
export { grpcTransport } from './micro/grpc-transport.js'
export type {
  GrpcTransportOptions,
  ListenerConnectionOptions,
} from './micro/grpc-transport-options.js'
export { type MemoryTransportOptions, memoryTransport } from './micro/memory-transport.js'
export { decodeMessage, encodeMessage, MESSAGE_SIZE_MAX } from './micro/message.js'
export { MessageError } from './micro/protobuf-reader.js'
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
} from './micro/transport.js'
export { TRANSPORT_PATH, TRANSPORT_PATH_OLD } from './micro/transport-method.js'
export { nodeRuntime } from './node/node-runtime.js'
export { checkProxy } from './proxy/proxy-choice.js'
export {
  type Address,
  formatAddress,
  isLiteral,
  parseDialAddress,
  parseListenAddress,
} from './runtime/address.js'
export { inRootContext, inThisContext } from './runtime/async-context.js'
export { InTurns } from './runtime/in-turns.js'
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
} from './runtime/runtime.js'
export { thrownError, thrownText } from './runtime/thrown.js'
export type { HttpRequest, HttpResponse, OnRequest } from './server/http-request.js'
export type { ServeOptions, Server, StopOptions } from './server/serve-options.js'
export { serve } from './server/server.js'
export { type ConnectionPeer, type Peer, peerAt, peerOf } from './socket/connection-peer.js'
export { runCompressions } from './socket/run-compressions.js'
export { clientTlsMistake } from './tls/tls-mistake.js'
