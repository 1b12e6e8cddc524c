export { shareInstances } from '../options/index.js'
export { copyOctets } from './copy-octets.js'
export { describeFrame, type FrameDescription, summarizeFrame } from './describe.js'
export { ErrorCode, errorCodeName } from './error-code.js'
export type { Frame } from './frame.js'
export { ConnectionError } from './frame-error.js'
export {
  FRAME_HEADER_SIZE,
  FRAME_SIZE_LIMIT,
  FRAME_SIZE_MIN,
  readPayloadSize,
  readStreamId,
  readUint32,
  STREAM_ID_MAX,
  writeFrameHeader,
  writeUint32,
} from './frame-header.js'
export { FrameReader, type FrameReaderOptions } from './frame-reader.js'
export { Flag, FrameType, frameName } from './frame-type.js'
export {
  GOAWAY_FRAME_SIZE,
  PING_FRAME_SIZE,
  PRIORITY_FRAME_SIZE,
  type Priority,
  RST_STREAM_FRAME_SIZE,
  WINDOW_UPDATE_FRAME_SIZE,
  writeContinuation,
  writeData,
  writeDataHeader,
  writeGoaway,
  writeHeaders,
  writePaddedData,
  writePaddedHeaders,
  writePing,
  writePriority,
  writePriorityUpdate,
  writePushPromise,
  writeRstStream,
  writeWindowUpdate,
} from './frame-writer.js'
export { CLIENT_PREFACE } from './preface.js'
export {
  checkSetting,
  readSettings,
  SETTING_SIZE,
  Setting,
  type Settings,
  settingName,
  WINDOW_SIZE_MAX,
} from './settings.js'
export {
  SETTINGS_ACK_FRAME_SIZE,
  SETTINGS_FRAME_SIZE_MAX,
  writeSetting,
  writeSettings,
  writeSettingsAck,
} from './settings-writer.js'
