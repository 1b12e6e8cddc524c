import type { CallKind } from '../../../grpc/index.js'
import type { Message } from '../../../transport/index.js'
import { MicroError } from '../../errors/micro-error.js'
import { isRepeated, type MucpFields } from '../../mucp/header.js'

/** Fields in the header of one message. Reason: as `headerFieldsMax` of HTTP/2; what is behind them is looked through for each. */
export const MUCP_HEADER_FIELDS_MAX = 512

/** Names and values in the header of one message. Unit: characters. Reason: calls keep theirs; an error of 64 Ki must fit. */
export const MUCP_HEADER_SIZE_MAX = 131_072

/** One id, name of a service or method, or topic. Unit: characters. Reason: each answer repeats them, twice. */
export const MUCP_NAME_SIZE_MAX = 1_024

/** Octets of messages that wait for the handler of one stream; then its socket is not read. One message may be more. */
export const MUCP_QUEUE_SIZE_MAX = 1_048_576

/** What a unary call takes while it runs, beside its header. Measured. Unit: octets. */
export const MUCP_CALL_COST = 3_072

/** The same of a stream: queues, iterators, generators. Measured. Unit: octets. */
export const MUCP_STREAM_COST = 6_144

/**
 * Octets that all sockets of one peer's connection keep at a server: headers of open calls, messages that wait. From
 * half of it on a stream's next message waits until its handler has none; what crosses it is refused, or fails its
 * stream. Twice `messageSizeMax` where that is more: the largest message fits into either half.
 */
export const MUCP_KEPT_SIZE_MAX = 67_108_864

/** What the sockets of each peer keep, by its address: they share a connection. */
export class KeptOctets {
  /** Unit: octets. */
  readonly sizeMax: number
  readonly #sizes = new Map<string, number>()

  constructor(messageSizeMax = 0) {
    this.sizeMax = Math.max(MUCP_KEPT_SIZE_MAX, 2 * messageSizeMax)
  }

  /** False when it is too much; then it is not counted. */
  take(peer: string, size: number): boolean {
    const held = (this.#sizes.get(peer) ?? 0) + size
    if (held > this.sizeMax) return false
    this.#sizes.set(peer, held)
    return true
  }

  give(peer: string, size: number): void {
    const held = (this.#sizes.get(peer) ?? 0) - size
    if (held > 0) this.#sizes.set(peer, held)
    else this.#sizes.delete(peer)
  }

  /** Octets that may wait for one handler before its socket is not read. */
  queueSizeMax(peer: string): number {
    return (this.#sizes.get(peer) ?? 0) > this.sizeMax / 2 ? 1 : MUCP_QUEUE_SIZE_MAX
  }
}

/** What of a header is kept. Unit: characters. */
export function headerSize(header: ReadonlyMap<string, string>): number {
  let size = 0
  for (const [key, value] of header) size += key.length + value.length
  return size
}

const NAMES = ['id', 'stream', 'service', 'method', 'endpoint', 'topic'] as const

/** What of a header is more than a server reads, with the numbers; undefined when nothing is. */
export function headerFault(header: ReadonlyMap<string, string>): string | undefined {
  if (header.size > MUCP_HEADER_FIELDS_MAX) {
    return `the header has ${header.size} fields; the limit is ${MUCP_HEADER_FIELDS_MAX}`
  }
  const size = headerSize(header)
  if (size <= MUCP_HEADER_SIZE_MAX) return undefined
  return `the header has ${size} characters; the limit is ${MUCP_HEADER_SIZE_MAX}`
}

/** As `headerFault`, for the names that answers repeat: in each of the spellings that one header may have. */
export function nameFault(
  header: ReadonlyMap<string, string>,
  fields: MucpFields,
): string | undefined {
  for (const name of NAMES) {
    const { length } = fields[name]
    if (length <= MUCP_NAME_SIZE_MAX) continue
    return `the ${name} has ${length} characters; the limit is ${MUCP_NAME_SIZE_MAX}`
  }
  for (const [key, { length }] of header) {
    if (length <= MUCP_NAME_SIZE_MAX || !isRepeated(key)) continue
    return `${key} has ${length} characters; the limit is ${MUCP_NAME_SIZE_MAX}`
  }
  return undefined
}

/** A message without its body: what a stream keeps of its opening, whose body does not count. */
export function withoutBody({ header }: Message): Message {
  return { header, body: new Uint8Array(0) }
}

/** What a call takes while it runs: its header, and its objects. Unit: octets. */
export function keptSizeOf(kind: CallKind, header: ReadonlyMap<string, string>): number {
  return headerSize(header) + (kind === 'unary' ? MUCP_CALL_COST : MUCP_STREAM_COST)
}

/** 429: what crosses the budget of its connection. */
export function tooMuchKept({ sizeMax }: { readonly sizeMax: number }): MicroError {
  const text = `this connection makes the server keep more than ${sizeMax} octets`
  return new MicroError(429, text)
}
