import type { Message } from '../transport/index.js'

/** A message that a broker delivers. */
export interface Delivery extends Message {
  /** What it was published to. */
  readonly topic: string
  /** The engine has delivered it before, and nobody acknowledged it. False where the engine does not say. */
  readonly redelivered: boolean
}

/**
 * Handles the messages of a topic. Returning acknowledges the message; throwing, or a promise that rejects,
 * does not: what becomes of it then is the engine's rule (brokers.md).
 */
export type DeliveryHandler = (delivery: Delivery) => void | Promise<void>

/** Options of `broker.subscribe`. */
export interface BrokerSubscribeOptions {
  /** Each message goes to one subscriber of those with the same queue. Default: every subscriber gets all of them. */
  readonly queue?: string
  /** Called with what the handler throws. Default: the broker's own `onError`. */
  readonly onError?: (error: unknown, delivery: Delivery) => void
}

/** One subscription at a broker. */
export interface BrokerSubscription {
  readonly topic: string
  /** Empty: none. */
  readonly queue: string
  /** Resolves when the engine knows it for the first time; rejects when it refuses, or the broker is closed before. */
  readonly ready: Promise<void>
  /** Nothing more is delivered. Resolves when what had been delivered is handled. Never rejects. */
  unsubscribe(): Promise<void>
}

/** Publishes messages to topics, by way of an engine that others use as well. See brokers.md. */
export interface Broker {
  readonly name: string
  /** Of the engine, without user and password; empty: there is none. */
  readonly address: string
  /**
   * Connects before the first use. Resolves with true when connected; with false when the engine cannot be
   * reached: then it is tried further.
   *
   * @throws what the first attempt failed with, where the broker was told that it must connect
   */
  connect(): Promise<boolean>
  /**
   * Resolves when the engine has the message, as far as it says so. No subscriber is no error.
   *
   * @throws Error with a `code`; RangeError for a message that the engine does not take
   */
  publish(topic: string, message: Message): Promise<void>
  /** Calls `handler` with each message of `topic`, after a lost connection as well. @throws TypeError for what the engine does not have */
  subscribe(
    topic: string,
    handler: DeliveryHandler,
    options?: BrokerSubscribeOptions,
  ): BrokerSubscription
  /** Ends all subscriptions, waits for their handlers for a while, and disconnects. */
  close(): Promise<void>
}
