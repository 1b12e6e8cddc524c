import { Metadata as MicroMetadata } from '../micro/index.js'
import { checkOptions, type OptionKinds } from '../options/index.js'

/** A metadata value: text, or bytes if the name ends in `-bin`. */
export type MetadataValue = string | Buffer

/** Options of a call that grpc-js keeps in metadata. They are kept and copied; only clients of grpc-js use them. */
export interface MetadataOptions {
  /** The call may be sent twice. Default: false. */
  readonly idempotentRequest?: boolean
  /** Wait for a connection. Default: false. */
  readonly waitForReady?: boolean
  /** The call may be answered from a cache. Default: false. */
  readonly cacheableRequest?: boolean
  /** Hold the headers back until the first message. Default: false. */
  readonly corked?: boolean
}

/** What all metadata in the style of grpc-js can do: this module's, or that of grpc-js. */
export interface MetadataLike {
  /** All values of a key. */
  get(key: string): readonly MetadataValue[]
  /** The first value of each key. */
  getMap(): { readonly [key: string]: MetadataValue }
}

const OPTIONS: OptionKinds<MetadataOptions> = {
  idempotentRequest: 'boolean',
  waitForReady: 'boolean',
  cacheableRequest: 'boolean',
  corked: 'boolean',
}

/** Metadata with the methods of grpc-js's class of the same name. Keys are lower-case. */
export class Metadata implements MetadataLike {
  readonly #values = new Map<string, MetadataValue[]>()
  #options: MetadataOptions

  /** @throws TypeError naming an option that does not exist or is of another type */
  constructor(options: MetadataOptions = {}) {
    checkOptions('Metadata', options, OPTIONS)
    this.#options = options
  }

  /** Sets the only value of `key`. @throws TypeError for a key or value that may not be sent */
  set(key: string, value: MetadataValue): void {
    this.#values.set(...checked(key, value))
  }

  /** As `set`, after the values that `key` has. */
  add(key: string, value: MetadataValue): void {
    const [name, values] = checked(key, value)
    const present = this.#values.get(name)
    if (present === undefined) this.#values.set(name, values)
    else present.push(...values)
  }

  /** Removes all values of a key. */
  remove(key: string): void {
    this.#values.delete(key.toLowerCase())
  }

  /** All values of `key`, in order. */
  get(key: string): MetadataValue[] {
    return [...(this.#values.get(key.toLowerCase()) ?? [])]
  }

  /** The first value of each key. */
  getMap(): { [key: string]: MetadataValue } {
    // Own fields, whatever their names: `__proto__` is one.
    return Object.fromEntries([...this.#values].map(([key, values]) => [key, values[0]!]))
  }

  /** A copy. */
  clone(): Metadata {
    const copy = new Metadata(this.#options)
    for (const [key, values] of this.#values) {
      copy.#values.set(
        key,
        values.map(value => (typeof value === 'string' ? value : Buffer.from(value))),
      )
    }
    return copy
  }

  /** Adds all values of `other`. */
  merge(other: MetadataLike): void {
    for (const key of Object.keys(other.getMap())) {
      for (const value of other.get(key)) this.add(key, value)
    }
  }

  /** Sets the options of the call that it goes with. @throws as the constructor */
  setOptions(options: MetadataOptions): void {
    checkOptions('Metadata', options, OPTIONS)
    this.#options = options
  }

  /** The options that were set, as they are kept. */
  getOptions(): MetadataOptions {
    return this.#options
  }

  /** As `node:http2` takes headers: a text, or several, by key; octets in base64. */
  toHttp2Headers(): { [key: string]: string | string[] } {
    const headers: { [key: string]: string | string[] } = {}
    for (const [key, values] of this.#values) {
      const texts = values.map(each => (typeof each === 'string' ? each : each.toString('base64')))
      headers[key] = texts.length === 1 ? texts[0]! : texts
    }
    return headers
  }

  /** From headers of `node:http2`, without pseudo-header fields. What may not be sent is left out, as in grpc-js. */
  static fromHttp2Headers(
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  ): Metadata {
    const metadata = new Metadata()
    for (const [key, given] of Object.entries(headers)) {
      if (key.startsWith(':') || given === undefined) continue
      for (const text of [given].flat()) metadata.#addField(key, text)
    }
    return metadata
  }

  #addField(key: string, text: string): void {
    try {
      if (!key.toLowerCase().endsWith('-bin')) this.add(key, text)
      // One field may hold several values (RFC 9110 §5.3).
      else for (const each of text.split(',')) this.add(key, Buffer.from(each, 'base64'))
    } catch {
      // A peer's mistake; ours are thrown by `add`.
    }
  }

  /** All values by key, for logs. */
  toJSON(): { [key: string]: MetadataValue[] } {
    return Object.fromEntries(this.#values)
  }
}

function checked(key: string, value: MetadataValue): [key: string, values: MetadataValue[]] {
  // The rules of what may be sent are the same on both sides: micro's class knows them.
  append(new MicroMetadata(), key, value)
  return [key.toLowerCase(), [value]]
}

function append(target: MicroMetadata, key: string, value: MetadataValue): void {
  if (typeof value === 'string') target.append(key, value)
  else target.appendBinary(key, value)
}

/** What came with a call, as grpc-js shows it. */
export function fromMicro(source: MicroMetadata): Metadata {
  const metadata = new Metadata()
  for (const name of new Set([...source].map(([each]) => each))) {
    const values: readonly MetadataValue[] = name.endsWith('-bin')
      ? source.getBinaryAll(name).map(asBuffer)
      : source.getAll(name)
    for (const value of values) metadata.add(name, value)
  }
  return metadata
}

/** Appends what a handler gave, of either class, to `target`. @throws TypeError for what may not be sent */
export function appendTo(target: MicroMetadata, source: MetadataLike): void {
  for (const key of Object.keys(source.getMap())) {
    for (const value of source.get(key)) append(target, key, value)
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
