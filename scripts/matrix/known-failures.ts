/** Tests that a runtime cannot pass, with the reason: the table of docs/runtimes.md is made of it. */
export interface KnownFailure {
  readonly runtime: RegExp
  readonly file: RegExp
  readonly test: RegExp
  readonly reason: string
}

export const KNOWN_FAILURES: readonly KnownFailure[] = []

/** Whether `line`, a failure of `file`, is one that is known of `runtime`. */
export function knownFailure(runtime: string, file: string, line: string): boolean {
  return KNOWN_FAILURES.some(
    known => known.runtime.test(runtime) && known.file.test(file) && known.test.test(line),
  )
}
