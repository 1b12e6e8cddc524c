import { authorityFault } from './authority.js'
import { quote } from './quote.js'

/**
 * What a field is, worked out once for each field: when it enters a table of
 * HPACK, or when it is decoded without entering one. RFC 9113 §8.2, §8.3.
 *
 * A class is 0 for an ordinary field, else one or more of these bits.
 */
export const FieldClass = {
  Regular: 0,
  Method: 0x01,
  Scheme: 0x02,
  Authority: 0x04,
  Path: 0x08,
  Status: 0x10,
  Protocol: 0x20,
  ContentLength: 0x40,
  Host: 0x80,
  Cookie: 0x100,
  Te: 0x200,
  /** The message is malformed, whatever else it holds. */
  Malformed: 0x400,
  /** An ordinary field with white space around its value, which is to be taken off. */
  Padded: 0x800,
} as const

/** All pseudo-header fields. */
export const PSEUDO_MASK = 0x3f

const PSEUDO_CLASSES: ReadonlyMap<string, number> = new Map([
  [':method', FieldClass.Method],
  [':scheme', FieldClass.Scheme],
  [':authority', FieldClass.Authority],
  [':path', FieldClass.Path],
  [':status', FieldClass.Status],
  [':protocol', FieldClass.Protocol],
])

/** Fields with rules of their own. RFC 9113 §8.2.2, §8.2.3, §8.1.1, §8.3.1. */
const SPECIAL_CLASSES: ReadonlyMap<string, number> = new Map([
  ['content-length', FieldClass.ContentLength],
  ['host', FieldClass.Host],
  ['cookie', FieldClass.Cookie],
  ['te', FieldClass.Te],
  ['connection', FieldClass.Malformed],
  ['proxy-connection', FieldClass.Malformed],
  ['keep-alive', FieldClass.Malformed],
  ['transfer-encoding', FieldClass.Malformed],
  ['upgrade', FieldClass.Malformed],
])

/** Names kept of those that were found to be ordinary: services have dozens. */
const ORDINARY_NAMES_MAX = 512
/** A longer name is looked at each time. Unit: octets. */
const ORDINARY_NAME_SIZE_MAX = 64

/** Names that were looked at before and have no rule of their own. Of the process: they say nothing of who sent them. */
const ordinaryNames = new Set<string>()

/**
 * What no value may hold. A pattern, since it takes a third of the time of a loop over a token of 600
 * characters (555 ns for 1,785), and less than one over a short value.
 */
const VALUE_FAULT = /[\0\n\r\u0100-\uffff]/

/** Whether a field may be sent and means nothing to HTTP: what nearly all are, told without working out why not. */
function isOrdinary(name: string, value: string): boolean {
  return isOrdinaryName(name) && !VALUE_FAULT.test(value) && !hasOuterSpace(value)
}

function isOrdinaryName(name: string): boolean {
  if (ordinaryNames.has(name)) return true
  if (nameFault(name) !== undefined || plainClass(name) !== FieldClass.Regular) return false
  if (ordinaryNames.size < ORDINARY_NAMES_MAX && name.length <= ORDINARY_NAME_SIZE_MAX) {
    ordinaryNames.add(name)
  }
  return true
}

/** The class of a received field. Given to the HPACK decoder. */
export function classifyField(name: string, value: string): number {
  if (isOrdinary(name, value)) return FieldClass.Regular
  if (receivedFault(name, value) !== undefined) return FieldClass.Malformed
  return hasOuterSpace(value) ? plainClass(name) | FieldClass.Padded : plainClass(name)
}

/**
 * Why a received field makes its message malformed, or undefined. As `fieldFault`, but white space around an
 * ordinary value is none: gRPC servers of every language send it (`grpc-message`), and a call would lose its
 * status for it. RFC 9113 §8.2.1 leaves it to the receiver. No pseudo-header field has a use for it.
 */
export function receivedFault(name: string, value: string): string | undefined {
  const isTrimmed = hasOuterSpace(value) && name.charCodeAt(0) !== COLON
  return fieldFault(name, isTrimmed ? trimOuterSpace(value) : value)
}

/** `value` without the spaces and tabs around it, which are no part of it. RFC 9110 §5.5. */
export function trimOuterSpace(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isSpace(value.charCodeAt(start))) start++
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

function hasOuterSpace(value: string): boolean {
  return isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(value.length - 1))
}

function plainClass(name: string): number {
  if (name.charCodeAt(0) === COLON) return PSEUDO_CLASSES.get(name) ?? FieldClass.Malformed
  return SPECIAL_CLASSES.get(name) ?? FieldClass.Regular
}

const COLON = 0x3a

/** Why a field may not be sent, or undefined. RFC 9113 §8.2.1, §8.2.2, §8.3. */
export function fieldFault(name: string, value: string): string | undefined {
  const fault = nameFault(name) ?? valueFault(name, value)
  if (fault !== undefined) return fault
  if (name.charCodeAt(0) === COLON) return pseudoFault(name, value)
  if (name === 'te' && value === 'trailers') return undefined
  if (name === 'host') return authorityFault('host', value)
  if (name === 'content-length' && !/^[0-9]{1,15}$/.test(value)) {
    return `content-length is ${quote(value)}, not a number of octets`
  }
  return name === 'te' || SPECIAL_CLASSES.get(name) === FieldClass.Malformed
    ? `field ${name}: ${quote(value)} belongs to one HTTP/1.1 connection`
    : undefined
}

