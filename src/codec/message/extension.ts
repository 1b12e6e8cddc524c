import { Reader, readTag, skip } from '../wire/reader.js'
import { UnknownFields } from '../wire/unknown-fields.js'
import type { FieldInfo } from './field-row.js'
import type { MessageType } from './message-type.js'

/** What a message has that may be extended. */
export interface Extendable {
  $unknown?: UnknownFields | undefined
}

/** The one field of the message that stands for an extension. */
interface Holder<T> {
  readonly value?: T | undefined
}

/** A field that a schema adds to a message of another: `V` is what arrives, `I` what may be given. */
export class Extension<V = unknown, I = V> {
  /** With its package: `shop.v1.gift_wrap`. */
  readonly typeName: string
  /** The message that it is for. */
  readonly extendee: string
  /** A message with nothing but this field. */
  readonly holder: MessageType<Holder<V>, Holder<I>>

  constructor(typeName: string, extendee: string, holder: MessageType<Holder<V>, Holder<I>>) {
    this.typeName = typeName
    this.extendee = extendee
    this.holder = holder
  }

  /** The field, as ProtoJSON has it. */
  get field(): FieldInfo {
    return this.holder.fields[0]!
  }
}

/** The value of an extension; of a list that did not come an empty one, else undefined. @throws RangeError when it is broken */
export function getExtension<V>(
  message: Extendable,
  extension: Extension<V, never>,
): V | undefined {
  const octets = message.$unknown?.octets ?? new Uint8Array(0)
  return extension.holder.decode(octets).value
}

/** Whether an extension was given. */
export function hasExtension(message: Extendable, extension: Extension<unknown, never>): boolean {
  const { number } = extension.field
  return fieldsOf(message).some(field => field.number === number)
}

/** Sets an extension in place of what it had; undefined takes it away. @throws FieldError for a value that it cannot hold */
export function setExtension<I>(
  message: Extendable,
  extension: Extension<unknown, I>,
  value: I | undefined,
): void {
  const { number } = extension.field
  const added = value === undefined ? undefined : extension.holder.encode({ value })
  const kept = new UnknownFields()
  for (const field of fieldsOf(message)) if (field.number !== number) kept.add(field.octets)
  if (added !== undefined) kept.add(added)
  message.$unknown = kept
}

interface KeptField {
  readonly number: number
  readonly octets: Uint8Array
}

function fieldsOf(message: Extendable): KeptField[] {
  const bytes = message.$unknown?.octets
  if (bytes === undefined) return []
  const r = new Reader()
  r.bytes = bytes
  const fields: KeptField[] = []
  while (r.at < bytes.length) {
    const start = r.at
    const tag = readTag(r)
    skip(r, tag, bytes.length)
    fields.push({ number: tag >>> 3, octets: bytes.subarray(start, r.at) })
  }
  return fields
}
