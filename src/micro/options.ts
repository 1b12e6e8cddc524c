/** Checks a number of milliseconds. @throws RangeError naming the option */
export function checkMs(name: string, value: number): number {
  if (typeof value !== 'number' || !(value > 0)) {
    throw new RangeError(`${name} must be a number of ms above 0, got ${String(value)}`)
  }
  return value
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

/** Refuses options that do not exist: a typing error would otherwise go unnoticed. @throws TypeError naming it */
export function checkKnown(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${where} must be an object, got ${describe(options)}`)
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

function describe(value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'string' ? `'${value}'` : typeof value
}
