import type { ConnectionError } from '../frame/index.js'
import { AbuseBudget } from './budgets/abuse-budget.js'
import type { HandlerGroup } from './budgets/handler-group.js'
import { MemoryAccount, type MemoryHolders } from './budgets/memory-account.js'
import { PROCESS_MEMORY } from './budgets/memory-budget.js'
import { type TurnOwner, Turns } from './budgets/turns.js'
import type { ConnectionOptions } from './connection-options.js'
import { asConnectionError } from './core/as-connection-error.js'
import { ControlWriter } from './core/control-writer.js'
import { ConnectionCore, type CoreOwner } from './core/core.js'
import type { ConnectionHost } from './core/host.js'
import { resolveLimits } from './core/limits.js'
import { Receiver } from './flow/receiver.js'
import type { RoundTrips } from './flow/round-trips.js'
import { Sender } from './flow/sender.js'
import { Goaway } from './goaway.js'
import { HeaderReader } from './headers/header-reader.js'
import { HeaderWriter } from './headers/header-writer.js'
import { Inbound } from './inbound.js'
import type { InboundParts } from './inbound-parts.js'
import { ourSettings, type SettingsOwner, SettingsSync } from './settings-sync.js'
import { Shutdown, type ShutdownParts } from './shutdown.js'
import { StreamTable } from './stream-table.js'
import type { StreamTableParts } from './stream-table-parts.js'
import type { ConnectionHandler } from './streams/connection-handler.js'
import type { StreamConnection } from './streams/stream.js'
import { StreamMap } from './streams/stream-map.js'
import { type DeadlineOwner, Deadlines } from './timers/deadlines.js'
import { type PingOwner, Pings } from './timers/pings.js'

type Wiring = CoreOwner &
  DeadlineOwner &
  InboundParts &
  MemoryHolders &
  PingOwner &
  RoundTrips &
  SettingsOwner &
  ShutdownParts &
  StreamTableParts &
  TurnOwner

/**
 * The parts of a connection, and what one of them has to say to others. Only `Connection` knows it:
 * each part asks for what it needs by an interface of its own.
 */
export class ConnectionEngine implements Wiring {
  readonly connection: StreamConnection
  readonly handler: ConnectionHandler
  readonly host: ConnectionHost
  readonly core: ConnectionCore
  readonly budget: AbuseBudget
  readonly control: ControlWriter
  readonly map: StreamMap = new StreamMap()
  readonly goaway: Goaway = new Goaway()
  readonly headerReader: HeaderReader
  readonly headerWriter: HeaderWriter
  readonly memory: MemoryAccount
  readonly turns: Turns
  readonly pings: Pings
  readonly settings: SettingsSync
  readonly sender: Sender
  readonly receiver: Receiver
  readonly handlerGroup: HandlerGroup | undefined
  readonly streams: StreamTable
  readonly deadlines: Deadlines
  readonly shutdown: Shutdown
  readonly inbound: Inbound
  #closedTold = false

  constructor(connection: StreamConnection, options: ConnectionOptions) {
    this.connection = connection
    this.handler = options.handler
    this.host = options.host
    const limits = resolveLimits(options.role, options.limits)
    const core = new ConnectionCore({ ...options, limits }, this)
    this.core = core
    this.budget = new AbuseBudget(limits, core.now)
    this.control = new ControlWriter(core)
    this.headerReader = new HeaderReader(limits)
    this.headerWriter = new HeaderWriter(core.output, limits.encoderTableSizeMax, options)
    this.memory = new MemoryAccount(core, options.memory ?? PROCESS_MEMORY, this)
    this.turns = new Turns(core, this.host, this, options.stopwatch)
    this.pings = new Pings(core, this.control, this.budget, this)
    this.settings = new SettingsSync(core, this.control, this)
    this.sender = new Sender(core, this.headerWriter, this.budget, this.map)
    const { budget, control, map, memory } = this
    this.receiver = new Receiver({ core, budget, control, map, memory, roundTrips: this })
    this.handlerGroup = options.handlerGroup
    this.streams = new StreamTable(this)
    this.deadlines = new Deadlines(core, this)
    this.shutdown = new Shutdown(this)
    this.inbound = new Inbound(this)
    this.#greet()
  }

  get streamCount(): number {
    return this.map.size
  }

  get hasPending(): boolean {
    return this.core.output.size > 0 || this.sender.queuedSize > 0
  }

  /** Whether `takeOutput` has something now. */
  get hasOutput(): boolean {
    const { core } = this
    return core.output.size > 0 || (!core.over && this.sender.isReady)
  }

  get blocked(): boolean {
    const { limits, output, role } = this.core
    if (this.control.provoked > limits.controlFramesPause) return true
    return role === 'server' && output.size > limits.connectionBufferSize
  }

  get leaving(): boolean {
    return this.goaway.leaving
  }

  ping(onAnswer: () => void): void {
    this.pings.send(onAnswer)
  }

  probe(onAnswer: () => void): void {
    this.settings.probe(onAnswer)
  }

