import {
  ConnectionError,
  checkSetting,
  ErrorCode,
  readSettings,
  SETTING_SIZE,
  Setting,
  type Settings,
} from '../frame/index.js'
import type { ControlWriter } from './core/control-writer.js'
import type { ConnectionCore } from './core/core.js'
import type { ConnectionLimits } from './core/limits.js'

/** Who applies what SETTINGS say. */
export interface SettingsOwner {
  /** Ours have been sent: they are to be acknowledged in time. */
  onSettingsSent(): void
  /** The peer has acknowledged ours, `left` others of ours not yet. */
  onSettingsAcknowledged(left: number): void
  /** SETTINGS_HEADER_TABLE_SIZE of the peer. Each value counts, not only the last: a dip empties the table (RFC 7541 §4.2). */
  setPeerTableSize(size: number): void
  /** SETTINGS_INITIAL_WINDOW_SIZE of the peer. False when a stream's window would pass 2^31-1. */
  setInitialWindow(size: number): boolean
  /** SETTINGS of the peer have been applied and acknowledged. */
  onPeerSettings(isFirst: boolean): void
}

/**
 * SETTINGS both ways: ours count once acknowledged, the peer's at once and in
 * order. RFC 9113 §6.5.3.
 */
export class SettingsSync {
  readonly #core: ConnectionCore
  readonly #control: ControlWriter
  readonly #owner: SettingsOwner
  /** How many of ours wait for their acknowledgement. */
  #unacknowledged = 0
  #noPriorities = 0
  #probe: (() => void) | undefined = undefined
  /** Acknowledgements still to come until that of the probe. */
  #acksToProbe = 0

  constructor(core: ConnectionCore, control: ControlWriter, owner: SettingsOwner) {
    this.#core = core
    this.#control = control
    this.#owner = owner
  }

  /** Sends SETTINGS of ours; they bind the peer once acknowledged. */
  send(settings: Settings): void {
    this.#control.settings(settings)
    this.#owner.onSettingsSent()
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
    this.#owner.onSettingsAcknowledged(--this.#unacknowledged)
    if (this.#probe === undefined || --this.#acksToProbe > 0) return
    const onAck = this.#probe
    this.#probe = undefined
    onAck()
  }

  /** SETTINGS from the peer: checked before any takes effect, applied in order, acknowledged at once. */
  receive(bytes: Buffer, start: number, end: number): void {
    const core = this.#core
    const { settingsEntriesMax } = core.limits
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
    const { initialWindowSize } = core.peer
    if (!this.#owner.setInitialWindow(initialWindowSize)) {
      throw new ConnectionError(
        ErrorCode.FlowControlError,
        'RFC 9113 §6.9.2',
        `SETTINGS_INITIAL_WINDOW_SIZE of ${initialWindowSize} takes a stream window past 2^31-1`,
      )
    }
    this.#control.settingsAck()
    const isFirst = !core.peerKnown
    core.peerKnown = true
    this.#owner.onPeerSettings(isFirst)
  }

  #apply(id: number, value: number): void {
    const { peer, peerKnown, role } = this.#core
    switch (id) {
      case Setting.HeaderTableSize:
        peer.headerTableSize = value
        this.#owner.setPeerTableSize(value)
        break
      case Setting.EnablePush:
        if (role === 'client' && value !== 0) {
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
        if (peerKnown && value !== this.#noPriorities) {
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
