import { BrokerError, BrokerErrorCode } from '../../src/broker/broker-error.js'
import type { Engine, EngineConsumer, EngineSession, EngineSink } from '../../src/broker/engine.js'
import { EngineBroker } from '../../src/broker/engine-broker.js'
import {
  ENGINE_KINDS,
  type EngineOptions,
  engineSettings,
} from '../../src/broker/engine-options.js'
import type { Message } from '../../src/transport/index.js'
import { FakeRuntime } from '../micro/fake-runtime.js'

/** An engine that is there when a test says so. */
export class FakeEngine implements Engine {
  readonly name = 'fake'
  readonly address = 'fake://here:1'
  isUp = true
  code: BrokerErrorCode = BrokerErrorCode.Unavailable
  attempts = 0
  closed = 0
  readonly published: string[] = []
  readonly sinks: Map<string, EngineSink> = new Map()
  /** Topics that it refuses. */
  readonly refused: Set<string> = new Set()
  unconfirmed = 0
  /** Waits for it before it has connected. */
  connecting: Promise<void> = Promise.resolve()
  /** Waits for it before it knows a subscription. */
  subscribing: Promise<void> = Promise.resolve()
  encode: (topic: string, body: Uint8Array) => void = () => undefined
  #onLost: ((cause: unknown) => void) | undefined

  async connect(onLost: (cause: unknown) => void): Promise<EngineSession> {
    this.attempts++
    await this.connecting
    if (!this.isUp) throw new BrokerError(this.code, this.address, 'cannot connect to fake')
    this.#onLost = onLost
    return this.#session()
  }

  lose(cause: unknown = new Error('cable cut')): void {
    this.sinks.clear()
    this.#onLost?.(cause)
  }

  #session(): EngineSession {
    const engine = this
    return {
      get unconfirmed() {
        return engine.unconfirmed
      },
      unconfirmedSize: 0,
      publish: (topic: string, { body }: Message) => {
        engine.encode(topic, body)
        engine.published.push(`${topic} ${Buffer.from(body)}`)
        return Promise.resolve()
      },
      subscribe: async (topic, queue, sink): Promise<EngineConsumer> => {
        await engine.subscribing
        if (engine.refused.has(topic)) {
          throw new BrokerError(BrokerErrorCode.Refused, engine.address, `fake refuses ${topic}`)
        }
        engine.sinks.set(`${topic}/${queue}`, sink)
        return { stop: async () => void engine.sinks.delete(`${topic}/${queue}`) }
      },
      close: async () => void engine.closed++,
    }
  }
}

/** A clock that has what brokers want of one. */
export class BrokerClock extends FakeRuntime {
  afterTurn(run: () => void): void {
    void Promise.resolve().then(run)
  }
}

/** A broker on an engine that is not there, and what it told. */
export interface FakeBroker {
  readonly engine: FakeEngine
  readonly runtime: BrokerClock
  readonly errors: Error[]
  readonly states: string[]
  readonly broker: EngineBroker
}

export function fakeBroker(options: EngineOptions = {}): FakeBroker {
  const engine = new FakeEngine()
  const runtime = new BrokerClock()
  const errors: Error[] = []
  const states: string[] = []
  const settings = engineSettings<EngineOptions>(
    'fakeBroker',
    {
      runtime,
      onError: error => errors.push(error as Error),
      onState: state => states.push(state),
      ...options,
    },
    ENGINE_KINDS,
  )
  return { engine, runtime, errors, states, broker: new EngineBroker(engine, settings) }
}

export const message = (text: string): Message => ({ header: new Map(), body: Buffer.from(text) })
