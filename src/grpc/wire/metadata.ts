import type { HeaderList } from '../../connection/index.js'
import { decodeBase64, encodeBase64, isBase64 } from './base64.js'

/** Names of `grpc-` that belong to users, or that users may read and set. */
const OPEN_GRPC_NAMES: ReadonlySet<string> = new Set([
  'grpc-previous-rpc-attempts',
  'grpc-retry-pushback-ms',
  'grpc-tags-bin',
  'grpc-trace-bin',
  'grpc-status-details-bin',
])

/** Names of HTTP and of the call itself, which never are metadata. RFC 9113 §8.2.2. */
const PROTOCOL_NAMES: ReadonlySet<string> = new Set([
  'te',
  'content-type',
  'content-length',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** Whether `name` belongs to the protocol: hidden when received, refused when set. */
export function isReservedName(name: string): boolean {
  if (name.startsWith(':')) return true
  if (name.startsWith('grpc-')) return !OPEN_GRPC_NAMES.has(name)
  return PROTOCOL_NAMES.has(name)
}

/** Whether values of `name` are octets, base64 on the wire. */
export function isBinaryName(name: string): boolean {
  return name.endsWith('-bin')
}

/** Name and value octets plus 32: what RFC 9113 §6.5.2 counts for each field. */
const FIELD_OVERHEAD = 32

/**
 * Custom metadata: an ordered list of names and values; a name may occur several times. Names are
 * lower-case `[0-9a-z_.-]`. Values are printable ASCII; names ending in `-bin` have binary values
 * (`setBinary`, `getBinary`). PROTOCOL-HTTP2.md, "Custom-Metadata".
 *
 * What a peer sent is not looked at before it is asked for. Protocol fields
 * are left out of it, and so are values that could not be sent on (octets
 * outside printable ASCII): what was received can always be echoed.
 */
export class Metadata implements Iterable<readonly [name: string, value: string]> {
  /** Received and not looked at yet. */
  #source: HeaderList | undefined
  #fields: string[] | undefined

  constructor() {
    this.#source = undefined
    this.#fields = undefined
  }

  /** A lazy view of a received header list, which must not change afterwards. */
  static fromHeaders(list: HeaderList): Metadata {
    const metadata = new Metadata()
    metadata.#source = list
    return metadata
  }

  /**
   * Creates metadata from an object's own properties: strings, or bytes if the name ends in `-bin`.
   *
   * @throws TypeError as `set` and `setBinary` do, and for what is no such object.
   */
  static from(fields: Readonly<Record<string, string | Uint8Array>>): Metadata {
    // Of a Map nothing would be left: its entries are no fields of its own.
    if (typeof fields !== 'object' || fields === null || Symbol.iterator in fields) {
      throw new TypeError(
        `metadata is ${describe(fields)}; expected an object of names and values, or a Metadata`,
      )
    }
    const metadata = new Metadata()
    for (const [name, value] of Object.entries(fields)) {
      const isText = typeof value === 'string'
      if (isText && !isBinaryName(name.toLowerCase())) metadata.append(name, value)
      else if (value instanceof Uint8Array) metadata.appendBinary(name, value)
      else throw new TypeError(describeField(name, value))
    }
    return metadata
  }

  /** Number of entries; each value of a name counts. */
  get size(): number {
    return this.#list().length / 2
  }

  /** Size as in RFC 9113 §6.5.2: name, value and 32 for each field. Unit: bytes. */
  get wireSize(): number {
    const fields = this.#list()
    let size = (fields.length / 2) * FIELD_OVERHEAD
    for (const text of fields) size += text.length
    return size
  }

  /** The first value of `name`; base64 for a `-bin` name. */
  get(name: string): string | undefined {
    const key = name.toLowerCase()
    const fields = this.#list()
    for (let index = 0; index < fields.length; index += 2) {
      if (fields[index] === key) return fields[index + 1]
    }
    return undefined
  }

  /** All values of `name`, in order; base64 for a `-bin` name. */
  getAll(name: string): string[] {
    const key = name.toLowerCase()
    const fields = this.#list()
    const values: string[] = []
    for (let index = 0; index < fields.length; index += 2) {
      if (fields[index] === key) values.push(fields[index + 1]!)
    }
    return values
  }

  /** The first value of a `-bin` name. */
  getBinary(name: string): Uint8Array | undefined {
    return this.getBinaryAll(name)[0]
  }

  /** All values of a `-bin` name, in order. */
  getBinaryAll(name: string): Uint8Array[] {
    if (!isBinaryName(name.toLowerCase())) return []
    // What is listed here has been checked, on receipt or when it was set.
    return this.getAll(name).map(text => decodeBase64(text)!)
  }

  /** Each name once, in order. */
  keys(): string[] {
    return [...new Set(this.#list().filter((_, index) => index % 2 === 0))]
  }

  /** Whether there is a value of this name. */
  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /**
   * Sets the value of `name`, replacing all others.
   *
   * @throws TypeError for a name or value that may not be sent.
   */
  set(name: string, value: string): void {
    const key = checkTextName(name)
    const text = checkValue(key, value)
    this.delete(key)
    this.#list().push(key, text)
  }

  /** Adds a value to those of `name`. */
  append(name: string, value: string): void {
    const key = checkTextName(name)
    this.#list().push(key, checkValue(key, value))
  }

  /**
   * Sets the value of a `-bin` name, replacing all others.
   *
   * @throws TypeError for a name that may not be sent or does not end in `-bin`.
   */
  setBinary(name: string, value: Uint8Array): void {
    const key = checkBinaryName(name)
    const text = encodeBase64(checkOctets(key, value))
    this.delete(key)
    this.#list().push(key, text)
  }

  /** Adds a value to those of a `-bin` name. */
  appendBinary(name: string, value: Uint8Array): void {
    const key = checkBinaryName(name)
    this.#list().push(key, encodeBase64(checkOctets(key, value)))
  }

  /** Removes all values of `name`; returns whether there were any. */
  delete(name: string): boolean {
    const key = name.toLowerCase()
    const fields = this.#list()
    let kept = 0
    for (let index = 0; index < fields.length; index += 2) {
      if (fields[index] === key) continue
      fields[kept++] = fields[index]!
      fields[kept++] = fields[index + 1]!
    }
    const removed = kept < fields.length
    fields.length = kept
    return removed
  }

  /** Appends all entries of `other`, which may be of another copy of this package. */
  merge(other: Metadata): void {
    // A copy, since `other` may be this one.
    const fields = #fields in other ? other.#list().slice() : [...other].flat()
    this.#list().push(...fields)
  }

  /** Name and value of each entry, in order; base64 for a `-bin` name. */
  *[Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    const fields = this.#list()
    for (let index = 0; index < fields.length; index += 2) {
      yield [fields[index]!, fields[index + 1]!]
    }
  }

  /** Appends the fields to `list` as they are sent, but for those of the name `without`. */
  appendTo(list: string[], without: string = ''): void {
    const fields = this.#list()
    for (let index = 0; index < fields.length; index += 2) {
      if (fields[index] !== without) list.push(fields[index]!, fields[index + 1]!)
    }
  }

  #list(): string[] {
    if (this.#fields !== undefined) return this.#fields
    const fields: string[] = []
    if (this.#source !== undefined) readFields(this.#source, fields)
    this.#source = undefined
    this.#fields = fields
    return fields
  }
}

/** Copies what is custom metadata. Several base64 values may share a field, divided by commas. */
function readFields(list: HeaderList, fields: string[]): void {
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index]!
    const value = list[index + 1]!
    if (isReservedName(name)) continue
    if (isBinaryName(name)) {
      for (const part of value.split(',')) {
        const text = part.trim()
        if (isBase64(text)) fields.push(name, text)
      }
    } else if (isPrintable(value)) {
      fields.push(name, trimSpaces(value))
    }
  }
}

/** A pattern takes a third of the time of a loop. */
const NOT_PRINTABLE = /[^\x20-\x7e]/

function isPrintable(value: string): boolean {
  return !NOT_PRINTABLE.test(value)
}

function trimSpaces(value: string): string {
  const last = value.length - 1
  if (last < 0 || (value.charCodeAt(0) !== 0x20 && value.charCodeAt(last) !== 0x20)) return value
  return value.trim()
}

/** Characters of names: digits, small letters, `_`, `.`, `-`. */
function isNameCharacter(code: number): boolean {
  if (code >= 0x61 && code <= 0x7a) return true
  if (code >= 0x30 && code <= 0x39) return true
  return code === 0x5f || code === 0x2e || code === 0x2d
}

/** Names kept of those that passed `checkName` as they are: applications have dozens. */
const CHECKED_NAMES_MAX = 512
/** A longer name is looked at each time. Unit: characters. */
const CHECKED_NAME_SIZE_MAX = 64

/** Names that may be set and need no lower case. */
const checkedNames = new Set<string>()

function checkName(name: string): string {
  if (checkedNames.has(name)) return name
  const key = checkNewName(name)
  if (
    key === name &&
    checkedNames.size < CHECKED_NAMES_MAX &&
    name.length <= CHECKED_NAME_SIZE_MAX
  ) {
    checkedNames.add(key)
  }
  return key
}

function checkNewName(name: string): string {
  if (typeof name !== 'string' || name === '') {
    const what = name === '' ? '""' : describe(name)
    throw new TypeError(`metadata name is ${what}; expected a string that is not empty`)
  }
  const key = name.toLowerCase()
  for (let index = 0; index < key.length; index++) {
    if (isNameCharacter(key.charCodeAt(index))) continue
    throw new TypeError(
      `metadata name ${JSON.stringify(name)} has a character outside [0-9a-z_.-] at ${index}`,
    )
  }
  if (isReservedName(key))
    throw new TypeError(`metadata name "${key}" is reserved by HTTP/2 or gRPC; use another name`)
  return key
}

function checkTextName(name: string): string {
  const key = checkName(name)
  if (!isBinaryName(key)) return key
  throw new TypeError(
    `metadata "${key}" is binary, as its name ends in "-bin": use setBinary or appendBinary`,
  )
}

function checkBinaryName(name: string): string {
  const key = checkName(name)
  if (isBinaryName(key)) return key
  throw new TypeError(`metadata "${key}" is text: use set or append, or a name that ends in "-bin"`)
}

function checkValue(key: string, value: string): string {
  if (typeof value !== 'string') throw new TypeError(describeField(key, value))
  if (isPrintable(value)) return trimSpaces(value)
  const at = value.search(NOT_PRINTABLE)
  const code = value.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')
  // Never the value, which may be a secret.
  throw new TypeError(
    `metadata "${key}" has U+${code} at ${at} of ${value.length} characters; expected printable ASCII; for other text or bytes use a name that ends in "-bin"`,
  )
}

function checkOctets(key: string, value: Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new TypeError(`metadata "${key}" is ${describe(value)}; expected a Uint8Array`)
}

/** What is wrong with a value of no type that metadata has. */
function describeField(name: string, value: unknown): string {
  const expected = isBinaryName(name.toLowerCase()) ? 'a Uint8Array' : 'a string'
  return `metadata ${JSON.stringify(name)} is ${describe(value)}; expected ${expected}`
}

/** The type of a value that is none of ours; never the value, which may be a secret. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Map) return 'a Map'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
