/**
 * A value that does not fit its field: `Order.lines[2].quantity: 1.5 is no int32`. Nothing of the
 * message was encoded.
 */
export class FieldError extends TypeError {
  readonly code = 'INVALID_FIELD_VALUE'
  /** The field, from the message down: `Order.lines[2].quantity`. The message itself: `Order`. */
  field = ''
  readonly #problem: string

  constructor(problem: string) {
    super(problem)
    this.name = 'FieldError'
    this.#problem = problem
  }

  /** Puts where it was found in front: a field's name, an index, at last the message's name. */
  within(place: string): this {
    const joint = this.field === '' || this.field.startsWith('[') ? '' : '.'
    this.field = `${place}${joint}${this.field}`
    this.message = `${this.field}: ${this.#problem}`
    return this
  }
}

/** The largest text of a value that an error repeats. Unit: UTF-16 code units. */
const SHOWN_SIZE_MAX = 40

/** A wrong value, as an error says it: short, and never what a secret could be in whole. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    const text = value.length > SHOWN_SIZE_MAX ? `${value.slice(0, SHOWN_SIZE_MAX)}...` : value
    return `text '${text}'`
  }
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'function' ? 'a function' : String(value)
  }
  if (Array.isArray(value)) return `an array of ${value.length}`
  const made: unknown = value.constructor
  const name = typeof made === 'function' ? made.name : ''
  return name === '' || name === 'Object' ? 'an object' : `a ${name}`
}

/**
 * Thrown where a value is met that cannot be written: who catches it goes over the message once more, and says where and what.
 * One for all: a check in the hot path costs a comparison.
 */
export const UNFIT: Error = /*@__PURE__*/ new Error('a value does not fit its field')
