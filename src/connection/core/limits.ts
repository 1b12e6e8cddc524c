import { describe, nearest } from '../../options/index.js'

/**
 * Limits of one connection. Every limit has a default, a unit and a reason, and all are on by
 * default. See limits.md.
 */
export interface ConnectionLimits {
  // --- frames ---------------------------------------------------------------

  /** Largest frame payload to accept; sent as SETTINGS_MAX_FRAME_SIZE. Unit: bytes. Default: 16_384. Reason: RFC 9113 §4.2; every peer expects it. */
  readonly frameSizeMax: number
  /** Frames handled in one `receive` before other connections get their turn. Unit: frames. Default: 1_000. Reason: one connection must not hold the event loop. */
  readonly turnFramesMax: number
  /** Server: calls whose handlers are started or notified in one turn, at most; 128 at first, fewer where handlers hold the thread after it. Unit: calls. Default: 1_000. Reason: as `turnFramesMax`; a handler costs more than a frame. */
  readonly turnCallsMax: number
  /** Duration of one turn, checked every 32 frames (sooner if they are large) and every 16 calls. Unit: us. Default: 500. Reason: as `turnFramesMax`; frames and handlers differ in cost. */
  readonly turnTimeMaxUs: number
  /** Bytes handled in one `receive`. Unit: bytes. Default: 262_144. Reason: as `turnFramesMax`. */
  readonly turnSizeMax: number

  // --- header blocks --------------------------------------------------------

  /** Header list to accept, counted as in RFC 9113 §6.5.2; sent as SETTINGS_MAX_HEADER_LIST_SIZE. More: stream error ENHANCE_YOUR_CALM. Unit: bytes. Default: 16_384. Reason: gRPC suggests 8 KiB; twice that for tracing and tokens. */
  readonly headerListSizeMax: number
  /** Header list, or encoded block, that ends the connection. A larger `headerListSizeMax` raises it to four times that. Unit: bytes. Default: 65_536. Reason: RFC 9113 §10.5.1; four times the soft limit, as in hyper. */
  readonly headerListSizeHardMax: number
  /** Fields of a header list to accept. More: stream error ENHANCE_YOUR_CALM. Unit: fields. Default: 512. Reason: CVE-2026-49975 (many tiny fields). */
  readonly headerFieldsMax: number
  /** Number of fields that ends the connection. Unit: fields. Default: 1_000. Reason: as `headerFieldsMax`. */
  readonly headerFieldsHardMax: number
  /** Header lists of all open requests, except those that repeat; the same again for requests that were reset while their handlers run. More: REFUSED_STREAM. Unit: bytes. Default: 2_621_440. Reason: 1_000 requests, each with a different token of 2 KiB. */
  readonly openHeadersSizeMax: number
  /** CONTINUATION frames in one header block. A larger `headerListSizeMax` raises it, to as many as such a block may take. Unit: frames. Default: 8. Reason: CVE-2024-27316; a 16 KiB list fits one frame. */
  readonly continuationsMax: number
  /** CONTINUATION frames without payload in one header block. Unit: frames. Default: 2. Reason: CVE-2026-33871. */
  readonly emptyContinuationsMax: number
  /** Time to complete a header block. Unit: ms. Default: 10_000. Reason: slow senders (RFC 9113 §10.5). */
  readonly headerTimeoutMs: number
  /** Table of our HPACK decoder; sent as SETTINGS_HEADER_TABLE_SIZE. Unit: bytes. Default: 4_096. Reason: memory for each connection. */
  readonly decoderTableSizeMax: number
  /** Table of our HPACK encoder, even if the peer allows more. Unit: bytes. Default: 4_096. Reason: a peer must not make us keep a large table. */
  readonly encoderTableSizeMax: number
  /** Dynamic table size updates in one header block. Unit: updates. Default: 2. Reason: RFC 7541 §4.2 never needs more. */
  readonly tableSizeUpdatesMax: number
  /** Interim (1xx) responses on one stream. Unit: responses. Default: 8. Reason: a call that only gets interim responses never settles. */
  readonly interimResponsesMax: number

  // --- streams --------------------------------------------------------------

  /** Streams that the peer may have open, and handlers that may run; sent as SETTINGS_MAX_CONCURRENT_STREAMS. More streams: REFUSED_STREAM. More handlers, through either door and including those of reset streams, wait until others settle (`startTimeoutMs` of a call). Unit: streams. Default: 1_000. Reason: gRPC multiplexes widely; other limits bound the bytes. */
  readonly streamsMax: number
  /** Streams to open before the peer's SETTINGS arrive. Unit: streams. Default: 100. Reason: RFC 9113 §6.5.2 recommends that peers allow at least this many. */
  readonly peerStreamsAssumed: number
  /** Streams to open, even if the peer allows more. Unit: streams. Default: 100_000. Reason: a peer's SETTINGS must not determine our memory. */
  readonly openStreamsMax: number
  /** Refused streams since the last accepted one that end the connection. A larger `streamsMax` raises it, as with `resetsMax`. Unit: streams. Default: 1_000. Reason: one burst of the stream limit is legitimate, repeating it is not. */
  readonly refusedStreamsMax: number

