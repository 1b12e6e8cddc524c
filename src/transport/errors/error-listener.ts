/**
 * `listener`, made safe to call in the middle of other work: what it throws, or
 * rejects with, is dropped, for there is nobody left to tell and it must cost
 * no caller an answer. Undefined stays undefined.
 *
 * @throws TypeError naming the option when it is no function.
 */
export function errorListener<Args extends unknown[]>(
  name: string,
  listener: ((...args: Args) => void) | undefined,
): ((...args: Args) => void) | undefined {
  if (listener === undefined) return undefined
  if (typeof listener !== 'function') {
    throw new TypeError(`${name} is a ${typeof listener}; expected a function`)
  }
  return (...args) => {
    try {
      const result: unknown = listener(...args)
      if (result instanceof Promise) result.catch(() => {})
    } catch {
      // Documented with every option that comes here.
    }
  }
}
