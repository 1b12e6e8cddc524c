import { FieldError, show } from '../wire/field-error.js'

/** `__proto__` may be a name as any other. */
export function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') target[name] = value
  else
    Object.defineProperty(target, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    })
}

/** A JSON object. @throws FieldError */
export function jsonObject(json: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Readonly<Record<string, unknown>>
  }
  throw new FieldError(`${show(json)} is no ${what}`)
}
