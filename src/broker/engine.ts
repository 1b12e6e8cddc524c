import type { Message } from '../transport/index.js'
import type { Settle } from './handler-queue.js'

/** What a subscription does with what its engine brings. */
export interface EngineSink {
  /** @param size as it travelled. Unit: octets @param settle absent: the engine asks for no acknowledgement */
  deliver(
    topic: string,
    message: Message,
    size: number,
    redelivered: boolean,
    settle?: Settle,
  ): void
  /** Something came that is no message. */
  unreadable(topic: string, size: number, cause: unknown): void
}

/** A subscription as its engine has it. */
export interface EngineConsumer {
  /** Settles when nothing more is delivered; what was under way has been by then. */
  stop(): Promise<void>
}

/** One connection to an engine, or the few that it takes. */
export interface EngineSession {
  /** Messages that the engine has not confirmed. */
  readonly unconfirmed: number
  /** The same. Unit: octets. */
  readonly unconfirmedSize: number
  /** Resolves when the engine has confirmed. @throws BrokerError */
  publish(topic: string, message: Message): Promise<void>
  /** @throws BrokerError for what the engine refuses */
  subscribe(topic: string, queue: string, sink: EngineSink): Promise<EngineConsumer>
  /** Lets the engine have what was published, then disconnects. Never rejects. */
  close(): Promise<void>
}

/** How to reach an engine. */
export interface Engine {
  readonly name: string
  /** For errors: without user and password. */
  readonly address: string
  /**
   * Connects once. `onLost` is called when the session is over and nobody had closed it.
   *
   * @throws BrokerError
   */
  connect(onLost: (cause: unknown) => void): Promise<EngineSession>
  /** @throws TypeError for a topic or queue that the engine does not have */
  check?(topic: string, queue: string): void
}
