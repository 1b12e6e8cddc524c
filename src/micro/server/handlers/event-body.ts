import { type Codec, LENGTH_PREFIX_SIZE, readMessageSize } from '../../../grpc/index.js'
import { describe, withMethods } from '../../../options/index.js'
import { MicroError } from '../../errors/micro-error.js'
import { asBuffer } from '../../mucp/as-buffer.js'
import { contentCodec, MUCP_CONTENT_TYPE_MISSING } from '../../mucp/content-type.js'
import {
  bytesCodec,
  type CodecChoice,
  codecMap,
  jsonCodec,
  type TypedCodec,
} from '../../service/codec.js'

/** What of an event its body is read by. */
interface EventBody {
  readonly topic: string
  readonly contentType: string
  readonly body: Uint8Array
}

/** Reads the bodies of one subscriber's events. */
export class EventDecoder {
  readonly #codecs: ReadonlyMap<string, Codec>
  readonly #first: Codec
  /** One codec was named, or none: a server that sends an event itself was always read with it. */
  readonly #isOne: boolean

  /** @throws TypeError for what is no codec, nor a list of some */
  constructor(choice: CodecChoice<never> | undefined) {
    const given: readonly TypedCodec<unknown>[] =
      choice === undefined ? DEFAULT_CODECS : Array.isArray(choice) ? choice : [choice]
    if (given.length === 0) throw new TypeError('codec must name a codec, got an empty list')
    given.forEach(checkCodec)
    this.#codecs = codecMap(given)
    this.#first = given[0]!
    this.#isOne = choice === undefined || given.length === 1
  }

  /**
   * An event that came over a transport. One codec reads whatever came; of several, the one that its `Content-Type` names.
   *
   * @throws MicroError 400 for a body that the codec cannot read
   */
  decodeDirect(event: EventBody): unknown {
    const type = mediaType(event.contentType)
    const subtype = this.#isOne ? undefined : contentCodec(type)?.subtype
    const codec = subtype === undefined ? this.#first : (this.#codecs.get(subtype) ?? this.#first)
    return decode(codec, asBuffer(event.body), event.topic)
  }

  /**
   * An event of a broker, read by its `Content-Type`; without one it is protobuf, as go-micro has it.
   *
   * @throws MicroError 415 for a content type that there is no codec for, 400 for a body that the codec cannot read
   */
  decodePublished(event: EventBody): unknown {
    const type = mediaType(event.contentType) || MUCP_CONTENT_TYPE_MISSING
    const content = contentCodec(type)
    const codec = content === undefined ? undefined : this.#codecs.get(content.subtype)
    if (codec === undefined) throw this.#unreadable(event)
    const body = asBuffer(event.body)
    const isFramed = type.startsWith('application/grpc')
    return decode(codec, isFramed ? withoutPrefix(body, event.topic) : body, event.topic)
  }

  #unreadable({ topic, contentType }: EventBody): MicroError {
    const type = contentType === '' ? `no Content-Type (${MUCP_CONTENT_TYPE_MISSING})` : contentType
    const known = [...this.#codecs.keys()].join(', ')
    return new MicroError(
      415,
      `the event of ${topic} has ${type}; its subscriber reads ${known}: give subscribe a codec for it`,
    )
  }
}

const DEFAULT_CODECS: readonly TypedCodec<unknown>[] = [
  jsonCodec(),
  bytesCodec('bytes') as TypedCodec<unknown>,
]

function checkCodec(codec: unknown): void {
  withMethods(['encode', 'decode'])('codec', codec)
  const { subtypes } = codec as Partial<TypedCodec<unknown>>
  if (Array.isArray(subtypes)) return
  throw new TypeError(`codec.subtypes must be a list of texts, got ${describe(subtypes)}`)
}

/** Without parameters such as `charset`. */
function mediaType(contentType: string): string {
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

/**
 * The message without the gRPC prefix: a mucp client of go-micro writes one, its client/grpc does not. Nothing else
 * begins with a zero: no field of protobuf has the number 0, and no JSON text does.
 */
function withoutPrefix(body: Buffer, topic: string): Buffer {
  if (body.length === 0 || body[0]! > 1) return body
  const size = body.length < LENGTH_PREFIX_SIZE ? -1 : readMessageSize(body, 0)
  if (body[0] === 0 && size === body.length - LENGTH_PREFIX_SIZE) {
    return body.subarray(LENGTH_PREFIX_SIZE)
  }
  const fault =
    body[0] === 1
      ? 'it is compressed'
      : `its length prefix says ${size} of ${body.length - LENGTH_PREFIX_SIZE} octets`
  throw MicroError.badRequest(`cannot read the event of ${topic}: ${fault}`)
}

function decode(codec: Codec, body: Buffer, topic: string): unknown {
  try {
    return codec.decode(body, 0, body.length)
  } catch (cause) {
    throw MicroError.badRequest(`cannot read the event of ${topic}`, { cause })
  }
}