  // --- flow control ---------------------------------------------------------

  /** Receive window that every stream has; sent as SETTINGS_INITIAL_WINDOW_SIZE. Unit: bytes. Default: 131_072. Reason: a message of 100 kB arrives without another round trip, weighed against the memory that each stream may hold. */
  readonly streamWindowSize: number
  /** Receive window of the connection: bytes that may be in flight. Unit: bytes. Default: 1_048_576. Reason: a short path; the bandwidth estimate may raise it. */
  readonly connectionWindowSize: number
  /** Largest receive window that the bandwidth estimate may lend a stream. Unit: bytes. Default: 4_194_304. Reason: 20 ms at 1.6 Gbit/s. */
  readonly streamWindowSizeMax: number
  /** Largest receive window that the bandwidth estimate may give the connection. Unit: bytes. Default: 16_777_216. Reason: four streams at `streamWindowSizeMax`. */
  readonly connectionWindowSizeMax: number
  /** Bytes received and not yet consumed on all streams, beyond their `streamWindowSize`. Half of it is lent in order, half is for streams that stall. More: the largest stalled stream ends with RESOURCE_EXHAUSTED. Unit: bytes. Default: 33_554_432, or twice a `messageSizeMax` that is larger. Reason: four messages of 4 MiB in flight, and four that stopped. */
  readonly receiveBufferMax: number
  /** Memory that this connection holds for its peer, of all kinds: `connection.memory`. Above half of it: no loans for speed, one large message at a time. More: the largest call ends with RESOURCE_EXHAUSTED or, if all calls are small, the connection ends. Unit: bytes. Default: 268_435_456. Reason: what the other limits allow together; a backstop. */
  readonly memoryMax: number
  /** Bytes queued on one stream before `sendData` returns false. Unit: bytes. Default: 65_536. Reason: as grpc-go; back-pressure, not a hard limit. */
  readonly streamBufferSize: number
  /** Bytes queued on the connection before `sendData` returns false on every stream. With as many bytes of responses waiting for a client, a server stops reading requests from it. Unit: bytes. Default: 1_048_576. Reason: a slow peer must not accumulate memory. */
  readonly connectionBufferSize: number

  // --- abuse budgets (RFC 9113 §10.5) -----------------------------------------

  /** Resets that a peer may cause in a burst. A larger `streamsMax` raises it, to at most 10_000, unless both are given. Unit: resets. Default: 1_000. Reason: CVE-2023-44487; a burst of expired deadlines is legitimate. */
  readonly resetsMax: number
  /** Resets regained per second. Unit: resets each second. Default: 100. Reason: as `resetsMax`. */
  readonly resetsPerSecond: number
  /** Cost of a reset that the peer made us send. Unit: resets. Default: 10. Reason: CVE-2025-8671 (MadeYouReset): legitimate peers cause none. */
  readonly provokedResetCost: number
  /** Control, unknown and useless frames that a peer may send in a burst. Unit: frames. Default: 10_000. Reason: CVE-2019-9512 to 9518. */
  readonly workMax: number
  /** Such frames regained per second. Unit: frames each second. Default: 1_000. Reason: as `workMax`. */
  readonly workPerSecond: number
  /** Consecutive DATA frames without data and without END_STREAM. Unit: frames. Default: 100. Reason: CVE-2019-9518. */
  readonly emptyDataMax: number
  /** A DATA frame below this size counts as small. Unit: bytes. Default: 256. Reason: RUSTSEC-2026-0258. */
  readonly smallDataSize: number
  /** Small DATA frames that may wait unconsumed on a connection. Unit: octets lacking to `smallDataSize`. Default: 67_108_864. Reason: as `smallDataSize`; 263_000 frames of one octet, and more messages of 20 octets than sixteen readers that pause can have in their windows. */
  readonly smallDataMax: number
  /** Acknowledgements, and RST_STREAM for broken rules, that wait for the peer to read before we stop reading from it. Frames that we chose to send do not count. Unit: frames. Default: 100. Reason: CVE-2019-9512; grpc-go's number. */
  readonly controlFramesPause: number
  /** Number of the same frames that ends the connection. Unit: frames. Default: 1_000. Reason: for a driver that does not stop reading. */
  readonly controlFramesMax: number
  /** Entries in one SETTINGS frame. Unit: entries. Default: 32. Reason: CVE-2019-9515; there are nine. */
  readonly settingsEntriesMax: number
  /** GOAWAY frames from one peer. Unit: frames. Default: 10. Reason: two are useful. */
  readonly goawaysMax: number

