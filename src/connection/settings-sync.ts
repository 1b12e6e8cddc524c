import {
  ConnectionError,
  checkSetting,
  ErrorCode,
  readSettings,
  SETTING_SIZE,
  Setting,
  type Settings,
} from '../frame/index.js'
import type { ConnectionLimits } from './limits.js'

/** What the peer told us, with the defaults of RFC 9113 §6.5.2 until it does. */
export interface PeerSettings {
  headerTableSize: number
  concurrentStreamsMax: number
  initialWindowSize: number
  frameSizeMax: number
  headerListSizeMax: number
  enableConnectProtocol: boolean
}

/**
 * SETTINGS both ways: ours count once acknowledged, the peer's at once and in
 * order. RFC 9113 §6.5.3.
 */
export class SettingsSync {
  readonly peer: PeerSettings = {
    headerTableSize: 4_096,
    concurrentStreamsMax: Number.POSITIVE_INFINITY,
    initialWindowSize: 65_535,
    frameSizeMax: 16_384,
    headerListSizeMax: Number.POSITIVE_INFINITY,
    enableConnectProtocol: false,
  }
  readonly #role: 'client' | 'server'
  readonly #entriesMax: number
  /** The peer's first SETTINGS have come. */
  received = false
  /** Ours have not been acknowledged yet. */
  #unacknowledged = 0
  #noPriorities = -1

  constructor(role: 'client' | 'server', entriesMax: number) {
    this.#role = role
    this.#entriesMax = entriesMax
  }

  get acknowledged(): boolean {
    return this.#unacknowledged === 0
  }

  /** Our SETTINGS went out. */
  sent(): void {
    this.#unacknowledged++
  }

  /** The peer acknowledged ours. RFC 9113 §6.5.3. */
  receiveAck(): void {
    if (--this.#unacknowledged < 0) {
      this.#unacknowledged = 0
      throw new ConnectionError(
        ErrorCode.ProtocolError,
        'RFC 9113 §6.5.3',
        'SETTINGS acknowledged more often than sent',
      )
    }
  }

  /**
   * The peer's SETTINGS: checked before any takes effect, applied in order. Each
   * header table size is reported, because a dip below the last one counts (RFC 7541 §4.2).
   */
  receive(bytes: Buffer, start: number, end: number, onTableSize: (size: number) => void): void {
    const entries = (end - start) / SETTING_SIZE
    if (entries > this.#entriesMax) {
      throw new ConnectionError(
        ErrorCode.EnhanceYourCalm,
        'RFC 9113 §10.5',
        `SETTINGS with ${entries} entries; the limit is ${this.#entriesMax}`,
      )
    }
    readSettings(bytes, start, end, checkSetting)
    readSettings(bytes, start, end, (id, value) => {
      this.#apply(id, value)
      if (id === Setting.HeaderTableSize) onTableSize(value)
    })
    this.received = true
  }

  #apply(id: number, value: number): void {
    const { peer } = this
    switch (id) {
      case Setting.HeaderTableSize:
        peer.headerTableSize = value
        break
      case Setting.EnablePush:
        if (this.#role === 'client' && value !== 0) {
          refuse('RFC 9113 §6.5.2', 'a server sent SETTINGS_ENABLE_PUSH = 1')
        }
        break
      case Setting.MaxConcurrentStreams:
        peer.concurrentStreamsMax = value
        break
      case Setting.InitialWindowSize:
        peer.initialWindowSize = value
        break
      case Setting.MaxFrameSize:
        peer.frameSizeMax = value
        break
      case Setting.MaxHeaderListSize:
        peer.headerListSizeMax = value
        break
      case Setting.EnableConnectProtocol:
        if (peer.enableConnectProtocol && value === 0) {
          refuse('RFC 8441 §3', 'SETTINGS_ENABLE_CONNECT_PROTOCOL went from 1 to 0')
        }
        peer.enableConnectProtocol = value === 1
        break
      case Setting.NoRfc7540Priorities:
        if (this.received && value !== this.#noPriorities) {
          refuse('RFC 9218 §2.1', 'SETTINGS_NO_RFC7540_PRIORITIES changed after the first SETTINGS')
        }
        this.#noPriorities = value
        break
    }
  }
}

function refuse(rule: string, message: string): never {
  throw new ConnectionError(ErrorCode.ProtocolError, rule, message)
}

/** The SETTINGS that tell a peer our limits; what equals the protocol's default is left out. */
export function ourSettings(role: 'client' | 'server', limits: ConnectionLimits): Settings {
  return {
    ...(limits.decoderTableSizeMax !== 4_096 && { headerTableSize: limits.decoderTableSizeMax }),
    ...(role === 'client' && { enablePush: false }),
    ...(role === 'server' && { concurrentStreamsMax: limits.streamsMax }),
    ...(limits.streamWindowSize !== 65_535 && { initialWindowSize: limits.streamWindowSize }),
    ...(limits.frameSizeMax !== 16_384 && { frameSizeMax: limits.frameSizeMax }),
    headerListSizeMax: limits.headerListSizeMax,
  }
}
