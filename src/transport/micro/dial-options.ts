import { checkOptions, type OptionKinds, rangeOf } from '../../options/index.js'
import type { DialOptions, ListenOptions } from './transport.js'

const DIAL_KINDS: OptionKinds<DialOptions> = { timeoutMs: checkTimeout, connClose: 'boolean' }
const LISTEN_KINDS: OptionKinds<ListenOptions> = { backlog: rangeOf(1) }

/** What every transport's `dial` may be given. @throws TypeError or RangeError naming the option */
export function checkDialOptions(options: DialOptions): void {
  checkOptions('dial', options, DIAL_KINDS)
}

/** What every transport's `listen` may be given. @throws TypeError or RangeError naming the option */
export function checkListenOptions(options: ListenOptions): void {
  checkOptions('listen', options, LISTEN_KINDS)
}

function checkTimeout(name: string, value: unknown): void {
  if (typeof value === 'number' && value > 0) return
  throw new RangeError(`${name} is ${String(value)}; expected more than 0`)
}
