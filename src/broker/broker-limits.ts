import { checkOptions, checkRanges, type OptionKinds } from '../options/index.js'

/** What a broker may hold, and how much may run at once. */
export interface BrokerLimits {
  /** Handlers of one subscription that run at once; they begin in the order of their messages. 1: one after the other, as go-micro's NATS broker. Default: 256. */
  readonly handlersMax: number
  /** Messages of one subscription that wait for a handler. Further ones are dropped and told (NATS, Redis), or refused (HTTP); RabbitMQ keeps them. Default: 65_536. */
  readonly queueMax: number
  /** The same, by their size. Unit: bytes. Default: 67_108_864. */
  readonly queueSizeMax: number
  /** Messages to publish that wait for the engine; `publish` of further ones fails. Default: 65_536. */
  readonly pendingMax: number
  /** The same, by their size. Unit: bytes. Default: 67_108_864. */
  readonly pendingSizeMax: number
  /** Largest message to publish or receive, as the engine carries it. Unit: bytes. Default: 4_194_304. */
  readonly messageSizeMax: number
  /** Fields in the header of one message that is received. Default: 512. */
  readonly headerFieldsMax: number
}

/** Limits that hold where nothing else is said. */
export const DEFAULT_BROKER_LIMITS: BrokerLimits = {
  handlersMax: 256,
  queueMax: 65_536,
  queueSizeMax: 67_108_864,
  pendingMax: 65_536,
  pendingSizeMax: 67_108_864,
  messageSizeMax: 4_194_304,
  headerFieldsMax: 512,
}

const KINDS: OptionKinds<BrokerLimits> = {
  handlersMax: 'number',
  queueMax: 'number',
  queueSizeMax: 'number',
  pendingMax: 'number',
  pendingSizeMax: 'number',
  messageSizeMax: 'number',
  headerFieldsMax: 'number',
}

/** The limits with what was given. @throws TypeError or RangeError naming the limit that cannot be used */
export function brokerLimits(given: Partial<BrokerLimits> = {}): BrokerLimits {
  checkOptions('limits', given as BrokerLimits, KINDS)
  const named = Object.entries(given).filter(([, value]) => value !== undefined)
  const limits: BrokerLimits = { ...DEFAULT_BROKER_LIMITS, ...Object.fromEntries(named) }
  checkRanges({ ...limits }, [
    ['handlersMax', 1, Number.POSITIVE_INFINITY],
    ['queueMax', 1, Number.POSITIVE_INFINITY],
    ['queueSizeMax', 1, Number.POSITIVE_INFINITY],
    ['pendingMax', 0, Number.POSITIVE_INFINITY],
    ['pendingSizeMax', 0, Number.POSITIVE_INFINITY],
    ['messageSizeMax', 1, 0x1fff_ffff],
    ['headerFieldsMax', 1, Number.POSITIVE_INFINITY],
  ])
  return limits
}
