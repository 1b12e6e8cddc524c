import { describe, describeKind, type OptionCheck, withMethods } from '../../options/index.js'

/** A runtime, by what clients and servers themselves use of it; the transport needs more. */
export const CLOCK: OptionCheck = withMethods(
  ['now', 'schedule', 'random'],
  '; spread nodeRuntime of microwire/transport and replace what is to differ',
)

/** A broker, by what clients and servers use of it. */
export const BROKER: OptionCheck = withMethods(
  ['connect', 'publish', 'subscribe', 'close'],
  '; use one like memoryBroker() of microwire/broker',
)

/** Checks a number of milliseconds. @throws RangeError naming the option */
export function checkMs(name: string, value: unknown): void {
  if (typeof value !== 'number' || !(value > 0)) {
    throw new RangeError(`${name} must be a number of ms above 0, got ${shown(value)}`)
  }
}

/** Checks a number of milliseconds that may be none. @throws RangeError naming the option */
export function checkDuration(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 0) return
  throw new RangeError(`${name} must be a number of ms of at least 0, got ${shown(value)}`)
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : describe(value)
}

/** Checks a count. @throws RangeError naming the option */
export function checkCount(name: string, value: unknown): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return
  throw new RangeError(`${name} must be an integer of at least 0, got ${shown(value)}`)
}

/** Checks what is on or off. @throws TypeError naming the option */
export function checkFlag(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return
  throw new TypeError(`${name} must be true or false, got ${describe(value)}`)
}

/** Checks a text that may not be empty. @throws TypeError naming the option */
export function checkText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') {
    throw new TypeError(`${name} must be a text that is not empty, got ${describe(value)}`)
  }
  return value
}

/** Checks a text that a header field carries. @throws TypeError naming the option */
export function checkFieldText(name: string, value: unknown): void {
  const text = checkText(name, value)
  if (/^[!-~]([ -~]*[!-~])?$/.test(text)) return
  // Not the text: an authority or a user agent may hold what is nobody's business.
  const at = Math.max(0, text.trimStart() === text ? text.search(/[^ -~]/) : 0)
  throw new TypeError(
    `${name} must be printable ASCII without spaces around it; character ${at} of ${text.length} is not`,
  )
}

/** Checks a list of texts. @throws TypeError naming the option */
export function checkTextList(name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new TypeError(`${name} must be a list of texts, got ${describe(value)}`)
  }
  for (const [index, each] of value.entries()) checkText(`${name}[${index}]`, each)
}

/** Checks a callback. @throws TypeError naming the option */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new TypeError(`${name} must be a function, got ${describeKind(value)}`)
}

/** Checks a signal, by what is used of it: there are other AbortSignals than Node's. @throws TypeError naming the option */
export function checkSignal(name: string, value: unknown): void {
  const signal = value as Partial<AbortSignal> | null
  const has = typeof signal?.aborted === 'boolean' && typeof signal.throwIfAborted === 'function'
  if (has && typeof signal.addEventListener === 'function') return
  throw new TypeError(`${name} must be an AbortSignal, got ${describe(value)}`)
}
