/** The longest message of the matrix, and the period of the pattern. */
const SIZE_MAX = 64 * 1_048_576
const PERIOD = 251

/**
 * Octets whose every stretch tells where it begins: message `index` of a call is
 * a view that starts at `index` modulo the period, so that what is lost, doubled
 * or out of order is seen by comparing, and nothing is computed while time is measured.
 */
const octets = makePattern()

function makePattern(): Buffer {
  const all = Buffer.allocUnsafeSlow(SIZE_MAX + PERIOD)
  for (let index = 0; index < PERIOD; index++) all[index] = index
  for (let filled = PERIOD; filled < all.length; filled *= 2) all.copy(all, filled, 0, filled)
  return all
}

/** What message `index` of a call holds. A view: not to be written to. */
export function pattern(index: number, size: number): Buffer {
  const start = index % PERIOD
  return octets.subarray(start, start + size)
}

/** A message that is not what was sent. */
export class Corrupt extends Error {
  override readonly name = 'Corrupt'
}

/** @throws Corrupt unless `message` is message `index` of a call with messages of `size` octets. */
export function check(message: Uint8Array, index: number, size: number): void {
  if (message.length !== size) {
    throw new Corrupt(`message ${index} has ${message.length} octets; expected ${size}`)
  }
  if (!pattern(index, size).equals(message)) throw new Corrupt(`message ${index} differs`)
}
