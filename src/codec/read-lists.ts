import { fail, type Reader, readDouble, readInt32, readLimit, readUint32 } from './reader.js'

// Lists in one run: what follows the tag is a length and values without tags.

/** Adds a run of values. */
export function readPacked<T>(r: Reader, end: number, list: T[], read: (r: Reader) => T): T[] {
  const last = readLimit(r, end)
  while (r.at < last) list.push(read(r))
  if (r.at > last) fail(r, 'a value reaches beyond its list')
  return list
}

/** Adds a run of int32 to a list. */
export function readPackedInt32(r: Reader, end: number, list: number[]): void {
  const last = readLimit(r, end)
  while (r.at < last) list.push(readInt32(r))
  if (r.at > last) fail(r, 'a value reaches beyond its list')
}

/** Adds a run of uint32 to a list. */
export function readPackedUint32(r: Reader, end: number, list: number[]): void {
  const last = readLimit(r, end)
  while (r.at < last) list.push(readUint32(r))
  if (r.at > last) fail(r, 'a value reaches beyond its list')
}

/** Adds a run of sint32 to a list. */
export function readPackedSint32(r: Reader, end: number, list: number[]): void {
  const last = readLimit(r, end)
  while (r.at < last) {
    const bits = readUint32(r)
    list.push((bits >>> 1) ^ -(bits & 1))
  }
  if (r.at > last) fail(r, 'a value reaches beyond its list')
}

/** Adds a run of double to a list. */
export function readPackedDouble(r: Reader, end: number, list: number[]): void {
  const last = readLimit(r, end)
  while (r.at < last) list.push(readDouble(r))
  if (r.at > last) fail(r, 'a value reaches beyond its list')
}

/** `__proto__` may be a key as any other. */
export function setEntry(map: object, key: string | number, value: unknown): void {
  if (key !== '__proto__') (map as Record<string | number, unknown>)[key] = value
  else
    Object.defineProperty(map, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    })
}
