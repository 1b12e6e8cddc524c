import {
  ConnectionError,
  ErrorCode,
  Flag,
  FrameType,
  GOAWAY_FRAME_SIZE,
  PING_FRAME_SIZE,
  RST_STREAM_FRAME_SIZE,
  SETTINGS_ACK_FRAME_SIZE,
  SETTINGS_FRAME_SIZE_MAX,
  type Settings,
  WINDOW_UPDATE_FRAME_SIZE,
  writeGoaway,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../frame/index.js'
import type { Connection } from './connection.js'

/** Debug data we send. Unit: octets. */
const DEBUG_SIZE_MAX = 256

/**
 * The frames that carry no content: SETTINGS, PING, GOAWAY, RST_STREAM,
 * WINDOW_UPDATE. Counts those that wait for the peer to read, because a peer
 * that asks for answers without reading them must not fill our memory.
 */
export class ControlWriter {
  readonly #connection: Connection
  /** Control frames written since output was last taken. */
  waiting = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  settings(settings: Settings): void {
    const { output } = this.#connection
    const offset = output.reserve(SETTINGS_FRAME_SIZE_MAX)
    const next = writeSettings(output.bytes, offset, settings)
    output.commit(next)
    this.#connection.observe(
      true,
      FrameType.Settings,
      0,
      0,
      next - offset - SETTINGS_ACK_FRAME_SIZE,
    )
    this.#connection.outputAppeared()
  }

  settingsAck(): void {
    const { output } = this.#connection
    const offset = output.reserve(SETTINGS_ACK_FRAME_SIZE)
    output.commit(writeSettingsAck(output.bytes, offset))
    this.#written(FrameType.Settings, Flag.Ack, 0, 0)
  }

  ping(opaque: Buffer, start: number, ack: boolean): void {
    const { output } = this.#connection
    const offset = output.reserve(PING_FRAME_SIZE)
    output.commit(writePing(output.bytes, offset, opaque, start, ack))
    this.#written(FrameType.Ping, ack ? Flag.Ack : 0, 0, 8)
  }

  reset(streamId: number, errorCode: number): void {
    const { output } = this.#connection
    const offset = output.reserve(RST_STREAM_FRAME_SIZE)
    output.commit(writeRstStream(output.bytes, offset, streamId, errorCode))
    this.#written(FrameType.RstStream, 0, streamId, 4)
  }

  windowUpdate(streamId: number, increment: number): void {
    const { output } = this.#connection
    const offset = output.reserve(WINDOW_UPDATE_FRAME_SIZE)
    output.commit(writeWindowUpdate(output.bytes, offset, streamId, increment))
    this.#written(FrameType.WindowUpdate, 0, streamId, 4)
  }

  /** GOAWAY is never refused: it is the last thing a connection says. */
  goaway(lastStreamId: number, errorCode: number, reason: string | undefined): void {
    const { output } = this.#connection
    const debug =
      reason === undefined
        ? undefined
        : Buffer.from(reason.replaceAll('§', 'section ').slice(0, DEBUG_SIZE_MAX), 'latin1')
    const size = debug === undefined ? 0 : debug.length
    const offset = output.reserve(GOAWAY_FRAME_SIZE + size)
    output.commit(writeGoaway(output.bytes, offset, lastStreamId, errorCode, debug))
    this.#connection.observe(true, FrameType.Goaway, 0, 0, 8 + size)
    this.#connection.outputAppeared()
  }

  #written(type: number, flags: number, streamId: number, size: number): void {
    const connection = this.#connection
    connection.observe(true, type, flags, streamId, size)
    connection.outputAppeared()
    if (++this.waiting > connection.limits.controlFramesMax) {
      connection.fail(
        new ConnectionError(
          ErrorCode.EnhanceYourCalm,
          'RFC 9113 §10.5',
          `${this.waiting} control frames wait for the peer to read; the limit is ${connection.limits.controlFramesMax}`,
        ),
      )
    }
  }
}
