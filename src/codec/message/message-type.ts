import { UNFIT } from '../wire/field-error.js'
import { Reader } from '../wire/reader.js'
import { checkMessage, DEPTH_MAX, reset, take, Writer } from '../wire/writer.js'
import { explain } from './explain.js'
import {
  type AnyMessageType,
  type FieldInfo,
  type FieldRow,
  fieldInfo,
  type JsonHooks,
  type ReadFields,
  type WriteFields,
} from './field-row.js'
import { hasRequired, missingField } from './required.js'

/** One writer and one reader for all messages. */
let writer: Writer = /*@__PURE__*/ new Writer()
let reader: Reader | undefined = /*@__PURE__*/ new Reader()

const NO_OCTETS: Uint8Array = /*@__PURE__*/ new Uint8Array(0)

/** A message type: its codec. `T` is what arrives, `I` what may be given. */
export class MessageType<T = unknown, I = T> implements AnyMessageType {
  /** With its package: `shop.v1.Order`. */
  readonly typeName: string
  /** For generated code: writes the fields. */
  readonly write: WriteFields<I>
  /** For generated code: reads the fields. */
  readonly read: ReadFields<T>
  /** Of a type whose values are no objects with its fields. */
  readonly json: JsonHooks<T> | undefined
  readonly #rows: () => readonly FieldRow[]
  #fields: readonly FieldInfo[] | undefined

  constructor(
    typeName: string,
    write: WriteFields<I>,
    read: ReadFields<T>,
    rows: () => readonly FieldRow[],
    json?: JsonHooks<T>,
  ) {
    this.typeName = typeName
    this.write = write
    this.read = read
    this.#rows = rows
    this.json = json
    this.#fields = undefined
  }

  /** In the order of the schema. */
  get fields(): readonly FieldInfo[] {
    this.#fields ??= this.#rows().map(fieldInfo)
    return this.#fields
  }

  /**
   * The octets of a message. Fields may be left out, as far as they are not required.
   *
   * @throws FieldError that names the field, for a value that it cannot hold
   */
  encode(value: I): Uint8Array {
    const w = writer
    // A getter of a message that is being written may encode another one.
    if (w.at > w.start) return this.#encodeWithin(value)
    try {
      if (this.json === undefined) checkMessage(value)
      this.write(w, value)
      return take(w)
    } catch (error) {
      reset(w)
      if (value === undefined && this.json === undefined && this.fields.length === 0)
        return NO_OCTETS
      throw error === UNFIT || error instanceof TypeError
        ? (explain(this as MessageType, value) ?? error)
        : error
    }
  }

  #encodeWithin(value: I): Uint8Array {
    const outer = writer
    writer = new Writer()
    try {
      return this.encode(value)
    } finally {
      writer = outer
    }
  }

  /**
   * The message in bytes[start, end), which keeps nothing of `bytes`.
   *
   * @throws RangeError that says what is wrong, and where
   */
  decode(bytes: Uint8Array, start: number = 0, end: number = bytes.length): T {
    return this.#decode(bytes, start, end, Number.POSITIVE_INFINITY)
  }

  /** As `decode`; `bytes` belongs to the message from now on: large fields of octets are views of it. */
  decodeOwned(bytes: Uint8Array, start: number = 0, end: number = bytes.length): T {
    return this.#decode(bytes, start, end, (end - start) / 2)
  }

  #checkRequired(value: T): void {
    const missing = missingField(this as MessageType, value)
    if (missing !== undefined) throw new RangeError(`${missing} is required, and did not come`)
  }

  #decode(bytes: Uint8Array, start: number, end: number, viewSizeMin: number): T {
    const r = reader ?? new Reader()
    reader = undefined
    r.bytes = bytes
    r.start = start
    r.at = start
    // `leave` gives one back.
    r.depth = DEPTH_MAX
    r.viewSizeMin = viewSizeMin
    try {
      const value = this.read(r, end)
      if (hasRequired(this as MessageType)) this.#checkRequired(value)
      return value
    } catch (error) {
      if (error instanceof RangeError) error.message = `${this.typeName}: ${error.message}`
      throw error
    } finally {
      // Else a whole chunk of a socket would stay alive.
      r.bytes = NO_OCTETS
      reader = r
    }
  }
}
