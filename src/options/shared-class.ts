/**
 * Makes `instanceof` hold for errors of another copy of this package: of another version beneath a dependency, or of its other module
 * format. A class that extends `type` is itself only.
 */
export function shareInstances(type: { readonly prototype: object }, name: string): void {
  const brand = Symbol.for(`microwire.${name}`)
  const ordinary = Function.prototype[Symbol.hasInstance]
  Object.defineProperty(type.prototype, brand, { value: true })
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== type) return ordinary.call(this as () => void, value)
      return typeof value === 'object' && value !== null && brand in value
    },
  })
}
