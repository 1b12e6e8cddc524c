import { checkOptions, describe, type OptionKinds, rangeOf, withMethods } from '../options/index.js'
import type { Runtime } from '../transport/index.js'

/** Options that every engine has. */
export interface EngineOptions {
  /** How long a request to the engine may take. Unit: ms. Default: 5_000, as go-micro. */
  readonly timeoutMs?: number
  /**
   * Services that are followed at once; beyond them the one asked for first makes room. Default:
   * 10_000.
   */
  readonly servicesMax?: number
  /**
   * Called once when the engine is lost, and with each record that cannot be used. Calls go on with the
   * nodes that are known. Default: a warning of the process.
   */
  readonly onError?: (error: Error) => void
  /** Clock, timers, randomness and sockets. Default: those of Node. */
  readonly runtime?: Runtime
}

export const REQUEST_TIMEOUT_MS = 5_000
export const SERVICES_MAX = 10_000

/** Every option that engines share, and what it may be. */
export const ENGINE_KINDS: OptionKinds<EngineOptions> = {
  timeoutMs: rangeOf(1),
  servicesMax: rangeOf(1),
  onError: 'function',
  runtime: withMethods(['now', 'schedule', 'random']),
}

/** @throws TypeError or RangeError naming the option that cannot be used */
export function checkEngineOptions<Options extends EngineOptions>(
  what: string,
  options: Options,
  kinds: OptionKinds<Omit<Options, keyof EngineOptions>>,
): void {
  checkOptions<Options>(what, options, { ...ENGINE_KINDS, ...kinds } as OptionKinds<Options>)
}

/** A list of addresses: an option, else of an environment variable with commas. @throws TypeError */
export function addressList(
  what: string,
  given: string | readonly string[] | undefined,
  fromEnvironment: string | undefined,
  otherwise: string,
): readonly string[] {
  const all = given ?? (fromEnvironment || otherwise)
  const list = typeof all === 'string' ? all.split(',') : all
  const addresses = list.map(each => (typeof each === 'string' ? each.trim() : each))
  for (const each of addresses) {
    if (typeof each === 'string' && each !== '') continue
    throw new TypeError(`${what} must be addresses like host:port, got ${describe(each)}`)
  }
  if (addresses.length === 0) throw new TypeError(`${what} must name one address at least`)
  return addresses
}
