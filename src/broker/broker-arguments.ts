import type { BrokerSubscribeOptions, DeliveryHandler } from '../micro/index.js'
import { checkOptions, describe, type OptionKinds } from '../options/index.js'
import type { Message } from '../transport/index.js'

/** @throws TypeError for what is no topic or message, RangeError for a body that is too large */
export function checkPublish(topic: unknown, message: unknown, messageSizeMax: number): void {
  checkTopic(topic)
  const { header, body } = Object(message) as Partial<Message>
  if (!(header instanceof Map) || !(body instanceof Uint8Array)) {
    throw new TypeError(
      `a message is { header: Map, body: Uint8Array }, got header ${describe(header)} and body ${describe(body)}`,
    )
  }
  if (body.length <= messageSizeMax) return
  throw new RangeError(
    `the message for ${topic} has ${body.length} octets; the limit is messageSizeMax ${messageSizeMax}`,
  )
}

const KINDS: OptionKinds<BrokerSubscribeOptions> = {
  queue: (name, value) => {
    if (typeof value !== 'string' || value === '') {
      throw new TypeError(`${name} must be a text that is not empty, got ${describe(value)}`)
    }
  },
  onError: 'function',
}

/** @throws TypeError naming what cannot be used */
export function checkSubscribe(
  topic: unknown,
  handler: unknown,
  options: BrokerSubscribeOptions,
): asserts handler is DeliveryHandler {
  checkTopic(topic)
  if (typeof handler !== 'function') {
    throw new TypeError(`handler of topic ${topic} must be a function, got ${describe(handler)}`)
  }
  checkOptions('broker.subscribe', options, KINDS)
}

function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic === 'string' && topic !== '') return
  throw new TypeError(`topic must be a text that is not empty, got ${describe(topic)}`)
}