  // --- time -----------------------------------------------------------------

  /** Time for the peer's preface and first SETTINGS. Unit: ms. Default: 10_000. Reason: as Go; silent sockets cost memory. */
  readonly prefaceTimeoutMs: number
  /** Time for the peer to acknowledge our SETTINGS. Unit: ms. Default: 20_000. Reason: RFC 9113 §6.5.3 has a code for it. */
  readonly settingsTimeoutMs: number
  /** Time for which output may be blocked by a peer that does not read or grants no window. Unit: ms. Default: 60_000. Reason: CVE-2026-49975 holds replies behind closed windows. */
  readonly writeStallTimeoutMs: number
  /** Time without any stream until the connection is shut down. Unit: ms. Default: Infinity. Reason: gRPC channels are long-lived. */
  readonly idleTimeoutMs: number
  /** Time without incoming data until a keepalive PING is sent. Unit: ms. Default: Infinity for a client, 7_200_000 for a server (gRPC A8, A9). Reason: servers reject PINGs more often than every 5 minutes. */
  readonly keepaliveIntervalMs: number
  /** The same for a client without any stream. Unit: ms. Default: Infinity. Reason: gRPC A8; servers must allow it. */
  readonly keepaliveIdleIntervalMs: number
  /** Time for the answer to a keepalive PING. Unit: ms. Default: 20_000. Reason: gRPC A8. */
  readonly keepaliveTimeoutMs: number
  /** Client PINGs closer together than this count as a strike. Unit: ms. Default: 300_000. Reason: gRPC A8. */
  readonly pingIntervalMinMs: number
  /** The same without any stream, if longer; set it to `pingIntervalMinMs` to allow keepalive without calls. Unit: ms. Default: 7_200_000. Reason: gRPC A8. */
  readonly pingIdleIntervalMinMs: number
  /** Strikes before GOAWAY `too_many_pings`; Infinity disables the rule. Unit: strikes. Default: 2. Reason: gRPC A8. */
  readonly pingStrikesMax: number
  /** Time for the PING that separates the two GOAWAY frames of a shutdown. Unit: ms. Default: 5_000. Reason: grpc-go's bound. */
  readonly shutdownPingTimeoutMs: number
}

/** The default limits of a server connection. A client's differ in `keepaliveIntervalMs` only. */
export const DEFAULT_LIMITS: ConnectionLimits = Object.freeze({
  frameSizeMax: 16_384,
  turnFramesMax: 1_000,
  turnCallsMax: 1_000,
  turnTimeMaxUs: 500,
  turnSizeMax: 262_144,

  headerListSizeMax: 16_384,
  headerListSizeHardMax: 65_536,
  headerFieldsMax: 512,
  headerFieldsHardMax: 1_000,
  openHeadersSizeMax: 2_621_440,
  continuationsMax: 8,
  emptyContinuationsMax: 2,
  headerTimeoutMs: 10_000,
  decoderTableSizeMax: 4_096,
  encoderTableSizeMax: 4_096,
  tableSizeUpdatesMax: 2,
  interimResponsesMax: 8,

  streamsMax: 1_000,
  peerStreamsAssumed: 100,
  openStreamsMax: 100_000,
  refusedStreamsMax: 1_000,

  streamWindowSize: 131_072,
  connectionWindowSize: 1_048_576,
  streamWindowSizeMax: 4_194_304,
  connectionWindowSizeMax: 16_777_216,
  receiveBufferMax: 33_554_432,
  memoryMax: 268_435_456,
  streamBufferSize: 65_536,
  connectionBufferSize: 1_048_576,

  resetsMax: 1_000,
  resetsPerSecond: 100,
  provokedResetCost: 10,
  workMax: 10_000,
  workPerSecond: 1_000,
  emptyDataMax: 100,
  smallDataSize: 256,
  smallDataMax: 67_108_864,
  controlFramesPause: 100,
  controlFramesMax: 1_000,
  settingsEntriesMax: 32,
  goawaysMax: 10,

  prefaceTimeoutMs: 10_000,
  settingsTimeoutMs: 20_000,
  writeStallTimeoutMs: 60_000,
  idleTimeoutMs: Number.POSITIVE_INFINITY,
  keepaliveIntervalMs: 7_200_000,
  keepaliveIdleIntervalMs: Number.POSITIVE_INFINITY,
  keepaliveTimeoutMs: 20_000,
  pingIntervalMinMs: 300_000,
  pingIdleIntervalMinMs: 7_200_000,
  pingStrikesMax: 2,
  shutdownPingTimeoutMs: 5_000,
})