  /** See `Connection.receive`. */
  receive(bytes: Buffer, start: number, end: number, now: number): number {
    const { core } = this
    if (core.over && this.turns.requested) this.turn(now)
    if (core.over) return end
    core.now = now
    core.inTurn = true
    this.pings.heard(now)
    const limit = Math.min(end, start + core.limits.turnSizeMax)
    let offset = limit
    try {
      // What the turn before left to the handler comes first.
      if (this.turns.requested) offset = start
      else if (this.inbound.push(bytes, start, limit) && !this.#run())
        offset = this.inbound.abandon()
    } catch (error) {
      this.fail(asConnectionError(error))
      offset = end
    }
    this.#afterTurn()
    return offset
  }

  /** See `Connection.takeOutput`. */
  takeOutput(sizeMax: number): readonly Buffer[] {
    const { core } = this
    // What is written while the batch is made leaves with it: nobody needs to be told.
    core.hostKnows = true
    if (!core.over && this.sender.isReady) this.sender.drain(sizeMax)
    core.octetsTaken += core.output.size
    this.streams.headersTaken()
    this.control.provoked = 0
    const pieces = core.output.take()
    core.hostKnows = false
    if (this.sender.notifyDrained() || this.turns.roomCame(this.sender.queuedSize)) this.endTurn()
    if (!core.over && this.sender.queuedSize > 0) this.deadlines.armStall(core.octetsTaken)
    this.checkFinished()
    this.memory.update()
    return pieces
  }

  /** See `Connection.advance`. */
  advance(now: number): void {
    this.core.now = now
    this.core.inTurn = true
    this.core.timers.advance(now)
    this.#afterTurn()
  }

  /** See `Connection.turn`. */
  turn(now: number): void {
    this.core.now = now
    this.core.inTurn = true
    this.#afterTurn()
  }

  /** See `Connection.destroy`. */
  destroy(cause: Error | undefined): void {
    if (!this.core.over) this.#end(cause, () => {})
    this.core.output.take()
  }

  onOutputAppeared(): void {
    const { core } = this
    if (!core.over) this.deadlines.armStall(core.octetsTaken)
    // What waits for a window of the peer is announced by what opens it.
    if (!this.hasOutput) return
    core.hostKnows = true
    this.host.onOutput()
  }

  onTime(now: number, run: () => void): void {
    const { core } = this
    if (core.over) return
    const outer = core.inTurn
    core.now = now
    core.inTurn = true
    try {
      run()
    } catch (error) {
      this.fail(asConnectionError(error))
    }
    this.endTurn()
    core.inTurn = outer
    this.checkFinished()
    if (!outer) this.memory.turnEnded()
    if (this.hasOutput) core.outputAppeared()
  }

  /** The first stream: nothing is idle, keepalive is useful. */
  onFirstStream(): void {
    this.deadlines.cancelIdle()
    this.pings.arm()
  }

  onLastStream(): void {
    if (this.core.over) return
    this.deadlines.armIdle()
    this.checkFinished()
  }

  onIdle(): void {
    this.shutdown.leave('max_idle')
  }

  onBarrierOverdue(): void {
    this.shutdown.barrierPassed()
  }

  onAckError(error: unknown): void {
    this.host.onHandlerError(error, 0)
  }

  onSettingsSent(): void {
    this.deadlines.armSettings()
  }

  onSettingsAcknowledged(left: number): void {
    this.deadlines.settingsAcknowledged()
    if (left > 0) this.deadlines.armSettings()
    else {
      this.headerReader.setTableSizeMax(this.core.limits.decoderTableSizeMax)
      this.receiver.settingsAcknowledged()
    }
  }

  setPeerTableSize(size: number): void {
    this.headerWriter.setTableSizeMax(size)
  }

  setInitialWindow(size: number): boolean {
    return this.sender.setInitialWindow(size)
  }

  /** The first ones: the connection is usable. */
  onPeerSettings(isFirst: boolean): void {
    if (isFirst) {
      this.deadlines.prefaceCame()
      this.pings.arm()
      this.onLastStream()
      this.host.onSettings()
    }
    this.streams.limitChanged()
  }

  endTurn(): void {
    const { handler, host, streams, turns } = this
    const { over } = this.core
    turns.resume()
    do {
      // Nothing starts on a stream that has not heard yet.
      turns.begin(over && streams.loseMore())
      try {
        if (!turns.requested) handler.onReceived()
      } catch (error) {
        host.onHandlerError(error, 0)
      }
    } while (turns.requested && host.onTurn === undefined)
    // What the handler did not take is for others.
    streams.slots.serve()
    turns.ended()
  }

  fail(error: ConnectionError): void {
    if (this.core.over) return
    const { lastStreamId } = this.shutdown
    this.#end(error, () => this.control.goaway(lastStreamId, error.errorCode, error.message))
  }

  /** After a shutdown: whether all that was to be completed has been. */
  checkFinished(): void {
    const { core, goaway } = this
    if (core.over || this.streams.counted > 0 || core.output.size > 0) return
    const peerLeft = core.role === 'client' && goaway.received
    if (goaway.left || peerLeft) this.#end(undefined, () => {})
  }

  #greet(): void {
    const { core } = this
    if (core.role === 'client') this.control.preface()
    core.inTurn = true // the host is not there yet to be told
    this.settings.send(ourSettings(core.role, core.limits))
    this.receiver.open()
    core.inTurn = false
  }

  /** False when the turn's budget is spent. A handler's exception costs its stream and nothing else. */
  #run(): boolean {
    this.inbound.framesLeft = this.core.limits.turnFramesMax
    for (;;) {
      try {
        return this.inbound.run()
      } catch (error) {
        if (!this.streams.caught(error)) throw error
      }
    }
  }

  #afterTurn(): void {
    const { core } = this
    this.endTurn()
    core.inTurn = false
    this.checkFinished()
    this.memory.turnEnded()
    if (core.over) return
    this.pings.arm()
    if (this.hasPending) this.deadlines.armStall(core.octetsTaken)
  }

  #end(cause: Error | undefined, lastWord: () => void): void {
    this.core.over = true
    this.deadlines.stop()
    this.pings.stop()
    this.sender.stop()
    this.receiver.stop()
    lastWord()
    if (this.streams.loseAll(cause)) this.turns.request()
    if (!this.core.inTurn) this.endTurn()
    this.memory.update()
    if (this.#closedTold) return
    this.#closedTold = true
    this.host.onClosed(cause)
  }
}
