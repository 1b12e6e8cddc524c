/**
 * Where the time of a call went that exceeded its deadline. Unit: ms. The first five parts add up
 * to `totalMs`.
 */
export interface CallTiming {
  /** From the call to the error. */
  readonly totalMs: number
  /** Attempts of the same call before this one, and the pauses between them. */
  readonly earlierMs: number
  /** Waiting for a connection, or for room on it, while nobody was connecting. */
  readonly queuedMs: number
  /** Waiting while the session was connecting: DNS, TCP, TLS and the server's SETTINGS. */
  readonly connectingMs: number
  /** From when the request was sent until the response began. */
  readonly sentMs: number
  /** From the first octet of the response. */
  readonly receivingMs: number
  /** How much later than due it was noticed: so long this process was busy with something else. Part of the times above. */
  readonly lateMs: number
}

/** Where calls wait for a connection: a session. */
export interface WaitingPlace {
  /** The server, as it was dialled. */
  readonly address: string
  /** There is a connection: what is missing is room on it. */
  readonly connected: boolean
  /** How many calls the server takes at once, as far as it is known. */
  readonly streamsMax?: number | undefined
  /** Why the last attempt to connect failed, if it did. */
  readonly lastError: Error | undefined
  /** How much of the time between the two the newest attempt to connect took. Unit: ms. */
  connectingMs(from: number, until: number): number
}

/** A call that had to wait for a connection. */
export interface CallWait {
  readonly place: WaitingPlace
  readonly since: number
}

/** What a call has noted of its time. All are times of one clock. Unit: ms. */
export interface CallTimes {
  readonly earlierMs: number
  readonly deadline: number
  /** The request was sent; undefined when it was not. */
  readonly openedAt: number | undefined
  /** The response began; undefined when it did not. */
  readonly answeredAt: number | undefined
  /** The call had to wait. */
  readonly wait: CallWait | undefined
}

/** Largest integer that the engine keeps without a box: 24 days. Unit: ms. */
const SMALL_MAX = 2 ** 31 - 1
/** Stands for the time left at something that has not happened. */
export const NOT_YET: number = SMALL_MAX

/** `remainingMs` as an integer that costs no allocation; the most there is for what is longer. */
export function wholeMs(remainingMs: number): number {
  return remainingMs < SMALL_MAX ? Math.ceil(remainingMs) | 0 : SMALL_MAX - 1
}

/** What a call has noted: the time that was left at its start and its answer, or NOT_YET. */
export function callTimes(
  deadline: number,
  leftAtStartMs: number,
  leftAtAnswerMs: number,
  earlierMs: number,
  wait: CallWait | undefined,
): CallTimes {
  return {
    earlierMs,
    deadline,
    openedAt: leftAtStartMs === NOT_YET ? undefined : deadline - leftAtStartMs,
    answeredAt: leftAtAnswerMs === NOT_YET ? undefined : deadline - leftAtAnswerMs,
    wait,
  }
}

/** From here on a late timer is worth a word: a busy process is that late at any time. Unit: ms. */
const LATE_MIN_MS = 20

/** Where the time until `now` went. */
export function callTiming(times: CallTimes, now: number): CallTiming {
  const { answeredAt, deadline, openedAt, wait } = times
  const startedAt = wait?.since ?? openedAt ?? now
  const sentAt = openedAt ?? now
  const begunAt = answeredAt ?? now
  const connecting = wait === undefined ? 0 : wait.place.connectingMs(startedAt, sentAt)
  const earlierMs = rounded(times.earlierMs)
  const queuedMs = rounded(sentAt - startedAt - connecting)
  const connectingMs = rounded(connecting)
  const sentMs = rounded(begunAt - sentAt)
  const receivingMs = rounded(now - begunAt)
  return {
    totalMs: earlierMs + queuedMs + connectingMs + sentMs + receivingMs,
    earlierMs,
    queuedMs,
    connectingMs,
    sentMs,
    receivingMs,
    lateMs: rounded(now - deadline),
  }
}

function rounded(ms: number): number {
  return Math.max(0, Math.round(ms))
}

/** The same in one sentence. */
export function timingText(
  timing: CallTiming,
  times: CallTimes,
  address: string | undefined,
): string {
  const { earlierMs, lateMs, totalMs } = timing
  const parts = earlierMs > 0 ? [`${earlierMs} ms in earlier attempts`] : []
  if (times.openedAt !== undefined) parts.push(...sentParts(timing, times, address))
  else if (times.wait !== undefined) parts.push(...waitingParts(timing, times.wait.place))
  if (parts.length === 0) return 'deadline exceeded before the call was sent'
  const late =
    lateMs < LATE_MIN_MS ? '' : `; this process was busy and noticed it ${lateMs} ms late`
  return `deadline exceeded after ${totalMs} ms: ${parts.join(', ')}${late}`
}

function sentParts(
  { connectingMs, queuedMs, receivingMs, sentMs }: CallTiming,
  { answeredAt }: CallTimes,
  address: string = 'the server',
): string[] {
  const parts: string[] = []
  if (queuedMs > 0) parts.push(`${queuedMs} ms waiting for a connection`)
  if (connectingMs > 0) parts.push(`${connectingMs} ms connecting`)
  if (answeredAt === undefined) {
    return [...parts, `${sentMs} ms since the request was sent; no answer from ${address}`]
  }
  parts.push(`${sentMs} ms until the response began`)
  return [...parts, `${receivingMs} ms receiving it from ${address}`]
}

function waitingParts({ connectingMs, queuedMs }: CallTiming, place: WaitingPlace): string[] {
  if (place.connected) {
    const connecting = connectingMs > 0 ? [`${connectingMs} ms connecting`] : []
    const { address, streamsMax } = place
    const room =
      streamsMax === undefined
        ? 'room on the connection'
        : `one of ${streamsMax} concurrent streams`
    return [...connecting, `waited ${queuedMs} ms for ${room} of ${address}`]
  }
  const parts: string[] = []
  const waiting = `waiting for a connection to ${place.address}`
  if (queuedMs > 0 || connectingMs === 0) parts.push(`${queuedMs} ms ${waiting}`)
  if (connectingMs > 0) parts.push(`${connectingMs} ms connecting to ${place.address}`)
  const last = place.lastError
  if (last !== undefined) parts[parts.length - 1] += ` (last attempt: ${last.message})`
  return parts
}
