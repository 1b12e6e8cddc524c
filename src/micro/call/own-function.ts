type AnyFunction = (...args: never[]) => unknown

/**
 * The function that `owner` has under `name`, by itself or from its class: nothing that every object has, such as
 * `Object.prototype.toString`, which would answer a forgotten `rpc ToString`.
 */
export function ownFunction(owner: object, name: string): AnyFunction | undefined {
  for (let at: object | null = owner; at !== null; at = Object.getPrototypeOf(at)) {
    if (!Object.hasOwn(at, name)) continue
    const value: unknown = Reflect.get(at, name, owner)
    if (typeof value !== 'function' || (at !== owner && isOfLanguage(at, value))) return undefined
    return value as AnyFunction
  }
  return undefined
}

/** What JavaScript puts there: the members of `Object.prototype`, of any realm, and a prototype's way back to its class. */
function isOfLanguage(prototype: object, value: { readonly prototype?: unknown }): boolean {
  return Object.getPrototypeOf(prototype) === null || value.prototype === prototype
}
