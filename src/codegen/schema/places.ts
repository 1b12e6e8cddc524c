import { GenerateError } from './generate-options.js'

/** Where something stands in its file. Both begin at 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** Places of what the parser has made. What protoc has made has none, and no mistakes of this kind. */
const places = new WeakMap<object, Place>()

/** Remembers where a descriptor's name stands. */
export function placed<T extends object>(descriptor: T, place: Place): T {
  places.set(descriptor, place)
  return descriptor
}

/** `line 3`, of something that was named before. */
export function lineOf(descriptor: object): string {
  return `line ${places.get(descriptor)?.line}`
}

/** A mistake at a descriptor: `shop.proto:3:5: ...`. */
export function mistake(
  file: string | undefined,
  descriptor: object,
  problem: string,
): GenerateError {
  const place = places.get(descriptor)
  const where = place === undefined ? '' : `:${place.line}:${place.column}`
  return new GenerateError(`${file}${where}: ${problem}`)
}
