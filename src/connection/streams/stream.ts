import type { HandlerSlots } from '../budgets/handler-slots.js'
import type { MemoryAccount } from '../budgets/memory-account.js'
import type { Turns } from '../budgets/turns.js'
import type { ConnectionLimits } from '../core/limits.js'
import type { PeerSettings } from '../core/peer-settings.js'
import type { TimerWheel } from '../core/timer-wheel.js'
import type { HeaderList } from '../headers/header-list.js'
import type { StreamHandler } from './stream-handler.js'

/** A connection, as the owner of one of its streams sees it: all but what moves its bytes. */
export interface StreamConnection {
  readonly role: 'client' | 'server'
  /** The time of this turn. Unit: ms. */
  readonly now: number
  readonly limits: ConnectionLimits
  readonly timers: TimerWheel
  /** How much a turn holds: for the handler. */
  readonly turns: Turns
  /** What the peer makes us keep. */
  readonly memory: MemoryAccount
  /** How many handlers run. */
  readonly handlerSlots: HandlerSlots
  readonly peerSettings: Readonly<PeerSettings>
  /** DATA octets of all streams that were received and not consumed. */
  readonly unconsumedSize: number
  /** No new streams: one side sent GOAWAY, or identifiers run out. */
  readonly draining: boolean
  /** Nothing more will come out. */
  readonly finished: boolean
  /** Streams that are open. */
  readonly streamCount: number
  /** Streams that count against the limit: open, or closed while user code still runs. */
  readonly runningCount: number
  /** Graceful: what runs is completed, nothing new begins. RFC 9113 §6.8. */
  shutdown(reason?: string): void
  /** The socket has gone: every stream hears `onLost` once. */
  destroy(cause?: Error): void
  /** Sends PING; `onAck` hears the time of the answer, unless the connection ends first. RFC 9113 §6.7. */
  ping(onAck: (now: number) => void): void
}

/**
 * One HTTP/2 stream. RFC 9113 §5.
 *
 * Sending on a stream that has ended is a no-op: a peer's reset may always race
 * with our writes, and its handler has been told.
 */
export interface Stream {
  readonly id: number
  readonly connection: StreamConnection
  /** Who hears of this stream. May be replaced. */
  handler: StreamHandler
  /** Whether our side is still open. */
  readonly writable: boolean
  /** Whether both sides have ended, or one of them reset the stream. */
  readonly closed: boolean
  /** Whether user code runs for it: see `hold`. */
  readonly held: boolean
  /** Whether the peer may still send. */
  readonly readable: boolean
  /** Octets that wait for the peer's windows. */
  readonly bufferedSize: number
  /** Where the payload of `beginData` goes. Valid right after it. */
  readonly slab: Buffer

  /**
   * Sends a response, an interim response or trailers. RFC 9113 §8.1.
   *
   * `headers` may be an array that lives long: sent again, its encoded form is
   * copied. `extra` follows it in the same block and holds what differs.
   *
   * @throws TypeError when a field cannot be sent; RangeError when the list is larger than the peer accepts.
   */
  sendHeaders(headers: HeaderList, endStream: boolean, extra?: HeaderList): void

  /**
   * Sends DATA; takes bytes[start, end): do not write to them again. False
   * above the high-water mark: wait for `onDrain`. RFC 9113 §6.1.
   */
  sendData(bytes: Buffer, start: number, end: number, endStream: boolean): boolean

  /**
   * Sends `prefix` and `bytes`, both of at least one octet, as one `sendData` of
   * the two together would: the prefix travels in no frame of its own.
   */
  sendPrefixed(prefix: Buffer, bytes: Buffer, endStream: boolean): boolean

  /**
   * Begins a DATA frame of `size` octets whose payload the caller writes at once
   * into `slab`, from the offset returned. -1 when it does not fit the windows,
   * something is queued, or it is large: use `sendData`.
   */
  beginData(size: number, endStream: boolean): number

  /**
   * Sends a whole response: `headers`, DATA of `size` octets, written as with `beginData`, and
   * `trailers`. -1 when it cannot leave in one piece, or both lists have not been sent often enough for
   * their encoded forms to be kept: nothing is sent then; use `sendHeaders` and `beginData`.
   */
  beginResponse(headers: HeaderList, size: number, trailers: HeaderList): number

  /**
   * `size` octets given to `onData` have left the owner's buffers: their room goes
   * back to the peer. Once for each octet. RFC 9113 §6.9.
   */
  consume(size: number): void

  /**
   * A length prefix announced that `size` octets in all are still to come: the peer gets a
   * window for them, in one piece and as soon as the connection has room, so that a large message
   * does not wait for a round trip in each window. What is not `isWanted`, since nobody
   * reads yet, gets it only where there is plenty: say it again when somebody does.
   */
  expect(size: number, isWanted?: boolean): void

  /** For the layer above: it keeps `size` octets more for this stream; less where it is negative. */
  charge(size: number): void

  /** For the layer above: as long as it counts, this stream takes `size` octets more, whatever it holds. Looked at when something else changes. */
  addCost(size: number): void

  /** Ends the stream both ways, now. Its handler is not called. RFC 9113 §6.4. */
  reset(errorCode: number): void

  /**
   * User code is to start: it counts against the limit until `release`, whether the stream is closed or not.
   * False when as many handlers run as may; `handler.onReceived` is called when one of them has settled, unless
   * `isAsking` is false.
   */
  hold(isAsking?: boolean): boolean

  /** User code goes on, but only waits for what will ask for slots of its own: it counts no more. */
  freeSlot(): void

  /** User code has settled. */
  release(): void
}
