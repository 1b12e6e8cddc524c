import {
  CLIENT_PREFACE,
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
} from '../../frame/index.js'
import type { ConnectionCore } from './core.js'

/** Debug data we send. Unit: octets. */
const DEBUG_SIZE_MAX = 256

/**
 * The frames that carry no content: SETTINGS, PING, GOAWAY, RST_STREAM,
 * WINDOW_UPDATE. Counts those that the peer made us send and that wait for it to read, because
 * a peer that asks for answers without reading them must not fill our memory.
 * What we chose to send, a thousand cancelled calls in one tick, is ours to bound.
 */
export class ControlWriter {
  readonly #core: ConnectionCore
  /** Frames that the peer made us send, since output was last taken: acknowledgements, and RST_STREAM for what it must not do. */
  provoked = 0

  constructor(core: ConnectionCore) {
    this.#core = core
  }

  /** The first octets of a client. RFC 9113 §3.4. */
  preface(): void {
    const { output } = this.#core
    const offset = output.reserve(CLIENT_PREFACE.length)
    CLIENT_PREFACE.copy(output.bytes, offset)
    output.commit(offset + CLIENT_PREFACE.length)
  }

  settings(settings: Settings): void {
    const { output } = this.#core
    const offset = output.reserve(SETTINGS_FRAME_SIZE_MAX)
    const next = writeSettings(output.bytes, offset, settings)
    output.commit(next)
    this.#core.observe(true, FrameType.Settings, 0, 0, next - offset - SETTINGS_ACK_FRAME_SIZE)
    this.#core.outputAppeared()
  }

  settingsAck(): void {
    const { output } = this.#core
    const offset = output.reserve(SETTINGS_ACK_FRAME_SIZE)
    output.commit(writeSettingsAck(output.bytes, offset))
    this.#written(FrameType.Settings, Flag.Ack, 0, 0)
    this.#countProvoked()
  }

  ping(opaque: Buffer, start: number, ack: boolean): void {
    const { output } = this.#core
    const offset = output.reserve(PING_FRAME_SIZE)
    output.commit(writePing(output.bytes, offset, opaque, start, ack))
    this.#written(FrameType.Ping, ack ? Flag.Ack : 0, 0, 8)
    if (ack) this.#countProvoked()
  }

  /** `provoked`: for something that the peer must not do. */
  reset(streamId: number, errorCode: number, provoked: boolean): void {
    const { output } = this.#core
    const offset = output.reserve(RST_STREAM_FRAME_SIZE)
    output.commit(writeRstStream(output.bytes, offset, streamId, errorCode))
    this.#written(FrameType.RstStream, 0, streamId, 4)
    if (provoked) this.#countProvoked()
  }

  windowUpdate(streamId: number, increment: number): void {
    const { output } = this.#core
    const offset = output.reserve(WINDOW_UPDATE_FRAME_SIZE)
    output.commit(writeWindowUpdate(output.bytes, offset, streamId, increment))
    this.#written(FrameType.WindowUpdate, 0, streamId, 4)
  }

  /** GOAWAY is never refused: it is the last thing a connection says. */
  goaway(lastStreamId: number, errorCode: number, reason: string | undefined): void {
    const { output } = this.#core
    const debug =
      reason === undefined
        ? undefined
        : Buffer.from(reason.replaceAll('§', 'section ').slice(0, DEBUG_SIZE_MAX), 'latin1')
    const size = debug === undefined ? 0 : debug.length
    const offset = output.reserve(GOAWAY_FRAME_SIZE + size)
    output.commit(writeGoaway(output.bytes, offset, lastStreamId, errorCode, debug))
    this.#core.observe(true, FrameType.Goaway, 0, 0, 8 + size)
    this.#core.outputAppeared()
  }

  #written(type: number, flags: number, streamId: number, size: number): void {
    this.#core.observe(true, type, flags, streamId, size)
    this.#core.outputAppeared()
  }

  #countProvoked(): void {
    const { controlFramesMax } = this.#core.limits
    if (++this.provoked <= controlFramesMax) return
    this.#core.fail(
      new ConnectionError(
        ErrorCode.EnhanceYourCalm,
        'RFC 9113 §10.5',
        `${this.provoked} answers to control frames and broken rules wait for the peer to read; the limit is ${controlFramesMax}`,
      ),
    )
  }
}
