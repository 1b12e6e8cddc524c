import type * as protobuf from 'protobufjs'
import {
  decodeMessage,
  encodeMessage,
  type MessageForm,
  type MessagePlan,
  MessagePlans,
} from '../../protobuf/index.js'
import type { TypedCodec } from './codec.js'

/** The part of `protobufjs/ext/protojson.js` that codecs are made with. */
export interface ProtoJson {
  fromJson(
    type: protobuf.Type,
    json: unknown,
    options?: { ignoreUnknownFields?: boolean },
  ): protobuf.Message
  toJson(type: protobuf.Type, message: protobuf.Message): unknown
}

/** Makes the codecs of message types; one for each loaded schema. */
export class ProtobufCodecs {
  readonly #codecs = new Map<protobuf.Type, readonly TypedCodec<unknown>[]>()
  readonly #json: ProtoJson
  readonly #plans: MessagePlans

  constructor(json: ProtoJson, form: MessageForm) {
    this.#json = json
    this.#plans = new MessagePlans(form)
  }

  /** Codecs of `type`: protobuf, the one to prefer, and ProtoJSON. */
  of(type: protobuf.Type): readonly TypedCodec<unknown>[] {
    let codecs = this.#codecs.get(type)
    if (codecs === undefined) {
      const plan = this.#plans.of(type)
      codecs = [binaryCodec(plan), this.#text(type, plan)]
      this.#codecs.set(type, codecs)
    }
    return codecs
  }

  /** By way of protobuf, so that both have the same values and the same mistakes. */
  #text(type: protobuf.Type, plan: MessagePlan): TypedCodec<unknown> {
    const json = this.#json
    const lenient = { ignoreUnknownFields: true }
    return {
      subtypes: ['json'],
      encode(value) {
        const message = type.decode(encodeMessage(plan, value))
        return Buffer.from(JSON.stringify(json.toJson(type, message)))
      },
      decode(bytes, start, end): unknown {
        // An empty body is "no change" in go-micro: the message with its defaults.
        const text: unknown = start === end ? {} : JSON.parse(bytes.toString('utf8', start, end))
        const message = type.encode(json.fromJson(type, text, lenient)).finish()
        const octets = Buffer.from(message.buffer, message.byteOffset, message.length)
        return decodeMessage(plan, octets, 0, octets.length, false)
      },
    }
  }
}

function binaryCodec(plan: MessagePlan): TypedCodec<unknown> {
  return {
    subtypes: ['proto'],
    encode: value => encodeMessage(plan, value),
    decode: (bytes, start, end) => decodeMessage(plan, bytes, start, end, false),
    decodeOwned: (bytes, start, end) => decodeMessage(plan, bytes, start, end, true),
  }
}
