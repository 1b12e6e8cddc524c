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
  Stream,
  type StreamHandler,
  shareInstances,
  summarizeFrame,
  Timer,
  type TimerOwner,
  TimerWheel,
} from '../connection/index.js'
export { CallAcceptor } from './call-acceptor.js'
export { CallConnector, type CallConnectorOptions } from './call-connector.js'
export { http2CodeOf } from './call-error.js'
export { type CallOptions, CallSettings, findCompression } from './call-options.js'
export type { CallTiming, CallWait, WaitingPlace } from './call-timing.js'
export { ClientCall } from './client-call.js'
export type { ClientCallOptions, ClientCallReceiver } from './client-call-options.js'
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
} from './compression.js'
export {
  LENGTH_PREFIX_SIZE,
  MessageFlag,
  readMessageSize,
  writeLengthPrefix,
} from './length-prefix.js'
export { type CallLimits, callLimits, DEFAULT_CALL_LIMITS } from './limits.js'
export { MessageReader } from './message-reader.js'
export { Metadata } from './metadata.js'
export {
  BYTES_CODEC,
  type CallKind,
  type Codec,
  type Codecs,
  DEFAULT_SUBTYPE,
  hasOneRequest,
  hasOneResponse,
  type Method,
} from './method.js'
export { decodeStatusMessage, encodeStatusMessage } from './percent-encoding.js'
export {
  fieldText,
  type ProtobufField,
  putBytes,
  putMessage,
  putNumber,
  readFields,
} from './protobuf-fields.js'
export { headerLimits, receiveLimits } from './receive-limits.js'
export { type RequestHeadersOptions, requestHeaders } from './request-headers.js'
export { type Route, Router, type ServerCallHandler } from './router.js'
export { ServerCall } from './server-call.js'
export {
  addToError,
  GrpcError,
  type GrpcErrorOptions,
  type GrpcErrorOrigin,
  markProcessed,
  Status,
  statusName,
} from './status.js'
export {
  decodeStatusDetails,
  type ErrorDetail,
  encodeStatusDetails,
  STATUS_DETAILS_NAME,
} from './status-details.js'
export { encodeTimeout, parseTimeout } from './timeout.js'
