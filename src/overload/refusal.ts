/** Why a server does not run a call. */
export interface Refusal {
  /** `busy`: another server may do it. `quota`: it is this method that has had enough. */
  readonly kind: 'busy' | 'quota'
  readonly text: string
  /** When the client may try again. Unit: ms. */
  readonly pushbackMs: number
}
