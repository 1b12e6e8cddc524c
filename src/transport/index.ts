export { memoryTransport } from './memory-transport.js'
export { decodeMessage, encodeMessage, MESSAGE_SIZE_MAX } from './message.js'
export { MessageError } from './protobuf-reader.js'
export type {
  Cancellable,
  RawAddress,
  RawConnectOptions,
  RawListenEvents,
  RawListener,
  RawListenOptions,
  RawSocket,
  Runtime,
} from './runtime.js'
export { nodeRuntime } from './runtime.js'
export type {
  CallListener,
  CallSession,
  CallTransport,
  DialOptions,
  Listener,
  ListenOptions,
  Message,
  Socket,
  Transport,
} from './transport.js'
export { TransportError, TransportErrorCode } from './transport-error.js'
