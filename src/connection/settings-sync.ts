import {
  ConnectionError,
  checkSetting,
  ErrorCode,
  readSettings,
  SETTING_SIZE,
  Setting,
  type Settings,
} from '../frame/index.js'
import type { Connection } from './connection.js'
import type { ConnectionLimits } from './limits.js'

/** The settings of the peer, with the defaults of RFC 9113 §6.5.2 until they arrive. */
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
  readonly #connection: Connection
  /** The peer's first SETTINGS have come. */
  received = false
  /** How many of ours wait for their acknowledgement. */
  #unacknowledged = 0
  #noPriorities = 0
  #probe: (() => void) | undefined = undefined
  /** Acknowledgements still to come until that of the probe. */
  #acksToProbe = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Sends SETTINGS of ours; they bind the peer once acknowledged. */
  send(settings: Settings): void {
    this.#connection.control.settings(settings)
    this.#connection.deadlines.armSettings()
    this.#unacknowledged++
  }

  /** Asks for a sign of life without PING: SETTINGS that change nothing. One at a time; `onAck` never hears when the connection ends first. */
  probe(onAck: () => void): void {
    this.send({})
    this.#probe = onAck
    this.#acksToProbe = this.#unacknowledged
  }

  /** The peer acknowledged ours. RFC 9113 §6.5.3. */
  receiveAck(): void {
    if (this.#unacknowledged === 0) {
      refuse('RFC 9113 §6.5.3', 'SETTINGS acknowledged more often than sent')
    }
    const connection = this.#connection
    connection.deadlines.settingsAcknowledged()
    if (--this.#unacknowledged > 0) connection.deadlines.armSettings()
    else {
      connection.headerReader.setTableSizeMax(connection.limits.decoderTableSizeMax)
      connection.receiver.settingsAcknowledged()
    }
    if (this.#probe === undefined || --this.#acksToProbe > 0) return
    const onAck = this.#probe
    this.#probe = undefined
    onAck()
  }

  /** SETTINGS from the peer: checked before any takes effect, applied in order, acknowledged at once. */
  receive(bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection
    const { settingsEntriesMax } = connection.limits
    const entries = (end - start) / SETTING_SIZE
    if (entries > settingsEntriesMax) {
      throw new ConnectionError(
        ErrorCode.EnhanceYourCalm,
        'RFC 9113 §10.5',
        `SETTINGS with ${entries} entries; the limit is ${settingsEntriesMax}`,
      )
    }
    readSettings(bytes, start, end, checkSetting)
    readSettings(bytes, start, end, (id, value) => this.#apply(id, value))
    const { initialWindowSize } = this.peer
    if (!connection.sender.setInitialWindow(initialWindowSize)) {
      throw new ConnectionError(
        ErrorCode.FlowControlError,
        'RFC 9113 §6.9.2',
        `SETTINGS_INITIAL_WINDOW_SIZE of ${initialWindowSize} takes a stream window past 2^31-1`,
      )
    }
    connection.control.settingsAck()
    if (!this.received) this.#arrived()
    connection.streams.limitChanged()
  }

  /** The first ones: the connection is usable. */
  #arrived(): void {
    const connection = this.#connection
    this.received = true
    connection.deadlines.prefaceCame()
    connection.pings.arm()
    connection.idle()
    connection.host.onSettings()
  }

  #apply(id: number, value: number): void {
    const { peer } = this
    switch (id) {
      case Setting.HeaderTableSize:
        peer.headerTableSize = value
        // Each value counts, not only the last: a dip empties the table (RFC 7541 §4.2).
        this.#connection.headerWriter.setTableSizeMax(value)
        break
      case Setting.EnablePush:
        if (this.#connection.role === 'client' && value !== 0) {
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
