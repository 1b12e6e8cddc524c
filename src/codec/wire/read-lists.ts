import { fail, type Reader, readDouble, readLimit, readUint32 } from './reader.js'

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
  const { bytes } = r
  while (r.at < last) {
    const at = r.at
    const first = bytes[at]!
    const second = bytes[at + 1]!
    if (first < 128) {
      r.at = at + 1
      list.push(first)
    } else if (second < 128) {
      r.at = at + 2
      list.push((first & 127) | (second << 7))
    } else list.push(readUint32(r) | 0)
  }
  if (r.at > last) fail(r, 'a value reaches beyond its list')
}

/** Adds a run of uint32 to a list. */
export function readPackedUint32(r: Reader, end: number, list: number[]): void {
  const last = readLimit(r, end)
  const { bytes } = r
  let at = r.at
  while (at < last) {
    const first = bytes[at]!
    const second = bytes[at + 1]!
    if (first < 128) {
      at++
      list.push(first)
    } else if (second < 128) {
      at += 2
      list.push((first & 127) | (second << 7))
    } else {
      r.at = at
      list.push(readUint32(r))
      at = r.at
    }
  }
  r.at = at
  if (at > last) fail(r, 'a value reaches beyond its list')
}

/** Adds a run of sint32 to a list. */
export function readPackedSint32(r: Reader, end: number, list: number[]): void {
  const last = readLimit(r, end)
  const { bytes } = r
  while (r.at < last) {
    const at = r.at
    let bits = bytes[at]!
    if (bits < 128) r.at = at + 1
    else bits = readUint32(r)
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
