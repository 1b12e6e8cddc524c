import type protobuf from 'protobufjs'
import type { TypedCodec } from './codec.js'

/** The part of the protobufjs module that codecs are made with. */
export interface Protobuf {
  readonly BufferReader: typeof protobuf.BufferReader
  readonly BufferWriter: typeof protobuf.BufferWriter
}

/** The part of `protobufjs/ext/protojson.js` that codecs are made with. */
export interface ProtoJson {
  fromJson(
    type: protobuf.Type,
    json: unknown,
    options?: { ignoreUnknownFields?: boolean },
  ): protobuf.Message
  toJson(type: protobuf.Type, message: protobuf.Message): unknown
}

/** How 64-bit integers arrive: exactly, as `bigint` or decimal `string`, or as `number`, inexact beyond 2^53. */
export type Int64Form = 'bigint' | 'string' | 'number'

/** Makes the codecs of message types; one for each loaded schema. */
export class ProtobufCodecs {
  readonly #codecs = new Map<protobuf.Type, readonly TypedCodec<unknown>[]>()
  readonly #json: ProtoJson
  readonly #conversion: protobuf.IConversionOptions
  readonly #reader: BorrowingReader
  readonly #writer: ReusedWriter

  constructor(library: Protobuf, json: ProtoJson, int64: Int64Form) {
    this.#json = json
    this.#conversion = { longs: LONGS[int64], defaults: true, oneofs: true }
    this.#reader = borrowingReader(library)
    this.#writer = new ReusedWriter(library)
  }

  /** Codecs of `type`: protobuf, the one to prefer, and ProtoJSON. */
  of(type: protobuf.Type): readonly TypedCodec<unknown>[] {
    let codecs = this.#codecs.get(type)
    if (codecs === undefined) {
      type.setup()
      codecs = [this.#binary(type), this.#text(type)]
      this.#codecs.set(type, codecs)
    }
    return codecs
  }

  #binary(type: protobuf.Type): TypedCodec<unknown> {
    const reader = this.#reader
    const writer = this.#writer
    const conversion = this.#conversion
    return {
      subtypes: ['proto'],
      encode: value => writer.write(type, toMessage(type, value)),
      decode(bytes: Buffer, start: number, end: number): unknown {
        return type.toObject(reader.read(type, bytes, start, end, false), conversion)
      },
      decodeOwned(bytes: Buffer, start: number, end: number): unknown {
        return type.toObject(reader.read(type, bytes, start, end, true), conversion)
      },
    }
  }

  #text(type: protobuf.Type): TypedCodec<unknown> {
    const json = this.#json
    const conversion = this.#conversion
    const lenient = { ignoreUnknownFields: true }
    return {
      subtypes: ['json'],
      encode: value => Buffer.from(JSON.stringify(json.toJson(type, toMessage(type, value)))),
      decode(bytes: Buffer, start: number, end: number): unknown {
        // An empty body is "no change" in go-micro: the message with its defaults.
        const text = start === end ? {} : JSON.parse(bytes.toString('utf8', start, end))
        return type.toObject(json.fromJson(type, text, lenient), conversion)
      },
    }
  }
}

const LONGS: Readonly<
  Record<Int64Form, BigIntConstructor | StringConstructor | NumberConstructor>
> = {
  bigint: BigInt,
  string: String,
  number: Number,
}

/**
 * Encoding alone would write a bigint or an enum's name as 0 and a number in a
 * text field as nothing; `fromObject` converts them (30 ns of 200).
 */
function toMessage(type: protobuf.Type, value: unknown): protobuf.Message {
  if (value === undefined || value === null) return type.create()
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new TypeError(`${type.name} is encoded from an object, got ${describe(value)}`)
  }
  return type.fromObject(value)
}

function describe(value: unknown): string {
  return Array.isArray(value) ? 'an array' : typeof value
}

/** Largest buffer the writer keeps between messages. Unit: octets. */
const WRITER_SIZE_MAX = 65_536

/** Octets below which a loop beats a call into the runtime. */
const LOOP_SIZE_MAX = 64

/** One writer for all messages: its buffer grows to the usual size once. */
class ReusedWriter {
  readonly #library: Protobuf
  #writer: protobuf.BufferWriter

  constructor(library: Protobuf) {
    this.#library = library
    this.#writer = new library.BufferWriter()
  }

  write(type: protobuf.Type, message: protobuf.Message): Uint8Array {
    // The field is not in protobufjs's types; `finish(true)` gives the same octets with one more view.
    const writer = this.#writer as protobuf.BufferWriter & { buf: Uint8Array; pos: number }
    writer.pos = 0
    try {
      type.encode(message, writer)
    } catch (error) {
      // It may hold unfinished length prefixes.
      this.#writer = new this.#library.BufferWriter()
      throw error
    }
    if (writer.buf.length <= WRITER_SIZE_MAX) return takeBytes(writer.buf, writer.pos)
    this.#writer = new this.#library.BufferWriter()
    // Nobody else has that buffer now. Half empty, it is not worth keeping for the message.
    const isFull = writer.pos * 2 >= writer.buf.length
    return isFull ? writer.buf.subarray(0, writer.pos) : takeBytes(writer.buf, writer.pos)
  }
}

function takeBytes(source: Uint8Array, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  if (size > LOOP_SIZE_MAX) {
    bytes.set(source.subarray(0, size))
    return bytes
  }
  for (let index = 0; index < size; index++) bytes[index] = source[index]!
  return bytes
}

interface BorrowingReader {
  /** `owned`: `bytes` belongs to the message. */
  read(
    type: protobuf.Type,
    bytes: Buffer,
    start: number,
    end: number,
    owned: boolean,
  ): protobuf.Message
}

const NO_BYTES: Buffer = Buffer.alloc(0)

/**
 * One reader for all messages. It decodes in place, from a range of a borrowed
 * buffer, and copies `bytes` fields, which protobufjs would leave as views. Of a
 * buffer that belongs to the message it leaves those that are most of it.
 */
function borrowingReader(library: Protobuf): BorrowingReader {
  class CopyingReader extends library.BufferReader {
    /** Smallest field that may stay a view. Unit: octets. */
    viewSizeMin = Number.POSITIVE_INFINITY

    override bytes(): Uint8Array {
      const size = this.uint32()
      const start = this.pos
      const end = start + size
      if (end > this.len) throw new RangeError(`bytes field of ${size} octets is cut short`)
      this.pos = end
      if (size >= this.viewSizeMin) return this.buf.subarray(start, end)
      const copy = Buffer.allocUnsafe(size)
      ;(this.buf as Buffer).copy(copy, 0, start, end)
      return copy
    }
  }
  const reader = new CopyingReader(NO_BYTES)
  return {
    read(
      type: protobuf.Type,
      bytes: Buffer,
      start: number,
      end: number,
      owned: boolean,
    ): protobuf.Message {
      reader.viewSizeMin = owned ? (end - start) / 2 : Number.POSITIVE_INFINITY
      reader.buf = bytes
      reader.pos = start
      reader.len = end
      try {
        return type.decode(reader)
      } finally {
        // Else the reader would keep a whole chunk of the socket alive.
        reader.buf = NO_BYTES
      }
    },
  }
}