/** [least, most] where the general rule (an integer from 0, or Infinity) is not enough. */
const RANGES: { readonly [name in keyof ConnectionLimits]?: readonly [number, number] } = {
  frameSizeMax: [16_384, 0xff_ffff],
  turnFramesMax: [1, Number.POSITIVE_INFINITY],
  turnCallsMax: [1, Number.POSITIVE_INFINITY],
  turnSizeMax: [1, Number.POSITIVE_INFINITY],
  headerFieldsHardMax: [1, 0xffff_ffff],
  tableSizeUpdatesMax: [1, 0xffff_ffff],
  decoderTableSizeMax: [0, 0x00ff_ffff],
  encoderTableSizeMax: [0, 0x00ff_ffff],
  headerListSizeMax: [1, 0x7fff_ffff],
  headerListSizeHardMax: [1, 0x0fff_ffff],
  streamsMax: [0, 0xffff_ffff],
  streamWindowSize: [1, 0x7fff_ffff],
  connectionWindowSize: [65_535, 0x7fff_ffff],
  receiveBufferMax: [65_535, Number.POSITIVE_INFINITY],
  memoryMax: [262_144, Number.POSITIVE_INFINITY],
  streamWindowSizeMax: [0, 0x7fff_ffff],
  connectionWindowSizeMax: [65_535, 0x7fff_ffff],
}

/**
 * Merges the given limits with the defaults and checks them.
 *
 * @throws TypeError for a name that is not a limit; RangeError for a value out of range.
 */
export function resolveLimits(
  role: 'client' | 'server',
  given: Partial<ConnectionLimits> | undefined,
): ConnectionLimits {
  if (given === undefined) return role === 'client' ? CLIENT_DEFAULTS : DEFAULT_LIMITS
  if (RESOLVED.has(given)) return given as ConnectionLimits
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(`limits must be an object of numbers, got ${describe(given)}`)
  }
  for (const [name, value] of Object.entries(given)) checkLimit(name, value)
  const defaults = role === 'client' ? CLIENT_DEFAULTS : DEFAULT_LIMITS
  const limits = { ...defaults, ...burstsOf(given.streamsMax), ...blocksOf(given), ...given }
  RESOLVED.add(limits)
  return limits
}

/** What all streams at once may do must be bearable: who takes more of them takes larger bursts. */
function burstsOf(streamsMax: number | undefined): Partial<ConnectionLimits> {
  const burst = Math.min(streamsMax ?? 0, BURST_MAX)
  if (burst <= DEFAULT_LIMITS.resetsMax) return {}
  return { resetsMax: burst, refusedStreamsMax: burst }
}

/** A larger list is not cut short by what ends a connection, nor by the frames that it takes. */
function blocksOf({
  headerListSizeMax = 0,
  frameSizeMax = DEFAULT_LIMITS.frameSizeMax,
}: Partial<ConnectionLimits>): Partial<ConnectionLimits> {
  if (headerListSizeMax <= DEFAULT_LIMITS.headerListSizeMax) return {}
  const hardMax = Math.min(headerListSizeMax * 4, 0x0fff_ffff)
  const continuations = Math.ceil(hardMax / frameSizeMax)
  return {
    headerListSizeHardMax: Math.max(hardMax, DEFAULT_LIMITS.headerListSizeHardMax),
    continuationsMax: Math.max(continuations, DEFAULT_LIMITS.continuationsMax),
  }
}

/** Bursts that `streamsMax` makes bearable by itself. */
const BURST_MAX = 10_000

/** Limits that need no second look: a server hands one object to all its connections. */
const RESOLVED: WeakSet<object> = new WeakSet()

const CLIENT_DEFAULTS: ConnectionLimits = Object.freeze({
  ...DEFAULT_LIMITS,
  keepaliveIntervalMs: Number.POSITIVE_INFINITY,
})

function checkLimit(name: string, value: unknown): void {
  if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
    const near = nearest(Object.keys(DEFAULT_LIMITS), name)
    const meant = near === undefined ? 'docs/limits.md has all' : `did you mean ${near}?`
    throw new TypeError(`limits.${name} is not a limit of a connection; ${meant}`)
  }
  const [least, most] = RANGES[name as keyof ConnectionLimits] ?? [0, Number.POSITIVE_INFINITY]
  const whole = typeof value === 'number' && (Number.isInteger(value) || value === most)
  if (whole && value >= least && value <= most) return
  throw new RangeError(
    `limits.${name} is ${String(value)}; expected an integer from ${least} to ${most}`,
  )
}
