/** Checks a number of milliseconds. @throws RangeError naming the option */
export function checkMs(name: string, value: number): number {
  if (typeof value !== 'number' || !(value > 0)) {
    throw new RangeError(`${name} must be a number of ms above 0, got ${String(value)}`)
  }
  return value
}

/** Checks a number of milliseconds that may be none. @throws RangeError naming the option */
export function checkDuration(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 0) return
  throw new RangeError(
    `${name} must be a number of ms of at least 0, got ${typeof value === 'number' ? value : describe(value)}`,
  )
}

/** Checks a count. @throws RangeError naming the option */
export function checkCount(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0) {
    throw new RangeError(`${name} must be an integer of at least 0, got ${String(value)}`)
  }
  return value
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

/** Checks a callback. @throws TypeError naming the option */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new TypeError(`${name} must be a function, got ${describe(value)}`)
}

/** Checks a signal, by what is used of it: there are other AbortSignals than Node's. @throws TypeError naming the option */
export function checkSignal(name: string, value: unknown): void {
  const signal = value as Partial<AbortSignal> | null
  const has = typeof signal?.aborted === 'boolean' && typeof signal.throwIfAborted === 'function'
  if (has && typeof signal.addEventListener === 'function') return
  throw new TypeError(`${name} must be an AbortSignal, got ${describe(value)}`)
}

/** Refuses options that do not exist: a typing error would otherwise go unnoticed. @throws TypeError naming it */
export function checkKnown(where: string, options: object, known: readonly string[]): void {
  checkNames(where, `the options of ${where}`, options, known)
}

/** As `checkKnown`, of an option that has options of its own. @throws TypeError naming it */
export function checkKnownWithin(option: string, value: object, known: readonly string[]): void {
  checkNames(option, option, value, known)
}

function checkNames(where: string, what: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${what} must be an object, got ${describe(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    throw new TypeError(`${where} has no option '${name}'; it has ${known.join(', ')}`)
  }
}

/** Refuses what has not all of these methods. @throws TypeError naming the option */
export function checkMethods(name: string, value: unknown, methods: readonly string[]): void {
  const object = value as Readonly<Record<string, unknown>> | null | undefined
  for (const method of methods) {
    if (typeof object?.[method] === 'function') continue
    throw new TypeError(`${name} must have the method ${method}, got ${describe(value)}`)
  }
}

/** A value as the texts of errors show it. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  const { name } = (value as { constructor?: { name?: unknown } }).constructor ?? {}
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : 'object'
}