/** Octets that may stand in a field name: visible ASCII, no upper case, no colon. RFC 9113 §8.2.1. */
function isNameOctet(octet: number): boolean {
  return octet > 0x20 && octet < 0x7f && octet !== COLON && (octet < 0x41 || octet > 0x5a)
}

function nameFault(name: string): string | undefined {
  if (name.length === 0) return 'a field name is empty'
  for (let i = name.charCodeAt(0) === COLON ? 1 : 0; i < name.length; i++) {
    if (!isNameOctet(name.charCodeAt(i)))
      return `field name ${quote(name)} has an octet that is not allowed at ${i}`
  }
  return undefined
}

function valueFault(name: string, value: string): string | undefined {
  if (VALUE_FAULT.test(value)) {
    const at = value.search(VALUE_FAULT)
    return `value of ${name} has octet 0x${value.charCodeAt(at).toString(16)} at ${at}`
  }
  if (hasOuterSpace(value)) {
    return `value of ${name} begins or ends with white space`
  }
  return undefined
}

function isSpace(octet: number): boolean {
  return octet === 0x20 || octet === 0x09
}

function pseudoFault(name: string, value: string): string | undefined {
  switch (name) {
    case ':status':
      return /^[1-9][0-9][0-9]$/.test(value) && value !== '101'
        ? undefined
        : `:status is ${quote(value)}`
    case ':path':
      return value.charCodeAt(0) === 0x2f || value === '*'
        ? undefined
        : `:path is ${quote(withoutQuery(value))}; expected '/...' or '*'`
    case ':method':
      return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value) ? undefined : `:method is ${quote(value)}`
    case ':scheme':
      return /^[A-Za-z][A-Za-z0-9+.-]*$/.test(value) ? undefined : `:scheme is ${quote(value)}`
    case ':authority':
      return authorityFault(':authority', value)
    case ':protocol':
      return undefined
    default:
      return `pseudo-header field ${quote(name)} is not known`
  }
}

/** A query may hold a token. */
function withoutQuery(path: string): string {
  const start = path.indexOf('?')
  return start < 0 ? path : `${path.slice(0, start)}?...`
}

/** What a block of ours begins: it says which pseudo-header fields there must be. RFC 9113 §8.3. */
export const BlockPart = { Request: 0, Response: 1, Trailers: 2 } as const
export type BlockPart = (typeof BlockPart)[keyof typeof BlockPart]

const PSEUDO_ALLOWED: readonly number[] = [PSEUDO_MASK & ~FieldClass.Status, FieldClass.Status, 0]
const PSEUDO_REQUIRED: readonly number[] = [
  FieldClass.Method | FieldClass.Scheme | FieldClass.Path,
  FieldClass.Status,
  0,
]
const PART_NAMES: readonly string[] = ['a request', 'a response', 'trailers']

/**
 * What headers on an open stream begin. RFC 9113 §8.1.
 *
 * @throws TypeError for trailers that do not end the stream.
 */
export function answerPart(
  headers: readonly string[],
  role: 'client' | 'server',
  endStream: boolean,
): BlockPart {
  if (role === 'server' && headers[0] === ':status') return BlockPart.Response
  if (endStream) return BlockPart.Trailers
  throw new TypeError('headers without :status are trailers and end the stream (RFC 9113 §8.1)')
}

/** Why our own caller's list may not be sent. Called once for each list that is not sent verbatim again. */
export function checkOutgoing(list: readonly string[], part: BlockPart): void {
  if (list.length % 2 !== 0) {
    throw new TypeError(`header list has ${list.length} entries; expected names and values in turn`)
  }
  let seen = 0
  let regularSeen = false
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!
    if (isOrdinary(name, list[i + 1]!)) {
      regularSeen = true
      continue
    }
    const fault = fieldFault(name, list[i + 1]!)
    if (fault !== undefined)
      throw new TypeError(`header list cannot be sent: ${fault} (RFC 9113 §8.2)`)
    const pseudo = plainClass(name) & PSEUDO_MASK
    if (pseudo === 0) {
      regularSeen = true
      continue
    }
    if (regularSeen)
      throw new TypeError(`header list has ${name} after a regular field (RFC 9113 §8.3)`)
    if ((pseudo & PSEUDO_ALLOWED[part]!) === 0)
      throw new TypeError(`${PART_NAMES[part]} cannot have ${name} (RFC 9113 §8.3)`)
    if ((seen & pseudo) !== 0) throw new TypeError(`header list has ${name} twice (RFC 9113 §8.3)`)
    seen |= pseudo
  }
  const isConnect = part === BlockPart.Request && list[list.indexOf(':method') + 1] === 'CONNECT'
  if ((seen & FieldClass.Path) !== 0 && list[list.indexOf(':path') + 1] === '*') {
    const method = list[list.indexOf(':method') + 1]
    if (method !== 'OPTIONS')
      throw new TypeError(
        `:path is '*' with ${method}; OPTIONS alone may have it (RFC 9113 §8.3.1)`,
      )
  }
  const required = isConnect ? FieldClass.Method : PSEUDO_REQUIRED[part]!
  if ((required & ~seen) === 0) return
  for (const [name, bit] of PSEUDO_CLASSES) {
    if ((required & ~seen & bit) !== 0)
      throw new TypeError(`${PART_NAMES[part]} must have ${name} (RFC 9113 §8.3)`)
  }
}

/** Size of a list as RFC 9113 §6.5.2 counts it. Unit: octets. */
export function headerListSize(list: readonly string[]): number {
  let size = list.length * 16
  for (const text of list) size += text.length
  return size
}
