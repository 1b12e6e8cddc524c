/** One figure of a run, as `--json FILE` writes it. */
export interface Row {
  readonly suite: string
  readonly name: string
  readonly peer: string
  readonly metric: string
  readonly value: number
  readonly unit: string
}
