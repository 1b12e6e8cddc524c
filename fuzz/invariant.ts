/** What must hold after every step, by the names of docs/fuzzing.md: `I-SEG`, `I-FC` ... */
export class InvariantError extends Error {
  override readonly name: string = 'InvariantError'
}

/** Throws when `holds` is false. Put what varies into `detail`: it is no part of the failure's kind. */
export function invariant(holds: boolean, rule: string, detail?: () => string): asserts holds {
  if (!holds) throw new InvariantError(detail === undefined ? rule : `${rule}\n${detail()}`)
}

/** The same for two lists of lines; shows where they part. */
export function sameLines(a: readonly string[], b: readonly string[], rule: string): void {
  const length = Math.max(a.length, b.length)
  for (let i = 0; i < length; i++) {
    invariant(a[i] === b[i], rule, () => `line ${i}\n  a: ${a[i]}\n  b: ${b[i]}`)
  }
}

/** Where to cut `size` octets: nowhere, everywhere, in two, or in a few pieces. Follows from `choice`. */
export function cutsOf(size: number, choice: number): number[] {
  switch (choice & 3) {
    case 0:
      return Array.from({ length: Math.max(0, size - 1) }, (_, i) => i + 1)
    case 1:
      return size < 2 ? [] : [1 + ((choice >>> 2) % (size - 1))]
    default: {
      const cuts: number[] = []
      let state = choice | 1
      for (let at = 0; at < size; ) {
        state = (Math.imul(state, 0x0019_660d) + 0x3c6e_f35f) >>> 0
        at += 1 + ((state >>> 8) % ((choice & 3) === 2 ? 12 : 300))
        if (at < size) cuts.push(at)
      }
      return cuts
    }
  }
}

/** A number that depends on every octet: the same input, the same cuts. */
export function digest(bytes: Buffer): number {
  let sum = 0x811c_9dc5
  for (const octet of bytes) sum = Math.imul(sum ^ octet, 0x0100_0193)
  return (sum ^ (sum >>> 13)) >>> 0
}

/** The pieces between cuts, each in memory of its own, so that whoever keeps one is found out. */
export function piecesOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  let start = 0
  for (const cut of [...cuts, bytes.length]) {
    pieces.push(Buffer.from(bytes.subarray(start, cut)))
    start = cut
  }
  return pieces
}
