export {
  authorityFault,
  Connection,
  ConnectionError,
  type ConnectionHandler,
  type ConnectionHost,
  type ConnectionLimits,
  type ConnectionOptions,
  DEFAULT_LIMITS,
  ErrorCode,
  errorCodeName,
  type FrameObserver,
  FrameType,
  frameName,
  GoawayError,
  type HeaderBlock,
  type HeaderList,
  HeaderListError,
  type PeerSettings,
  type Stream,
  type StreamHandler,
  shareInstances,
  summarizeFrame,
  Timer,
  type TimerOwner,
  TimerWheel,
} from '../connection/index.js'
export { CallConnector, type CallConnectorOptions } from './client/call-connector.js'
export { ClientCall, type ClientCallConstructor } from './client/client-call.js'
export type { ClientCallFace, ConnectorFace } from './client/client-call-face.js'
export type { ClientCallOptions, ClientCallReceiver } from './client/client-call-options.js'
export { type RequestHeadersOptions, requestHeaders } from './client/request-headers.js'
export { MessageReader } from './message/message-reader.js'
export { headerLimits, receiveLimits } from './message/receive-limits.js'
export { CallAcceptor } from './server/call-acceptor.js'
export { type CallOptions, CallSettings } from './server/call-options.js'
export { Router } from './server/router.js'
export type { Route, ServerCall, ServerCallHandler } from './server/server-call.js'
export { http2CodeOf } from './wire/call-error.js'
export type { CallTiming, CallWait, WaitingPlace } from './wire/call-timing.js'
export {
  type Compression,
  type CompressionDone,
  type Compressions,
  checkCompressions,
  compressionsOf,
  DEFAULT_COMPRESSIONS,
  DEFLATE,
  GZIP,
  MessageTooLargeError,
  ZSTD,
} from './wire/compression.js'
export { findCompression } from './wire/find-compression.js'
export {
  LENGTH_PREFIX_SIZE,
  MessageFlag,
  readMessageSize,
  writeLengthPrefix,
} from './wire/length-prefix.js'
export { type CallLimits, callLimits, DEFAULT_CALL_LIMITS } from './wire/limits.js'
export { Metadata } from './wire/metadata.js'
export {
  BYTES_CODEC,
  type CallKind,
  type Codec,
  type Codecs,
  DEFAULT_SUBTYPE,
  hasOneRequest,
  hasOneResponse,
  type Method,
} from './wire/method.js'
export { decodeStatusMessage, encodeStatusMessage } from './wire/percent-encoding.js'
export {
  FieldWriter,
  fieldText,
  type ProtobufField,
  readFields,
} from './wire/protobuf-fields.js'
export {
  addToError,
  GrpcError,
  type GrpcErrorOptions,
  type GrpcErrorOrigin,
  markProcessed,
  Status,
  stacklessError,
  statusName,
} from './wire/status.js'
export {
  decodeStatusDetails,
  type ErrorDetail,
  encodeStatusDetails,
  STATUS_DETAILS_NAME,
} from './wire/status-details.js'
export { encodeTimeout, parseTimeout } from './wire/timeout.js'
