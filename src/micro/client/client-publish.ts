import { withMethods } from '../../options/index.js'
import type { Runtime } from '../../transport/index.js'
import type { Broker } from '../broker.js'
import { type CallOptions, checkCallOptions } from '../call/call-options.js'
import { metadataOf } from '../call/metadata-init.js'
import type { Middleware } from '../call/middleware.js'
import { checkText } from '../call/option-checks.js'
import type { Preparations } from '../call/preparations.js'
import { MucpGuard } from '../call/race-limit.js'
import { CLIENT_ID } from '../errors/client-ids.js'
import { MicroError } from '../errors/micro-error.js'
import { mucpContentType } from '../mucp/content-type.js'
import { MucpHeader } from '../mucp/header.js'
import { mergeInto } from '../mucp/metadata.js'
import type { TypedCodec } from '../service/codec.js'
import { composeClient } from './client-middleware.js'

/** Options of `client.publish`. */
export interface PublishOptions extends CallOptions {
  /** Encodes the message, and names its `Content-Type`. Default: octets go as they are, everything else as JSON. */
  readonly codec?: TypedCodec<never>
}

/** An event that is about to leave. */
export interface Published {
  readonly topic: string
  readonly contentType: string
  readonly body: Uint8Array
}

/** What `client.publish` was given. @throws TypeError or RangeError naming what cannot be used */
export function checkPublished(topic: string, options: PublishOptions): void {
  checkText('topic', topic)
  if (typeof options !== 'object' || options === null || !('codec' in options)) {
    checkCallOptions(options)
  } else {
    const { codec, ...others } = options
    checkCallOptions(others)
    if (codec !== undefined) withMethods(['encode'])('codec', codec)
  }
  if (options.credentials !== undefined) {
    throw new TypeError('credentials are for calls, not events; use metadata')
  }
}

/** The event as it is sent. @throws what the codec throws for a message that it cannot encode */
export function publishedOf(topic: string, message: unknown, options: PublishOptions): Published {
  const { codec } = options
  const { contentType, body } =
    codec === undefined
      ? eventOf(message)
      : { contentType: subtypeOf(codec), body: codec.encode(message as never) }
  return { topic, contentType: options.contentType ?? contentType, body }
}

/** An event as it is sent: bytes as they are, everything else as JSON. */
function eventOf(message: unknown): { contentType: string; body: Uint8Array } {
  if (message instanceof Uint8Array)
    return { contentType: 'application/octet-stream', body: message }
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(message) ?? 'null') }
}

function subtypeOf(codec: TypedCodec<never>): string {
  const subtype = codec.subtypes?.[0] ?? 'bytes'
  return subtype === 'json' ? 'application/json' : mucpContentType(subtype)
}

/** What a client publishes by, where it has a broker. */
export interface PublisherParts {
  readonly broker: Broker
  readonly runtime: Pick<Runtime, 'now' | 'schedule' | 'random'>
  readonly preparations: Preparations
  /** Of what says nothing else. Unit: ms. */
  readonly timeoutMs: number
  readonly middleware: readonly Middleware[]
}

/** Publishes a client's events at a broker, within the client's middleware. */
export class Publisher {
  readonly #parts: PublisherParts
  readonly #prefix: string
  #count = 0

  constructor(parts: PublisherParts) {
    this.#parts = parts
    this.#prefix = Math.floor(parts.runtime.random() * 0x1_0000_0000).toString(16)
  }

  publish(topic: string, message: unknown, options: PublishOptions): Promise<void> {
    const { middleware, broker, runtime, timeoutMs } = this.#parts
    if (middleware.length === 0) return this.#send(topic, message, options)
    const call = composeClient(middleware, {
      kind: 'event',
      service: '',
      method: topic,
      path: '',
      address: broker.address,
      isEncrypted: false,
      timeoutMs,
      now: () => runtime.now(),
      cancelled: () => new MicroError(499, 'the call was cancelled', { id: CLIENT_ID }),
      start: (changed, given) => this.#send(topic, changed, { ...options, ...given }),
    })
    return call(message, options) as Promise<void>
  }

  async #send(topic: string, message: unknown, options: PublishOptions): Promise<void> {
    const { broker, runtime, preparations } = this.#parts
    const { contentType, body } = publishedOf(topic, message, options)
    const header = new Map<string, string>()
    if (options.metadata !== undefined) mergeInto(header, metadataOf(options.metadata))
    header.set(MucpHeader.ContentType, contentType)
    header.set(MucpHeader.Topic, topic)
    header.set(MucpHeader.ID, `${this.#prefix}-${++this.#count}`)
    const { signal } = options
    const timeoutMs = options.timeoutMs ?? this.#parts.timeoutMs
    const guard = new MucpGuard(
      runtime,
      signal,
      timeoutMs,
      expired,
      undefined,
      'mucp',
      preparations,
    )
    function expired(): MicroError {
      const what = `the broker ${broker.name} at ${broker.address || 'this process'}`
      const text = `publish timeout: ${what} has not taken the event for ${topic} in ${timeoutMs} ms`
      return MicroError.timeout(text, { id: CLIENT_ID })
    }
    try {
      if (guard.stopped) throw guard.reason
      await guard.race(broker.publish(topic, { header, body }))
    } finally {
      guard.finish()
    }
  }
}
